"""What the intake accepted and refused, and why."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from cjlab.plots import rows as chart
from cjlab.plots import theme
from cjlab.plots.frames import need
from cjlab.plots.words import count, phrase, share

#: Colour of each effect; what is not listed here is no bar.
COLOURS = {"accepted": theme.MAIN, "rejected": theme.WARN, "dropped": theme.GREY, "noted": "white"}


@dataclass(frozen=True)
class _Line:
    name: str
    rows: int
    whole: int
    effect: str


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
    lines = _lines(quality, labels, language, notes=notes)
    rows = chart.Rows(lines)
    ax = theme.start(ax, height=max(2.0, 1.15 + 0.3 * len(lines)))
    if not any(line.effect for line in lines):
        theme.empty(ax, phrase("no_rows", language))
        return theme.finish(ax, title=title, note=None)
    chart.label(ax, rows, [line.name for line in lines])
    chart.percent_axis(ax, language=language, top=1.0, text=phrase("intake_axis", language))
    theme.grid(ax)
    for place, (line, tick) in enumerate(zip(lines, ax.get_yticklabels(), strict=True)):
        y = rows.y(place)
        if not line.effect:
            tick.set_fontweight("bold")
            chart.side(ax, y, phrase("rows_in", language, n=count(line.rows, language)))
            continue
        part = line.rows / line.whole if line.whole else 0.0
        edge = theme.QUIET if line.effect == "noted" else "none"
        ax.barh(y, part, height=0.62, color=COLOURS[line.effect], edgecolor=edge, zorder=2)
        n = count(line.rows, language)
        chart.side(ax, y, phrase("rows", language, n=n, share=share(part, language)))
    note = phrase("intake_note", language)
    if notes:
        note += "; " + phrase("intake_outlined", language)
    return theme.finish(ax, title=title, note=note)


def _lines(
    quality: pd.DataFrame, labels: Mapping[str, str] | None, language: str, *, notes: bool
) -> list[_Line]:
    """One heading a source (no effect), then its accepted rows and each rule that fired."""
    lines: list[_Line] = []
    drawn = [effect for effect in COLOURS if notes or effect != "noted"]
    for (_, source), part in quality.groupby(["table", "source"], sort=False, dropna=False):
        total = part.loc[part["effect"] == "in", "rows"]
        if total.empty:
            continue  # notes about all sources together belong to none of them
        whole = int(total.sum())
        lines.append(_Line(_heading(part, source, labels), whole, whole, ""))
        for row in part.to_dict("records"):
            number, effect = int(row["rows"]), str(row["effect"])
            if effect not in drawn or (not number and effect != "accepted"):
                continue
            lines.append(_Line(_reason(row, labels, language), number, whole, effect))
    return lines


def _heading(part: pd.DataFrame, source: object, labels: Mapping[str, str] | None) -> str:
    table, name = theme.human(part["table"].iloc[0], labels), theme.human(source, labels)
    return name if name == table else f"{table}: {name}"


def _reason(row: Mapping[Hashable, Any], labels: Mapping[str, str] | None, language: str) -> str:
    rule, column = row["rule"], row.get("column")
    if rule == "accepted":
        return phrase("accepted", language)
    if labels is not None and rule in labels:
        return theme.human(rule, labels)
    name = theme.clean(rule).replace("_", " ")
    return name if column is None or pd.isna(column) else f"{name} ({theme.clean(column)})"
