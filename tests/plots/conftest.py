"""Small tables of estimates for the figures' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _settings_and_figures_stay_the_callers() -> Iterator[None]:
    before = dict(mpl.rcParams)
    yield
    plt.close("all")
    assert dict(mpl.rcParams) == before


@pytest.fixture
def table() -> Callable[..., pd.DataFrame]:
    """Make estimates from (dims…, metric, value, low, high, n) rows; a str value is a status."""

    def make(dims: list[str], *rows: tuple[object, ...], note: str | None = None) -> pd.DataFrame:
        made = []
        for row in rows:
            *keys, value, low, high, n = row
            known = not isinstance(value, str)
            made.append(
                dict(zip([*dims, "metric"], keys, strict=True))
                | {
                    "value": value if known else None,
                    "low": low,
                    "high": high,
                    "n": n,
                    "customers": n,
                    "hits": None,
                    "unit": "1",
                    "of": None,
                    "status": "ok" if known else value,
                    "note": None if known else note,
                }
            )
        columns = [*dims, "metric", "value", "low", "high", "n"]
        columns += ["customers", "hits", "unit", "of", "status", "note"]
        frame = pd.DataFrame(made, columns=columns)
        numbers = ["value", "low", "high"]
        return frame.astype(dict.fromkeys(numbers, "float64") | {"n": "Int64"})

    return make
