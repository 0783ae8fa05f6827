"""What came in: rows accepted and refused, and events that the touchpoint rules map."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import rows, theme
from cjlab.plots.frames import need
from cjlab.plots.theme import Look
from cjlab.plots.words import share

#: Colour of each effect; what is not listed here is no bar.
COLOURS = {"accepted": theme.MAIN, "rejected": theme.WARN, "dropped": theme.GREY, "noted": "white"}
UNMAPPED = "#E9A57A"


class Bar(NamedTuple):
    """One row of the figure; without a whole it is a heading."""

    name: str
    number: int
    whole: int | None
    colour: str = ""
    edge: str = "none"


@theme.themed
def intake(
    quality: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    notes: bool = False,
) -> Axes:
    """Draw, source by source, the rows accepted and those refused by each rule.

    Parameters
    ----------
    quality : DataFrame
        What `study.check()` gives: `table, source, rule, column, rows, effect`, where `effect`
        is `in`, `accepted`, `rejected`, `dropped` or `noted` and rows are counts. Rules that
        concerned no row are left out.
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each rule's and source's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    notes : bool, default False
        Also draw what was kept but is worth knowing (effect `noted`), as outlined bars.

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing.
    """
    need(quality, ["table", "source", "rule", "rows", "effect"], figure="intake")
    look = Look(ax, labels, title, language)
    bars = list(_sources(quality, look, notes=notes))
    ax = theme.start(ax, height=max(2.0, 1.15 + 0.3 * len(bars)))
    if all(bar.whole is None for bar in bars):
        return theme.empty(ax, look, look.say("no_rows"))
    _draw(ax, look, bars, axis="intake_axis", text="rows")
    told = ["intake_note", "intake_outlined"] if notes else ["intake_note"]
    return theme.finish(ax, look, *map(look.say, told))


@theme.themed
def coverage(
    quality: pd.DataFrame,
    *,
    ax: Axes | None = None,
    labels: Mapping[str, str] | None = None,
    title: str | None = None,
    language: str = "en",
    top: int = 10,
) -> Axes:
    """Draw the share of events with a stage, and the most frequent touchpoints without one.

    Parameters
    ----------
    quality : DataFrame
        One row a touchpoint: `touchpoint`, `stage` (null where no rule maps it), `events`
        (count).
    ax : Axes, optional
        Axes to draw on; by default those of a new figure 7.2 inches wide.
    labels : mapping, optional
        Human label of each touchpoint's id.
    title : str, optional
        The finding; wrapped at the figure's width.
    language : str, default "en"
        Language of numbers and of the figure's own words.
    top : int, default 10
        How many unmapped touchpoints to name; the others share one bar, "(other)".

    Returns
    -------
    Axes

    Raises
    ------
    UserError
        A column is missing.
    """
    need(quality, ["touchpoint", "stage", "events"], figure="coverage")
    look = Look(ax, labels, title, language)
    events = quality["events"].fillna(0).astype("int64")
    total, missed = int(events.sum()), int(events[quality["stage"].isna()].sum())
    if not total:
        return theme.empty(theme.start(ax, height=2.2), look, look.say("no_rows"))
    bars = [
        Bar(look.say("mapped"), total - missed, total, theme.MAIN),
        Bar(look.say("unmapped"), missed, total, theme.WARN),
        *_missed(quality[quality["stage"].isna()], total, look, top=top),
    ]
    ax = theme.start(ax, height=1.25 + 0.34 * len(bars))
    _draw(ax, look, bars, axis="coverage_axis", text="events")
    if len(bars) == 2:
        return theme.finish(ax, look)
    ax.axhline(1.5, color=theme.GREY, lw=0.8)
    return theme.finish(ax, look, look.say("coverage_note"))


def _draw(ax: Axes, look: Look, bars: Sequence[Bar], *, axis: str, text: str) -> None:
    rows.label(ax, range(len(bars)), [bar.name for bar in bars])
    rows.percent_axis(ax, look, axis, top=1.0)
    for y, (bar, tick) in enumerate(zip(bars, ax.get_yticklabels(), strict=True)):
        if bar.whole is None:
            tick.set_fontweight("bold")
            rows.side(ax, y, look.counted("rows_in", bar.number))
            continue
        part = bar.number / bar.whole if bar.whole else 0.0
        ax.barh(y, part, height=0.62, color=bar.colour, edgecolor=bar.edge, zorder=2)
        rows.side(ax, y, look.counted(text, bar.number, share=share(part, look.language)))


def _sources(quality: pd.DataFrame, look: Look, *, notes: bool) -> Iterator[Bar]:
    """One heading a source, then its accepted rows and each rule that fired."""
    drawn = [effect for effect in COLOURS if notes or effect != "noted"]
    for (table, source), part in quality.groupby(["table", "source"], sort=False, dropna=False):
        total = part.loc[part["effect"] == "in", "rows"]
        if total.empty:
            continue  # notes about all sources together belong to none of them
        whole = int(total.sum())
        names = dict.fromkeys([look.name(table), look.name(source)])
        yield Bar(": ".join(names), whole, None)
        for row in part.to_dict("records"):
            number, effect = int(row["rows"]), str(row["effect"])
            if effect in drawn and (number or effect == "accepted"):
                edge = theme.QUIET if effect == "noted" else "none"
                yield Bar(_reason(row, look), number, whole, COLOURS[effect], edge)


def _reason(row: Mapping[Hashable, Any], look: Look) -> str:
    rule, column = row["rule"], row.get("column")
    if rule == "accepted":
        return look.say("accepted")
    if rule in (look.labels or {}):
        return look.name(rule)
    name = theme.clean(rule).replace("_", " ")
    return name if column is None or pd.isna(column) else f"{name} ({theme.clean(column)})"


def _missed(frame: pd.DataFrame, total: int, look: Look, *, top: int) -> list[Bar]:
    # By size, then by name: a tie must not depend on the order of rows.
    sums = frame.groupby("touchpoint", dropna=False)["events"].sum().reset_index()
    sums = sums.sort_values(["events", "touchpoint"], ascending=[False, True], kind="stable")
    first = zip(sums["touchpoint"][:top], sums["events"][:top], strict=True)
    bars = [Bar(look.name(name), int(number), total, UNMAPPED) for name, number in first]
    rest = int(sums["events"][top:].sum())
    return [*bars, Bar(look.say("other"), rest, total, UNMAPPED)] if rest else bars
