"""Complementary suppression: no hidden share may follow from the numbers beside it.

The shares of a whole add up to 1, and a score is a sum of some of them: with all but one shown,
the hidden one is known. Which shares must go with it is a question of linear algebra: a count is
told where the relations of what is shown leave it no choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from cjlab._numbers import Floats
from cjlab.estimates import dims as dims_of
from cjlab.stats import nps_interval

NPS = ("promoters", "passives", "detractors")
KANO = ("attractive", "one_dimensional", "must_be", "indifferent", "reverse", "questionable")
# What the coefficients of Kano count, each of the first four categories.
_COEFFICIENTS = {"better": [1, 1, 0, 0, 0, 0], "worse": [0, 1, 1, 0, 0, 0]}
_CLEAR = [1, 1, 1, 1, 0, 0]
# Two rates and what compares them: with the base of both, one rate tells the other.
_RATES = ("low_rate", "other_rate", "risk_ratio", "p_adjusted")
#: What stands in ``note`` of such rows and of a score whose shares are hidden.
NOTE, WIDE = "complementary", "widest_interval"
#: The name of reasons that few customers gave.
RARE = "(other)"
_NEAR = 1e-6


class _Whole(NamedTuple):
    """Rows whose shares add up to 1, and the rows that are made of them.

    Of these, the sums of parts that each tells.
    """

    parts: Any
    heads: list[tuple[int, Floats]]


def complements(estimates: pd.DataFrame, base: Any, count: Any, dims: list[str]) -> Any:
    """Tell which rows must be withheld as parts of a whole, the small ones among them included.

    Who could read which of them is the small one would know more of it: they are told alike.

    Parameters
    ----------
    estimates : DataFrame
        Any table of estimates. Wholes are NPS, satisfaction with its boxes, the categories of
        Kano, and shares of one metric that add up to 1 over a dimension or over all of them.
    base, count : numpy.ndarray of bool
        Rows that are small by themselves: by their denominator, and by their numerator.
    dims : list of str
        The dimension columns.

    Returns
    -------
    numpy.ndarray of bool
        One for each row; small rows that are no part of such a whole are not in it.
    """
    small, found = base | count, np.zeros(len(estimates), dtype=bool)
    if not small.any():
        return found
    numbers = estimates[["value", "n", "hits"]].to_numpy("float64", na_value=np.nan)
    for whole in _wholes(estimates, dims):
        _withhold(whole, numbers, base, small, found)
    added = np.zeros(len(estimates), dtype=bool)
    for whole in _sums(estimates, numbers, dims):
        _withhold(whole, numbers, base, small | found, added)
    added |= _beside(estimates, numbers, added, dims)
    rates = np.flatnonzero(estimates["metric"].isin(_RATES))
    for group in _groups(estimates.iloc[rates], dims):
        # Both rates are of answers that all of them count.
        if len(group) > 1 and small[rates[group]].any():
            added[rates[group]] = True
    return found | added


def widen(gated: pd.DataFrame, dims: list[str], minimum: int) -> pd.DataFrame:
    """Give scores whose shares are withheld, or would be, the widest interval they could have.

    The exact one tells the variance p + d − (p − d)², and with it both shares. The widest is that
    of a score without any passive, and of as many answers as there are customers: it follows from
    what is shown.
    """
    wholes = {whole.heads[0][0]: whole.parts for whole in _wholes(gated, dims) if whole.heads}
    scores = (gated["metric"] == "nps") & (gated["status"] == "ok") & (gated["note"] != WIDE)
    for row in np.flatnonzero(scores).tolist():
        said: Any = gated.iloc[row]
        if row in wholes:
            wide = (gated["status"].iloc[wholes[row]] == "suppressed").any()
        else:
            wide = _tells(said, minimum)
        if wide:
            up = said["customers"] * (1 + said["value"] / 100) / 2
            span = nps_interval(up, said["customers"] - up, said["customers"])
            gated.loc[gated.index[row], ["low", "high"]] = float(span.low), float(span.high)
            gated.loc[gated.index[row], "note"] = WIDE
    return gated


def unnamed(table: pd.DataFrame, gated: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Take the words of reasons out of `gated` that fewer customers gave: they are their own."""
    if "reason" in dims_of(table):
        given = table["hits"].where(table["metric"] == "share").groupby(table["reason"])
        gated["reason"] = gated["reason"].mask(given.transform("sum").between(1, minimum - 1), RARE)
    return gated


def _tells(said: Any, minimum: int) -> bool:
    """Whether the interval of a score without its shares is that of a small one."""
    if pd.isna(said["low"]) or pd.isna(said["customers"]) or said["customers"] != said["n"]:
        return False
    n, net = int(said["n"]), round(said["value"] * said["n"] / 100)
    passives = np.arange((n - net) % 2, n - abs(net) + 1, 2)
    up = (n - passives + net) / 2
    exact = nps_interval(up, up - net, np.full(len(up), n))
    fits = (abs(exact.low - said["low"]) < _NEAR) & (abs(exact.high - said["high"]) < _NEAR)
    parts = np.column_stack([up, passives, up - net])[fits]
    return bool(((parts > 0) & (parts < minimum)).any())


def _groups(table: pd.DataFrame, keys: list[str]) -> list[Any]:
    """Return the places of the rows of each group."""
    if not keys:
        return [np.arange(len(table))]
    code = table.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def _wholes(table: pd.DataFrame, dims: list[str]) -> Iterator[_Whole]:
    """Yield the parts of each score and of Kano, in order, and what is made of them."""
    metric = table["metric"].astype("str").to_numpy()
    box = np.array([name.startswith("box_") for name in metric], dtype=bool)
    if not (box.any() or np.isin(metric, [*NPS, KANO[0]]).any()):
        return
    value = table["value"].to_numpy("float64", na_value=np.nan)
    for rows in _groups(table, dims):
        own = {metric[row]: int(row) for row in rows if metric[row] != "invalid"}
        if set(NPS) <= set(own):
            told = {"nps": np.array([[1.0, 0.0, -1.0]])}
            yield _Whole(np.array([own[name] for name in NPS]), _heads(own, value, told))
        if set(KANO) <= set(own):
            told = {name: np.array([_CLEAR, sums], float) for name, sums in _COEFFICIENTS.items()}
            yield _Whole(np.array([own[name] for name in KANO]), _heads(own, value, told))
        boxes = sorted((name for name in own if name.startswith("box_")), key=lambda b: int(b[4:]))
        if boxes:
            parts = np.array([own[name] for name in boxes])
            # However many of the top boxes count as satisfied.
            score = value[own["csat"]] if "csat" in own else np.nan
            tops = [np.arange(len(parts)) >= k for k in range(1, len(parts))]
            tops = [top for top in tops if abs(value[parts][top].sum() - score) < _NEAR]
            told = {"csat": np.array(tops, float)} if tops else {}
            yield _Whole(parts, _heads(own, value, told))


def _heads(own: dict[str, int], value: Floats, told: dict[str, Floats]) -> list[Any]:
    """Pair what is made of parts with its row, where that has a number."""
    there = [name for name in told if name in own and not np.isnan(value[own[name]])]
    return [(own[name], told[name]) for name in there]


def _sums(table: pd.DataFrame, numbers: Floats, dims: list[str]) -> Iterator[_Whole]:
    """Yield the rows of a metric that add up to 1 over one dimension, or over all."""
    value = numbers[:, 0]
    rows = np.flatnonzero((table["unit"] == "1") & ~np.isnan(value) & (value < 1 - _NEAR))
    shares = table.iloc[rows]
    over = [[name for name in dims if name != one] for one in dims]
    for keys in [*over, *([[]] if len(dims) > 1 else [])]:
        for group in _groups(shares, [*keys, "metric", "n"]):
            if abs(value[rows[group]].sum() - 1) < _NEAR:
                yield _Whole(rows[group], [])


def _beside(table: pd.DataFrame, numbers: Floats, found: Any, dims: list[str]) -> Any:
    """Tell which rows say in other words what is withheld: of the same cell, the same count."""
    more = np.zeros(len(table), dtype=bool)
    if found.any() and dims:
        value, n, hits = numbers.T
        said = np.where(table["unit"] == "1", np.nan, value)
        for rows in _groups(table, dims):
            for row in rows[found[rows]]:
                for count in np.rint([hits[row], value[row] * n[row]]):
                    more[rows] |= (count > 0) & ((hits[rows] == count) | (said[rows] == count))
    return more


def _withhold(whole: _Whole, numbers: Floats, base: Any, small: Any, found: Any) -> None:
    """Note which rows of a whole must go."""
    parts, heads = whole
    rows = np.append(parts, [row for row, _ in heads]).astype(int)
    secret, value, n = small[rows], numbers[parts, 0], numbers[parts, 1]
    counts = value * n
    # Where too few answered at all, the shares are one secret with the score.
    if (
        not secret.any()
        or base[parts].all()
        or np.isnan(counts).any()
        or abs(value.sum() - 1) > _NEAR
    ):
        return
    found[rows[_widened(secret, counts, [sums for _, sums in heads])]] = True
    # One answer is missing to all: the score tells that it is a single passive.
    for row, sums in heads:
        if sums.min() < 0 and abs(n[0] - abs(sums[0] @ counts) - 1) < _NEAR:
            found[row] = True


def _widened(secret: Any, counts: Floats, sums: list[Floats]) -> Any:
    """Add the share that protects most, the next smallest first, until no secret is told."""
    out, size = secret.copy(), len(counts)
    while _told(out, secret, size, sums):
        # The numbers that are made of the shares go last.
        free = [k for k in range(size) if not out[k]]
        free = free or [k for k in range(size, len(out)) if not out[k]]
        if not free:
            break

        def cost(k: int) -> tuple[int, bool, float]:
            more = out | (np.arange(len(out)) == k)
            count = counts[k] if k < size else 0.0
            # A share of nobody hides little: what is left is the small one's.
            return _told(more, secret, size, sums), count < _NEAR, count

        out[min(free, key=cost)] = True
    return out


def _told(out: Any, secret: Any, size: int, sums: list[Floats]) -> int:
    """Count the secrets to which what is shown leaves no choice."""
    if not sums:
        return int(out.sum() == 1)
    units, rank = np.eye(size), np.linalg.matrix_rank
    shown = [one for at, one in enumerate(sums) if not out[size + at]]
    known = np.vstack([np.ones((1, size)), units[~out[:size]], *shown])
    hidden = [one for at, one in enumerate(sums) if secret[size + at]]
    secrets = np.vstack([units[secret[:size]], *hidden])
    return sum(int(rank(np.vstack([known, one])) == rank(known)) for one in secrets)
