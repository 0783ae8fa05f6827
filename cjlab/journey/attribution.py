"""Attribution: how conversions and their value are shared among the channels before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
from ibis import _

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.journey._conversion_segments import Segments
from cjlab.journey._conversions import ORDER, blocks, source
from cjlab.journey._credit import RULES
from cjlab.journey._tally import MARKOV, TOUCHED, Outcome, Plan, Tally, tally
from cjlab.journey.base import Journeys, parse_duration
from cjlab.resample import bootstrap

MODELS = (*(rule for rule in RULES if rule != "shapley"), MARKOV, "shapley")
LEVELS = ("channel", "touchpoint")
UNATTRIBUTED = "(unattributed)"
METRICS = (("conversions", "conversions"), ("value", "currency"), ("share", "1"))
# A chain that remembers more has too many states to be solved 2,000 times.
DEEP_DRAWS = 200


def attribution(
    j: Journeys,
    *,
    conversion: str | pd.DataFrame = ORDER,
    model: str | Sequence[str] = "linear",
    level: str = "channel",
    lookback: str | timedelta = "30D",
    direct: str = "Direct",
    order: int = 1,
    half_life: str | timedelta = "7D",
    draws: int = 2000,
    seed: int = 0,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Share conversions and their value among the channels touched before them.

    No model is causal: none says what would have been lost without a channel. Show several
    side by side (``model="all"``).

    Parameters
    ----------
    j : Journeys
        The journeys; a conversion belongs to the period in which it lies, its touches may lie
        before.
    conversion : str or DataFrame, default "order"
        Purchases, a stage (each entry into it), a touchpoint (each event at it), or a table
        with ``customer_id``, ``ts`` (local time of the study, unless it has an offset) and, if
        known, ``value``.
    model : str, list of str or "all", default "linear"
        ``first``, ``last``, ``last_non_direct`` (the direct channel only where there is no
        other), ``linear``, ``position`` (one touch 1; two 50/50; more 40/20/40), ``time_decay``,
        ``markov`` (removal effect) and ``shapley``.
    level : {"channel", "touchpoint"}, default "channel"
        What gets the credit. A touch always is an event with a channel.
    lookback : str or timedelta, default "30D"
        How long before the conversion a touch counts, both ends included.
    direct : str, default "Direct"
        Name of the channel of visitors who came by themselves.
    order : int, default 1
        How many channels a state of the Markov chain remembers, 1 to 3.
    half_life : str or timedelta, default "7D"
        Time in which the weight of ``time_decay`` halves.
    draws : int, default 2000
        Resamples of customers for the intervals, 0 for none. With Markov of order 2 or 3 at
        most 200 are drawn.
    seed : int, default 0
        Same seed, same intervals.
    by : str or sequence of str, optional
        Attributes of customers, or the calendar period of the conversion.

    Returns
    -------
    DataFrame
        Estimates by ``channel`` (or ``touchpoint``) and ``model``: ``conversions``, ``value``
        (currency; conversions without one have no part in it) and ``share`` (0–1, of
        conversions). Each adds up to its total over the channels and ``(unattributed)``, the
        conversions without a touch. ``n`` counts conversions, ``customers`` who made them,
        ``hits`` those with credit for the channel (for Markov: who touched it). Counts of a
        period that had not ended are null with status ``not_yet_observed``. ``attrs`` holds
        ``seed``, ``draws``, ``interval``, ``without_value``, ``left_out`` (given conversions
        without a known customer or time) and the key of the sentence to show.

    Raises
    ------
    UserError
        For an unknown conversion, model, level or attribute, or a bad duration.

    Notes
    -----
    Touches are events with a channel at or before the conversion that do not stand in the stage
    (or at the touchpoint) converted to (nor purchases, for orders). Every conversion looks back
    on its own, so touches may be shared.

    Markov: conversions with touches are shared in proportion to the removal effect, solved
    exactly (Anderl et al. 2016); so is their value. States are the last `order` channels, from
    the start on; repeats are kept. Paths that end in nothing are each journey's touches in the
    period after its last conversion, or all of them without one.

    Shapley: exact, of the game in which a coalition is worth the conversions whose channels all
    belong to it; paths without conversion play no part ("simplified", Zhao et al. 2018). Each
    conversion is then shared equally among its distinct channels, whatever their number.

    Intervals: percentiles over customers (accounts, for that unit) drawn with replacement from
    all of the segment; null with fewer than two converting customers, or where the draws show
    no spread.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a"] * 3, "stage": ["see", "see", "buy"],
    ...                     "channel": ["Ad", "Mail", None],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"])})
    >>> j = Journeys.from_frame(log, stages=["see", "buy"])
    >>> found = attribution(j, conversion="buy", model=["last", "linear"], draws=0)
    >>> found.query("metric == 'share'")[["channel", "model", "value"]].values.tolist()
    [['Ad', 'last', 0.0], ['Ad', 'linear', 0.5], ['Mail', 'last', 1.0], ['Mail', 'linear', 0.5],
    ['(unattributed)', 'last', 0.0], ['(unattributed)', 'linear', 0.0]]
    """
    models = _models(model)
    _check(level, order, draws)
    names = j.attributes(by)
    segments = Segments(j, names)
    span, decay = parse_duration(lookback, "lookback"), parse_duration(half_life, "half_life")
    if span is None or decay is None:
        raise UserError("lookback and half_life must be durations such as 30D.")
    own = [code for code, name in j.labels("channel").items() if name == direct]
    found = source(
        j, conversion, level=level, lookback=span, direct=own, calendar=segments.calendar
    )
    sizes = found.touches.group_by("code").aggregate(n=_.count()).execute()
    channels = {code: name for code, name in j.labels(level).items() if code in set(sizes["code"])}
    plan = Plan(models, max(channels, default=-1) + 1, span, decay, order, draws > 0)
    if MARKOV not in models:
        found = replace(found, touches=found.touches.semi_join(found.conversions, "unit"))
    sums = tally(blocks(found, int(sizes["n"].sum())), plan, segments.number)
    if MARKOV in models and order > 1:
        draws = min(draws, DEEP_DRAWS)
    labels = {**channels, plan.channels: UNATTRIBUTED}
    rows = _table(sums, plan, segments, level, labels, draws, seed)
    rows["unit"] = rows["unit"].replace("currency", j.currency)
    keys = [*j.columns(names), level, "model"]
    notes = {"shapley": "shapley_simplified"}
    if not own:
        notes["last_non_direct"] = "no_direct"
    rows["note"] = rows["note"].fillna(rows["model"].map(notes))
    table = estimates(rows[[*keys, *COLUMNS]], keys)
    base = sums.base.sum()
    table.attrs |= {
        "sentence": "attribution_not_causal",
        "without_value": int(base["n"] - base["valued"]),
        "left_out": found.left_out,
        "draws": draws,
        "seed": seed,
        "interval": "percentile",
        "resampled": "customer" if j.cluster == "customer" else "account",
        "game": "simplified",
        "order": order,
    }
    return table


def _models(model: str | Sequence[str]) -> list[str]:
    names = list(MODELS) if model == "all" else [model] if isinstance(model, str) else model
    for name in names:
        if name not in MODELS:
            raise UserError(f'model is "{name}".{did_you_mean(name, [*MODELS, "all"])}')
    if not names:
        raise UserError(f"model names no model. Valid: {', '.join(MODELS)}.")
    return list(dict.fromkeys(names))


def _check(level: str, order: int, draws: int) -> None:
    if level not in LEVELS:
        raise UserError(f'level is "{level}".{did_you_mean(level, LEVELS)}')
    if order not in (1, 2, 3):
        raise UserError(f"order is {order}; a Markov state remembers 1, 2 or 3 channels.")
    if draws != 0 and not 100 <= draws <= 100_000:
        raise UserError(f"draws is {draws}; write 100 to 100000, or 0 for no intervals.")


def _table(
    sums: Tally,
    plan: Plan,
    segments: Segments,
    level: str,
    labels: dict[int, str],
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Put the rows of all segments under each other."""
    whom = segments.customers() if draws else {}
    late = segments.open_period()
    columns = segments.j.columns(segments.names)
    tables = []
    for number, group in segments.all(sums):
        part = _part(sums, number)
        outcome = Outcome(part, plan)
        found = outcome(np.ones((1, outcome.owners)))[0]
        limits = None
        if draws and part.base["customers"].sum() > 1:
            limits = np.stack(
                bootstrap(
                    outcome,
                    outcome.owners,
                    population=max(whom.get(segments.own(group), 0), outcome.owners),
                    draws=draws,
                    seed=seed,
                )
            )
        rows = _rows(part, plan, level, labels, found, limits)
        if draws:
            short = "one_customer" if limits is None else "no_spread"
            rows["note"] = rows["note"].mask(rows["value"].notna() & rows["low"].isna(), short)
        if late is not None and late in group:
            counts = rows["metric"] != "share"
            rows.loc[counts, ["value", "low", "high", "note"]] = None
            rows.loc[counts, "status"] = "not_yet_observed"
        tables.append(rows.assign(**dict(zip(columns, group, strict=True))))
    every = [*columns, level, "model", *COLUMNS]
    if not tables:
        return pd.DataFrame(columns=every)
    return pd.concat(tables, ignore_index=True).reindex(columns=every)


def _part(sums: Tally, number: int) -> Tally:
    """Cut the sums to one segment."""
    return Tally(
        sums.credit[sums.credit["segment"] == number],
        sums.hits[sums.hits.index.get_level_values("segment") == number].droplevel("segment"),
        sums.base[sums.base.index == number],
        sums.moves[sums.moves["segment"] == number],
    )


def _rows(
    part: Tally,
    plan: Plan,
    level: str,
    labels: dict[int, str],
    found: Floats,
    limits: Floats | None,
) -> pd.DataFrame:
    """One row per channel, model and metric of a segment; numbers by metric, model and code."""
    codes, shape = list(labels), (len(METRICS), len(plan.models), plan.channels + 1)

    def column(numbers: Floats) -> Floats:
        return numbers.reshape(shape)[:, :, codes].transpose(2, 1, 0).ravel()

    index = pd.MultiIndex.from_product([codes, plan.models, [name for name, _ in METRICS]])
    frame = index.to_frame(index=False, name=["code", "model", "metric"])
    money = frame["metric"] == "value"
    base = part.base.sum()
    frame[level] = frame["code"].map(labels)
    frame["unit"] = frame["metric"].map(dict(METRICS))
    frame["of"] = np.where(money, "conversions with a value", "conversions")
    frame["n"] = np.where(money, base["valued"], base["n"])
    frame["customers"] = np.where(money, base["buyers"], base["customers"])
    rule = (
        frame["model"].replace(MARKOV, TOUCHED).map({r: str(k) for k, r in enumerate(plan.rules)})
    )
    hits = part.hits.stack()
    key = pd.MultiIndex.from_arrays([frame["code"], np.where(money, "v", "c") + rule])
    frame["hits"] = hits.reindex(key).fillna(0).to_numpy()
    known = (frame["n"] > 0) | (frame["metric"] == "conversions")
    frame["value"] = np.where(known, column(found), np.nan)
    why = pd.Series(np.where(money, "no_value", "no_conversions"))
    frame["note"] = why.mask(known)
    for place, name in enumerate(("low", "high")):
        frame[name] = np.nan if limits is None else np.where(known, column(limits[place]), np.nan)
    return frame
