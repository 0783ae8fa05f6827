"""What a notebook may publish, and what is refused, without any kernel."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cjlab import messages, report
from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.maps import JourneyMap, template
from cjlab.report import cells, context, findings, mapping, tables
from cjlab.report.context import Context


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a notebook that a runner started."""
    context = Context(tmp_path / "stage", tmp_path / "private", "01_x", minimum=10)
    (tmp_path / "stage").mkdir()
    for name, value in context.environment().items():
        monkeypatch.setenv(name, value)
    assert Context.current() == context
    return tmp_path / "stage"


def sample(customers: int = 100) -> pd.DataFrame:
    return estimates(
        pd.DataFrame(
            {
                "step": ["a", "b"],
                "metric": "from_first",
                "value": [1.0, 0.5],
                "n": [customers, 100],
                "customers": [customers, 100],
                "unit": "1",
            }
        ),
        ["step"],
    )


def draw(frame: pd.DataFrame, title: str = "") -> Any:
    from matplotlib import pyplot as plt

    axes = plt.subplots(figsize=(2, 1))[1]
    axes.plot(frame["value"])
    axes.set_title(title)
    return axes


def records(stage: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (stage / "records.jsonl").read_text().splitlines()]


def test_show_writes_gated_and_keeps_ungated_private(stage: Path) -> None:
    gated = report.show("steps", sample(customers=9))
    assert gated["status"].tolist() == ["suppressed", "ok"]
    pd.testing.assert_frame_equal(tables.read(stage / "tables/steps.parquet"), gated)
    raw = pd.read_parquet(stage.parent / "private/tables/steps.parquet")
    assert raw["value"].tolist() == [1.0, 0.5]
    kinds = [record["kind"] for record in records(stage)]
    assert kinds == ["table", "withheld"]


def test_parquet_bytes_do_not_depend_on_attrs_or_index(stage: Path, tmp_path: Path) -> None:
    report.show("one", sample())
    other = sample()
    other.attrs["made"] = "at some time"
    report.show("two", other)
    one, two = ((stage / f"tables/{name}.parquet").read_bytes() for name in ("one", "two"))
    assert one == two


def test_quality_tables_are_not_gated_and_hold_any_type(stage: Path) -> None:
    frame = pd.DataFrame(
        {
            "rule": ["a", None],
            "rows": [3, 4],
            "share": [0.1, np.nan],
            "on": pd.Timestamp("2026-01-01"),
        }
    )
    shown = report.show("rules", frame, kind="quality")
    assert shown["rows"].tolist() == [3, 4]
    rows = json.loads((stage / "tables/rules.json").read_text())["rows"]
    assert rows[1] == {"rule": None, "rows": 4, "share": None, "on": "2026-01-01 00:00:00"}


def test_figures_come_only_from_what_was_shown(stage: Path) -> None:
    with pytest.raises(UserError, match="the frame that show"):
        report.figure("raw", draw, sample(), alt="x")
    gated = report.show("steps", sample())
    report.figure("steps", draw, gated[gated["step"] == "b"], alt="A line.", title="$x$ falls")
    assert (stage / "figures/steps.png").read_bytes().startswith(b"\x89PNG")
    assert records(stage)[-1] == {
        "kind": "figure",
        "name": "steps",
        "table": "steps",
        "alt": "A line.",
    }
    with pytest.raises(UserError, match="alt text is empty"):
        report.figure("other", draw, gated, alt=" ")


def test_the_same_figure_has_the_same_bytes(stage: Path) -> None:
    gated = report.show("steps", sample())
    for name in ("one", "two"):
        report.figure(name, draw, gated, alt="A line.")
    assert (stage / "figures/one.png").read_bytes() == (stage / "figures/two.png").read_bytes()


@pytest.mark.parametrize("name", ["", "../x", "A", "a b", "_a", "x" * 61])
def test_names_are_file_names(stage: Path, name: str) -> None:
    with pytest.raises(UserError, match="is not a name for a file"):
        report.show(name, sample())


def test_names_are_used_once(stage: Path) -> None:
    report.show("steps", sample())
    with pytest.raises(UserError, match=r'"steps" is already used'):
        report.show("steps", sample())


def test_what_is_no_estimate_is_told(stage: Path) -> None:
    with pytest.raises(UserError, match=r'show\("x"\): not a table of estimates'):
        report.show("x", pd.DataFrame({"customer_id": ["7"]}))
    with pytest.raises(UserError, match=r'no kind "qualtiy". Did you mean "quality"'):
        report.show("x", sample(), kind="qualtiy")


def test_a_headline_is_one_row_of_a_shown_table(stage: Path) -> None:
    gated = report.show("steps", sample())
    report.headline("metric.from_first", gated, {"step": "b"})
    record = records(stage)[-1]
    assert (record["label"], record["value"], record["basis"]) == (
        "From first step",
        "50.0%",
        "n\xa0100",
    )
    with pytest.raises(UserError, match="chooses 2 rows"):
        report.headline("metric.from_first", gated, {"metric": "from_first"})
    with pytest.raises(UserError, match=r'no column "stpe". Did you mean "step"'):
        report.headline("metric.from_first", gated, {"stpe": "b"})
    with pytest.raises(UserError, match="the frame that show"):
        report.headline("metric.from_first", sample(), {"step": "b"})


def test_interactively_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CJLAB_STAGE", raising=False)
    gated = report.show("steps", sample(customers=9))
    assert gated["status"].iloc[0] == "suppressed"
    report.figure("steps", draw, gated, alt="A line.")
    report.say("page.next", title="x")
    report.done()
    assert list(tmp_path.iterdir()) == []


def row(**change: Any) -> dict[str, Any]:
    plain = {"value": 0.412, "low": 0.389, "high": 0.436, "n": 1204, "unit": "1"}
    return {**plain, "status": "ok", "note": None, **change}


@pytest.mark.parametrize(
    ("change", "language", "shown"),
    [
        ({}, "en", "41.2% (38.9–43.6), n\xa01,204"),
        ({}, "sv", "41,2\xa0% (38,9–43,6), n\xa01\xa0204"),
        ({"low": None, "high": None}, "en", "41.2%, n\xa01,204"),
        ({"low": None, "high": None, "n": None}, "en", "41.2%"),
        ({"n": None}, "en", "41.2% (38.9–43.6)"),
        ({"value": 3.5, "low": 3.0, "high": np.nan, "unit": "d"}, "en",
         "3.5 days (3–not reached), n\xa01,204"),
        ({"value": 6.04, "low": 6.01, "high": 6.11, "unit": "d", "n": None}, "en",
         "6 days (6–6.1)"),
        ({"value": 16.0, "low": 0.003, "high": 23.0, "unit": "d", "n": None}, "en",
         "16 days (0.003–23)"),
        ({"value": 1204.0, "low": None, "high": None, "unit": "customers"}, "en", "1,204"),
        ({"value": 12.0, "low": None, "high": None, "unit": "customers"}, "en", "12, n\xa01,204"),
        ({"value": 12.5, "low": None, "high": None, "unit": "SEK", "n": 3}, "da",
         "12,50\xa0SEK, n\xa03"),
        ({"value": None, "status": "suppressed", "note": "small_cell"}, "en", "< 10"),
        ({"value": None, "status": "suppressed", "note": "complementary"}, "en", "withheld"),
        ({"value": None, "status": "not_yet_observed"}, "en", "not yet known"),
        ({"value": None, "status": "not_estimable", "note": "own_reason"}, "en", "not estimable"),
        ({"value": None, "status": "not_estimable", "note": "small_cell"}, "en",
         "not estimable: fewer customers than may be shown"),
    ],
)  # fmt: skip
def test_a_number_is_written_with_its_interval_and_base(
    change: dict[str, Any], language: str, shown: str
) -> None:
    assert cells.estimate_text(row(**change), cells.Wording(language)).text == shown


def test_metrics_become_columns_and_long_tables_are_cut() -> None:
    rows = [
        {"step": f"s{at}", "metric": metric, "value": at, "n": 50, "unit": "x"}
        for at in range(40)
        for metric in ("m1", "m2")
    ]
    view = cells.view_estimates(estimates(pd.DataFrame(rows), ["step"]), cells.Wording())
    assert view.heads == ["Step", "m1", "m2"]
    assert (len(view.rows), view.total, view.row_heads) == (cells.LONGEST, 40, 1)
    assert [cell.text for cell in view.rows[29]] == ["s29", "29, n\xa050", "29, n\xa050"]


def test_repeated_rows_are_not_folded_into_one() -> None:
    twice = estimates(pd.concat([sample(), sample()])[["step", "metric", "value", "n"]], ["step"])
    view = cells.view_estimates(twice, cells.Wording())
    assert len(view.rows) == 4 and view.row_heads == 2


def test_null_dimensions_and_no_dimensions_are_shown() -> None:
    frame = estimates(
        pd.DataFrame({"step": ["a", None], "metric": "m", "value": 1.0, "n": 50}), ["step"]
    )
    assert [line[0].text for line in cells.view_estimates(frame, cells.Wording()).rows] == [
        "a",
        "–",
    ]
    bare = estimates(pd.DataFrame({"metric": ["m"], "value": [1.0], "n": [50]}), [])
    assert [cell.text for cell in cells.view_estimates(bare, cells.Wording()).rows[0]] == [
        "m",
        "1, n\xa050",
    ]
    empty = estimates(pd.DataFrame({"step": [], "metric": []}), ["step"])
    assert cells.view_estimates(empty, cells.Wording()).rows == []


def test_the_page_may_show_some_metrics_and_quality_by_rows(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = []
    monkeypatch.setattr("cjlab.report.context._display", lambda *_, view, **__: views.append(view))
    both = pd.concat([sample(), sample().assign(metric="reached")], ignore_index=True)
    both.loc[1, "n"] = both.loc[1, "customers"] = 3
    gated = report.show("some", estimates(both, ["step"]), metrics=["reached"])
    assert len(gated) == len(json.loads((stage / "tables/some.json").read_text())["rows"]) == 4
    report.show("model", estimates(both, ["step"]), kind="quality")
    assert [len(view.heads) for view in views] == [2, 3]
    assert views[0].heads[1] == views[1].heads[2]
    assert "n 3" in views[1].rows[1][1].text.replace("\u00a0", " ")


def test_labels_are_for_readers_only(stage: Path) -> None:
    gated = report.show("steps", sample(), labels={"a": messages.text("page.method")})
    assert gated["step"].tolist() == ["a", "b"]


def test_a_page_of_cjlab_speaks_the_language_of_the_report(
    stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CJLAB_LANGUAGE", "sv")
    monkeypatch.setenv("CJLAB_NOTEBOOK", "06_voice_of_customer")
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(context, "_display", lambda *_, **told: shown.append(told))
    rules = pd.DataFrame({"touchpoint": ["product_page", "our_own_thing", None]})
    places = findings.places(SimpleNamespace(catalogue=lambda: SimpleNamespace(rules=rules)))
    assert places["our_own_thing"] == "Our own thing"
    assert places["product_page (CSAT)"] == "Produktsida (CSAT)"
    frame = sample().assign(step=["product_page", "(unknown)"])
    gated = report.show("csat", frame, labels=places, caption="Satisfaction")
    assert shown[0]["caption"] == "Nöjdhet per kontaktpunkt"
    assert [row[0].text for row in shown[0]["view"].rows] == ["Produktsida", "(okänd)"]
    assert tables.read(stage / "tables/csat.parquet")["step"].tolist() == frame["step"].tolist()
    drawn: list[tuple[str, str]] = []

    def plot(frame: pd.DataFrame, title: str = "", language: str = "en") -> Any:
        drawn.append((title, language))
        return draw(frame, title)

    report.figure("csat", plot, gated, title="Lägst", alt="Lowest. A bar.")
    assert shown[1]["alt"] == "Lägst. En stapel med svaren för varje kontaktpunkt."
    report.figure("themes_by_stage", plot, gated, title="Which themes", alt="A grid.")
    assert shown[2]["alt"].startswith("Ett rutnät")
    assert drawn == [("Lägst", "sv"), ("Vilka teman som tas upp i vilket steg", "sv")]
    # A notebook of one's own is in its own words.
    monkeypatch.setenv("CJLAB_NOTEBOOK", "my_page")
    report.show("csat_of_mine", frame, caption="Satisfaction")
    assert shown[3]["caption"] == "Satisfaction"


def test_a_map_leaves_its_page_its_data_and_a_part_for_the_first_page(stage: Path) -> None:
    few = {"metric": "reach", "status": "suppressed", "note": "small_cell", "call": "cj.x(study)"}
    card = {"text": "<b>Pay</b>", "origin": "computed", "numbers": [{**few, "source": "events"}]}
    plain = template("current", title="Today")
    drawn = plain.model_validate({**dict(plain), "cards": {"pains": {"intent": [card]}}})
    report.journey_map("journey", drawn, first_page=["pains", "gains"])
    report.journey_map("pair", drawn, plain, first_page=["gains"])
    assert sorted(path.name for path in (stage / "maps").iterdir()) == [
        "journey.html", "journey.json", "pair.html",
    ]  # fmt: skip
    assert JourneyMap.read(stage / "maps" / "journey.json") == drawn
    told = [one for one in records(stage) if one["kind"] == "map"]
    assert "&lt;b&gt;Pay" in told[0]["short"] and "<b>Pay" not in told[0]["short"]
    assert told[1]["short"] is None, "nothing to show in short"
    withheld = [one for one in records(stage) if one["kind"] == "withheld"]
    assert [(one["table"], one["metric"], one["dims"]) for one in withheld] == [
        ("journey", "reach", {"stage": "intent"}), ("pair", "reach", {"stage": "intent"}),
    ]  # fmt: skip
    with pytest.raises(UserError, match="already used"):
        report.journey_map("journey", drawn)


def test_what_a_map_says_in_a_sentence() -> None:
    number = {"metric": "csat", "unit": "1", "n": 90, "call": "x", "source": "responses"}
    now, before = {**number, "value": 0.2, "period": "B"}, {**number, "value": 0.8, "period": "A"}
    card = {"text": "Payment", "origin": "computed", "rank": 1, "tone": "pain"}
    plain = template("current")

    def said(**more: Any) -> str:
        cards = {"pains": {"intent": [{**card, **more}]}}
        return mapping.worst_pain(plain.model_validate({**dict(plain), "cards": cards}))

    assert said(numbers=[now, before]) == "The worst pain: Payment, 20.0% against 80.0% before"
    assert said(numbers=[now]) == "The worst pain: Payment, 20.0%"
    assert mapping.worst_pain(plain).startswith("No moment is clearly worse")
    ties = pd.DataFrame(
        {"tie": ["numbers", "events"], "place": "", "on_map": [9.0, 5.0], "difference": [0.0, 0.0]}
    )
    assert mapping.tied(ties).startswith("All 1 sums agree")
    assert mapping.tied(ties.assign(difference=[0.0, 1.0])).startswith("1 of 2 sums")
