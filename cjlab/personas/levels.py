"""Text columns, such as declared attributes, as one column of 0 and 1 for each level."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import pandas as pd
from pandas.api.types import infer_dtype, is_numeric_dtype

LEAST = 30  # customers a level has at least,
LEAST_SHARE = 0.03  # and at least this share of all; rarer ones are pooled
NUMBERS = ("floating", "integer", "mixed-integer-float", "boolean", "empty")
OTHER, MISSING = "other", "missing"


class Levels:
    """Spread text columns over their levels; numbers pass.

    A level that fewer than 30 customers or 3 % have is pooled as "other". Missing is a level
    of its own. A level's column is called ``column: level``; levels are customers' strings.

    Attributes
    ----------
    kept_ : dict of str to list of str
        The levels of each text column, sorted, "other" included.
    names_ : list of str or None
        Names of all columns after `transform`; None where X has none.
    groups_ : list of list of int
        For each text column the positions of its levels.

    Examples
    --------
    >>> X = pd.DataFrame({"visits": range(100), "country": ["SE"] * 60 + ["NO"] * 39 + ["DK"]})
    >>> levels = Levels().fit(X)
    >>> levels.names_, levels.transform(X).iloc[99].to_list()
    (['visits', 'country: NO', 'country: SE', 'country: other'], [99.0, 0.0, 0.0, 1.0])
    """

    def fit(self, X: Any) -> Self:
        """Learn the levels of the text columns."""
        self.kept_: dict[str, list[str]] = {}
        self.names_: list[str] | None = None
        self.groups_: list[list[int]] = []
        if not isinstance(X, pd.DataFrame):
            return self
        self.names_ = [str(name) for name in X]
        for name in X:
            if not _is_text(X[name]):
                continue
            count = _words(X[name]).value_counts()
            kept = count.index[count >= max(LEAST, LEAST_SHARE * len(X))].to_list()
            self.kept_[str(name)] = sorted({*kept, OTHER} if len(kept) < len(count) else {*kept})
        self.names_ = [str(name) for name in X if str(name) not in self.kept_]
        for name, kept in self.kept_.items():
            first = len(self.names_)
            self.names_ += [f"{name}: {level}" for level in kept]
            self.groups_.append(list(range(first, len(self.names_))))
        return self

    def transform(self, X: Any) -> Any:
        """Return X with the text columns spread; X itself where there are none."""
        if not self.kept_ or not isinstance(X, pd.DataFrame):
            return X
        parts = {str(name): X[name] for name in X if str(name) not in self.kept_}
        for name, kept in self.kept_.items():
            # A later frame without the column is like one whose customers have not said.
            words = _words(X[name]) if name in X else pd.Series(MISSING, index=X.index)
            words = words.where(words.isin(kept), OTHER)
            parts |= {f"{name}: {level}": (words == level).astype(float) for level in kept}
        return pd.DataFrame(parts, index=X.index)

    def groups(self, order: Iterable[int]) -> list[list[int]]:
        """Return `groups_` as positions in the reordered columns."""
        place = {int(column): position for position, column in enumerate(order)}
        return [[place[column] for column in group] for group in self.groups_]


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or not (
        is_numeric_dtype(column) or _numbers(column)
    )


def _numbers(column: pd.Series) -> bool:
    """Whether an object column holds numbers alone, as frames made by hand do."""
    return column.dtype == object and infer_dtype(column, skipna=True) in NUMBERS


def _words(column: pd.Series) -> pd.Series:
    return column.astype("object").where(column.notna(), MISSING).astype("str")
