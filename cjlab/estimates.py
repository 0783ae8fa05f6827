"""The one result shape: what every metric returns, so that plots, maps, privacy and export
are written once.

A row is one number with its interval, its base and its status. What cannot be known is a row
with a null value and a status that says why; nothing is dropped, and no total rows are added.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from cjlab.errors import UserError, did_you_mean

COLUMNS = (
    "metric",
    "value",
    "low",
    "high",
    "n",
    "customers",
    "hits",
    "unit",
    "of",
    "status",
    "note",
)
STATUSES = ("ok", "not_estimable", "not_yet_observed", "suppressed")

NUMBERS = ("value", "low", "high")
COUNTS = ("n", "customers", "hits")
TEXTS = ("metric", "unit", "of", "status", "note")


def estimates(frame: pd.DataFrame, dims: Sequence[str]) -> pd.DataFrame:
    """Give a metric's rows the one result shape, and refuse what breaks its promises.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row per number. Needs the dimension columns and ``metric``; any other column of
        `COLUMNS` that is absent is filled with null. Row order is kept, the index is not.
    dims : sequence of str
        Dimension columns in the order to show them (``["step"]``, ``["persona", "stage"]``);
        may be empty.

    Returns
    -------
    pandas.DataFrame
        Columns `dims` then `COLUMNS`: ``value``, ``low``, ``high`` float64; ``n``,
        ``customers``, ``hits`` Int64; texts ``str``. Dimensions are kept in
        ``attrs["dims"]``. A null ``value`` means the number cannot be given and ``status`` says
        why; null limits mean that there is no interval (counts), never that it is zero wide.

    Raises
    ------
    UserError
        A column is missing, unknown, twice there or not numeric; a status is unknown; a number
        stands without ``n``, with another status than ``ok``, or an ``ok`` row has no number;
        limits stand without a value or the wrong way round; a count is negative or broken.

    Notes
    -----
    Where ``status`` is absent or null it becomes ``ok`` beside a number and ``not_estimable``
    beside a null value. Infinite numbers are refused: "not reached" is null.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"step": ["intent"], "metric": ["from_first"],
    ...                      "value": [0.5], "n": [40]})
    >>> table = estimates(rows, ["step"])
    >>> print(table[["step", "value", "n", "status"]].to_string(index=False))
      step  value  n status
    intent    0.5 40     ok
    """
    names = list(dims)
    _check_columns(frame, names)
    data: dict[str, pd.Series] = {name: _dimension(frame[name]) for name in names}
    for name in COLUMNS:
        data[name] = _column(frame, name)
    empty = data["value"].isna()
    filled = pd.Series(np.where(empty, "not_estimable", "ok"), dtype="str")
    data["status"] = data["status"].fillna(filled)
    table = pd.DataFrame(data, columns=[*names, *COLUMNS], index=pd.RangeIndex(len(frame)))
    _check_rows(table, names)
    table.attrs["dims"] = names
    return table


def dims(frame: pd.DataFrame) -> list[str]:
    """Return the dimension columns of a table of estimates: all that stand before ``metric``.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table made by `estimates`.

    Returns
    -------
    list of str
        Dimension names in shown order; empty when the table has none.

    Raises
    ------
    UserError
        The frame is not a table of estimates.

    Examples
    --------
    >>> import pandas as pd
    >>> dims(estimates(pd.DataFrame({"step": [], "metric": []}), ["step"]))
    ['step']
    """
    columns = [str(name) for name in frame.columns]
    if tuple(columns[-len(COLUMNS) :]) != COLUMNS:
        raise UserError(
            f"not a table of estimates: the last columns must be {', '.join(COLUMNS)}, "
            f"found {', '.join(columns) or 'none'}; build it with cjlab.estimates.estimates"
        )
    return columns[: -len(COLUMNS)]


def concat(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of estimates under each other.

    Parameters
    ----------
    tables : iterable of pandas.DataFrame
        Tables made by `estimates`. Dimensions may differ: the result has all of them, in the
        order in which they first appear, null where a table lacks one.

    Returns
    -------
    pandas.DataFrame
        A table of estimates; rows in the order given.

    Raises
    ------
    UserError
        No table was given, or one is not a table of estimates.

    Examples
    --------
    >>> import pandas as pd
    >>> one = estimates(pd.DataFrame({"step": ["a"], "metric": ["m"]}), ["step"])
    >>> concat([one, one]).shape
    (2, 12)
    """
    parts = list(tables)
    if not parts:
        raise UserError("concat needs at least one table of estimates, got none")
    names = list(dict.fromkeys(name for part in parts for name in dims(part)))
    # An empty part has no rows to add, yet would turn the dtypes of the others' dimensions.
    full = [part for part in parts if len(part)] or parts[:1]
    joined = pd.concat(full, ignore_index=True).reindex(columns=[*names, *COLUMNS])
    return estimates(joined, names)


def _check_columns(frame: pd.DataFrame, names: list[str]) -> None:
    """Refuse absent, unknown and repeated columns, each with its name."""
    for name in names:
        if name in COLUMNS:
            raise UserError(f'"{name}" cannot be a dimension: it is a column of every estimate')
        if name not in frame.columns:
            hint = did_you_mean(name, map(str, frame.columns))
            raise UserError(f'estimates: dimension column "{name}" is missing.{hint}')
    if "metric" not in frame.columns:
        raise UserError('estimates: column "metric" is missing; name what each row measures')
    repeated = [*names, *frame.columns[frame.columns.duplicated()]]
    for name in dict.fromkeys(repeated):
        if names.count(str(name)) > 1 or list(frame.columns).count(name) > 1:
            raise UserError(f'estimates: column "{name}" is there twice')
    for name in frame.columns:
        if name not in COLUMNS and name not in names:
            hint = did_you_mean(name, [*names, *COLUMNS])
            raise UserError(f'estimates: unknown column "{name}".{hint}')


def _dimension(column: pd.Series) -> pd.Series:
    """A dimension keeps its dtype, but texts are never left as objects."""
    return column.infer_objects().reset_index(drop=True)


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    """One of `COLUMNS` with its fixed dtype, null where the frame lacks it."""
    dtype: Any = "float64" if name in NUMBERS else "Int64" if name in COUNTS else "str"
    if name not in frame.columns:
        return pd.Series(pd.NA if dtype == "Int64" else np.nan, range(len(frame)), dtype=dtype)
    column = frame[name].reset_index(drop=True)
    if dtype == "str":
        return column.astype("str") if len(column) else pd.Series([], dtype="str")
    kind = "numbers" if name in NUMBERS else "whole numbers"
    try:
        numbers = pd.to_numeric(column).astype("Float64")
    except (TypeError, ValueError) as cause:
        raise UserError(f'estimates: column "{name}" must hold {kind} or null: {cause}') from None
    broken = numbers % 1 != 0
    if dtype == "Int64" and broken.any():  # a cast would cut 2.5 down to 2 without a word
        found = numbers[broken.fillna(False)].iloc[0]
        raise UserError(f'estimates: column "{name}" must hold {kind} or null, found {found}')
    return numbers.astype(dtype)


def _check_rows(table: pd.DataFrame, names: list[str]) -> None:
    """Refuse the first row that breaks a promise of the shape."""
    value, low, high = (table[name].to_numpy() for name in NUMBERS)
    known = ~np.isnan(value)
    ok = (table["status"] == "ok").to_numpy()
    limits = ~np.isnan(low) | ~np.isnan(high)
    counts = table[list(COUNTS)]
    promises = {
        "metric is null": table["metric"].isna().to_numpy(),
        f"status is not one of {', '.join(STATUSES)}": ~table["status"].isin(STATUSES).to_numpy(),
        "a number stands without its base n": known & table["n"].isna().to_numpy(),
        'status "ok" stands beside a null value': ok & ~known,
        'a number stands beside a status other than "ok"': known & ~ok,
        "limits stand without a value": limits & ~known,
        "low is above high": low > high,
        "a number is infinite (use null)": np.isinf(table[list(NUMBERS)].to_numpy()).any(axis=1),
        "n, customers or hits is negative": (counts < 0).fillna(False).any(axis=1).to_numpy(),
    }
    for what, broken in promises.items():
        if broken.any():
            row = int(np.flatnonzero(broken)[0])
            cells = table.iloc[row][[*names, "metric", "value", "n", "status"]].items()
            shown = ", ".join(f"{name}={cell!s}" for name, cell in cells)
            raise UserError(f"estimates: {what} in row {row} ({shown})")
