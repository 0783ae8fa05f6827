"""A map as a page: a table that a screen reader can walk, whole, and inert."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from cjlab import messages
from cjlab.errors import UserError
from cjlab.maps import JourneyMap, template
from cjlab.maps.html import html, side_by_side
from cjlab.maps.opportunities import opportunities
from tests.maps.small import HOSTILE, LONG, STAGES, authored, blueprint, full

VOID = {"meta", "col", "img"}
DRAWN = {"line", "polygon"}  # of SVG, which close themselves


class Page(HTMLParser):
    """A page read strictly: every element is closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        assert tag in DRAWN
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", " ".join(self.texts))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def grid(page: Page) -> list[int]:
    """How many columns each row of the table fills, spans of the rows above counted."""
    widths: list[int] = []
    below: list[int] = []  # by row to come: columns that heads above reach into
    for tag, attrs in page.tags:
        if tag == "tr":
            widths.append(below.pop(0) if below else 0)
        elif tag in ("td", "th"):
            wide, high = (int(attrs.get(key) or 1) for key in ("colspan", "rowspan"))
            widths[-1] += wide
            below += [0] * (high - 1 - len(below))
            for row in range(high - 1):
                below[row] += wide
    assert not any(below)
    return widths


def one_line(text: str) -> str:
    """A text as it stands on a page: without what turns or hides letters."""
    return re.sub(r"[ \n]+", " ", re.sub("[\u202e\u0007]", "", text))


@pytest.mark.parametrize("language", ["en", "fi"])
def test_everything_of_the_map_is_in_a_table_that_can_be_walked(language: str) -> None:
    shown = full(language)
    page = Page(html(shown))
    assert page.all("html")[0]["lang"] == language
    assert len(page.all("caption")) == 1
    heads = page.all("th")
    stages = [head for head in heads if head["scope"] == "col"]
    lanes = [head for head in heads if head["scope"] in ("row", "rowgroup")]
    assert len(stages) == 1 + len(STAGES)
    assert len(lanes) == len(shown.shown_lanes()) == len(shown.cards)
    assert set(grid(page)) == {1 + len(STAGES)}
    region = next(attrs for _, attrs in page.tags if attrs.get("role") == "region")
    assert region["tabindex"] == "0" and region["aria-label"]
    for lane, _, card in shown.walk():
        assert one_line(card.text) in page.text, (lane, card.text)
        assert card.alt is None or card.alt in page.text
    for label in [column.label for column in shown.columns] + [x.label for x in shown.lanes]:
        assert (label in page.text) == (
            label not in {x.label for x in shown.lanes} - {x.label for x in shown.shown_lanes()}
        )


def test_every_number_stands_with_its_interval_base_period_and_source() -> None:
    english, finnish = Page(html(full())).text, Page(html(full("fi"))).text
    for said in (
        "24.3% Share 23.1–25.5 (95\xa0%), n\xa0=\xa04,955, 2026Q3, events",
        "1,204 Customers 2026Q3, events",
        "12 3–21 (95\xa0%), n\xa0=\xa0412, 2026Q3, survey answers",
        "< 10 Share 2026Q3, events",
        "not estimable: nobody began here in the period Share",
        "30 minutes Median time 14.4–57.6 (95\xa0%), n\xa0=\xa088, 2026Q3, support tickets",
        "€84.50 79.2–89.9 (95\xa0%), n\xa0=\xa0210, 2026Q3, orders",
        "✎ written Feb 3, 2026, Anna",
        "✎ written, no date",
        "Owner: Logistics Status: started Due: Dec 1, 2026 Measured by: nps",
        "▼ weakest moment − pain Parcel late",
        "≠ sources disagree",
        "2026Q3: Jul 1, 2026 to Oct 1, 2026",
        "n\xa0=\xa088–4,955",
    ):
        assert said in english, said
    for said in (
        "24,3\xa0% Osuus 23,1–25,5 (95\xa0%), n\xa0=\xa04\xa0955, 2026Q3, tapahtumat",
        "−41 Nettosuositteluindeksi (NPS) −50 … −32 (95\xa0%), n\xa0=\xa0150",
        "✎ kirjoitettu 3.2.2026, Anna",
    ):
        assert said in finnish, said
    for language, text in (("en", english), ("fi", finnish)):
        assert messages.text("card.trademark", language) in text
    assert messages.text("card.trademark", "fi") not in Page(html(blueprint())).text


def test_the_page_runs_nothing_and_fetches_nothing() -> None:
    hostile = dict.fromkeys(("title", "study", "goal", "persona_name", "period"), HOSTILE)
    spoilt = full().model_dump() | hostile | {"notes": [HOSTILE]}
    for place in ("columns", "lanes"):
        spoilt[place] = [one | {"label": HOSTILE} for one in spoilt[place]]
    spoilt = JourneyMap.model_validate(spoilt)
    other = authored("a", owner=HOSTILE, kpi=HOSTILE, by=HOSTILE, image=HOSTILE, alt=HOSTILE)
    spoilt = spoilt.with_cards({"gains": {"loyalty": (other,)}})
    for text in (html(spoilt), side_by_side(spoilt, full()), html(opportunities(spoilt))):
        page = Page(text)
        tags = {tag for tag, _ in page.tags}
        assert not tags & {"script", "iframe", "object", "link", "a", "form", "base", "img"}
        names = {name for _, attrs in page.tags for name in attrs}
        assert not [name for name in names if name.startswith("on")]
        assert not names & {"href", "src", "srcset", "action", "xlink:href"}
        policies = [
            meta["content"]
            for meta in page.all("meta")
            if meta.get("http-equiv") == "Content-Security-Policy"
        ]
        assert len(policies) == 1 and policies[0].startswith("default-src 'none';")
        assert "script-src" not in policies[0] and "\u202e" not in text and "\x07" not in text
        assert one_line(HOSTILE) in page.text


def test_pictures_come_only_from_beside_the_map(tmp_path) -> None:
    folder = tmp_path / "maps"
    folder.mkdir()
    for path in (folder / "till.png", tmp_path / "secret.png", folder / "page.svg"):
        path.write_bytes(b"picture")

    def pictures(name: str) -> list[str | None]:
        shell = template("current")
        card = authored("x", image=name, alt="A till")
        page = Page(html(shell.with_cards({"images": {"intent": (card,)}}), folder))
        found = [img["src"] for img in page.all("img") if img["alt"] == "A till"]
        assert found or "Picture: A till" in page.text
        return found

    assert pictures("till.png") == ["data:image/png;base64,cGljdHVyZQ=="]
    outside = ("../secret.png", str(tmp_path / "secret.png"), "page.svg", "gone.png", ".")
    assert [pictures(name) for name in outside] == [[]] * len(outside)


def test_lines_of_a_blueprint_keep_their_lane_and_are_named() -> None:
    page = Page(html(blueprint()))
    said = [
        messages.text(f"map.line.{name}", "fi")
        for name in ("interaction", "visibility", "internal")
    ]
    places = [page.text.index(text) for text in said]
    assert places == sorted(places)
    assert "Säännöt" in page.text and "Järjestelmät" not in page.text
    assert page.text.index("Säännöt") < places[2] < page.text.index("Tukiprosessit")


def test_the_curve_is_told_in_words_and_its_points_are_where_the_scores_are() -> None:
    page = Page(html(full()))
    told = next(attrs["aria-label"] for _, attrs in page.tags if attrs.get("role") == "img")
    assert told is not None
    for said in (
        "Awareness 0.12; ",
        "Interest 0.62, ▲ highest point",
        "Intent < 10",
        "Advocacy 0.60, written",
        "Post-purchase -0.41, ▼ weakest moment",
        "Retention not known",
    ):
        assert said in told, said
    points = [a for a in page.all("span") if str(a.get("class", "")).startswith("point")]
    assert "left:5.56%;top:50.8%" in [point["style"] for point in points]  # 0.5 / 9; 55 − 35 · 0.12
    assert sum("hollow" in str(point["class"]) for point in points) == 2


def test_two_maps_are_one_table_of_two_rows_a_lane() -> None:
    first, second = full(), full(persona="The quick buyer")
    second = second.with_cards({"motivations": {"intent": (authored("Saves time"),)}})
    page = Page(side_by_side(first, second))
    assert set(grid(page)) == {2 + len(STAGES)}
    lanes = len(second.shown_lanes())
    assert [head["scope"] for head in page.all("th")].count("rowgroup") == lanes + 2  # the curves
    assert page.text.count("The quick buyer") == lanes + 2  # the head, and its own card
    assert page.text.count(LONG) == 2 and page.text.count("Saves time") == 1
    with pytest.raises(UserError, match="need the same stages"):
        side_by_side(first, template("day"))
