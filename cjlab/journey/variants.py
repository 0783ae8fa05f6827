"""Variants: the paths that whole journeys take, and how many take each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.journey._states import check_level, shares, starts, states
from cjlab.journey.base import Journeys

OTHER, MORE = "(other)", "…"
_OTHER = "~"  # sorts after every path, whose keys are digits


def variants(
    j: Journeys,
    *,
    level: str = "stage",
    top: int | None = None,
    collapse: bool = True,
    max_length: int = 20,
    by: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Count how many journeys take each path.

    A path is all states of a journey that starts in the period, in order, up to the end of
    observation: of open journeys it is the path so far.

    Parameters
    ----------
    j : Journeys
        The journeys; one belongs to the period in which its first event lies.
    level : {"stage", "touchpoint", "channel"}
        What counts as a state. Events without one are passed over.
    top : int, optional
        Show only so many paths, those most taken over all segments together; the rest is in
        the row ``(other)``. All of them by default.
    collapse : bool, default True
        Whether repeats of a state one after the other count once.
    max_length : int, default 20
        States after which a path is cut and ends with ``…``.
    by : str or sequence of str, optional
        Segments, such as ``"persona"``; a channel, device or calendar period is that of the
        journey's first event.

    Returns
    -------
    DataFrame
        Estimates by ``path`` (states joined by `` > ``; within a name ``>`` is ``\\>`` and
        ``\\`` is ``\\\\``): ``count`` (journeys) and ``share`` of all journeys (0–1), most taken
        paths first. Journeys without any state are in ``(no stage)``, ``(no channel)`` and so on.
        With `top` every segment has all rows, a null share where no journey starts in it;
        without, paths that nobody of a segment takes have no row. ``attrs["other_variants"]``
        is how many paths the row ``(other)`` holds.

    Raises
    ------
    UserError
        For an unknown level or segment, or a number below 1.

    Notes
    -----
    Limits are Wilson's; for sessions, which repeat customers, with the effective sample size of
    the cluster-robust variance (Korn & Graubard 1998). Equally common paths come in the order
    of their states.

    Examples
    --------
    >>> import pandas as pd
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "stage": ["see", "buy", "see"],
    ...                     "ts": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-01"])})
    >>> found = variants(Journeys.from_frame(log, stages=["see", "buy"]))
    >>> found.query("metric == 'share'")[["path", "value", "n"]].values.tolist()
    [['see', 0.5, 2], ['see > buy', 0.5, 2]]
    """
    names = j.attributes(by)
    every = paths(j, names, level=level, collapse=collapse, max_length=max_length)
    rows, others = keep_top(every, top)
    base = j.columns(names)
    found = shares(j, rows, base, "path", once=j.unit != "session")
    if top is not None:
        found = _filled(found, base, j.groups(names))
    found = in_order(found, base)
    found["path"] = named(j, found["path"], level)
    found = estimates(_rows(found, base, j.unit), [*base, "path"])
    found.attrs["other_variants"] = others
    return found


def paths(j: Journeys, names: list[str], *, level: str, collapse: bool, max_length: int) -> Table:
    """Return the units that start in the period, their segments and ``path``, a text of codes."""
    check_level(level)
    if max_length < 1:
        raise UserError(f"max_length is {max_length}; a path has at least one state.")
    size = _size(j, level)
    state = states(j, level, collapse=collapse)
    # One number holds the step and the state, so that sorting it puts the states in order.
    packed = state.step.cast("int64") * size + state.state
    journeys = state.mutate(packed=packed).group_by("unit").aggregate(steps=_.packed.collect())
    # Numbers from `size` on have equally many digits: their texts sort as they do.
    base = 10 ** len(str(size))
    codes = journeys.steps.sort()[:max_length].map(lambda at: (at % size + base).cast("string"))
    cut = (journeys.steps.length() > max_length).ifelse(str(base + size - 1), "")
    journeys = journeys.select("unit", path=ibis.literal("").join(codes) + cut)
    begun = starts(j, names).left_join(journeys, "unit").drop("unit_right")
    return begun.mutate(path=begun.path.fill_null("")).cache()


def keep_top(every: Table, top: int | None) -> tuple[Table, int]:
    """Put all but the most taken paths together; say how many paths that are."""
    if top is None:
        return every, 0
    if top < 1:
        raise UserError(f"top is {top}; show at least one path.")
    ranked = every.group_by("path").aggregate(n=_.count())
    shown = ranked.order_by([ibis.desc("n"), "path"]).limit(top).select("path", kept=_.path)
    rows = every.left_join(shown, "path")
    rows = rows.mutate(path=rows.kept.fill_null(_OTHER)).drop("kept", "path_right")
    return rows, max(int(ranked.count().execute()) - top, 0)


def in_order(found: pd.DataFrame, base: list[str]) -> pd.DataFrame:
    """Sort by segment, then by how many take the path in all, the other paths last."""
    taken = found.groupby("path")["x"].transform("sum")
    order = found.assign(_last=found["path"] == _OTHER, _taken=-taken)
    kept = order.sort_values([*base, "_last", "_taken", "path"], ignore_index=True)
    return kept.drop(columns=["_last", "_taken"])


def named(j: Journeys, keys: pd.Series, level: str) -> list[str]:
    """Write the paths that the texts of codes stand for."""
    size = _size(j, level)
    width, base = len(str(size)) + 1, 10 ** len(str(size))
    special = {MORE, OTHER, f"(no {level})"}
    words = {size - 1: MORE}
    for code, label in j.labels(level).items():
        words[code] = ("\\" if label in special else "") + _escaped(label)
    found = {"": f"(no {level})", _OTHER: OTHER}
    for key in set(keys) - found.keys():
        codes = (int(key[at : at + width]) - base for at in range(0, len(key), width))
        found[key] = " > ".join(words[code] for code in codes)
    return [found[key] for key in keys]


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace(">", "\\>")


def _size(j: Journeys, level: str) -> int:
    """One more than there are states: the last number marks a path that is cut."""
    return max(j.labels(level), default=0) + 2


def _filled(found: pd.DataFrame, base: list[str], groups: list[tuple[str, ...]]) -> pd.DataFrame:
    """Give each segment all paths, 0 where nobody took one."""
    every = [(*group, path) for group, path in product(groups, found["path"].unique())]
    full = pd.DataFrame(every, columns=[*base, "path"]).merge(found, "left", [*base, "path"])
    for name in ("n", "customers"):
        whole = full.groupby(base)[name].transform("max") if base else full[name].max()
        full[name] = full[name].fillna(whole).fillna(0)
    return full.fillna({"x": 0, "hits": 0})


def _rows(found: pd.DataFrame, base: list[str], unit: str) -> pd.DataFrame:
    if found.empty:
        return pd.DataFrame(columns=[*base, "path", "metric", "value", "n"])
    known = found[[*base, "path", "n", "customers", "hits"]]
    count = known.assign(metric="count", value=found["x"], unit=f"{unit}s", of="journeys")
    share = known.assign(
        metric="share", value=found["x"] / found["n"].where(found["n"] > 0), unit="1",
        low=found["low"], high=found["high"], of="journeys",
    )  # fmt: skip
    share["note"] = pd.Series("no_journeys", found.index).where(found["n"] == 0)
    one = (found["n"] > 0) & found["low"].isna()
    share["note"] = share["note"].mask(one, "one_customer")
    return pd.concat([count, share]).sort_index(kind="stable", ignore_index=True)
