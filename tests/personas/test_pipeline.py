"""Pre-processing: what is straightened, what is left out, what happens to gaps."""

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from cjlab.personas.pipeline import Prepare, canonical_columns, canonical_rows


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_log_normal_becomes_normal(rng):
    column = rng.lognormal(sigma=1.0, size=2000)
    out = Prepare().fit_transform(column[:, None])[:, 0]
    assert np.mean(out) == pytest.approx(0, abs=1e-9)
    assert np.std(out) == pytest.approx(1, abs=1e-9)
    third = np.mean(out**3)
    assert abs(third) < 0.3 < abs(np.mean(((column - column.mean()) / column.std()) ** 3))


def test_lumpy_tail_becomes_normal_scores_of_midranks(rng):
    column = np.where(rng.random(400) < 0.6, 0.0, rng.lognormal(sigma=1.5, size=400))
    out = Prepare().fit_transform(column[:, None])[:, 0]
    expected = norm.ppf((rankdata(column, method="average") - 0.5) / len(column))
    np.testing.assert_allclose(out, expected, atol=1e-9)


def test_gap_between_always_and_never_is_kept(rng):
    share = np.r_[np.zeros(200), rng.uniform(0.9, 1.0, 200)]
    out = Prepare().fit_transform(share[:, None])[:, 0]
    within = max(out[:200].std(), out[200:].std())
    assert out[200:].mean() - out[:200].mean() > 10 * within


def test_missing_is_the_median_and_a_mark(rng):
    known = rng.normal(size=300)
    column = known.copy()
    column[:90] = np.nan
    other = rng.normal(size=300)
    ready = Prepare().fit(np.column_stack([column, other]), names=["gap", "other"])
    out = ready.transform(np.column_stack([column, other]))
    assert ready.columns_ == ["gap", "other", "gap:missing"]
    middle = np.median(known[90:])
    same = ready.transform(np.array([[middle, 0.0]]))
    np.testing.assert_allclose(out[:90, 0], same[0, 0], atol=0.02)
    mark = out[:, 2]
    assert len(np.unique(mark)) == 2
    # 70 % have a value: midranks .35 and .85 as normal scores, at half weight.
    assert mark[200] == pytest.approx(norm.ppf(0.35) / 2)
    assert mark[0] == pytest.approx(norm.ppf(0.85) / 2)


def test_no_mark_where_hardly_any_is_missing(rng):
    X = rng.normal(size=(300, 2))
    X[:3, 0] = np.nan
    assert Prepare().fit(X).columns_ == ["x0", "x1"]


def test_notes_say_what_was_left_out(rng):
    a = rng.normal(size=200)
    shares = rng.dirichlet([1, 2, 9], size=200)
    X = np.column_stack([a, np.ones(200), np.full(200, np.nan), a * 3 + 1, shares])
    names = ["a", "same", "nobody", "again", "share_x", "share_y", "share_z"]
    ready = Prepare().fit(X, names=names)
    notes = {note["feature"]: (note["reason"], note["of"]) for note in ready.notes_}
    rarest = names[4 + int(np.argmin(shares.var(axis=0)))]
    assert notes == {
        "same": ("constant", ""),
        "nobody": ("all_missing", ""),
        "again": ("near_duplicate", "a"),
        rarest: ("reference_share", ""),
    }
    assert set(ready.columns_) == set(names) - set(notes)


def test_one_huge_outlier_leaves_the_others_where_they_were(rng):
    X = rng.normal(size=(500, 1))
    with_outlier = X.copy()
    with_outlier[0] = 1e12
    plain = Prepare().fit_transform(X)[1:, 0]
    drawn_in = Prepare().fit_transform(with_outlier)[1:, 0]
    assert np.corrcoef(plain, drawn_in)[0, 1] > 0.99
    assert drawn_in.std() > 0.9


def test_units_do_not_matter(rng):
    X = np.column_stack(
        [rng.lognormal(size=300), np.where(rng.random(300) < 0.5, 0, rng.pareto(2, 300))]
    )
    np.testing.assert_allclose(
        Prepare().fit_transform(X), Prepare().fit_transform(X * [86400, 0.01] + [5, 0]), atol=1e-6
    )


def test_canonical_orders_do_not_depend_on_the_order_given(rng):
    X = rng.normal(size=(50, 4)).round(1)
    rows, columns = rng.permutation(50), rng.permutation(4)
    np.testing.assert_array_equal(X[canonical_rows(X)], X[rows][canonical_rows(X[rows])])
    np.testing.assert_array_equal(
        X[:, canonical_columns(X, None)], X[:, columns][:, canonical_columns(X[:, columns], None)]
    )
