"""Publishing journey maps: in the page, as files beside it, and in short on the first page."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from cjlab import messages
from cjlab.maps import JourneyMap, html, wording
from cjlab.maps.model import Number
from cjlab.report.context import Context, _display, _own
from cjlab.study import Study


def journey_map(
    name: str,
    first: JourneyMap,
    second: JourneyMap | None = None,
    *,
    caption: str | None = None,
    first_page: Collection[str] = (),
) -> None:
    """Publish a journey map, or two side by side.

    What a map filled from a study holds has passed the privacy gate; what people wrote on it is
    published as they wrote it.

    Parameters
    ----------
    name : str
        Name of its files, ``maps/<name>.html`` and, of a single map, ``.json``.
    first, second : JourneyMap
        One, or two of the same stages.
    caption : str, optional
        Plain text above the map; by default what the map is called.
    first_page : collection of str, optional
        Lanes to show on the report's first page too, with a link to the whole map.

    Raises
    ------
    UserError
        A name that is not usable or already used, or maps of different stages.

    Examples
    --------
    >>> from cjlab.maps import template
    >>> journey_map("plan", template("future"))
    """
    here = Context.current()
    maps = [first] if second is None else [first, second]
    caption = _own("caption", name) or caption or first.title
    shown = html.fragment(*maps)
    if file := here.file("maps", f"{name}.html"):
        page = html.html(first) if second is None else html.side_by_side(first, second)
        file.write_text(page, encoding="utf-8")
        if second is None:
            first.write(file.with_suffix(".json"))
        here.record("map", name=name, caption=caption, short=_short(first, first_page))
        for stage, number in _withheld(maps):
            here.record("withheld", table=name, dims={"stage": stage}, metric=number.metric,
                        reason=number.note or "small_cell")  # fmt: skip
    files = [f"maps/{name}.html", *([f"maps/{name}.json"] if second is None else [])]
    _display("map", name, caption, map=shown, caption=caption, files=files)


def _short(journey_map: JourneyMap, lanes: Collection[str]) -> str | None:
    """Return the lanes for the first page as markup, if any of them has a card."""
    if not any(journey_map.cards.get(lane) for lane in lanes):
        return None
    return html.fragment(journey_map.only(*lanes))


def _withheld(maps: Collection[JourneyMap]) -> list[tuple[str, Number]]:
    return [
        (stage, number)
        for one in maps
        for _lane, stage, card in one.walk()
        for number in card.numbers
        if number.status == "suppressed"
    ]


def worst_pain(journey_map: JourneyMap) -> str:
    """Say which pain a map ranks first, and how much worse it is; or that there is none."""
    language = Context.current().language
    ranked = [card for lane, _, card in journey_map.walk() if lane == "pains" and card.rank == 1]
    if not ranked:
        return messages.text("finding.pain.none", language)
    first, *others = ranked[0].numbers
    said = {
        name: wording.value_text(number, language, journey_map.minimum)
        for name, number in zip(("now", "before"), [first, *others[:1]], strict=False)
    }
    if others and others[0].metric == first.metric and others[0].period != first.period:
        return messages.text("finding.pain.earlier", language, text=ranked[0].text, **said)
    return messages.text("finding.pain.others", language, text=ranked[0].text, now=said["now"])


def tied(ties: pd.DataFrame) -> str:
    """Say whether all sums of `cjlab.maps.reconcile` agree, and how many numbers were checked."""
    language = Context.current().language
    off = int((ties["difference"].fillna(0) != 0).sum())
    if off:
        return messages.text("finding.ties.some", language, off=off, ties=len(ties))
    checked = ties["difference"].notna() & (ties["tie"] != "numbers")
    numbers = int(ties.loc[ties["tie"] == "numbers", "on_map"].sum())
    return messages.text("finding.ties.all", language, ties=int(checked.sum()), numbers=numbers)


def further(study: Study) -> list[str]:
    """Return the templates that a study has more to fill from than its events: day, future."""
    said = study.config.map
    given = {"day": said.diary, "future": said.scenario}
    return [template for template, file in given.items() if file is not None]


def conformance(study: Study, journey_map: JourneyMap) -> pd.DataFrame:
    """Return how the journeys of the map's period go beside the plan on it."""
    j = study.journeys(start=journey_map.start, end=journey_map.end)
    return journey_map.conformance(j, window=study.config.report.window).table


def planned(shown: pd.DataFrame) -> str:
    """Say how well journeys fit the plan, or why that cannot be told."""
    language = Context.current().language
    rows = shown[shown["metric"] == "fitness"]
    if rows.empty:
        reason = str(shown.attrs.get("reason", ""))
        return messages.text("finding.not_applicable", language, reason=reason)
    row = rows.iloc[0]
    if row["status"] != "ok" or pd.isna(row["value"]):
        return messages.text("finding.too_few", language)
    said = {
        "fit": messages.percent(row["value"]),
        "interval": messages.limits(row["value"], row["low"], row["high"], "1"),
        "n": int(row["n"]),
    }
    return messages.text("finding.fit", language, **said)
