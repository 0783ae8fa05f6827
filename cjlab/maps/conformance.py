"""Planned against actual: how far journeys go the way that people wrote on the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import numpy as np
import pandas as pd

from cjlab import messages, privacy
from cjlab.clusters import clustered_mean, clustered_share
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, concat, estimates
from cjlab.journey.base import Journeys, parse_duration
from cjlab.journey.routes import SUMS, routes
from cjlab.journey.timing import DAY
from cjlab.maps.deviations import FINISHED, OPEN, OTHER, PARTS, Deviations, codes_of, dense
from cjlab.maps.model import JourneyMap
from cjlab.maps.plan import Plan, plan_of
from cjlab.stats import proportion

#: Events after which a journey is cut.
LONGEST = 200
BEGINS = ("first", "planned")
_PLACE = ("step", "touchpoint", "next")
_NOTES = {FINISHED: "no_finished_journeys", OPEN: "no_open_journeys"}
_MADE = [name for name in COLUMNS if name != "status"]
# Of a step, what tells how many reached it: each follows from the others.
_TOGETHER = ("reached", "skipped", "out_of_order", "repeated", "returned")


@dataclass(frozen=True)
class Conformance:
    """How journeys go beside the plan; printing it gives it in the map's language.

    Parameters
    ----------
    plan : Plan
        The steps in order.
    table : DataFrame
        Estimates; see :func:`conformance`. Small cells are withheld.
    examples : DataFrame
        Estimates by ``path``: the share of finished journeys that went a way other than planned,
        the most common first. ``+`` stands before what the plan has not there, ``−`` before what
        was skipped. Ways of fewer customers than may be shown are together in ``(other)``.
    title, language : str
        Of the map.
    minimum : int
        Fewer customers than these are not shown.
    days : float or None
        How long a journey was followed; null where it was to the end of observation.
    """

    plan: Plan
    table: pd.DataFrame
    examples: pd.DataFrame
    title: str
    language: str
    minimum: int
    days: float | None

    def __str__(self) -> str:
        from cjlab.maps.conforming import text

        return text(self)

    def _repr_html_(self) -> str:
        from cjlab.maps.conforming import html

        return html(self)


def conformance(
    journey_map: JourneyMap,
    j: Journeys,
    *,
    within: str = "ordered",
    window: str | timedelta | None = "30D",
    begin: str = "first",
    by: str | Sequence[str] | None = None,
    top: int = 10,
) -> Conformance:
    """Compare the plan on a map with what journeys did.

    A journey is a unit's events from its first one in the period on, as long as `window`. Only
    journeys that were observed for so long are *finished* and compared with the whole plan; of
    the others, which are *open*, the steps that they have not come to are not missed.

    Parameters
    ----------
    journey_map : JourneyMap
        The map. The plan is its authored cards with a ``touchpoint`` in the lanes touchpoints,
        actions and evidence, in the order of columns, lanes and cards.
    j : Journeys
        The journeys. Who came before the period may come into the plan midway: for whole
        journeys take sessions, or ``where={"customer_type": "new"}``.
    within : {"ordered", "any"}, default "ordered"
        Whether the steps of one column follow each other as they stand, or in any order.
    window : str, timedelta or None, default "30D"
        How long a journey is followed, its edge included. None takes every journey as finished
        where observation ends, as in a log of closed cases.
    begin : {"first", "planned"}, default "first"
        Whether a journey begins with its first event in the period, or with the first one at a
        touchpoint of the plan: who never comes to one is then no journey.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        journey's first event.
    top : int, default 10
        How many unplanned touchpoints, and ways of going, have a name; the rest is ``(other)``.

    Returns
    -------
    Conformance
        ``table`` has estimates by ``step, touchpoint, next`` (null where they do not apply):

        - ``journeys``, ``open``: how many are finished, and how many are not;
        - ``fitness`` (mean of finished journeys, 0–1), ``fitness_open`` (of open ones, beside the
          part of the plan that they have come to), ``as_planned`` (share without any skip or
          extra event), ``cut`` (share with more than 200 events, of which the first are taken);
        - by step: ``reached`` (share of finished journeys that were at the touchpoint in or out
          of order), ``skipped`` (of those that reached it or a later step, the share that never
          were there), and of those that reached it: ``out_of_order`` (share that were there only
          before or after its turn), ``repeated`` (mean of further events right after one there),
          ``returned`` (share that came again later or before);
        - ``left`` (share of finished journeys whose last step in order it is and that miss a
          later one; ``(start)`` where they took none, ``(completed)`` where they miss none; these
          add up to 1), ``left_to`` (of those, what came ``next``: a touchpoint, or ``(end)``);
        - ``extra``: by unplanned touchpoint the share of finished journeys that were at it.

    Raises
    ------
    UserError
        The map has no plan, the study knows a touchpoint of it not, an option is unknown, or
        there are more than 250,000 different routes.

    Notes
    -----
    Fitness is 1 − cost / worst cost of an optimal alignment (van der Aalst, Adriansyah & van
    Dongen 2012): a skipped step that is not optional costs 1, an event that no step takes costs
    1, and there is no substitution; at worst every step is skipped and every event is extra. An
    event at a planned touchpoint right after another one there is a loop: it costs nothing and is
    counted as ``repeated``. A journey's fitness is rounded to a ten-thousandth. Of alignments
    that cost the same, the one that takes the plan's earlier steps counts. Limits are Wilson's
    for shares and Student's t for means; with sessions, which repeat customers, cluster-robust.

    Examples
    --------
    >>> from cjlab.maps import Card, template
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": "buy",
    ...                     "touchpoint": ["call", "pay", "pay"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> plan = [Card(text="Calls", touchpoint="call"), Card(text="Pays", touchpoint="pay")]
    >>> written = template("current").with_cards({"touchpoints": {"purchase": tuple(plan)}})
    >>> j = Journeys.from_frame(log, stages=["buy"], touchpoint="touchpoint")
    >>> found = written.conformance(j, window=None)
    >>> found.table.query("metric == 'journeys'")["status"].tolist()  # two are too few to show
    ['suppressed']
    """
    plan = plan_of(journey_map, within)
    if top < 1:
        raise UserError(f"top is {top}; give at least one a name.")
    plan.check(j)
    if begin not in BEGINS:
        raise UserError(f'begin is "{begin}".{did_you_mean(begin, BEGINS)}')
    names = j.attributes(by)
    span = parse_duration(window, "window")
    planned = codes_of(plan, j) if begin == "planned" else None
    own = routes(j, names, window=span, longest=LONGEST, begin=planned)
    found = Deviations(plan, own)
    parts = [_gated(part, j.minimum) for part in _segments(measured(found, names, top), found)]
    table = concat(parts)

    def word(name: str) -> str:
        return messages.label("touchpoint", name, journey_map.language)

    examples = _examples(found, word, top)
    if (table.loc[table["metric"] == "as_planned", "status"] == "suppressed").any():
        # What is left of all journeys would tell how many went as planned.
        examples = estimates(examples[examples["path"] != OTHER], ["path"])
    return Conformance(
        plan, table, examples, journey_map.title, journey_map.language, j.minimum,
        None if span is None else span / DAY,
    )  # fmt: skip


def measured(found: Deviations, names: Sequence[str], top: int) -> pd.DataFrame:
    """Return the estimates of :func:`conformance` before small cells are withheld."""
    own, j = found.routes, found.routes.j
    items, table = found.summands(top)
    sums = own.sums(table)
    dims = [*own.base, *_PLACE]
    heads = pd.DataFrame(
        [(*group, item) for group, item in product(j.groups(list(names)), range(len(items)))],
        columns=[*own.base, "item"],
    )
    full = heads.merge(sums, "left", [*own.base, "item"])
    full[list(SUMS)] = full[list(SUMS)].fillna(0)
    said = pd.DataFrame(items).rename_axis("item").reset_index().astype({"step": "Int64"})
    full = full.merge(said, on="item").sort_values([*own.base, "item"], ignore_index=True)
    parts = (_estimated(rows, str(kind), j) for kind, rows in full.groupby("kind", sort=False))
    return estimates(pd.concat(parts).sort_index()[[*dims, *_MADE]], dims)


def _estimated(rows: pd.DataFrame, kind: str, j: Journeys) -> pd.DataFrame:
    """Make estimates of sums, all of one kind: a count, a share, a mean or a mean of events."""
    x, n = rows["x"], rows["n"]
    if kind == "count":
        return rows.assign(value=x, low=np.nan, high=np.nan, hits=rows["customers"],
                           unit=f"{j.unit}s", note=None)  # fmt: skip
    sums = [rows[name] for name in ("groups", "xx", "xn", "nn")]
    if kind == "share":
        found = proportion(x, n) if j.unit != "session" else clustered_share(x, n, *sums)
    else:
        scale = PARTS if kind == "mean" else 1
        found = clustered_mean(x / scale, n, sums[0], sums[1] / scale**2, sums[2] / scale, sums[3])
    low, high = np.maximum(found.low, 0), found.high
    if kind == "mean":
        rows, high = rows.assign(hits=np.nan), np.minimum(high, 1)
    alone = np.isnan(low) & (n > 0)
    note = pd.Series("no_spread", rows.index).where(alone)
    note = note.mask(alone & (rows["groups"] == 1), "one_customer")
    note = note.mask(n == 0, rows["of"].map(_NOTES).fillna("nobody_came"))
    unit = "events" if kind == "events" else "1"
    return rows.assign(value=found.value, low=low, high=high, unit=unit, note=note)


def _segments(table: pd.DataFrame, found: Deviations) -> list[pd.DataFrame]:
    """The table of each segment: what adds up to a whole does so within one."""
    base = found.routes.base
    if not base:
        return [table]
    parts = (part for _, part in table.groupby(base, sort=False, dropna=False))
    return [estimates(part, [*base, *_PLACE]) for part in parts]


def _gated(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Withhold small cells, and of a step also what would tell them."""
    gated, _ = privacy.gate(table, minimum)
    own = gated["metric"].isin(_TOGETHER)
    told = gated["metric"].isin(["reached", "skipped"]) & (gated["status"] == "suppressed")
    more = own & gated["step"].isin(gated.loc[told, "step"]) & (gated["status"] != "suppressed")
    gated.loc[more, ["value", "low", "high"]] = np.nan
    gated.loc[more, ["n", "customers", "hits"]] = pd.NA
    gated.loc[more, ["status", "note"]] = ["suppressed", "complementary"]
    return gated


def _examples(found: Deviations, word: Callable[[str], str], top: int) -> pd.DataFrame:
    """The most common ways other than planned; those of too few customers are put together."""
    j, mature = found.routes.j, found.mature
    ways = found.ways()
    size = {way: int(found.journeys[rows].sum()) for way, rows in ways.items()}
    ranked = sorted(ways, key=lambda way: (-size[way], way))
    shown = [ways[way] for way in ranked[:top]]
    heads = found.routes.sums(dense(shown, mature), split=False).set_index("item")
    shown = [rows for at, rows in enumerate(shown) if heads["hits"].get(at, 0) >= j.minimum]
    rest = [row for rows in ways.values() if rows not in shown for row in rows]
    while rest:
        sums = found.routes.sums(dense([*shown, rest], mature), split=False)
        hits = sums.set_index("item")["hits"].get(len(shown), 0)
        if hits >= j.minimum or not shown:
            break
        rest += shown.pop()  # the others are too few to be told apart from it
    if not rest:
        sums = found.routes.sums(dense(shown, mature), split=False)
    names = [*(found.told(rows[0], word) for rows in shown), *([OTHER] if rest else [])]
    rows = sums.sort_values("item", ignore_index=True)
    rows = rows.assign(path=[names[at] for at in rows["item"]], metric="way", of=FINISHED)
    table = _estimated(rows, "share", j)[["path", *_MADE]]
    return privacy.gate(estimates(table, ["path"]), j.minimum)[0]
