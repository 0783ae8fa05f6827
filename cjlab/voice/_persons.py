"""What each customer answered, counted in a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.voice._scales import NUMBER, Instrument

UNKNOWN = "(unknown)"
# What makes other questions, or the same one asked for another reason or at another time.
APART = ("relation", "wave", "scale")


def framed(scores: Any) -> pd.DataFrame:
    """Return answers as a frame with a column ``score``, its index new."""
    if isinstance(scores, pd.DataFrame):
        if "score" not in scores.columns:
            near = did_you_mean("score", map(str, scores.columns))
            raise UserError(f'scores: the frame has no column "score".{near}')
        return scores.reset_index(drop=True)
    values = scores if isinstance(scores, pd.Series) else pd.Series(list(scores), dtype=object)
    return pd.DataFrame({"score": values.reset_index(drop=True)})


def read(scores: pd.Series) -> pd.Series:
    """Read answers as numbers; text is trimmed, and what is no number is null.

    Examples
    --------
    >>> read(pd.Series([" 9 ", 10, "9.0", "ten", None, True])).tolist()
    [9.0, 10.0, 9.0, nan, nan, nan]
    """
    if pd.api.types.is_numeric_dtype(scores) and not pd.api.types.is_bool_dtype(scores):
        return pd.Series(scores.to_numpy(dtype="float64", na_value=np.nan), scores.index)
    known = scores.map(lambda value: not isinstance(value, bool) and bool(pd.notna(value)))
    text = scores.where(known.astype(bool)).astype("str")
    return text.str.extract(NUMBER)[0].astype("float64")


def split(frame: pd.DataFrame, by: Any, pool: Any, fixed: bool) -> list[str]:
    """Return what makes the cells: `by`, and what would else be pooled without a word."""
    names = listed(by)
    pooled = listed(pool)
    for name in names:
        if name not in frame.columns:
            near = did_you_mean(name, [str(c) for c in frame.columns if c != "score"])
            raise UserError(f'by: the answers have no column "{name}".{near}')
    for name in pooled:
        check_pool(name, names)
    apart = [
        name
        for name in APART
        if name in frame.columns and name not in (*names, *pooled)
        if not (fixed and name == "scale") and frame[name].nunique(dropna=False) > 1
    ]
    return [*apart, *names]


def check_pool(name: str, by: Sequence[str]) -> None:
    """Refuse to pool what is no difference between questions, or what is asked for by itself."""
    if name not in APART:
        raise UserError(f'pool: "{name}" cannot be pooled.{did_you_mean(name, APART)}')
    if name in by:
        raise UserError(f'pool: "{name}" is in by too; take one of them away.')


def listed(names: Any) -> list[str]:
    """Return one name or several as a list, each once."""
    return (
        [] if names is None else [names] if isinstance(names, str) else list(dict.fromkeys(names))
    )


def persons(frame: pd.DataFrame, keys: Sequence[str], instrument: Instrument) -> pd.DataFrame:
    """Count each customer's answers in each cell; who is unknown is somebody else each time."""
    score = read(frame["score"])
    scale = pd.Series(float(instrument.last), frame.index)
    if "scale" in frame.columns:
        scale = read(frame["scale"]).fillna(scale)
    valid = (score % 1 == 0) & (score >= instrument.first) & (score <= scale)
    if instrument.fixed:  # on another scale it is another question
        valid &= scale == instrument.last
    rows = pd.DataFrame({name: _dimension(frame[name]) for name in keys}, index=frame.index)
    rows["_who"] = _who(frame)
    rows["n"], rows["bad"] = valid.astype("int64"), (~valid).astype("int64")
    rows["total"] = score.where(valid, 0.0)
    for name, part in instrument.parts.items():
        rows[name] = (valid & part(score, scale)).astype("int64")
    counts = rows.groupby([*keys, "_who"], sort=False, dropna=False).sum().reset_index()
    return counts.assign(times=1)


def _who(frame: pd.DataFrame) -> Any:
    if "customer_id" not in frame.columns:
        return np.arange(len(frame))
    code = pd.factorize(frame["customer_id"])[0]
    return np.where(code < 0, -1 - np.arange(len(frame)), code)


def _dimension(column: pd.Series) -> pd.Series:
    """A cell without a name is one of its own."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    return column if column.notna().all() else column.astype(object).fillna(UNKNOWN)
