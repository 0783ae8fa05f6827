"""What the tables of paths, returns and value say, in one sentence each.

Most sentences are of two kinds: which row of a table is the largest, and what one row says.
A study that lacks what a metric needs (orders, channels) gets the reason in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from cjlab import messages
from cjlab.errors import UserError
from cjlab.estimates import COLUMNS, dims, estimates
from cjlab.report.context import Context

Labels = Mapping[str, str]


def possible(
    metric: Callable[..., pd.DataFrame], *given: Any, dims: list[str], **options: Any
) -> pd.DataFrame:
    """Return a metric's table, or one empty row with the reason where the study lacks something.

    Parameters
    ----------
    metric : callable
        A function of ``cjlab.journey``.
    *given
        What it takes first: the journeys.
    dims : list of str
        Its dimension columns, for the empty table.
    **options
        Its options.

    Returns
    -------
    DataFrame
        Estimates; ``attrs["reason"]`` says in one line what is missing, if anything is.
    """
    try:
        return metric(*given, **options)
    except UserError as error:
        table = estimates(pd.DataFrame([], columns=[*dims, *COLUMNS]), dims)
        table.attrs["reason"] = str(error)
        return table


def most(key: str, gated: pd.DataFrame, metric: str, labels: Labels | None = None) -> str:
    """Say which row has the largest value of a metric: message ``finding.<key>``.

    Parameters
    ----------
    key : str
        The message; it may name ``{name}``, ``{value}``, ``{interval}`` and ``{n}``. Where
        there is one row only, ``finding.<key>_one`` goes before it, if there is such a message.
    gated : DataFrame
        What ``show`` returned.
    metric : str
        Which of its metrics.
    labels : mapping, optional
        Words for ids.

    Returns
    -------
    str
        One sentence; says why where there is no number.
    """
    rows = gated[(gated["metric"] == metric) & (gated["status"] == "ok")]
    rows = rows[~rows[dims(gated)[-1]].isin(["(other)", "(no stage)", "(unattributed)"])]
    if rows.empty:
        return _nothing(gated)
    # What is surely high comes before what may be high by chance.
    sure = rows["low"] if rows["low"].notna().any() else rows["value"]
    return _told(_alone(key, rows), gated, rows.iloc[int(sure.argmax())], labels or {})


def least(key: str, gated: pd.DataFrame, metric: str, labels: Labels | None = None) -> str:
    """Say which row is surely the smallest in a metric; as in `most`."""
    rows = gated[(gated["metric"] == metric) & (gated["status"] == "ok")]
    rows = rows[~rows[dims(gated)[-1]].isin(["(other)", "(unknown)"])]
    if rows.empty:
        return _nothing(gated)
    sure = rows["high"] if rows["high"].notna().any() else rows["value"]
    return _told(_alone(key, rows), gated, rows.iloc[int(sure.argmin())], labels or {})


def _alone(key: str, rows: pd.DataFrame) -> str:
    """What has nothing beside it is neither the most nor the least."""
    one = f"{key}_one"
    return one if len(rows) == 1 and messages.has(f"finding.{one}") else key


def uncovered(gated: pd.DataFrame) -> str:
    """Say about how many of the touchpoints that are met too few customers were heard."""
    met = gated[(gated["metric"] == "needed") & (gated["status"] == "ok")]
    gaps = gated[(gated["metric"] == "gap") & (gated["status"] == "ok")]
    if gaps.empty:
        return _nothing(gated)
    known = set(gaps.loc[gaps["value"] == 0, "touchpoint"])
    every = set(met["touchpoint"])
    return _say("uncovered", few=len(every - known), all=len(every))


def row(
    key: str, gated: pd.DataFrame, where: Mapping[str, Any], labels: Labels | None = None
) -> str:
    """Say what one row holds: message ``finding.<key>``, with the same places as in `most`.

    Parameters
    ----------
    key : str
        The message.
    gated : DataFrame
        What ``show`` returned.
    where : mapping
        Column to value. The last row that has a number is told where several remain; where it
        has other dimensions too, ``finding.<key>_of`` names them (``{group}``), if there is one.
    labels : mapping, optional
        Words for ids.

    Returns
    -------
    str
        One sentence; says why where there is no number.
    """
    rows = gated
    for column, wanted in where.items():
        rows = rows[rows[column] == wanted]
    known = rows[rows["status"] == "ok"]
    if known.empty and (rows["note"] == "not_reached").any():
        return _say(f"{key}_not_reached", n=int(rows["n"].iloc[0]))
    return _told(key, gated, known.iloc[-1], labels or {}) if len(known) else _nothing(gated)


def attribution(gated: pd.DataFrame, labels: Labels | None = None) -> str:
    """Say which channel gets most of the credit, and between which shares the models place it."""
    rows = gated[(gated["metric"] == "share") & (gated["status"] == "ok")]
    level = dims(gated)[-2] if len(gated) else "channel"
    rows = rows[rows[level] != "(unattributed)"]
    if rows.empty:
        return _nothing(gated)
    first = rows.loc[rows.groupby("model")["value"].idxmax(), level]
    name = first.mode().iloc[0]
    shares = rows.loc[rows[level] == name, "value"]
    said: dict[str, Any] = {"name": (labels or {}).get(name, name), "models": len(first)}
    said["range"] = messages.interval(shares.min(), shares.max(), messages.percent)
    if first.nunique() == 1:
        return _say("attribution", **said)
    return _say("attribution_split", **said, first=int((first == name).sum()))


def ways(table: pd.DataFrame, labels: Labels) -> dict[str, str]:
    """Return labels for paths of ids: each with its stages in words."""
    return {
        path: " → ".join(labels.get(part, part) for part in path.split(" > "))
        for path in table["path"].unique()
    }


def instruments(table: pd.DataFrame, labels: Labels) -> dict[str, str]:
    """Return labels for instruments: each with its kind, scale and relation in words."""
    return {
        one: " ".join(labels.get(part, part) for part in one.split(" "))
        for one in table["instrument"].unique()
    }


def busiest(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of estimates in the order of a metric's base, largest first."""
    name = dims(table)[-1]
    base = table[table["metric"] == metric].set_index(name)["n"].fillna(0)
    order = base.sort_values(ascending=False, kind="stable").index
    place = {key: rank for rank, key in enumerate(order)}
    found = table.sort_values(name, key=lambda keys: keys.map(place), kind="stable")
    return estimates(found, dims(table))


def moves(gated: pd.DataFrame, labels: Labels) -> str:
    """Say between which two stages most moves are."""
    rows = gated[(gated["metric"] == "count") & (gated["status"] == "ok")]
    edges = rows["from"].str.startswith("(") | rows["to"].str.startswith("(")
    rows = rows[(rows["from"] != rows["to"]) & ~edges]
    if rows.empty:
        return _nothing(gated)
    most = rows.iloc[int(rows["value"].argmax())]
    origin, target = (labels.get(most[end], most[end]) for end in ("from", "to"))
    return _say("moves", origin=origin, target=target, n=int(most["value"]))


def apart(gated: pd.DataFrame, names: Labels, labels: Labels) -> str:
    """Say at which step a group loses clearly more or fewer than all others."""
    group, step = dims(gated)[-2:] if len(gated) else ("group", "step")
    if len(gated) and gated[group].nunique() == 1:
        return _say("one_group", name=names.get(gated[group].iloc[0], gated[group].iloc[0]))
    wide = gated.pivot_table(index=[group, step], columns="metric", values="value", sort=False)
    if not {"difference", "p_adjusted"} <= set(wide.columns):
        return _nothing(gated)
    held = wide[wide["p_adjusted"] <= 0.05]
    if held.empty:
        return _say("no_gap", comparisons=int(wide["p_adjusted"].notna().sum()))
    most = held.reset_index().iloc[int(held["difference"].abs().argmax())]
    key = "apart_more" if most["difference"] > 0 else "apart_fewer"
    size = messages.number(100 * abs(most["difference"]), 1)
    who, where = str(most[group]), str(most[step])
    return _say(key, name=names.get(who, who), step=labels.get(where, where), points=size)


def _told(key: str, gated: pd.DataFrame, chosen: pd.Series, labels: Labels) -> str:
    names = dims(gated)
    name = str(chosen[names[-1]]) if names else ""
    limits: Any = "–"
    if pd.notna(chosen["low"]) or pd.notna(chosen["high"]):
        limits = messages.limits(chosen["value"], chosen["low"], chosen["high"], chosen["unit"])
    said: dict[str, Any] = {
        "name": labels.get(name, name),
        "value": messages.quantity(chosen["unit"])(chosen["value"]),
        "interval": limits,
        "n": int(chosen["n"]),
    }
    words = [str(chosen[name]) for name in names[:-1] if chosen[name] != "(unknown)"]
    said["group"] = ", ".join(labels.get(word, word) for word in words)
    if words and messages.has(f"finding.{key}_of"):
        key = f"{key}_of"
    named = messages.places(f"finding.{key}")
    return _say(key, **{place: value for place, value in said.items() if place in named})


def _nothing(gated: pd.DataFrame) -> str:
    if reason := gated.attrs.get("reason"):
        return _say("not_applicable", reason=reason)
    if (gated["status"] == "suppressed").any() or not len(gated):
        return _say("too_few")
    note = gated["note"].mode()
    if len(note) and messages.has(f"note.{note.iloc[0]}"):
        reason = messages.text(f"note.{note.iloc[0]}", Context.current().language)
        return _say("because", reason=reason)
    return _say("not_estimable")


def _say(key: str, **values: Any) -> str:
    return messages.text(f"finding.{key}", Context.current().language, **values)
