"""Colours that colour-blind readers tell apart, text that fits, files that never differ."""

from __future__ import annotations

import itertools
import re
import warnings

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from cjlab import lettering, messages, plots
from cjlab.plots import theme
from cjlab.plots.words import UNITS, count, duration, phrase, share, signed

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "full": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


def _lab(colour: str, seen: np.ndarray) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(seen) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.array(to_xyz) @ linear / np.array([0.95047, 1.0, 1.08883])
    f = [np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_groups_are_told_apart(vision: str) -> None:
    for a, b in itertools.combinations(range(len(theme.PALETTE)), 2):
        first, second = (_lab(theme.PALETTE[i], VISION[vision]) for i in (a, b))
        assert np.linalg.norm(first - second) > 10, (theme.PALETTE[a], theme.PALETTE[b])
    assert len(set(theme.MARKERS)) == len(theme.PALETTE)


def test_small_text_stands_out_from_the_page() -> None:
    assert theme.contrast(theme.QUIET, "white") >= 4.5
    assert theme.contrast(theme.QUIET, theme.PALE) >= 4.5


@given(st.text(max_size=400))
def test_any_text_becomes_one_drawable_line(text: str) -> None:
    line = theme.clean(text)
    assert len(line) <= lettering.LONGEST
    assert not {"\n", "\r", "\0", "\u202e", "\u2028"} & set(line)
    assert all(ord(c) in lettering._drawable() for c in line)


@given(st.text(max_size=120), st.floats(0.4, 4), st.integers(1, 4))
def test_wrapped_lines_fit_their_room(text: str, width: float, lines: int) -> None:
    wrapped = theme.wrap(text, width=width, lines=lines).split("\n")
    assert len(wrapped) <= lines
    assert all(theme.points(line, 9.0) <= width * 72 + 1e-6 for line in wrapped)


def test_wrapping_loses_nothing_that_fits() -> None:
    text = "customers who come back within a month"
    assert theme.wrap(text, width=1.2, lines=9).split() == text.split()
    assert theme.wrap("x" * 500, width=1.0, lines=2).endswith("…")


def test_null_labels_and_unknown_ids() -> None:
    assert theme.human("a", {"a": "Label $"}) == "Label $"
    assert theme.human("b", {"a": "Label"}) == "b"
    assert theme.human(float("nan"), None) == "(none)"


@pytest.mark.parametrize("number", [0, 7, 1234, 10_000_000])
def test_counts_by_language(number: int) -> None:
    assert count(number) == f"{number:,}"
    assert count(number, "sv").replace("\N{NO-BREAK SPACE}", "") == str(number)


@given(st.one_of(st.floats(0, 1), st.floats(0, 0.01), st.floats(0.99, 1)))
def test_shares_never_claim_none_or_all(value: float) -> None:
    text = share(value)
    assert (text == "0%") == (value == 0)
    assert (text == "100%") == (value == 1)
    shown = float(text.strip("<%")) / 100
    assert abs(shown - value) <= 0.0051


@given(st.floats(0, 5000))
def test_durations_come_within_five_percent(days: float) -> None:
    number, unit = duration(days).split(" ")
    size = {key[0]: days for key, days, _ in UNITS}
    sizes = {"s": size["s"], "min": size["m"], "h": size["h"], "d": size["d"], "y": size["y"]}
    error = abs(float(number.replace(",", "")) * sizes[unit] - days)
    assert error <= max(0.05 * days + 1e-9, 0.051 * sizes["s"])


def test_round_durations_read_round() -> None:
    assert [duration(x) for x in (1 / 1440, 10 / 1440, 1 / 24, 1.0, 7.0, 365.25)] == [
        "1 min",
        "10 min",
        "1 h",
        "1 d",
        "7 d",
        "365 d",
    ]
    assert signed(-0.04) == "0.0"


PLACES = {"n", "share", "minimum", "value", "strength", "jaccard", "points", "names", "needed"}


def test_every_phrase_can_be_said() -> None:
    known = [*messages.keys()]
    keys = [key.removeprefix("plot.") for key in known if key.startswith("plot.")]
    assert len(keys) > 40
    for key in keys:
        places = re.findall(r"{(\w+)}", str(messages._entry(f"plot.{key}", "en")))
        assert set(places) <= PLACES
        assert "{" not in phrase(key, "sv", **dict.fromkeys(places, "7"))


def test_saved_files_do_not_differ(tmp_path, table) -> None:
    frame = table(["step"], ("a$", "from_first", 0.5, 0.4, 0.6, 90))
    for form in ("png", "svg"):
        for run in ("1", "2"):
            ax = plots.funnel(frame, title="Half stay")
            plots.save(ax, tmp_path / f"{run}.{form}")
            plt.close(ax.figure)
        first, second = ((tmp_path / f"{run}.{form}").read_bytes() for run in "12")
        assert first == second


def test_the_sessions_settings_do_not_matter(table) -> None:
    frame = table(["step"], ("$a$", "from_first", 0.5, 0.4, 0.6, 90))
    with mpl.rc_context({"text.parse_math": True, "font.size": 30.0}):
        ax = plots.funnel(frame, title="$x$")
        found = [text for text in ax.figure.findobj(Text) if text.get_text()]
        assert found and not any(text.get_parse_math() for text in found)
        assert max(text.get_size() for text in found) < 12
        ax.figure.canvas.draw()


def test_nothing_is_clipped_and_no_text_is_tiny(table) -> None:
    steps = [f"a rather long name of the step number {i}" for i in range(6)]
    rows = [(s, "from_first", 0.9 - 0.1 * i, 0.1, 0.95, 5000) for i, s in enumerate(steps)]
    rows += [(s, "reached", 4500 - 500 * i, None, None, 5000) for i, s in enumerate(steps)]
    ax = plots.funnel(table(["step"], *rows), title="A finding in many words " * 6)
    figure = ax.figure
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for text in figure.findobj(Text):
        if not text.get_text() or not text.get_visible():
            continue
        box = text.get_window_extent()
        assert text.get_size() >= 8
        assert box.x0 >= -1 and box.x1 <= width + 1, text.get_text()
        assert box.y0 >= -1 and box.y1 <= height + 1, text.get_text()
