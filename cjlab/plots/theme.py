"""How every figure looks: colours, sizes, safe text, title, footnote and file."""

from __future__ import annotations

import functools
import os
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import blended_transform_factory

P = ParamSpec("P")
R = TypeVar("R")

#: Width of a figure in a report, inches.
WIDTH = 7.2
#: Points of the smallest text.
SMALL = 8.0
#: Longest text taken from data, characters; what follows is cut and marked.
LONGEST = 300

#: Okabe and Ito's set with an indigo for its yellow, which is too faint on white.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#2D00B4",
)
#: A second cue beside the colour.
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
MAIN, WARN, GREY, PALE, INK, QUIET = (
    "#0072B2",
    "#D55E00",
    "#9A9A9A",
    "#E6E6E6",
    "#1A1A1A",
    "#555555",
)
HATCH = "////"

RC: Mapping[str, Any] = {
    "text.parse_math": False,  # a "$" in a customer's string is a dollar, not a formula
    "text.usetex": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same on every machine
    "font.size": 9.0,
    "axes.titlesize": 11.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": "#BBBBBB",
    "axes.facecolor": "white",
    "axes.axisbelow": True,
    "axes.grid": False,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,
    "figure.facecolor": "white",
    "figure.dpi": 120.0,
    "savefig.dpi": 120.0,
    "savefig.bbox": None,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "hatch.color": "#B5B5B5",
    "hatch.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "text.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 9.0,
    "xtick.color": QUIET,
    "ytick.color": INK,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "svg.hashsalt": "cjlab",
    "svg.fonttype": "path",
}


def themed(plot: Callable[P, R]) -> Callable[P, R]:
    """Run a figure's function under the house's settings, whatever the session's are."""

    @functools.wraps(plot)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(cast(Any, dict(RC))):
            return plot(*args, **kwargs)

    return inner


@functools.cache
def _drawable() -> frozenset[int]:
    path = font_manager.findfont("DejaVu Sans")
    return frozenset(font_manager.get_font(path).get_charmap())


def clean(text: object) -> str:
    """Return a string from the data as one drawable line.

    Control and direction-override characters go, runs of white space become one blank, and
    what the font cannot draw becomes "□"; nothing is read as markup. A null is "(none)".

    Examples
    --------
    >>> clean("pay\\x00 $now$\\n{x}"), clean(None)
    ('pay $now$ {x}', '(none)')
    """
    if text is None or text is pd.NA or (isinstance(text, float) and text != text):
        return "(none)"
    kept = (
        " " if c.isspace() else "" if unicodedata.category(c) in ("Cc", "Cf") else c
        for c in str(text)[: 4 * LONGEST]
    )
    line = re.sub(r" +", " ", "".join(kept)).strip()
    drawn = "".join(c if ord(c) in _drawable() else "□" for c in line)
    drawn = re.sub("□+", "□", drawn)
    return drawn if len(drawn) <= LONGEST else drawn[: LONGEST - 1] + "…"


@functools.lru_cache(maxsize=4096)
def points(text: str, size: float, weight: str = "normal") -> float:
    """Return how wide a text is drawn, points."""
    font = font_manager.FontProperties(family="DejaVu Sans", size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, ismath=False)
    return float(width)


def wrap(
    text: object,
    *,
    width: float,
    size: float = 9.0,
    lines: int = 3,
    weight: str = "normal",
) -> str:
    """Break a text into lines that fit, by the font's own measures.

    Parameters
    ----------
    text : object
        Any string; it is cleaned first.
    width : float
        Room, inches.
    size : float, default 9.0
        Font size, points.
    lines : int, default 3
        Lines at most; the last one ends in "…" where something was cut.
    weight : str, default "normal"
        Font weight the text will be drawn in.

    Examples
    --------
    >>> wrap("frequent, mostly mobile", width=1.0).split("\\n")
    ['frequent,', 'mostly mobile']
    """
    room = width * 72.0
    done: list[str] = []
    line = ""
    for word in clean(text).split(" "):
        longer = f"{line} {word}" if line else word
        if points(longer, size, weight) <= room:
            line = longer
            continue
        if line:
            done.append(line)
        while points(word, size, weight) > room and len(word) > 1:
            cut = _fitting(word, room, size, weight)
            done.append(word[:cut])
            word = word[cut:]
        line = word
    done.append(line)
    if len(done) > lines:
        done = done[:lines]
        last = done[-1]
        while last and points(last + "…", size, weight) > room:
            last = last[:-1]
        done[-1] = last + "…"
    return "\n".join(done)


def _fitting(word: str, room: float, size: float, weight: str) -> int:
    """How many first characters of a word fit; at least one."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        if points(word[:middle], size, weight) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def contrast(first: Any, second: Any) -> float:
    """Return the contrast ratio of two colours, 1 to 21, by WCAG 2.2.

    Examples
    --------
    >>> round(contrast("black", "white"), 1)
    21.0
    """
    bright, dull = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (bright + 0.05) / (dull + 0.05)


def _luminance(colour: Any) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def human(key: object, labels: Mapping[str, str] | None) -> str:
    """Return the human label of an id, cleaned; an id without one is its own label."""
    if labels is not None and isinstance(key, str) and key in labels:
        return clean(labels[key])
    return clean(key)


def start(ax: Axes | None, *, height: float) -> Axes:
    """Return the axes to draw on: the caller's, or those of a new figure of report width."""
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    return ax


def grid(ax: Axes, *, axis: str = "x") -> None:
    """Draw the light grid along one axis and take the frame away."""
    # Said outright, since the caller's own axes were made under other settings.
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis=cast(Any, axis), color=RC["grid.color"], lw=RC["grid.linewidth"])
    ax.tick_params(length=0)
    sns.despine(ax=ax, left=True, bottom=axis == "x")


def empty(ax: Axes, message: str) -> None:
    """Say in the middle of empty axes why nothing is drawn."""
    ax.set_xticks([])
    ax.set_yticks([])
    sns.despine(ax=ax, left=True, bottom=True)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.text(0.5, 0.5, clean(message), ha="center", va="center", color=QUIET, size=10)


def finish(ax: Axes, *, title: str | None, note: str | None, above: float = 0.0) -> Axes:
    """Put the title and the footnote on, and make every text literal.

    Parameters
    ----------
    ax : Axes
        Drawn axes.
    title : str or None
        The finding, as the caller words it; wrapped at the figure's width, left-aligned.
    note : str or None
        How to read the marks; set in small type below the axes.
    above : float, default 0.0
        Points between axes and title that a key takes.
    """
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    alone = len(figure.axes) == 1
    room = figure.get_figwidth() - 0.16 if alone else _width(ax, figure)
    if title or above:
        size = float(mpl.rcParams["axes.titlesize"])
        lines = wrap(title, width=room, size=size, weight="bold", lines=4) if title else " "
        written = ax.set_title(lines, loc="left", pad=10 + above)
        if alone:
            # From the figure's edge, not the axes': long row labels would leave it no room.
            move = blended_transform_factory(
                figure.transFigure,
                ax.transAxes + ax.titleOffsetTrans,  # type: ignore[attr-defined]
            )
            written.set_transform(move)
            written.set_x(0.08 / figure.get_figwidth())
    if note:
        lines = wrap(note, width=room, size=SMALL, lines=4)
        if alone:
            figure.supxlabel(
                lines, x=0.08 / figure.get_figwidth(), ha="left", size=SMALL, color=QUIET
            )
        else:
            ax.annotate(
                lines,
                xy=(0, 0),
                xycoords=("axes fraction", ax.xaxis.label),
                xytext=(0, -3),
                textcoords="offset points",
                va="top",
                size=SMALL,
                color=QUIET,
            )
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    return ax


def _width(ax: Axes, figure: Figure) -> float:
    return float(ax.get_position().width * figure.get_figwidth())


def footnote(ax: Axes) -> str:
    """Return the footnote below a figure: how its marks are to be read.

    Parameters
    ----------
    ax : Axes
        What a function of `cjlab.plots` returned.

    Returns
    -------
    str
        One line; empty where there is none.
    """
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure.get_supxlabel().replace("\n", " ")


def save(ax: Axes, path: str | os.PathLike[str]) -> None:
    """Write the axes' figure to a PNG or SVG that is the same, byte for byte, each time.

    Parameters
    ----------
    ax : Axes
        What a function of `cjlab.plots` returned.
    path : path-like
        File to write; the suffix chooses the format.
    """
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    form = os.path.splitext(os.fspath(path))[1].lstrip(".").lower()
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}.get(form)
    with mpl.rc_context(cast(Any, dict(RC))):
        figure.savefig(path, format=form or None, metadata=metadata)
