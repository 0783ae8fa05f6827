"""A map's page as SVG, PNG or PDF: the same picture, the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle

from cjlab.errors import UserError, did_you_mean
from cjlab.lettering import STYLE, clean
from cjlab.maps.blocks import ACCENT, Line
from cjlab.maps.layout import Box, Dot, Picture, Stroke, layout
from cjlab.maps.model import JourneyMap

FORMATS = ("svg", "png", "pdf")
# Letters as paths: another font would not fit the cells.
_STYLE = {**STYLE, "svg.fonttype": "path", "svg.hashsalt": "cjlab"}
PAIN, GAIN, GREY = "#A33A00", "#1D6B4F", "#CBD2DC"
# By look: fill and edge of boxes; colour, width and dashes of lines.
_BOXES: dict[str, dict[str, Any]] = {
    "lane": {"fc": "#F5F7FA", "ec": "none"},
    "stage": {"fc": "#E6EEF8", "ec": "none"},
    "label": {"fc": "white", "ec": "none", "alpha": 0.85},
    "pill": {"fc": "white", "ec": ACCENT, "lw": 0.8},
    "computed": {"fc": "white", "ec": "#B4C6DE", "lw": 0.8},
    "authored": {"fc": "#FFFBEE", "ec": "#8A7A45", "lw": 0.8, "ls": (0, (3, 2))},
}
_STROKES: dict[str, dict[str, Any]] = {
    "lane": {"color": "#8A94A3", "lw": 0.7},
    "stages": {"color": ACCENT, "lw": 1.4},
    "cell": {"color": "#E3E7ED", "lw": 0.6},
    "scale": {"color": GREY, "lw": 0.7},
    "span": {"color": ACCENT, "lw": 1.2, "alpha": 0.6},
    "known": {"color": ACCENT, "lw": 2.0},
    "drawn": {"color": ACCENT, "lw": 1.3, "ls": (0, (4, 3))},
    "interaction": {"color": ACCENT, "lw": 1.6},
    "visibility": {"color": ACCENT, "lw": 1.6, "ls": (0, (8, 4))},
    "internal": {"color": ACCENT, "lw": 1.6, "ls": (0, (2, 3))},
}


def draw(journey_map: JourneyMap, path: str | Path) -> Path:
    """Draw a map to a file.

    Parameters
    ----------
    journey_map : JourneyMap
        The map.
    path : str or Path
        Ends in ``.svg``, ``.png`` or ``.pdf``.

    Returns
    -------
    Path
        The file: A3 landscape, or higher where the map needs it.

    Raises
    ------
    UserError
        For another suffix.
    """
    path = Path(path)
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        hint = did_you_mean(form, FORMATS)
        raise UserError(f'a map cannot be drawn as "{path.suffix}".{hint}')
    page = layout(journey_map)
    title = clean(journey_map.title)
    metadata: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None, "Title": title},
        "png": {"Software": None, "Title": title},
        "pdf": {"CreationDate": None, "Producer": None, "Creator": None, "Title": title},
    }
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(page.width, page.height), facecolor="white")
        FigureCanvasAgg(figure)
        _paint(figure, page)
        # Packing a picture of paper white hard takes a second and saves little.
        packed: dict[str, Any] = {"pil_kwargs": {"compress_level": 3}} if form == "png" else {}
        figure.savefig(path, format=form, dpi=150, metadata=metadata[form], **packed)
    return path


def _paint(figure: Figure, page: Picture) -> None:
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, page.width), ylim=(page.height, 0))
    axes.set_axis_off()
    for box in page.boxes:
        _box(axes, box)
    for stroke in page.strokes:
        _stroke(axes, stroke)
    for dot in page.dots:
        _dot(axes, dot)
    for line, _ in page.lines:
        _text(figure, page, line)


def _box(axes: Axes, box: Box) -> None:
    looks = box.look.split()
    # What is behind words on a line goes over that line.
    how = _BOXES[looks[0]] | {"zorder": 3 if looks[0] in ("label", "pill") else 1}
    if looks[0] in ("lane", "stage", "label"):
        axes.add_patch(Rectangle((box.x, box.y), box.width, box.height, **how))
        return
    if "weakest" in looks:
        how |= {"ec": PAIN, "lw": 1.6}
    style = f"round,pad=0,rounding_size={min(0.05, box.height / 2)}"
    corner = (box.x, box.y)
    axes.add_patch(FancyBboxPatch(corner, box.width, box.height, boxstyle=style, **how))
    for tone, color in (("pain", PAIN), ("gain", GAIN)):
        if tone in looks:
            bar = Rectangle(corner, 0.035, box.height, fc=color, ec="none", zorder=1)
            axes.add_patch(bar)


def _stroke(axes: Axes, stroke: Stroke) -> None:
    if stroke.look == "band":
        axes.add_patch(
            Polygon(stroke.points, closed=True, fc=ACCENT, ec="none", alpha=0.15, zorder=2)
        )
        return
    xs, ys = zip(*stroke.points, strict=True)
    axes.plot(xs, ys, solid_capstyle="butt", **_STROKES[stroke.look])


def _dot(axes: Axes, dot: Dot) -> None:
    kind, look = dot.look.split()
    color = PAIN if kind == "weakest" else ACCENT
    axes.plot(
        [dot.x], [dot.y], marker="s" if kind == "weakest" else "o",
        ms=5 if kind == "minor" else 8, mec=color, mew=1.5,
        mfc="white" if look == "hollow" else color, zorder=4,
    )  # fmt: skip


def _text(figure: Figure, page: Picture, line: Line) -> None:
    figure.text(
        line.x / page.width,
        1 - (line.y + line.size / 72) / page.height,
        line.text,
        size=line.size,
        color=line.color,
        weight=line.weight,
        ha=line.ha,
        va="baseline",
    )
