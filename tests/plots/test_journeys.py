"""The figures of paths, curves, cohorts and credit: what they draw is what their table holds."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.text import Text

from cjlab import plots
from cjlab.errors import UserError
from cjlab.plots import theme

HOSTILE = ["$x^{$", "<b>&", "a\nb", "\u202eevil", "=cmd", "客" * 40, "w" * 300]


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts if text.get_text()]


def dots(ax: Axes) -> set[tuple[float, float]]:
    return {
        (round(float(x), 4), round(float(y), 4))
        for line in ax.lines
        if line.get_linestyle() == "None" and line.get_marker() not in ("|", "None")
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    }


def nothing_is_clipped(ax: Axes) -> None:
    figure = ax.figure
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    # Ticks beyond the axes' limits are kept, and never drawn.
    left, right = ax.get_xlim()
    beyond = [t for t in ax.get_xticklabels() if not left <= t.get_position()[0] <= right]
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and text not in beyond:
            box = text.get_window_extent()
            assert text.get_size() >= theme.SMALL, text.get_text()
            assert box.x0 >= -2 and box.x1 <= width + 2, text.get_text()
            assert box.y0 >= -2 and box.y1 <= height + 2, text.get_text()


@pytest.fixture
def cohorts(table) -> pd.DataFrame:
    return table(
        ["cohort", "period"],
        ("2026-01", 0, "retention", 1.0, 0.9, 1.0, 80),
        ("2026-01", 1, "retention", 0.5, 0.4, 0.6, 80),
        ("2026-01", 2, "retention", "suppressed", None, None, None),
        ("2026-02", 0, "retention", 1.0, 0.9, 1.0, 40),
        ("2026-02", 1, "retention", "not_yet_observed", None, None, 40),
        note="small_cell",
    )


def test_a_period_that_is_not_over_is_grey_and_never_0(cohorts) -> None:
    ax = plots.retention(cohorts)
    assert texts(ax) == ["100%", "50%", "100%", "<10"]
    plain = [p for p in ax.patches if isinstance(p, Rectangle) and not p.get_hatch()]
    grey = {(int(p.get_x()), int(p.get_y())) for p in plain}
    # The last cell of the second cohort has no row at all: it lies beyond what was observed.
    assert grey == {(1, 1), (2, 1)}
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["2026-01\nn 80", "2026-02\nn 40"]
    assert "not over yet" in plots.footnote(ax)


def test_step_matrix_puts_the_end_last_and_leaves_0_blank(table) -> None:
    rows = [
        (step, stage, "share", value, None, None, 100)
        for step, shares in ((1, (0.0, 1.0, 0.0)), (2, (0.25, 0.25, 0.5)))
        for stage, value in zip(("(end)", "see", "buy"), shares, strict=True)
    ]
    ax = plots.step_matrix(table(["step", "stage"], *rows), labels={"buy": "Buying"})
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["see", "Buying", "(end)"]
    assert texts(ax) == ["100%", "25%", "50%", "25%"]
    assert "n 100" in plots.footnote(ax)


@pytest.fixture
def moves(table) -> pd.DataFrame:
    pairs = {
        ("a", "b"): 60,
        ("b", "a"): 20,
        ("b", "c"): 30,
        ("c", "(end)"): 9,
        ("(start)", "a"): 50,
    }
    rows = [(*pair, "count", n, None, None, 100) for pair, n in pairs.items()]
    rows += [(*pair, "probability", n / 100, None, None, 100) for pair, n in pairs.items()]
    return table(["from", "to"], *rows)


def test_flow_draws_a_band_for_every_move_as_wide_as_it_is_often(moves) -> None:
    ax = plots.flow(moves, labels={"a": "Aa", "b": "Bb", "c": "Cc"})
    bands = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
    assert len(bands) == 3
    shapes = [band.get_path().vertices for band in bands]
    widths = [abs(v[7, 1] - v[0, 1]) for v in shapes]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 0.5, 1 / 3])
    onward = [v[1, 0] > 0 for v in shapes]
    assert onward == [True, True, False]
    assert {"60", "30", "20", "Aa", "50% start here", "9.0% last seen"} <= set(texts(ax))


def test_flow_says_when_moves_are_withheld(table) -> None:
    frame = table(
        ["from", "to"],
        ("a", "b", "count", 60, None, None, 100),
        ("b", "a", "count", "suppressed", None, None, None),
        note="small_cell",
    )
    assert "fewer than 10 customers" in plots.footnote(plots.flow(frame))
    only = plots.flow(frame[frame["status"] == "suppressed"])
    assert "fewer than 10 customers" in texts(only)[0]


def moved(table, **counts) -> pd.DataFrame:
    names = {"in": "(entered)", "back": "(returned)", "out": "(left)"}
    rows = [
        (*(names.get(end, end) for end in pair.split("_")), "customers", n, None, None, 100)
        for pair, n in counts.items()
    ]
    return table(["from", "to"], *rows, note="small_cell")


def test_migration_bands_are_as_wide_as_their_customers_are_many(table) -> None:
    frame = moved(table, a_a=60, a_b=20, a_out=10, b_b=30, in_b=15, in_a=0, back_a="suppressed")
    ax = plots.migration(frame, labels={"a": "Aa", "b": "Bb", "to": "2026Q3"})
    bands = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
    shapes = [band.get_path().vertices for band in bands]
    widths = np.array([v[7, 1] - v[0, 1] for v in shapes])
    np.testing.assert_allclose(widths / widths[0], np.array([60, 20, 10, 30, 15]) / 60)
    # A band ends as wide as it begins, and those of a persona lie beside each other.
    np.testing.assert_allclose([v[4, 1] - v[3, 1] for v in shapes], widths)
    np.testing.assert_allclose(shapes[0][7, 1], shapes[1][0, 1])
    solid = [p for p in ax.patches if isinstance(p, Rectangle) and not p.get_hatch()]
    tall = np.array([bar.get_height() for bar in solid])
    np.testing.assert_allclose(tall / widths[0], np.array([90, 30, 15, 60, 65, 10]) / 60)
    assert sum(bool(patch.get_hatch()) for patch in ax.patches) == 1
    said = {"Aa", "Bb", "entered (new)", "returned", "left (silent)", "withheld for privacy"}
    said |= {"90 customers", "60 customers or more", "15 customers", "2026Q3", "earlier period"}
    assert said | {"60", "30"} <= set(texts(ax))
    assert "fewer than 10 customers" in plots.footnote(ax)
    nothing_is_clipped(ax)


def test_migration_of_nobody_and_of_few(table) -> None:
    assert " to show" in texts(plots.migration(moved(table, a_a=0, a_out=0)))[0]
    assert "fewer than 10" in texts(plots.migration(moved(table, a_a="suppressed")))[0]
    ax = plots.migration(moved(table, a_a=500, in_a=0, a_out=0))
    assert texts(ax).count("0 customers") == 2


def curve(table, groups: str = "PQ") -> pd.DataFrame:
    rows = [
        (g, "a", "b", day, "converted", 0.1 * k + 0.02 * place, 0.1 * k, 0.1 * k + 0.1, 90 - k)
        for place, g in enumerate(groups)
        for k, day in enumerate((1, 7, 30), 1)
    ]
    return table(["persona", "from", "to", "day"], *rows)


def test_curves_pass_through_their_points_and_tell_n(table) -> None:
    ax = plots.convert_curve(curve(table), labels={"P": "Planners"})
    assert {(1.0, 0.1), (7.0, 0.2), (30.0, 0.3), (30.0, 0.32)} <= dots(ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Planners", "Q"]
    assert texts(ax).count("87") == 2
    assert len(ax.collections) == 2


def test_a_curve_ends_where_too_few_are_left(table) -> None:
    frame = table(
        ["stage", "day"],
        ("a", 1, "survival", 0.8, 0.7, 0.9, 50),
        ("a", 7, "survival", 0.4, 0.3, 0.5, 20),
        ("a", 30, "survival", "not_estimable", None, None, 3),
    )
    ax = plots.stay_curve(frame)
    assert dots(ax) == {(1.0, 0.8), (7.0, 0.4)}
    assert ax.get_xlim()[1] < 30


def test_rates_draw_one_metric_in_the_tables_order(table) -> None:
    rows = [
        (f"t{i}", "loops", 0.1 * i, 0.1 * i - 0.05, 0.1 * i + 0.05, 40 + i) for i in range(1, 5)
    ]
    rows += [(f"t{i}", "wait", 3.0, None, None, 40) for i in range(1, 5)]
    ax = plots.rates(table(["touchpoint"], *rows), rows=3)
    assert dots(ax) == {(0.1, 0.0), (0.2, 1.0), (0.3, 2.0)}
    assert "and 1 more rows in the table" in texts(ax)
    assert "10% · n 41" in texts(ax)


def test_attribution_shows_every_model_of_a_channel(table) -> None:
    rows = [
        (channel, model, "share", value, value - 0.1, value + 0.1, 200)
        for channel, pair in (("web", (0.7, 0.6)), ("shop", (0.3, 0.4)))
        for model, value in zip(("first", "last"), pair, strict=True)
    ]
    ax = plots.attribution(table(["channel", "model"], *rows))
    assert sorted(x for x, _ in dots(ax)) == [0.3, 0.4, 0.6, 0.7]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["first touch", "last touch"]
    assert "none of them proves a cause" in plots.footnote(ax)


def test_a_dumbbell_spans_its_groups(table) -> None:
    rows = [
        (g, s, "dropoff", v, v - 0.05, v + 0.05, 60)
        for g, s, v in (("P", "see", 0.2), ("Q", "see", 0.5), ("P", "want", 0.3))
    ]
    hidden = ("Q", "want", "dropoff", "suppressed", None, None, None)
    ax = plots.dropoff_gap(table(["persona", "step"], *rows, hidden, note="small_cell"))
    assert dots(ax) == {(0.2, 0.0), (0.5, 0.0), (0.3, 1.0)}
    assert "30 points apart" in texts(ax)
    assert "has no number" in plots.footnote(ax)


FIGURES = [
    (plots.retention, ["cohort", "period"], "retention"),
    (plots.step_matrix, ["step", "stage"], "share"),
    (plots.flow, ["from", "to"], "count"),
    (plots.migration, ["from", "to"], "customers"),
    (plots.stay_curve, ["stage", "day"], "survival"),
    (plots.convert_curve, ["from", "to", "day"], "converted"),
    (plots.attribution, ["channel", "model"], "share"),
    (plots.dropoff_gap, ["step"], "dropoff"),
]


@pytest.mark.parametrize(("figure", "dims", "metric"), FIGURES)
def test_empty_and_wrong_tables(table, tmp_path, figure, dims, metric) -> None:
    ax = figure(table(dims), title="Nothing yet")
    assert len(texts(ax)) == 1 and " to show" in texts(ax)[0]
    plots.save(ax, tmp_path / "empty.png")
    with pytest.raises(UserError, match="needs a column"):
        figure(pd.DataFrame(columns=["metric", "value"]))


@pytest.mark.parametrize(("figure", "dims", "metric"), FIGURES)
def test_hostile_names_are_drawn_as_they_stand(table, tmp_path, figure, dims, metric) -> None:
    numbers = {"period": 1, "day": 3, "step": 2}
    key = next(dim for dim in dims if dim not in numbers or figure is plots.dropoff_gap)
    other = {dim: numbers.get(dim, "b") for dim in dims}
    rows = [
        (*{**other, key: name}.values(), metric, 0.5, 0.4, 0.6, 50)
        for name in (HOSTILE if figure is not plots.convert_curve else HOSTILE[:1])
    ]
    ax = figure(table(dims, *rows), title=HOSTILE[0], labels={HOSTILE[1]: "$y^{$"})
    nothing_is_clipped(ax)
    plots.save(ax, tmp_path / "hostile.png")
    assert ax.get_title(loc="left") == HOSTILE[0]


def test_nothing_is_clipped_in_a_usual_figure(table, moves, cohorts) -> None:
    nothing_is_clipped(plots.flow(moves, title="A finding in many words " * 6))
    nothing_is_clipped(plots.retention(cohorts, title="A finding in many words " * 6))
    nothing_is_clipped(plots.convert_curve(curve(table, "PQRS"), title="A finding " * 12))


@pytest.fixture
def plane(table) -> pd.DataFrame:
    return table(
        ["persona", "x", "y"],
        ("P1", 0.0, 0.0, "customers", 400.0, None, None, 400),
        ("P1", 0.5, 0.0, "customers", 100.0, None, None, 100),
        ("P2", 0.5, 0.5, "customers", 25.0, None, None, 25),
        ("P2", 1.0, 0.5, "customers", "suppressed", None, None, None),
        (None, 0.0, 0.0, "explained", 0.43, None, None, 525),
        note="small_cell",
    )


def test_persona_map_marks_areas_by_customers(plane):
    ax = plots.persona_map(plane, labels={"P1": HOSTILE[0], "P2": HOSTILE[-1]})
    first, second = ax.collections
    assert first.get_offsets().tolist() == [[0, 0], [0.5, 0]]
    assert second.get_offsets().tolist() == [[0.5, 0.5]]  # nothing where it is withheld
    areas = [*first.get_sizes(), *second.get_sizes()]
    assert areas[0] / areas[1] == pytest.approx(4) and areas[1] / areas[2] == pytest.approx(4)
    said = plots.footnote(ax)
    assert "43%" in said and "prove nothing" in said and "fewer than 10" in said
    nothing_is_clipped(ax)


def test_persona_map_without_anything_to_show(plane):
    hidden = plane[plane["status"] == "suppressed"]
    assert texts(plots.persona_map(hidden)) == ["fewer than 10 customers"]
    assert texts(plots.persona_map(plane.iloc[:0])) == ["not enough customers to show"]
