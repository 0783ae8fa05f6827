"""How every figure looks: colours, sizes, safe text, title, footnote and file."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import blended_transform_factory
from seaborn.utils import relative_luminance

from cjlab.lettering import clean as clean
from cjlab.lettering import points as points
from cjlab.lettering import wrap as wrap
from cjlab.plots.words import count, phrase

P = ParamSpec("P")
R = TypeVar("R")

#: Width of a figure in a report, inches.
WIDTH = 7.2
#: Points of the smallest text.
SMALL = 8.0

#: Okabe and Ito's set with an indigo for its yellow, which is too faint on white.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#2D00B4"]
#: A second cue beside the colour.
MARKERS = "osD^vPX*"
MAIN, WARN = PALETTE[:2]
GREY, PALE, INK, QUIET = "#9A9A9A", "#E6E6E6", "#1A1A1A", "#555555"
#: Behind what is not over yet.
NOT_YET = "#E3E3E3"
WITHHELD: dict[str, Any] = {"facecolor": PALE, "edgecolor": GREY, "hatch": "////", "lw": 0.0}
STYLE = Path(__file__).with_name("cjlab.mplstyle")
RC = mpl.rc_params_from_file(STYLE, use_default_template=False)


class Look(NamedTuple):
    """What the caller of a figure asks for; see the figures' own documentation."""

    ax: Axes | None
    labels: Mapping[Any, str] | None
    title: str | None
    language: str
    minimum: int = 10

    def say(self, key: str, **values: object) -> str:
        """Return a phrase in the report's language."""
        return phrase(key, self.language, **values)

    def counted(self, key: str, n: float, **values: object) -> str:
        """Return a phrase about a whole number `n`."""
        return self.say(key, n=count(n, self.language), **values)

    def name(self, key: object) -> str:
        """Return the human label of an id."""
        return human(key, self.labels)


def themed(plot: Callable[P, R]) -> Callable[P, R]:
    """Run a figure's function under the house's settings, whatever the session's are."""

    @functools.wraps(plot)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(RC):
            return plot(*args, **kwargs)

    return inner


def contrast(first: Any, second: Any) -> float:
    """Return the contrast ratio of two colours, 1 to 21, by WCAG 2.2.

    Examples
    --------
    >>> round(contrast("black", "white"), 1)
    21.0
    """
    dull, bright = sorted((relative_luminance(first), relative_luminance(second)))
    return float((bright + 0.05) / (dull + 0.05))


def human(key: object, labels: Mapping[Any, str] | None) -> str:
    """Return the human label of an id, cleaned; an id without one is its own label."""
    return clean((labels or {}).get(key, key))


def start(ax: Axes | None, *, height: float) -> Axes:
    """Return the axes to draw on: the caller's, or those of a new figure of report width."""
    if ax is None:
        _, ax = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    return ax


def room(ax: Axes) -> float:
    """Return about how wide the axes are, inches, before the layout is settled."""
    figure = _figure(ax)
    return float(ax.get_position().width * figure.get_figwidth())


def grid(ax: Axes, *, axis: str = "x") -> None:
    """Draw the light grid along one axis and take the frame away."""
    # Said outright, since the caller's own axes were made under other settings.
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis=cast(Any, axis), color=RC["grid.color"], lw=RC["grid.linewidth"])
    ax.tick_params(length=0)
    sns.despine(ax=ax, left=True, bottom=axis == "x")


def empty(ax: Axes, look: Look, message: str) -> Axes:
    """Say in the middle of empty axes why nothing is drawn."""
    ax.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(0, 1))
    sns.despine(ax=ax, left=True, bottom=True)
    ax.text(0.5, 0.5, clean(message), ha="center", va="center", color=QUIET, size=10)
    return finish(ax, look)


def small(ax: Axes, x: float, y: float, text: str, **how: Any) -> None:
    """Write small and quiet text."""
    ax.text(x, y, text, size=SMALL, color=QUIET, **how)


def finish(ax: Axes, look: Look, *notes: str, above: float = 0.0) -> Axes:
    """Put the title and the footnote on, and make every text literal.

    Parameters
    ----------
    ax : Axes
        Drawn axes.
    look : Look
        Its title is the finding, as the caller words it; wrapped at the figure's width.
    *notes : str
        How to read the marks; set in small type below the axes.
    above : float, default 0.0
        Points between axes and title that a key takes.
    """
    figure = _figure(ax)
    alone = len(figure.axes) == 1
    wide, edge = figure.get_figwidth(), 0.08 / figure.get_figwidth()
    width = wide - 0.16 if alone else room(ax)
    if look.title or above:
        size = float(mpl.rcParams["axes.titlesize"])
        title = wrap(look.title, width=width, size=size, weight="bold", lines=4)
        written = ax.set_title(title if look.title else " ", loc="left", pad=10 + above)
        if alone:
            # From the figure's edge, not the axes': long row labels would leave it no room.
            offset = ax.transAxes + ax.titleOffsetTrans  # type: ignore[attr-defined]
            written.set_transform(blended_transform_factory(figure.transFigure, offset))
            written.set_x(edge)
    # A footnote says what must be said, such as a notice: it is never cut.
    note = wrap("; ".join(notes), width=width, size=SMALL, lines=99)
    if notes and alone:
        figure.supxlabel(note, x=edge, ha="left", size=SMALL, color=QUIET)
    elif notes:
        below: Any = {"xycoords": ("axes fraction", ax.xaxis.label), "textcoords": "offset points"}
        ax.annotate(note, (0, 0), (0, -3), va="top", size=SMALL, color=QUIET, **below)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    return ax


def _figure(ax: Axes) -> Figure:
    return cast(Figure, ax.get_figure(root=True))


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
    return _figure(ax).get_supxlabel().replace("\n", " ")


def save(ax: Axes, path: str | os.PathLike[str]) -> None:
    """Write the axes' figure to a PNG or SVG that is the same, byte for byte, each time.

    Parameters
    ----------
    ax : Axes
        What a function of `cjlab.plots` returned.
    path : path-like
        File to write; the suffix chooses the format.
    """
    form = Path(path).suffix.lstrip(".").lower()
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}.get(form)
    with mpl.rc_context(RC):
        _figure(ax).savefig(path, format=form or None, metadata=metadata)
