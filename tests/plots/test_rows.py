"""Row charts: what is drawn is what the table holds, and what it withholds is said."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from cjlab import plots
from cjlab.errors import UserError

HOSTILE = ["$\\frac{x}$ {} \\", "very " * 90, "מסע לקוח", "🛒 漢字", "nul\0l\nline", "%s {0}", ""]
LABELS = {"see": "Sees it", "buy": "Buys it", "P1": "Frequent", "P2": "Rare"}


def texts(ax: Axes) -> list[str]:
    """All words written inside and beside the axes."""
    return [text.get_text() for text in ax.texts if text.get_text()]


def names(ax: Axes) -> list[str]:
    """Row labels, top first, without line breaks."""
    return [tick.get_text().replace("\n", " ") for tick in ax.get_yticklabels()]


def bars(ax: Axes) -> list[float]:
    """Lengths of the bars, top first."""
    return [float(patch.get_width()) for container in ax.containers for patch in container]


def dots(ax: Axes, marker: str) -> list[tuple[float, float]]:
    """Places of one marker, in drawing order."""
    lines = [
        line for line in ax.lines if line.get_marker() == marker and len(line.get_xdata()) == 1
    ]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def spans(ax: Axes) -> list[tuple[float, float]]:
    """Ends of the whiskers, in drawing order."""
    lines = [x for x in ax.lines if x.get_linestyle() == "-" and len(x.get_xdata()) == 2]
    return [tuple(map(float, x.get_xdata())) for x in lines if x.get_ydata()[0] == x.get_ydata()[1]]


@pytest.fixture
def steps(table) -> pd.DataFrame:
    return table(
        ["step"],
        ("see", "reached", 1200, None, None, 1200),
        ("see", "from_first", 1.0, None, None, 1200),
        ("buy", "reached", 300, None, None, 1200),
        ("buy", "from_first", 0.25, 0.226, 0.275, 1200),
    )


def test_funnel_bars_whiskers_and_words(steps) -> None:
    ax = plots.funnel(steps, labels=LABELS, title="A quarter buys")
    assert bars(ax) == [1.0, 0.25]
    assert spans(ax) == [(0.226, 0.275)]
    assert names(ax) == ["Sees it", "Buys it"]
    assert texts(ax) == ["100% · 1,200 customers", "25% · 300 customers"]
    assert ax.get_title(loc="left") == "A quarter buys"
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first step stands on top"
    assert "95% interval" in plots.footnote(ax)
    assert "%" in ax.get_xlabel()


def test_funnel_by_persona_puts_each_group_at_its_value(table) -> None:
    frame = table(
        ["persona", "step"],
        ("P1", "see", "from_first", 1.0, None, None, 90),
        ("P1", "buy", "from_first", 0.4, 0.3, 0.5, 90),
        ("P2", "see", "from_first", 1.0, None, None, 60),
        ("P2", "buy", "from_first", 0.1, 0.05, 0.2, 60),
    )
    ax = plots.funnel(frame, labels=LABELS)
    assert [x for x, _ in dots(ax, "o")] == [1.0, 0.4]
    assert [x for x, _ in dots(ax, "s")] == [1.0, 0.1]
    heights = [y for marker in "os" for _, y in dots(ax, marker)]
    assert len(set(heights)) == 4
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["Frequent", "Rare"]
    assert names(ax) == ["Sees it", "Buys it"]


@pytest.mark.parametrize(
    ("status", "note", "said"),
    [
        ("suppressed", "small_cell", "fewer than 7 customers"),
        ("suppressed", "complementary", "withheld for privacy"),
        ("not_yet_observed", None, "not yet known"),
        ("not_estimable", "nobody_at_step_before", "not enough customers to show"),
    ],
)
def test_what_has_no_number_is_said_and_hatched(table, status, note, said) -> None:
    frame = table(["step"], ("see", "from_first", status, None, None, None), note=note)
    ax = plots.funnel(frame, minimum=7)
    assert texts(ax) == [said]
    assert [patch.get_hatch() for patch in ax.patches] == ["////"]
    assert not bars(ax) and not spans(ax)


def test_withheld_slots_carry_their_groups_hollow_mark(table) -> None:
    frame = table(
        ["persona", "step"],
        ("P1", "buy", "dropoff", 0.4, 0.3, 0.5, 90),
        ("P2", "buy", "dropoff", "suppressed", None, None, None),
    )
    ax = plots.dropoff(frame)
    (hollow,) = [line for line in ax.lines if line.get_marker() == "s"]
    assert hollow.get_markerfacecolor() == "white"
    assert "fewer than 10 customers" in texts(ax)


def test_dropoff_dots_and_bases(table) -> None:
    frame = table(
        ["step"],
        ("see", "dropoff", 0.75, 0.72, 0.78, 1200),
        ("pay", "dropoff", 0.125, 0.1, 0.15, 300),
    )
    ax = plots.dropoff(frame)
    assert [x for x, _ in dots(ax, "o")] == [0.75, 0.125]
    assert spans(ax) == [(0.72, 0.78), (0.1, 0.15)]
    assert texts(ax) == ["75% · n 1,200", "12% · n 300"]
    assert 0.78 < ax.get_xlim()[1] <= 1.02


def test_sizes(table) -> None:
    frame = table(
        ["persona"],
        ("P1", "customers", 80, None, None, 80),
        ("P1", "share", 0.8, 0.71, 0.87, 100),
        ("P2", "customers", 20, None, None, 20),
        ("P2", "share", 0.2, 0.13, 0.29, 100),
    )
    ax = plots.persona_sizes(frame, labels=LABELS)
    assert bars(ax) == [0.8, 0.2]
    assert spans(ax) == [(0.71, 0.87), (0.13, 0.29)]
    assert names(ax) == ["Frequent", "Rare"]
    assert texts(ax) == ["80% · 80 customers", "20% · 20 customers"]


def stay(stage: str, *days: float | str, n: int = 50) -> list[tuple[object, ...]]:
    """Quartile rows of one stage; the median's interval is its half and its double."""
    limits = [
        (None, None) if isinstance(day, str) or name != "median" else (day / 2, day * 2)
        for name, day in zip(("q25", "median", "q75"), days, strict=True)
    ]
    return [
        (stage, name, day, *limit, n)
        for name, day, limit in zip(("q25", "median", "q75"), days, limits, strict=True)
    ]


def test_time_draws_quartiles_median_and_interval_in_days(table) -> None:
    ax = plots.time_in_stage(table(["stage"], *stay("see", 2.0, 4.0, 9.0)))
    (bar,) = ax.containers[0]
    assert (bar.get_x(), bar.get_width()) == (2.0, 7.0)
    assert dots(ax, "o") == [(4.0, 0.0)]
    assert spans(ax) == [(2.0, 8.0)]
    assert texts(ax) == ["4 d · n 50"]
    assert ax.get_xscale() == "linear"
    assert "days" in ax.get_xlabel()


def test_time_goes_logarithmic_when_spans_differ_and_keeps_zero_visible(table) -> None:
    rows = stay("see", 0.0, 0.01, 0.02) + stay("buy", 10.0, 20.0, 90.0)
    ax = plots.time_in_stage(table(["stage"], *rows))
    assert ax.get_xscale() == "log"
    assert [x for x, _ in dots(ax, "o")] == [0.01, 20.0]
    (first,) = ax.containers[0]
    assert first.get_x() == ax.get_xlim()[0]
    ax.figure.canvas.draw()
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    assert "1 h" in ticks and "7 d" in ticks


def test_time_says_what_is_not_reached(table) -> None:
    rows = stay("see", 3.0, "not_estimable", "not_estimable", n=40)
    ax = plots.time_in_stage(table(["stage"], *rows, note="not_reached"))
    assert texts(ax) == ["median not reached · n 40"]
    assert not dots(ax, "o")
    (bar,) = ax.containers[0]
    assert bar.get_x() + bar.get_width() == pytest.approx(ax.get_xlim()[1])
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert len(arrows) == 1


def test_time_without_any_stay_is_not_not_reached(table) -> None:
    rows = stay("see", *["not_estimable"] * 3, n=0)
    ax = plots.time_in_stage(table(["stage"], *rows, note="no_spells"))
    assert texts(ax) == ["not enough customers to show"]


def test_open_interval_ends_in_an_arrow(table) -> None:
    frame = table(["stage"], ("see", "median", 4.0, 3.0, None, 50))
    ax = plots.time_in_stage(frame)
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]
    assert [arrow.xyann[0] for arrow in arrows] == [3.0]


QUALITY = pd.DataFrame(
    [
        ("events", "shop.csv", "rows in", None, 1000, "in"),
        ("events", "shop.csv", "accepted", None, 900, "accepted"),
        ("events", "shop.csv", "missing", "customer_id", 80, "rejected"),
        ("events", "shop.csv", "exact_duplicate", None, 20, "dropped"),
        ("events", "shop.csv", "mojibake", "touchpoint", 5, "noted"),
        ("events", "shop.csv", "future", "ts", 0, "rejected"),
        ("orders", "o.csv", "rows in", None, 0, "in"),
        ("orders", "o.csv", "accepted", None, 0, "accepted"),
    ],
    columns=["table", "source", "rule", "column", "rows", "effect"],
)


def test_intake_rows_add_up_source_by_source() -> None:
    ax = plots.intake(QUALITY, labels={"missing": "No customer"})
    assert bars(ax) == [0.9, 0.08, 0.02, 0.0]
    assert sum(bars(ax)) == pytest.approx(1.0)
    assert names(ax) == [
        "events: shop.csv",
        "accepted",
        "No customer",
        "exact duplicate",
        "orders: o.csv",
        "accepted",
    ]
    assert texts(ax)[:3] == ["1,000 rows in", "900 rows · 90%", "80 rows · 8.0%"]


def test_intake_draws_notes_only_on_request() -> None:
    assert "mojibake (touchpoint)" not in names(plots.intake(QUALITY))
    assert "mojibake (touchpoint)" in names(plots.intake(QUALITY, notes=True))


def test_coverage_names_the_largest_and_pools_the_rest() -> None:
    frame = pd.DataFrame(
        {
            "touchpoint": ["a", "b", "$c$", "d", "e"],
            "stage": ["see", None, None, None, None],
            "events": [60, 10, 20, 6, 4],
        }
    )
    ax = plots.coverage(frame, top=2)
    assert names(ax) == ["mapped to a stage", "without a stage", "$c$", "b", "(other)"]
    np.testing.assert_allclose(bars(ax), [0.6, 0.4, 0.2, 0.1, 0.1])
    shuffled = plots.coverage(frame.sample(frac=1, random_state=3), top=2)
    assert names(shuffled) == names(ax)


@pytest.mark.parametrize("figure", [plots.funnel, plots.dropoff, plots.time_in_stage])
def test_hostile_labels_and_titles_are_drawn_as_they_stand(table, tmp_path, figure) -> None:
    dim = "stage" if figure is plots.time_in_stage else "step"
    metric = {"funnel": "from_first", "dropoff": "dropoff"}.get(figure.__name__, "median")
    rows = [(p, s, metric, 0.5, 0.4, 0.6, 50) for p in HOSTILE[:3] for s in HOSTILE]
    frame = table(["persona", dim], *rows)
    ax = figure(frame, title=HOSTILE[0], labels={HOSTILE[5]: "$x^{$"})
    plots.save(ax, tmp_path / "hostile.png")
    assert ax.get_title(loc="left") == HOSTILE[0]
    assert names(ax)[0] == HOSTILE[0]
    assert "$x^{$" in names(ax)
    assert len(names(ax)) == len(HOSTILE)


@pytest.mark.parametrize(
    ("figure", "columns"),
    [
        (plots.funnel, ["step", "metric", "value"]),
        (plots.dropoff, ["step", "metric", "value"]),
        (plots.time_in_stage, ["stage", "metric", "value"]),
        (plots.persona_sizes, ["persona", "metric", "value"]),
        (plots.transitions, ["from", "to", "metric", "value"]),
        (plots.persona_profile, ["persona", "feature", "metric", "value"]),
        (plots.persona_curve, ["k", "silhouette", "prediction_strength", "min_jaccard"]),
        (plots.intake, ["table", "source", "rule", "rows", "effect"]),
        (plots.coverage, ["touchpoint", "stage", "events"]),
    ],
)
def test_empty_tables_say_so_and_wrong_tables_are_refused(figure, columns, tmp_path) -> None:
    ax = figure(pd.DataFrame(columns=columns), title="Nothing yet")
    assert len(texts(ax)) == 1 and " to show" in texts(ax)[0]
    assert ax.get_title(loc="left") == "Nothing yet"
    plots.save(ax, tmp_path / "empty.png")
    with pytest.raises(UserError, match=f'{figure.__name__} needs a column "{columns[0]}"'):
        figure(pd.DataFrame(columns=columns[1:]))


def test_two_breakdowns_or_two_rows_for_one_place_are_refused(table, steps) -> None:
    rows = [(a, b, "see", "from_first", 0.5, 0.4, 0.6, 9) for a in "xy" for b in "12"]
    with pytest.raises(UserError, match="country, persona"):
        plots.funnel(table(["country", "persona", "step"], *rows))
    with pytest.raises(UserError, match="two rows for metric 'reached', step 'see'"):
        plots.funnel(pd.concat([steps, steps]))


def test_a_constant_dimension_is_no_breakdown(steps) -> None:
    steps.insert(0, "report_period", "2026Q3")
    assert bars(plots.funnel(steps)) == [1.0, 0.25]


def test_draws_on_the_callers_axes_and_leaves_no_other_figure(steps) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert plots.funnel(steps, ax=left, title="Left") is left
    plots.dropoff(steps.assign(metric="dropoff").iloc[[0]], ax=right)
    assert plt.get_fignums() == [figure.number]
    own = plots.funnel(steps)
    assert own.figure.get_figwidth() == pytest.approx(7.2)
    plt.close(own.figure)
    assert plt.get_fignums() == [figure.number]


def test_the_table_is_left_as_it_was(steps) -> None:
    before = steps.copy()
    plots.funnel(steps)
    pd.testing.assert_frame_equal(steps, before)


def test_numbers_follow_the_reports_language(steps) -> None:
    shown = texts(plots.funnel(steps, language="sv"))[0].replace("\N{NO-BREAK SPACE}", " ")
    assert shown.startswith("100 % · 1 200")
