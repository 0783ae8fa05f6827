"""Pages drawn and read: authored personas, hostile text, one page whatever stands on it."""

import dataclasses

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from cjlab import config
from cjlab.errors import UserError
from cjlab.lettering import STYLE
from cjlab.personas import Card, EmpathyMap, _page
from cjlab.personas.sheets import Field, Item
from cjlab.samples import SKIN_CARE

NASTY = "<script>alert('x')</script> $\\alpha$ \u202e{x} mobiilisovelluksenkäyttöliittymä" * 3


def test_the_authored_sample_is_authored_throughout():
    card = Card.read(SKIN_CARE)
    assert card.name.startswith("Sara") and not card.study and not card.notes
    origins = {field.key: field.origin for field in card.fields}
    assert set(origins.values()) == {"authored", "missing"}
    for key in ("demographics", "psychographics", "goals", "needs", "motivations", "pains"):
        assert origins[key] == "authored"
    for key in ("share", "confidence", "value", "scores", "quotes", "touchpoints"):
        assert origins[key] == "missing" and "not measured" in card[key].source
    assert all(
        item.value is None and not item.text for field in card.fields for item in field.items
    )
    said = " ".join(item.label for item in card["demographics"].items)
    assert "35" in said and "job" in said and "children" in said
    page = EmpathyMap.read(SKIN_CARE)
    assert page["thinks"].origin == page["pains"].origin == "authored"
    assert page["does"].origin == "missing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yaml: is empty; it needs at least name."),
        ("name: A\ngaols: [x]", 'mine.yaml: gaols: unknown key "gaols". Did you mean "goals"?'),
        ("name: A\ngoals: fast", 'mine.yaml: goals is "fast": input should be a valid list.'),
        ("name: A\nlanguage: sw", 'mine.yaml: language is "sw".'),
        ("name: A\npicture: face.png", 'mine.yaml: picture is "face.png": string should have'),
        ("goals: [x]", "mine.yaml: name: is missing."),
        ("name: A\nname: B", 'the key "name" stands twice'),
    ],
)
def test_a_wrong_persona_file_is_told_in_one_line(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        Card.read(tmp_path / "mine.yaml")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_card_is_refused(tmp_path):
    with pytest.raises(UserError, match="no persona file"):
        Card.read(tmp_path / "none.json")
    with pytest.raises(UserError, match="no persona file"):
        Card.read(tmp_path / "none.yaml")
    (tmp_path / "bad.json").write_text('{"schema": 1}')
    with pytest.raises(UserError, match=r"bad\.json: is no card that cjlab wrote"):
        Card.read(tmp_path / "bad.json")
    page = EmpathyMap.read(SKIN_CARE).write(tmp_path / "map.json")
    with pytest.raises(UserError, match="is no card"):
        Card.read(page)


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        (
            {"P1": {"gaols": ["x"]}},
            r'personas\.cards\.P1\.gaols: unknown key "gaols"\. Did you mean "goals"',
        ),
        ({"P1": {"goals": "fast"}}, r'personas\.cards\.P1\.goals is "fast"'),
        ({"P1": ["fast"]}, r"personas\.cards\.P1: needs keys of its own"),
    ],
)
def test_a_wrong_card_in_a_study_is_told_by_its_key(tmp_path, cards, message):
    import yaml

    said = {"name": "x", "sources": {"events": {"path": "e.csv"}}, "personas": {"cards": cards}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(said))
    with pytest.raises(UserError, match=message):
        config.read(tmp_path / "study.yaml")


def drawn(sheet, monkeypatch, tmp_path):
    """Draw a sheet and return its figure."""
    kept = []

    class Kept(Figure):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            kept.append(self)

    monkeypatch.setattr(_page, "Figure", Kept)
    sheet.write(tmp_path / "sheet.png")
    return kept[0]


def crowded(fields=14, items=9, text=NASTY):
    item = Item(text, "computed", "12.3%", "10–15, n 1,234; all 20.0%", 0.123, 0.1, 0.15, 1234, "1")
    field = Field("goals", text, (item, Item(text, "authored")) * items, text)
    return Card("P1", text, text, "fi", "\u202e$", True, (field,) * fields, (text, text))


@pytest.mark.parametrize(
    "sheet",
    [crowded(), crowded(1, 1), crowded(14, 0), crowded(14, 40, "x" * 2000), Card.read(SKIN_CARE)],
    ids=["crowded", "few", "empty", "endless", "authored"],
)
def test_everything_stays_on_the_page_and_in_its_column(sheet, monkeypatch, tmp_path):
    figure = drawn(sheet, monkeypatch, tmp_path)
    with mpl.rc_context(STYLE):
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [
            (text, text.get_window_extent(renderer))
            for text in figure.findobj(Text)
            if text.get_text()
        ]
    width, height = figure.get_size_inches() * figure.dpi
    middle, inch = width / 2, figure.dpi
    assert len(boxes) > 3
    for text, box in boxes:
        assert not text.get_parse_math(), text.get_text()
        assert 0.5 * inch <= box.x0 and box.x1 <= width - 0.5 * inch, text.get_text()
        assert 0.3 * inch <= box.y0 and box.y1 <= height - 0.3 * inch, text.get_text()
    lines = [box for text, box in boxes if box.y1 < height - 2.2 * inch and box.y0 > 1.6 * inch]
    assert not [
        box for box in lines if box.x0 < middle - 0.1 * inch and box.x1 > middle + 0.1 * inch
    ]
    for i, one in enumerate(lines):
        for other in lines[:i]:
            across = min(one.x1, other.x1) - max(one.x0, other.x0)
            down = min(one.y1, other.y1) - max(one.y0, other.y0)
            assert across < 2 or down < 0.45 * min(one.height, other.height)


def test_hostile_text_is_text(tmp_path):
    html = crowded().write(tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html
    assert html.count("<h1>") == 1 and 'lang="fi"' in html


def test_origins_are_told_in_words():
    authored, computed = Item("a", "authored"), Item("b")
    origins = [
        Field("goals", "Goals", items, "").origin
        for items in ((), (authored,), (computed,), (computed, authored))
    ]
    assert origins == ["missing", "authored", "computed", "computed+authored"]
    card = crowded(1, 1)
    shown = {card.say("origin." + origin.replace("+", "_")) for origin in origins}
    assert len(shown) == 4
    assert dataclasses.replace(card, provisional=False)._repr_html_().count("warning") == 1
