"""Scores of answers: the parts of each score in stacked bars, and scores over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, dims
from cjlab.messages import number
from cjlab.plots import theme
from cjlab.plots.frames import Cell, need, read
from cjlab.plots.rows import Chart, Slot
from cjlab.plots.theme import MARKERS, PALETTE, Look
from cjlab.plots.words import share
from cjlab.voice import notice
from cjlab.voice._persons import UNKNOWN

_SCORES = ("nps", "csat", "ces")
_DOWN, _MIDDLE, _UP = "#D55E00", "#D9D9D9", "#0072B2"
_ROW = "(row)"
#: As many lines as can be told apart.
_MOST = len(MARKERS)


@theme.themed
def scores(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw what a score is made of, a stacked bar a row, and the score with its interval.

    For NPS, detractors stand to the left of 0, promoters and then passives to the right, and the
    score is a mark on the same axis. For satisfaction the answers are stacked from the best one
    on, so that the score is where the satisfied ones end.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.voice.scores`, `nps` or `csat` (with ``boxes=True`` for its boxes) gives; all
        its dimensions together name the rows.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each dimension's ids.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where a number is suppressed.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing, or the table holds neither NPS nor satisfaction.
    """
    need(estimates, ["metric", "value"], figure="scores")
    look = Look(ax, None, title, language, minimum)
    kind = _kind(estimates, ("nps", "csat"), "scores")
    chart = Chart(_in_rows(estimates, look, labels), _ROW, look, figure="scores", groups=0)
    parts = _parts(estimates, kind, language)
    for slot in chart.slots():
        cell = slot.cell(kind)
        if not cell.known:
            slot.unknown(cell)
            continue
        (_nps if kind == "nps" else _csat)(slot, cell, parts)
    if not chart.blocks:
        return theme.empty(chart.ax, look, look.say("empty"))
    _score_axis(chart.ax, look, kind)
    above = _key(chart.ax, [Patch(facecolor=c, label=name) for name, c in parts.values()])
    notes = [look.say("interval_bars"), look.say(f"scores_note_{kind}")]
    if any(cell.suppressed for name in parts for cell in chart.table.metric(name)):
        notes.append(look.say(f"scores_withheld_{kind}", minimum=minimum))
    said = notice(estimates, language)
    return theme.finish(chart.ax, look, *notes, *([said] if said else []), above=above)


@theme.themed
def score_trend(
    estimates: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    minimum: int = 10,
) -> Axes:
    """Draw a score over calendar periods: a line with its interval as a ribbon.

    Parameters
    ----------
    estimates : DataFrame
        What `cjlab.voice.scores` gives with a calendar in `by`: `report_period` and the score;
        all other dimensions together name the lines, of which at most seven are drawn. A period
        that is not over, suppressed or without answers is a gap.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each dimension's ids.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    minimum : int, default 10
        The study's minimum cell, named where a number is suppressed.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing, there are more lines than can be told apart, or no score.
    """
    need(estimates, ["report_period", "metric", "value"], figure="score_trend")
    look = Look(ax, None, title, language, minimum)
    kind = _kind(estimates, _SCORES, "score_trend")
    part = estimates[estimates["metric"] == kind]
    rows = _in_rows(part, look, labels, but=("report_period",))
    rows = rows.assign(report_period=part["report_period"].to_numpy())
    table = read(rows, dims=["report_period", _ROW], figure="score_trend", groups=0)
    periods, lines = sorted(table.keys["report_period"]), table.keys[_ROW]
    if len(lines) > _MOST:
        raise UserError(
            f"score_trend draws at most {_MOST} lines, and the table has {len(lines)}; "
            "filter it first."
        )
    drawn = theme.start(ax, height=3.6)
    if not any(cell.known for cell in table.metric(kind)):
        return theme.empty(drawn, look, look.say("empty"))
    for place, line in enumerate(lines):
        _line(drawn, [table.cell(kind, period, line) for period in periods], place)
    _time_axis(drawn, periods, look, kind)
    waiting = [
        x
        for x, period in enumerate(periods)
        if any(table.cell(kind, period, line).status == "not_yet_observed" for line in lines)
    ]
    for x in waiting:
        drawn.axvspan(x - 0.5, x + 0.5, color=theme.NOT_YET, lw=0, zorder=0)
    above = 0.0
    if len(lines) > 1:
        how: dict[str, Any] = {"ls": "-", "lw": 1.6, "ms": 5}
        above = _key(
            drawn,
            [
                Line2D([], [], color=PALETTE[at], marker=MARKERS[at], label=str(line), **how)
                for at, line in enumerate(lines)
            ],
        )
    notes = [look.say("ribbon_note")]
    notes += [look.say("not_yet_note")] if waiting else []
    notes += [look.say("trend_widest")] if part["note"].eq("widest_interval").any() else []
    said = notice(estimates, language)
    return theme.finish(drawn, look, *notes, *([said] if said else []), above=above)


def _kind(estimates: pd.DataFrame, kinds: Sequence[str], figure: str) -> str:
    found = next((kind for kind in kinds if (estimates["metric"] == kind).any()), None)
    if found is None and len(estimates):
        raise UserError(f"{figure} needs one of the metrics {', '.join(kinds)}.")
    return found or kinds[0]


def _in_rows(
    estimates: pd.DataFrame,
    look: Look,
    labels: Mapping[str, str] | None,
    but: Sequence[str] = (),
) -> pd.DataFrame:
    """Put all dimensions together in one that names the row in words."""
    names = [name for name in dims(estimates) if name not in but]
    rows = list(estimates[names].itertuples(index=False, name=None))
    # What is not said of a row is left out, unless nothing else is said of it.
    said = [[key for key in row if key != UNKNOWN] or row[-1:] for row in rows]
    joined = [" · ".join(theme.human(key, labels) for key in row) for row in said]
    table = estimates[list(COLUMNS)].reset_index(drop=True)
    table.insert(0, _ROW, joined if names else look.say("all_answers"))
    return table


def _parts(estimates: pd.DataFrame, kind: str, language: str) -> dict[str, tuple[str, str]]:
    """The stacked parts in order, each with its name and colour."""
    look = Look(None, None, None, language)
    if kind == "nps":
        names = {"detractors": _DOWN, "promoters": _UP, "passives": _MIDDLE}
        return {name: (look.say(name), colour) for name, colour in names.items()}
    boxes = [m for m in estimates["metric"].unique() if str(m).startswith("box_")]
    boxes = sorted(boxes, key=lambda name: -int(name[4:]))
    if not boxes:
        return {}
    ramp = mpl.colormaps["RdYlBu_r"](np.linspace(0.08, 0.92, len(boxes)))
    return {
        name: (name[4:], mpl.colors.to_hex(colour))
        for name, colour in zip(boxes, ramp, strict=True)
    }


def _nps(slot: Slot, cell: Cell, parts: Mapping[str, tuple[str, str]]) -> None:
    at = {"detractors": 0.0, "promoters": 0.0, "passives": slot.cell("promoters").value}
    for name, (_, colour) in parts.items():
        part = slot.cell(name)
        if part.known and at[name] == at[name]:
            long = -part.value if name == "detractors" else part.value
            left = 100 * at[name]
            slot.chart.ax.barh(slot.y, 100 * long, left=left, height=0.62, color=colour, zorder=2)
    _mark(slot, cell, 1.0)
    language = slot.chart.look.language
    shown = number(cell.value, 1)(language)
    slot.side(shown, slot.chart.look.counted("n", cell.n))


def _csat(slot: Slot, cell: Cell, parts: Mapping[str, tuple[str, str]]) -> None:
    left = 0.0
    if not parts:
        slot.chart.ax.barh(slot.y, cell.value, height=0.62, color=_UP, zorder=2)
    for name, (_, colour) in parts.items():
        part = slot.cell(name)
        if not part.known:
            break  # where the next one would begin is not known
        slot.chart.ax.barh(slot.y, part.value, left=left, height=0.62, color=colour, zorder=2)
        left += part.value
    if parts and left < 1 - 1e-9:
        across: Any = {"left": left, "height": 0.62, "zorder": 2, **theme.WITHHELD}
        slot.chart.ax.barh(slot.y, 1 - left, **across)
    _mark(slot, cell, 1.0)
    look = slot.chart.look
    slot.side(share(cell.value, look.language), look.counted("n", cell.n))


def _mark(slot: Slot, cell: Cell, width: float) -> None:
    """The score and its interval in black with a white edge, to be seen on any colour."""
    ax, ends = slot.chart.ax, [cell.low, cell.high]
    if cell.low == cell.low:
        for colour, wide in (("white", width + 2.6), (theme.INK, width + 0.6)):
            ax.plot(ends, [slot.y] * 2, color=colour, lw=wide, zorder=5, solid_capstyle="butt")
    dot: Any = {"marker": "D", "ms": 6, "ls": "", "markeredgecolor": "white", "zorder": 6}
    ax.plot([cell.value], [slot.y], color=theme.INK, **dot)


def _score_axis(ax: Axes, look: Look, kind: str) -> None:
    room = theme.room(ax)
    if kind == "nps":
        ax.set_xlim(-100, 100)
        ax.axvline(0, color=theme.INK, lw=0.8, zorder=3)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8 if room > 3.5 else 4, steps=[2.5, 5, 10]))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, 0)(look.language)))
    else:
        ax.set_xlim(0, 1)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: share(round(x, 6), look.language)))
    ax.set_xlabel(theme.wrap(look.say(f"scores_axis_{kind}"), width=room, size=10), loc="left")
    theme.grid(ax)


def _line(ax: Axes, cells: Sequence[Cell], place: int) -> None:
    """Draw one line; what is not known is nan, which matplotlib leaves out."""
    x = np.arange(len(cells))
    known = np.array([cell.known for cell in cells])
    value, low, high = (
        np.where(known, [getattr(cell, name) for cell in cells], np.nan)
        for name in ("value", "low", "high")
    )
    colour = PALETTE[place]
    how: dict[str, Any] = {"color": colour, "marker": MARKERS[place], "ms": 5, "lw": 1.6}
    ax.plot(x, value, zorder=4, **how)
    ax.fill_between(x, low, high, color=colour, alpha=0.18, lw=0, zorder=2)
    # A ribbon needs two periods side by side; a period alone shows its interval as a whisker.
    beside = np.r_[False, known[:-1]] | np.r_[known[1:], False]
    for at in np.flatnonzero(known & ~beside & ~np.isnan(low)):
        ax.plot([at, at], [low[at], high[at]], color=colour, lw=1.2, zorder=3)


def _time_axis(ax: Axes, periods: Sequence[Any], look: Look, kind: str) -> None:
    ax.set_xlim(-0.5, len(periods) - 0.5)
    step = max(1, -(-len(periods) // 12))
    ax.set_xticks(range(0, len(periods), step), [str(p) for p in periods[::step]])
    if len(periods) > 6:
        ax.tick_params(axis="x", rotation=45)
    if kind == "csat":
        form = FuncFormatter(lambda y, _: share(round(y, 6), look.language))
    else:
        form = FuncFormatter(lambda y, _: number(y, None if kind == "ces" else 0)(look.language))
    ax.yaxis.set_major_formatter(form)
    ax.set_ylabel(look.say(f"trend_axis_{kind}"))
    theme.grid(ax, axis="y")


def _key(ax: Axes, handles: Sequence[Any]) -> float:
    """Draw a key above the axes; return the points that the title must keep free."""
    if not handles:
        return 0.0
    names = [str(handle.get_label()) for handle in handles]
    widest = max(theme.points(name, 9) for name in names) / 72 + 0.62
    columns = max(1, min(len(names), int(theme.room(ax) / widest)))
    drawn = ax.legend(
        handles=list(handles), loc="lower left", bbox_to_anchor=(0, 1.0), ncols=columns
    )
    drawn.set_in_layout(False)
    return 3.0 + 14.5 * -(-len(handles) // columns)
