"""Wherever NPS is shown, its trademark notice is."""

from __future__ import annotations

import json
import sys

import pandas as pd
import pytest
from markupsafe import escape

from cjlab import cli, plots, report
from cjlab.messages import text
from cjlab.report.context import Context
from cjlab.report.render import render
from cjlab.voice import csat, nps, score_difference

SAID = text("card.trademark")


def test_tables_and_the_first_page_of_a_report_carry_it(tmp_path, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr("cjlab.report.context._display", lambda *a, **values: shown.append(values))
    (tmp_path / "stage").mkdir()
    for name, value in Context(tmp_path / "stage", None, "06_voice").environment().items():
        monkeypatch.setenv(name, value)
    report.show("score", nps([10] * 20))
    report.show("satisfied", csat([5] * 20))
    assert [values["notice"] for values in shown] == [SAID, ""]
    pages = [render("table.html.j2", "en", **values) for values in shown]
    assert [escape(SAID) in page for page in pages] == [True, False]
    lines = (tmp_path / "stage" / "records.jsonl").read_text().splitlines()
    kept = [record for record in map(json.loads, lines) if record["kind"] == "notice"]
    assert [record["text"] for record in kept] == [SAID]


def test_differences_of_nps_carry_it_too() -> None:
    frame = pd.DataFrame({"score": [10, 0] * 20, "shop": ["A"] * 20 + ["B"] * 20})
    assert score_difference(frame, "shop").attrs["notice"] == "card.trademark"
    assert "notice" not in score_difference(frame.assign(score=5), "shop", kind="csat").attrs


def test_the_command_line_carries_it(study, monkeypatch, capsys) -> None:
    rows = [f"nps,{k % 11},c{k},2026-01-15T10:00:00Z,visit" for k in range(60)]
    opened = study(["kind,score,customer_id,ts,touchpoint", *rows])
    for form, stream in (("table", "out"), ("csv", "err")):
        words = ["metric", "nps", str(opened.path), "--by", "touchpoint"]
        monkeypatch.setattr(
            sys, "argv", ["cjlab", *words, "--period", "all", "--format", form, "--private"]
        )
        with pytest.raises(SystemExit) as ended:
            cli.main()
        found = capsys.readouterr()
        assert not ended.value.code
        assert "registered trademarks" in " ".join(getattr(found, stream).split())


def test_figures_carry_it() -> None:
    frame = pd.DataFrame({"score": [10, 9, 3, 7] * 10, "shop": list("AB") * 20})
    drawn = plots.scores(nps(frame, by="shop"))
    assert SAID in plots.footnote(drawn)
    assert "NPS" not in plots.footnote(plots.scores(csat([5, 4, 1], boxes=True)))


def test_figures_draw_what_is_there() -> None:
    frame = pd.DataFrame({"score": [10, 9, 3, 7] * 10, "shop": list("AB") * 20})
    table = nps(frame, by="shop")
    drawn = plots.scores(table)
    widths = [bar.get_width() for bar in drawn.patches]
    assert sorted(abs(w) for w in widths if w) == pytest.approx([50.0, 50.0, 50.0, 50.0])
    assert [label.get_text() for label in drawn.get_yticklabels()] == ["A", "B"]
    empty = plots.scores(table.iloc[:0])
    assert not empty.patches
    months = table.rename(columns={"shop": "report_period"})
    months.loc[months["report_period"] == "B", ["value", "low", "high"]] = None
    months.loc[months["report_period"] == "B", "status"] = "not_yet_observed"
    trend = plots.score_trend(months)
    assert len(trend.patches) == 1  # the grey of what is not over
    assert trend.lines[0].get_ydata()[0] == pytest.approx(
        table.loc[table["metric"] == "nps", "value"].iloc[0]
    )
