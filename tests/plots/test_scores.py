"""Bars of scores and their trend: what is written fits, and what is withheld is seen to be."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cjlab import plots
from cjlab.plots.theme import WITHHELD
from cjlab.privacy import gate
from cjlab.voice import csat, importance_performance, nps


def answers(groups: str, n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"score": rng.integers(0, 11, n * len(groups)), "shop": list(groups) * n})
    return frame.assign(month=np.tile(["2026-01", "2026-02"], len(frame) // 2))


def inside(ax) -> bool:
    """Whether the key lies within the figure, once it is laid out."""
    figure = ax.get_figure()
    figure.canvas.draw()
    box, edge = ax.get_legend().get_window_extent(), figure.bbox
    return edge.x0 - 1 <= box.x0 and box.x1 <= edge.x1 + 1


@pytest.mark.parametrize("width", [3.2, 7.2])
def test_key_and_notice_fit_however_small(width: float) -> None:
    table = nps(answers("AB"), by="shop")
    _, ax = plt.subplots(figsize=(width, 3.2), layout="constrained")
    drawn = plots.scores(table, ax=ax, title="A finding", language="fi")
    assert inside(drawn)
    note = " ".join(plots.footnote(drawn).split())
    assert "Bain & Company" in note and "NICE" in note and "…" not in note


def test_key_of_many_lines_and_what_is_not_said_of_a_row() -> None:
    frame = answers("ABCDE").assign(wave="(unknown)")
    frame = frame.rename(columns={"month": "report_period"})
    frame["shop"] = "quite a long name of a shop " + frame["shop"]
    drawn = plots.score_trend(nps(frame, by=["shop", "wave", "report_period"]))
    assert inside(drawn)
    names = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert names == [f"quite a long name of a shop {k}" for k in "ABCDE"]
    nobody = nps(frame[["score", "wave"]], by="wave")
    assert [t.get_text() for t in plots.scores(nobody).get_yticklabels()] == ["(unknown)"]


def test_withheld_parts_are_hatched_up_to_the_whole() -> None:
    frame = pd.DataFrame({"score": [5] * 40 + [4] * 30 + [3] * 20 + [2] * 3 + [1] * 12})
    gated, _ = gate(csat(frame, boxes=True))
    drawn = plots.scores(gated)
    bars = [bar for bar in drawn.patches if bar.get_width() > 0]
    assert sum(bar.get_width() for bar in bars) == pytest.approx(1)
    assert bars[-1].get_hatch() == WITHHELD["hatch"] and bars[0].get_hatch() is None
    assert "hatched" in plots.footnote(drawn)
    assert "hatched" not in plots.footnote(plots.scores(csat(frame, boxes=True)))


def test_a_trend_says_where_its_interval_is_the_widest() -> None:
    frame = answers("A").rename(columns={"month": "report_period"})
    table = nps(frame, by="report_period")
    said = "the widest that there can be"
    assert said not in plots.footnote(plots.score_trend(table))
    assert said in " ".join(plots.footnote(plots.score_trend(gate(table)[0])).split())


def test_no_matrix_of_one_driver_and_no_share_below_nothing() -> None:
    rng = np.random.default_rng(1)
    x = pd.DataFrame(rng.integers(1, 6, (60, 3)).astype(float), columns=["a", "b", "c"])
    y = x["a"] + rng.normal(size=60)
    one = plots.importance_performance(importance_performance(x[["a"]], y, draws=50))
    assert [t.get_text() for t in one.texts] == ["nothing to compare with"]
    drawn = plots.importance_performance(importance_performance(x, y, draws=50))
    edges = [patch.get_xy() for patch in drawn.patches if len(patch.get_xy()) > 50]
    assert len(edges) == 3 and min(edge[:, 1].min() for edge in edges) >= 0
