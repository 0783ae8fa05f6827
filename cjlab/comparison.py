"""Two tables of estimates beside each other: what differs, by how much, and how sure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from cjlab.change import mix_rate
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import dims
from cjlab.stats import adjust

ADDED = (
    "base_value",
    "difference",
    "diff_low",
    "diff_high",
    "p",
    "p_adjusted",
    "family",
    "m",
)
_KEEP = ["value", "low", "high", "n", "customers", "hits", "status"]
_Z = float(special.ndtri(0.975))


def compare(
    estimates_a: pd.DataFrame,
    estimates_b: pd.DataFrame,
    *,
    family: str = "compare",
    metrics: list[str] | None = None,
    mix_by: str | None = None,
) -> pd.DataFrame:
    """Set one table of estimates against another: differences with limits, corrected for many.

    The two must stand on different customers (two segments, or new customers of two periods);
    where the same customers stand on both sides the limits are not valid.

    Parameters
    ----------
    estimates_a, estimates_b : DataFrame
        Tables of one metric function. The difference is a minus b; b is the base. A dimension
        that has one value in each and another in the other (``persona`` A against B) names the
        sides; all other dimensions are matched.
    family : str, default "compare"
        Name of the family of tests within which p is corrected.
    metrics : list of str, optional
        Metrics to compare; all by default. Fewer tests correct less.
    mix_by : str, optional
        A dimension of segments, such as ``"persona"``: the change of each rate over all segments
        is split into mix and rate in ``attrs["mix_rate"]``.

    Returns
    -------
    DataFrame
        The rows of a (and those only b has) with ``base_value, difference, diff_low, diff_high,
        p, p_adjusted, family, m``; money, days and rates in their own unit. Null where a side is
        missing, or has no limits (counts). ``status`` is the worse of both sides; ``note`` is
        ``only_in_a`` or ``only_in_b`` where one side has no such row. ``attrs["sides"]`` names
        the sides.

    Raises
    ------
    UserError
        When the tables do not share dimensions, repeat a row, or a name is unknown.

    Notes
    -----
    Limits by MOVER from both sides' limits (Zou & Donner 2008), which is Newcombe's interval
    for rates. p belongs to that interval: it is below .05 just where the limits leave out 0.
    Benjamini–Hochberg within the family, of m tests.

    Examples
    --------
    >>> from cjlab.estimates import estimates
    >>> def table(who, low, value, high):
    ...     row = {"persona": [who], "metric": ["csat"], "value": [value], "low": [low]}
    ...     return estimates(pd.DataFrame({**row, "high": [high], "n": [80]}), ["persona"])
    >>> found = compare(table("A", 0.69, 0.80, 0.88), table("B", 0.49, 0.60, 0.70))
    >>> found[["difference", "diff_low", "diff_high"]].round(2).values.tolist()
    [[0.2, 0.05, 0.34]]
    """
    keys, sides = _sides(estimates_a, estimates_b)
    if metrics is not None:
        known = [*estimates_a["metric"].unique(), *estimates_b["metric"].unique()]
        for name in metrics:
            if name not in known:
                raise UserError(f'compare: no metric "{name}".{did_you_mean(name, known)}')
        estimates_a, estimates_b = (
            table[table["metric"].isin(metrics)] for table in (estimates_a, estimates_b)
        )
    found = _joined(estimates_a, estimates_b, [*keys, "metric"])
    found = found.assign(**_differences(found))
    found["p_adjusted"] = adjust(found["p"].to_numpy())
    found["family"], found["m"] = family, int(found["p"].notna().sum())
    columns = [*keys, "metric", *_KEEP[:3], *ADDED, "n", "base_n", "customers", "hits"]
    table = found[[*columns, "unit", "of", "status", "note"]].reset_index(drop=True)
    table.attrs |= {"sides": sides, "family": family, "dims": keys}
    if mix_by is not None:
        table.attrs["mix_rate"] = _mix(estimates_a, estimates_b, keys, mix_by)
    return table


def _sides(a: pd.DataFrame, b: pd.DataFrame) -> tuple[list[str], dict[str, Any]]:
    """Dimensions to match, and those whose one value in each table names its side."""
    own, other = dims(a), dims(b)
    if set(own) != set(other):
        raise UserError(
            f"compare: the tables have different dimensions, {', '.join(own) or 'none'} and "
            f"{', '.join(other) or 'none'}."
        )
    sides: dict[str, Any] = {}
    for name in own:
        one, two = a[name].unique(), b[name].unique()
        if len(one) == 1 and len(two) == 1 and one[0] != two[0]:
            sides[name] = (one[0], two[0])
    keys = [name for name in own if name not in sides]
    for name, table in (("first", a), ("second", b)):
        twice = table.duplicated([*keys, "metric"])
        if twice.any():
            row = table[twice].iloc[0][[*keys, "metric"]]
            shown = ", ".join(f"{column}={value}" for column, value in row.items())
            raise UserError(f"compare: the {name} table has two rows for {shown}.")
    return keys, sides


def _joined(a: pd.DataFrame, b: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    more = [*_KEEP, "unit", "of", "note"]
    found = a[[*keys, *more]].merge(
        b[[*keys, *more]], on=keys, how="outer", suffixes=("", "_b"), indicator="_side"
    )
    # An outer merge sorts; the order of the tables is the order people know.
    both = dict.fromkeys(_keys(a, keys) + _keys(b, keys))
    order = {key: place for place, key in enumerate(both)}
    found = found.iloc[np.argsort([order[key] for key in _keys(found, keys)], kind="stable")]
    found = found.reset_index(drop=True)
    only_b = (found["_side"] == "right_only").to_numpy()
    only_a = (found["_side"] == "left_only").to_numpy()
    found["base_value"], found["base_n"] = found["value_b"], found["n_b"]
    for name in ("unit", "of"):
        found[name] = found[name].where(~only_b, found[f"{name}_b"])
    status = found["status"].where(found["status"].fillna("ok") != "ok", found["status_b"])
    found["status"] = status.where(~(only_a | only_b), "not_estimable")
    note = found["note"].fillna(found["note_b"])
    note = note.where(~only_a, "only_in_a").where(~only_b, "only_in_b")
    return found.assign(note=note)


def _keys(table: pd.DataFrame, keys: list[str]) -> list[tuple[Any, ...]]:
    return list(table[keys].itertuples(index=False, name=None))


def _differences(found: pd.DataFrame) -> dict[str, Any]:
    one, low, high = (found[name].to_numpy(dtype=float) for name in ("value", "low", "high"))
    two, low_b, high_b = (found[f"{name}_b"].to_numpy(dtype=float) for name in _KEEP[:3])
    names = ("difference", "diff_low", "diff_high", "p")
    return dict(zip(names, mover(one, low, high, two, low_b, high_b), strict=True))


def mover(
    one: Any, low: Any, high: Any, two: Any, low_b: Any, high_b: Any, rho: Any = 0.0
) -> tuple[Any, Any, Any, Any]:
    """Difference of two estimates with limits and p, from the limits of both.

    Parameters
    ----------
    one, low, high : array_like of float
        The first estimate and its limits.
    two, low_b, high_b : array_like of float
        The second, which is taken from the first.
    rho : array_like of float, default 0.0
        Correlation of the two estimates; 0 where they stand on different customers.

    Returns
    -------
    tuple of numpy.ndarray
        Difference, lower and upper limit, and p: below .05 just where the limits leave out 0.

    Notes
    -----
    Zou (2007) with the correlation, which is Newcombe's interval for independent rates.

    Examples
    --------
    >>> [round(float(part), 3) for part in mover(0.8, 0.69, 0.88, 0.6, 0.49, 0.7)]
    [0.2, 0.051, 0.336, 0.008]
    """
    change = np.asarray(one, dtype=float) - two
    below, above = np.asarray(one - low, dtype=float), np.asarray(high - one, dtype=float)
    under, over = np.asarray(two - low_b, dtype=float), np.asarray(high_b - two, dtype=float)
    down = np.sqrt(np.maximum(below**2 + over**2 - 2 * rho * below * over, 0.0))
    up = np.sqrt(np.maximum(above**2 + under**2 - 2 * rho * above * under, 0.0))
    towards_zero = np.where(change > 0, down, up)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.abs(change) / np.where(towards_zero > 0, towards_zero, np.nan) * _Z
    return change, change - down, change + up, 2 * special.ndtr(-z)


def _mix(a: pd.DataFrame, b: pd.DataFrame, keys: list[str], mix_by: str) -> pd.DataFrame:
    """Split the change of every rate over all segments into mix and rate."""
    if mix_by not in keys:
        raise UserError(f'compare: mix_by: no dimension "{mix_by}".{did_you_mean(mix_by, keys)}')
    rest = [*(key for key in keys if key != mix_by), "metric"]
    joined = _joined(a[a["unit"] == "1"], b[b["unit"] == "1"], [*keys, "metric"])
    rows = []
    for key, part in joined.groupby(rest, sort=False):
        sizes = [part[name].to_numpy(dtype=float, na_value=0.0) for name in ("n", "n_b")]
        if not all(size.sum() for size in sizes):
            continue
        shares = [size / size.sum() for size in sizes]
        split = mix_rate(shares[1], part["value_b"], shares[0], part["value"])
        ns = {"n": int(sizes[0].sum()), "base_n": int(sizes[1].sum())}
        rows.append({**dict(zip(rest, key, strict=True)), **split._asdict(), **ns})
    return pd.DataFrame(rows, columns=[*rest, "mix", "rate", "total", "n", "base_n"])
