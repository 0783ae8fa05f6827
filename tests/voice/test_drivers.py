"""Drivers against brute force by least squares, and what must not change them."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.voice import _lmg, drivers

NAMES = ["price", "staff", "queue", "site"]


def made(seed: int, rows: int = 60, p: int = 4, scale: int = 5) -> tuple[pd.DataFrame, pd.Series]:
    """Ratings that hang together, with ties, and an overall score of them."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(rows, 1))
    x = np.clip(np.rint(3 + common + rng.normal(size=(rows, p))), 1, scale)
    y = x @ np.linspace(0.2, 1, p) + rng.normal(size=rows)
    names = [*NAMES, *(f"more{k}" for k in range(p))][:p]
    return pd.DataFrame(x, columns=names), pd.Series(y)


def value(table: pd.DataFrame, metric: str, column: str = "value") -> pd.Series:
    part = table[(table["metric"] == metric) & table["driver"].notna()]
    return part.set_index("driver")[column]


def r2(x: np.ndarray, y: np.ndarray) -> float:
    design = np.c_[np.ones(len(y)), x]
    left = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    return float(1 - left @ left / ((y - y.mean()) @ (y - y.mean())))


def brute(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """LMG by its definition: what each adds to R², over all orders."""
    p = x.shape[1]
    found = np.zeros(p)
    for order in permutations(range(p)):
        before = 0.0
        for k, who in enumerate(order):
            after = r2(x[:, order[: k + 1]], y)
            found[who] += (after - before) / factorial(p)
            before = after
    return found


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(25, 90))
def test_numbers_equal_least_squares(seed: int, p: int, rows: int) -> None:
    x, y = made(seed, rows, p)
    found = drivers(x, y, draws=2)
    whole = r2(x.to_numpy(), y.to_numpy())
    assert value(found, "lmg").to_numpy() == pytest.approx(
        brute(x.to_numpy(), y.to_numpy()), abs=1e-9
    )
    assert value(found, "lmg").sum() == pytest.approx(whole, abs=1e-12)
    assert found.query("metric == 'r2'")["value"].item() == pytest.approx(whole, abs=1e-9)
    z, w = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    beta = np.linalg.lstsq(z.to_numpy(), w.to_numpy(), rcond=None)[0]
    assert value(found, "std_beta").to_numpy() == pytest.approx(beta, abs=1e-9)
    for k, name in enumerate(x.columns):
        others = x.drop(columns=name).to_numpy()
        own = r2(others, x.iloc[:, k].to_numpy()) if p > 1 else 0.0
        assert value(found, "vif")[name] == pytest.approx(1 / (1 - own), rel=1e-9)


def test_intervals_are_percentiles_of_refitted_resamples() -> None:
    """The same draws, one by one: rows repeated, then brute force."""
    x, y = made(3, 40, 3)
    order = np.lexsort([*(x[name] for name in sorted(x)[::-1]), y])
    rng = np.random.default_rng(7)
    shares = []
    for _ in range(30):
        rows = order[rng.integers(0, 40, rng.binomial(40, 1.0))]
        shares.append(brute(x.to_numpy()[rows], y.to_numpy()[rows]))
    found = drivers(x, y, draws=30, random_state=7)
    for limit, tail in (("low", 0.025), ("high", 0.975)):
        own = np.quantile(shares, tail, axis=0)
        assert value(found, "lmg", limit).to_numpy() == pytest.approx(own, abs=1e-9)


@settings(max_examples=10)
@given(st.randoms(use_true_random=False))
def test_units_and_orders_change_nothing(random) -> None:
    x, y = made(1)
    who = pd.Series(np.arange(60) // 2)
    found = drivers(x, y, customers=who, draws=20)
    rows, columns = random.sample(range(60), 60), random.sample(NAMES, 4)
    other = x.iloc[rows][columns] * random.choice([1e-6, 3.0, 1e6]) + 100
    again = drivers(other, 10 * y[rows] - 5, customers="c" + who[rows].astype(str), draws=20)
    again = again.set_index(["driver", "metric"]).loc[
        list(found[["driver", "metric"]].itertuples(index=False, name=None))[:-1]
    ]
    for column in ("value", "low", "high"):
        own = found[column].to_numpy()[:-1]
        assert again[column].to_numpy() == pytest.approx(own, abs=1e-8, nan_ok=True)


def test_rows_of_one_customer_are_drawn_together() -> None:
    x, y = made(5, 60)
    often, who = pd.concat([x] * 5, ignore_index=True), np.tile(np.arange(60), 5)
    once = drivers(x, y, draws=200)
    many = drivers(often, pd.concat([y] * 5, ignore_index=True), customers=who, draws=200)
    naive = drivers(often, pd.concat([y] * 5, ignore_index=True), draws=200)
    assert value(many, "lmg").to_numpy() == pytest.approx(value(once, "lmg").to_numpy())
    width = {k: (value(t, "lmg", "high") - value(t, "lmg", "low")).sum() for k, t in
             {"once": once, "many": many, "naive": naive}.items()}  # fmt: skip
    assert width["many"] == pytest.approx(width["once"], rel=0.25)
    assert width["naive"] < 0.7 * width["many"]
    assert set(many["customers"].dropna()) == {60} and set(value(many, "lmg", "n")) == {300}


def test_missing_ratings_are_left_out_and_counted() -> None:
    x, y = made(2)
    x.loc[:4, "price"] = np.nan
    x.loc[3:9, "staff"] = np.nan
    y[59] = np.nan
    found = drivers(x, y, draws=2)
    assert value(found, "missing").astype(int).to_dict() == dict(
        zip(NAMES, (5, 7, 0, 0), strict=True)
    )
    alone = dict(zip(NAMES, (3, 5, 0, 0), strict=True))
    assert value(found, "missing_only").astype(int).to_dict() == alone
    assert set(value(found, "lmg", "n")) == {49} and set(value(found, "missing", "n")) == {59}
    whole = drivers(x[10:59], y[10:59], draws=2)
    assert value(found, "lmg").tolist() == value(whole, "lmg").tolist()
    assert (found.attrs["rows"], found.attrs["no_outcome"], found.attrs["complete"]) == (60, 1, 49)


def test_constants_and_copies_say_why_and_leave_the_others() -> None:
    x, y = made(4)
    plain = drivers(x[["price", "staff"]], y, draws=20)
    x = x[["price", "staff"]].assign(same=4, copy=x["queue"] * 2 + 1, queue=x["queue"])
    found = drivers(x, y, draws=20)
    lmg = found[found["metric"] == "lmg"].set_index("driver")
    assert lmg["note"].fillna("").to_dict() == {
        "price": "", "staff": "", "same": "constant", "copy": "collinear", "queue": "collinear"
    }  # fmt: skip
    assert lmg["value"].notna().tolist() == [True, True, False, False, False]
    kept = drivers(x.drop(columns=["copy", "same"]), y, draws=20)
    for metric in ("std_beta", "vif"):
        own = value(kept, metric)[["price", "staff"]].tolist()
        assert value(found, metric)[["price", "staff"]].tolist() == pytest.approx(own)
    r = [table.query("metric == 'r2'")["value"].item() for table in (found, kept, plain)]
    assert r[0] == pytest.approx(r[1]) and r[0] > r[2]


@pytest.mark.parametrize(
    ("rows", "note"), [(0, "few_answers"), (1, "few_answers"), (24, "few_answers"), (25, None)]
)
def test_few_answers_give_none(rows: int, note: str | None) -> None:
    x, y = made(6)
    lmg = drivers(x[:rows], y[:rows], draws=2).query("metric in ('lmg', 'r2')")
    assert set(lmg["note"].dropna()) == ({note} if note else set())
    assert lmg["value"].notna().all() == (note is None)


def test_an_outcome_that_is_the_same_for_all_has_no_drivers() -> None:
    x, y = made(6)
    found = drivers(x, 0 * y + 9, draws=2)
    assert set(value(found, "lmg", "note")) == {"constant_outcome"}
    one = drivers(x, y, customers=["hen"] * 60, draws=2)
    assert set(value(one, "lmg", "note")) == {"few_answers"}


def test_sampled_orders_agree_with_all_subsets(monkeypatch) -> None:
    x, y = made(8, 200, 6)
    exact = drivers(x, y, draws=100)
    monkeypatch.setattr(_lmg, "EXACT", 3)
    monkeypatch.setattr("cjlab.voice._regression.EXACT", 3)
    found = drivers(x, y, draws=100)
    error = value(found, "lmg_error")
    off = (value(found, "lmg") - value(exact, "lmg")).abs()
    assert (error > 0).all() and (off < 5 * error).all() and (error < 0.01).all()
    assert value(found, "lmg").sum() == pytest.approx(value(exact, "lmg").sum(), abs=1e-9)
    assert value(found, "lmg", "low").tolist() == pytest.approx(
        value(exact, "lmg", "low").tolist(), abs=0.03
    )


def test_hostile_cells_are_named() -> None:
    x, y = made(1)
    bad = x.astype(object)
    bad.loc[7, "staff"] = "<b>five"
    with pytest.raises(UserError, match="column \"staff\", row 7: '<b>five' is no number"):
        drivers(bad, y)
    with pytest.raises(UserError, match="X has 60 rows and y has 59"):
        drivers(x, y[:59])
    with pytest.raises(UserError, match="labelled otherwise"):
        drivers(x, y[::-1])
    with pytest.raises(UserError, match='"price" is there twice'):
        drivers(x[["price", "price"]], y)
    with pytest.raises(UserError, match="no columns"):
        drivers(x[[]], y)
    with pytest.raises(UserError, match="is no number"):
        drivers(x, y.where(y.index != 3, np.inf))


def test_the_garden_centre(real_data) -> None:
    data = pd.read_csv(real_data("nps_garden") / "nps.csv")
    x, y = data[["satisfaction", "intention", "NbPassageKS", "CaTicket"]], data["nps"]
    found = drivers(x, y, draws=200)
    whole = data[[*x.columns, "nps"]].dropna()
    own = brute(whole[x.columns].to_numpy(), whole["nps"].to_numpy(dtype=float))
    assert value(found, "lmg").to_numpy() == pytest.approx(own, abs=1e-9)
    assert set(value(found, "lmg", "n")) == {len(whole)} and found.attrs["no_outcome"] == 342
    assert value(found, "lmg").idxmax() == "intention"
