"""Complementary suppression of scores: no hidden share may follow from the numbers beside it.

The shares of a score's answers add up to 1, and the score is a sum of some of them: with all but
one shown, the hidden one is known. Which shares must go with it is a question of linear algebra:
a share is told where the relations of the hidden ones have no other solution.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cjlab._numbers import Floats
from cjlab.stats import nps_interval

NPS = ("promoters", "passives", "detractors")
#: What stands in ``note`` of such rows and of a score whose shares are hidden.
NOTE, WIDE = "complementary", "widest_interval"
_NEAR = 1e-6


def complements(estimates: pd.DataFrame, base: Any, count: Any, dims: list[str]) -> Any:
    """Tell which rows must be withheld as parts of a whole, the small ones among them included.

    Who could read which of them is the small one would know more of it: they are told alike.

    Parameters
    ----------
    estimates : DataFrame
        Any table of estimates; only NPS and satisfaction with its boxes have such wholes.
    base, count : numpy.ndarray of bool
        Rows that are small by themselves: by their denominator, and by their numerator.
    dims : list of str
        The dimension columns.

    Returns
    -------
    numpy.ndarray of bool
        One for each row; small rows that are no part of such a whole are not in it.
    """
    hidden, found = base | count, np.zeros(len(estimates), dtype=bool)
    for parts, head in _wholes(estimates, dims):
        small = hidden[parts]
        value, n = (
            estimates[c].to_numpy("float64", na_value=np.nan)[parts] for c in ("value", "n")
        )
        counts = value * n
        # Where too few answered at all, the shares are one secret with the score.
        if (
            not small.any()
            or base[parts].all()
            or np.isnan(counts).any()
            or abs(value.sum() - 1) > _NEAR
        ):
            continue
        net = estimates["metric"].iloc[parts[0]] in NPS
        score = np.nan if head is None else float(estimates["value"].iloc[head])
        relations = _relations(value, score, net)
        rows = parts
        if head is not None and hidden[head]:
            # The score is small itself, and one more that is not to be told.
            rows, counts = np.append(parts, head), np.append(counts, score * n[0])
            relations = np.column_stack([relations, -(np.arange(len(relations)) > 0).astype(float)])
        small = hidden[rows]
        out = _widened(small, counts, relations)
        found[rows] = out
        # One answer is missing to all: the score tells that it is a single passive.
        lone = net and abs(n[0] - abs(counts[0] - counts[2]) - 1) < _NEAR
        if head is not None and (_told(out, small, relations).any() or lone):
            found[head] = True
    return found


def widen(gated: pd.DataFrame, dims: list[str]) -> pd.DataFrame:
    """Give scores whose shares are withheld the widest interval that they could have.

    The exact one tells the variance p + d − (p − d)², and with it both shares. The widest is that
    of a score without any passive, and of as many answers as there are customers: it follows from
    what is shown.
    """
    for parts, head in _wholes(gated, dims):
        if head is None or not (gated["status"].iloc[parts] == "suppressed").any():
            continue
        said: Any = gated.iloc[head]
        if said["metric"] == "nps" and said["status"] == "ok":
            up = said["customers"] * (1 + said["value"] / 100) / 2
            span = nps_interval(up, said["customers"] - up, said["customers"])
            gated.loc[gated.index[head], ["low", "high"]] = float(span.low), float(span.high)
            gated.loc[gated.index[head], "note"] = WIDE
    return gated


def _wholes(table: pd.DataFrame, dims: list[str]) -> Iterator[tuple[Any, int | None]]:
    """Yield the rows of the parts of each whole, in order, and the row of its score."""
    metric = table["metric"].astype("str").to_numpy()
    box = np.array([name.startswith("box_") for name in metric], dtype=bool)
    if not (box.any() or np.isin(metric, NPS).any()):
        return
    groups: list[Any] = [np.arange(len(table))]
    if dims:
        code = table.groupby(dims, sort=False, dropna=False).ngroup().to_numpy()
        order = np.argsort(code, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    for rows in groups:
        own = {metric[row]: int(row) for row in rows}
        if set(NPS) <= set(own):
            yield np.array([own[name] for name in NPS]), own.get("nps")
        boxes = sorted((name for name in own if name.startswith("box_")), key=lambda b: int(b[4:]))
        if boxes:
            yield np.array([own[name] for name in boxes]), own.get("csat")


def _relations(value: Floats, score: float, net: bool) -> Floats:
    """Sums of the parts that are known: all of them, and those that make the score."""
    rows = [np.ones(len(value))]
    if net and score == score:
        rows.append(np.array([1.0, 0.0, -1.0]))
    elif score == score:
        # However many of the top boxes count as satisfied.
        tops = [np.arange(len(value)) >= k for k in range(1, len(value))]
        rows += [top.astype(float) for top in tops if abs(value[top].sum() - score) < _NEAR]
    return np.array(rows)


def _widened(small: Any, counts: Floats, relations: Floats) -> Any:
    """Add the share that protects most, the next smallest first, until none is told."""
    out = small.copy()
    while _told(out, small, relations).any():
        free = [k for k in range(len(out)) if not out[k]]
        if not free:
            break

        def cost(k: int) -> tuple[int, bool, float]:
            more = out | (np.arange(len(out)) == k)
            # A share of nobody hides little: what is left is the small one's.
            return int(_told(more, small, relations).sum()), counts[k] < _NEAR, counts[k]

        out[min(free, key=cost)] = True
    return out


def _told(out: Any, small: Any, relations: Floats) -> Any:
    """Which small shares the relations of the hidden ones leave no choice."""
    rank = np.linalg.matrix_rank
    known = relations[:, out]
    units = np.eye(int(out.sum()))
    told = np.zeros(len(out), dtype=bool)
    told[out] = [rank(np.vstack([known, unit])) == rank(known) for unit in units]
    return told & small
