"""Heatmaps and the curve of k."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from cjlab import plots
from cjlab.errors import UserError
from cjlab.plots import theme


def texts(ax: Axes) -> list[str]:
    """All words written inside and beside the axes."""
    return [text.get_text() for text in ax.texts if text.get_text()]


def names(ax: Axes) -> list[str]:
    """Row labels, top first, without line breaks."""
    return [tick.get_text().replace("\n", " ") for tick in ax.get_yticklabels()]


def written(ax: Axes) -> dict[tuple[int, int], str]:
    """Texts by (row, column)."""
    places = ((text.get_position(), text.get_text()) for text in ax.texts)
    return {(int(y), int(x)): text for (x, y), text in places if text}


def across(ax: Axes) -> list[str]:
    return [tick.get_text() for tick in ax.get_xticklabels()]


@pytest.fixture
def moves(table) -> pd.DataFrame:
    return table(
        ["from", "to"],
        ("(start)", "see", "probability", 1.0, 0.9, 1.0, 80),
        ("see", "see", "probability", 0.25, 0.2, 0.3, 400),
        ("see", "buy", "probability", 0.75, 0.7, 0.8, 400),
        ("buy", "see", "probability", "suppressed", None, None, None),
        ("buy", "(end)", "probability", 0.5, 0.3, 0.7, 60),
        note="small_cell",
    )


def test_transitions_write_each_probability_in_its_cell(moves) -> None:
    ax = plots.transitions(moves, labels={"see": "Sees", "buy": "Buys"}, minimum=10)
    assert names(ax) == ["(start) n 80", "Sees n 400", "Buys n 60"]
    assert across(ax) == ["Sees", "Buys", "(end)"]
    assert written(ax) == {
        (0, 0): "100%",
        (1, 0): "25%",
        (1, 1): "75%",
        (2, 0): "<10",
        (2, 2): "50%",
    }
    hatched = [patch.get_xy() for patch in ax.patches if patch.get_hatch()]
    assert hatched == [(0, 2)]
    drawn = ax.collections[0].get_array()
    np.testing.assert_allclose(drawn.compressed(), [1.0, 0.25, 0.75, 0.5])
    assert "fewer than 10" in plots.footnote(ax)


def test_labels_give_the_order_of_states(moves) -> None:
    ax = plots.transitions(moves, labels={"buy": "Buys", "see": "Sees"})
    assert [name.split(" n ")[0] for name in names(ax)] == ["(start)", "Buys", "Sees"]
    assert across(ax) == ["Buys", "Sees", "(end)"]


def test_complementary_cells_are_hatched_without_a_false_reason(table) -> None:
    frame = table(
        ["from", "to"],
        ("a", "a", "probability", 0.5, None, None, 40),
        ("a", "b", "probability", "suppressed", None, None, None),
        note="complementary",
    )
    ax = plots.transitions(frame)
    assert written(ax) == {(0, 0): "50%"}
    assert len([patch for patch in ax.patches if patch.get_hatch()]) == 1


def test_transitions_refuse_several_personas_at_once(table) -> None:
    rows = [(p, "a", "b", "probability", 1.0, 0.9, 1.0, 40) for p in ("P1", "P2")]
    frame = table(["persona", "from", "to"], *rows)
    with pytest.raises(UserError, match="persona"):
        plots.transitions(frame)
    assert written(plots.transitions(frame[frame["persona"] == "P1"])) == {(0, 0): "100%"}


def test_all_withheld_is_said_once(table) -> None:
    frame = table(["from", "to"], ("a", "b", "probability", "suppressed", None, None, None))
    assert texts(plots.transitions(frame)) == ["fewer than 10 customers"]


def test_long_names_slant_instead_of_breaking_inside_a_word(table, tmp_path) -> None:
    stages = [f"considerations{i}" for i in range(8)]
    rows = [(a, b, "probability", 0.125, 0.1, 0.2, 90) for a in stages for b in stages]
    ax = plots.transitions(table(["from", "to"], *rows))
    assert across(ax) == stages
    assert {tick.get_rotation() for tick in ax.get_xticklabels()} == {40.0}
    plots.save(ax, tmp_path / "slant.png")


def test_hostile_states(table, tmp_path) -> None:
    states = ["$\\frac{x}$ {} \\", "nul\0l", "🛒", "x" * 400, ""]
    rows = [(a, b, "probability", 0.2, 0.1, 0.3, 50) for a in states for b in states]
    ax = plots.transitions(table(["from", "to"], *rows), title=states[0])
    plots.save(ax, tmp_path / "hostile.png")
    assert across(ax)[0] == states[0]


@pytest.fixture
def features(table) -> pd.DataFrame:
    return table(
        ["persona", "feature"],
        ("P1", "recency", "difference", 0.1, -0.1, 0.3, 50),
        ("P2", "recency", "difference", "suppressed", None, None, None),
        ("P1", "spend", "difference", -1.94, -2.1, -1.7, 50),
        ("P2", "spend", "difference", 0.8, 0.5, 1.1, 50),
    )


def test_profile_orders_by_strength_and_bolds_what_leaves_out_zero(features) -> None:
    ax = plots.persona_profile(features, labels={"spend": "Spent (SEK)", "P1": "Frequent"})
    assert names(ax) == ["Spent (SEK)", "recency"]
    assert across(ax) == ["Frequent", "P2"]
    assert written(ax) == {(0, 0): "−1.9", (0, 1): "+0.8", (1, 0): "+0.1", (1, 1): "<10"}
    bold = {text.get_text() for text in ax.texts if text.get_fontweight() == "bold"}
    assert bold == {"−1.9", "+0.8"}
    assert "bold" in plots.footnote(ax)


def test_profile_colours_are_centred_at_zero(features) -> None:
    mesh = plots.persona_profile(features).collections[0]
    low, high = mesh.get_clim()
    assert low == -high
    middle = mpl.colormaps["RdBu_r"](0.5)
    assert np.linalg.norm(np.array(mesh.to_rgba(0.0)) - middle) < 0.02


def test_texts_stand_out_from_their_cells(features) -> None:
    ax = plots.persona_profile(features)
    mesh = ax.collections[0]
    for text in ax.texts:
        if text.get_text() == "<10":
            continue
        x, y = text.get_position()
        value = mesh.get_array().reshape(2, 2)[int(y), int(x)]
        behind = to_rgba(mesh.to_rgba(float(value)))
        assert theme.contrast(text.get_color(), behind) >= 4.5


CURVE = pd.DataFrame(
    {
        "k": [3, 2, 4],
        "silhouette": [0.4, 0.5, 0.2],
        "prediction_strength": [0.85, 0.95, 0.5],
        "min_jaccard": [0.8, 0.9, None],
        "smallest": [0.2, 0.4, 0.05],
        "chosen": [True, False, False],
    }
)


def test_curve_lines_thresholds_and_chosen_k() -> None:
    ax = plots.persona_curve(CURVE, title="Three")
    lines = {line.get_label(): line for line in ax.lines}
    assert list(lines["silhouette"].get_xdata()) == [2, 3, 4]
    assert list(lines["silhouette"].get_ydata()) == [0.5, 0.4, 0.2]
    assert list(lines["prediction strength"].get_ydata()) == [0.95, 0.85, 0.5]
    np.testing.assert_array_equal(lines["smallest Jaccard"].get_ydata(), [0.9, 0.8, np.nan])
    levels = {float(line.get_ydata()[0]) for line in ax.lines if line.get_linestyle() == "--"}
    assert levels == {0.8, 0.75}
    assert across(ax) == ["2\n40%", "3\n20%", "4\n5.0%"]
    (band,) = ax.patches
    assert band.get_x() + band.get_width() / 2 == pytest.approx(3)
    assert texts(ax) == ["chosen"]


def test_curve_marks_only_a_k_that_it_holds() -> None:
    assert not plots.persona_curve(CURVE, chosen=1).patches
    assert not plots.persona_curve(CURVE.drop(columns=["chosen", "smallest"])).patches


def test_curve_without_any_number_says_so() -> None:
    blank = CURVE.assign(silhouette=None, prediction_strength=None, min_jaccard=None)
    assert texts(plots.persona_curve(blank)) == ["not enough customers to show"]
