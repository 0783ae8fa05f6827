"""Friction: where customers loop, go back, change channel and wait."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from ibis import _

from cjlab.clusters import clustered_share
from cjlab.estimates import estimates
from cjlab.journey._segments import carried, coded, decoded
from cjlab.journey._states import tally
from cjlab.journey.base import Journeys, microseconds
from cjlab.journey.timing import DAY

# Metric: what its base is, and the note where there is none.
_SHARES = {
    "loops": ("observed next events", "no_next_event"),
    "backward": ("moves to another stage", "no_stage_move"),
    "switches": ("next events with a channel", "no_channel_move"),
}


def friction(j: Journeys, *, by: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Measure, touchpoint by touchpoint, how often customers get stuck after it.

    Parameters
    ----------
    j : Journeys
        The journeys; what is counted belongs to the period of the event at the touchpoint.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        event at the touchpoint.

    Returns
    -------
    DataFrame
        Estimates by ``touchpoint`` (all that occur in the period):

        - ``loops``: of the events at the touchpoint that were seen to have a next event, the
          share whose next event is at the same touchpoint (0–1);
        - ``backward``: of the events with a stage whose next event with a stage is in another
          one, the share for which that stage comes earlier in the model (0–1);
        - ``switches``: of the events with a channel that were seen to be followed by an event
          with a channel, the share for which that one is another (0–1);
        - ``wait``: the median days to the next event, of the same base as ``loops``, without
          limits.

        Null with the note ``no_next_event``, ``no_stage_move`` or ``no_channel_move`` where
        the base is empty.

    Raises
    ------
    UserError
        For an unknown segment.

    Notes
    -----
    Customers repeat, so limits are Wilson's with the effective sample size of the
    cluster-robust variance (Korn & Graubard 1998); with one customer there are none. Events
    after which nothing was observed are in no base: they may still be followed by anything.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": "a", "stage": ["see", "see", "buy", "see"],
    ...                     "ts": pd.date_range("2026-01-01", periods=4)})
    >>> found = friction(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found[["touchpoint", "metric", "value", "n"]].values.tolist()[4:7]
    [['see', 'loops', 0.5, 2], ['see', 'backward', 0.0, 1], ['see', 'switches', nan, 0]]
    """
    names = j.attributes(by)
    event = j.events
    moves = event.next_touchpoint.notnull()
    staged = (event.stage.notnull() & (event.next_stage != event.stage)).fill_null(False)
    channelled = event.channel.notnull() & event.next_channel.notnull()
    flags = {
        "loops": (moves & (event.next_touchpoint == event.touchpoint), moves),
        "backward": (staged & (event.next_stage < event.stage), staged),
        "switches": (channelled & (event.next_channel != event.channel), channelled),
    }
    columns = {
        f"_{name}_{part}": flag.fill_null(False)
        for name, pair in flags.items()
        for part, flag in zip("xn", pair, strict=True)
    }
    waited = microseconds(event.next_ts, event.ts)
    rows = event.filter(j.within(event.ts)).select(
        "unit",
        "customer",
        "step",
        "ts",
        "touchpoint",
        waited=waited,
        **columns,
        **carried(event, names),
    )
    rows = coded(j, rows, names)
    keys = [*j.columns(names), "touchpoint"]
    pairs = {m: (_.count(where=_[f"_{m}_x"]), _.count(where=_[f"_{m}_n"])) for m in _SHARES}
    found = tally(j, rows, keys, pairs)
    times = rows.group_by(keys).aggregate(waited=_.waited.quantile(0.5)).execute()
    # Codes are numbered in the order of names.
    frame = decoded(j, found.merge(times, on=keys), names).sort_values(keys, ignore_index=True)
    frame["touchpoint"] = frame["touchpoint"].map(j.labels("touchpoint"))
    parts = [_share(frame, keys, metric) for metric in _SHARES]
    table = pd.concat([*parts, _wait(frame, keys)]).sort_index(kind="stable", ignore_index=True)
    return estimates(table, keys)


def _share(frame: pd.DataFrame, keys: list[str], metric: str) -> pd.DataFrame:
    of, nothing = _SHARES[metric]
    parts = ("x", "n", "groups", "xx", "xn", "nn")
    share = clustered_share(*(frame[f"{metric}_{part}"] for part in parts))
    n = frame[f"{metric}_n"]
    note = pd.Series("one_customer", frame.index).where(np.isnan(share.low) & (n > 0))
    return frame[keys].assign(
        metric=metric, value=share.value, low=share.low, high=share.high, n=n, unit="1", of=of,
        customers=frame[f"{metric}_customers"], hits=frame[f"{metric}_hits"],
        note=note.mask(n == 0, nothing),
    )  # fmt: skip


def _wait(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    of, nothing = _SHARES["loops"]
    n = frame["loops_n"]
    return frame[keys].assign(
        metric="wait", value=frame["waited"] / DAY, n=n, unit="d", of=of,
        customers=frame["loops_customers"],
        note=pd.Series(nothing, frame.index).where(n == 0),
    )  # fmt: skip
