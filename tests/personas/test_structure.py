"""The test for groups: its null is one cloud, its p-value counts, and it sees plain groups."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, norm, spearmanr
from sklearn.metrics import silhouette_score

from cjlab.personas import structure
from cjlab.personas.cloud import Cloud, margin
from cjlab.personas.structure import structure_test


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def two(rng, shift, sizes=(100, 100)):
    truth = np.repeat([0, 1], sizes)
    return rng.normal(size=(len(truth), len(shift))) + truth[:, None] * np.array(shift)


def test_two_peaks_become_one(rng):
    made = margin(two(rng, [6.0])[:, 0])
    density = np.diff(made.cdf) / np.diff(made.knots)
    top = int(np.argmax(density))
    assert (np.diff(density[: top + 1]) >= -1e-9).all() and (np.diff(density[top:]) <= 1e-9).all()
    inside = made.inverse(np.linspace(0, 1, 2001))
    # Where nobody was, between the two, there is now about as much as on either side.
    assert 0.15 < np.mean((inside > 2) & (inside < 4)) < 0.45


def test_one_peak_stays_where_it_was(rng):
    column = rng.normal(size=2000)
    drawn = margin(column).inverse(rng.random(2000))
    assert kstest(drawn, norm.cdf).pvalue > 0.01
    assert drawn.std() == pytest.approx(column.std(), rel=0.05)


@pytest.mark.parametrize("column", [[0.0] * 60 + [1.0] * 40, [*np.linspace(1, 2, 80), *[0.0] * 20]])
def test_lumps_stay_as_they_are(column):
    drawn = margin(np.array(column)).inverse((np.arange(1000) + 0.5) / 1000)
    assert np.mean(drawn == 0) == pytest.approx(np.mean(np.array(column) == 0), abs=0.002)
    assert set(drawn) <= set(column)


def test_a_cloud_has_the_rank_correlation_of_the_data(rng):
    X = rng.normal(size=(2000, 3)) @ rng.normal(size=(3, 3))
    drawn = Cloud(X).draw(rng)
    np.testing.assert_allclose(spearmanr(drawn)[0], spearmanr(X)[0], atol=0.07)


def test_what_is_missing_together_and_what_excludes_each_other_stay_so(rng):
    X = rng.normal(size=(500, 6))
    X[rng.random(500) < 0.3, :2] = np.nan
    X[:, 3:] = np.eye(3)[rng.choice(3, 500, p=[0.5, 0.3, 0.2])]
    drawn = Cloud(X, [[3, 4, 5]]).draw(rng)
    gaps = np.isnan(drawn)
    np.testing.assert_array_equal(gaps[:, 0], gaps[:, 1])
    assert gaps[:, 0].mean() == pytest.approx(0.3, abs=0.07) and not gaps[:, 2:].any()
    assert (drawn[:, 3:].sum(axis=1) == 1).all()
    np.testing.assert_allclose(drawn[:, 3:].mean(axis=0), [0.5, 0.3, 0.2], atol=0.08)


def test_more_columns_than_rows(rng):
    drawn = Cloud(rng.normal(size=(20, 50))).draw(rng)
    assert drawn.shape == (20, 50) and np.isfinite(drawn).all()


def test_silhouette_is_that_of_scikit_learn(rng):
    X, labels = rng.normal(size=(80, 3)), rng.integers(4, size=80)
    labels[labels == 3] = 2
    labels[0] = 3  # a group of one
    expected = silhouette_score(X, labels)
    assert structure.silhouette(X, labels, 4) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("high", [0, 3, 12])
def test_the_p_value_counts_clouds_after_the_pilot(high):
    """Every cloud scores 0 or 1 in turn, but `high` that beat the data."""
    places = np.linspace(structure.PILOT + 1, structure.PILOT + 60, 12).astype(int)[:high]

    def score(number):
        if number < 0:
            return np.array([5.0, 0.0])
        return np.array([9.0 if number in places else number % 2, 0.0])

    own, mean, spread, exceedances, done = structure._sequence(score, 199, 2, None)
    assert own.tolist() == [5, 0] and mean[0] == 0.5
    assert spread[0] == pytest.approx(np.std([0, 1] * (structure.PILOT // 2), ddof=1))
    assert exceedances == min(high, structure.ENOUGH)
    assert done == (199 if high < 10 else places[9] - structure.PILOT + 1)


@pytest.mark.parametrize("shift", [[2.0] * 4, [4.0] * 4, [6.0, 0, 0, 0]], ids=str)
@pytest.mark.parametrize("sizes", [(100, 100), (140, 60)], ids=str)
def test_two_groups_are_seen(rng, shift, sizes):
    found = structure_test(two(rng, shift, sizes), draws=39)
    assert (found.p_value, found.exceedances, found.draws) == (1 / 40, 0, 39)
    assert (found.rows, found.columns) == (200, 4)


def test_one_cloud_is_none_and_stops_early(rng):
    found = structure_test(rng.lognormal(size=(200, 4)))
    assert found.p_value > 0.05
    assert (found.exceedances, found.p_value) == (10, 10 / found.draws)


def test_nothing_depends_on_order_or_threads(rng):
    X = pd.DataFrame(two(rng, [1.5] * 3, (60, 60)), columns=list("cab"))
    X.loc[:20, "a"] = np.nan
    first = structure_test(X, draws=9)
    structure._known.clear()
    shuffled = X.sample(frac=1, random_state=0)[list("abc")]
    assert structure_test(shuffled, draws=9, n_jobs=1) == first
    assert structure_test(X, draws=9) is structure_test(X, draws=9)
    assert structure_test(X, draws=9, random_state=1) != first


def test_only_a_sample_is_tested_and_progress_is_told(rng):
    told = []
    found = structure_test(
        two(rng, [3.0, 3.0]), rows=90, draws=9, progress=lambda *p: told.append(p)
    )
    assert found.rows == 90
    assert told == [(structure.PILOT + i, structure.PILOT + 9) for i in range(1, found.draws + 1)]


def test_text_may_make_no_groups_by_itself(rng):
    X = pd.DataFrame({"visits": rng.normal(size=120), "spend": rng.normal(size=120)})
    X["plan"] = rng.choice(["free", "paid", "team"], 120)
    assert structure_test(X).p_value > 0.05


def test_what_could_have_been_seen():
    (rows, columns), least = next(iter(structure.POWER.items()))
    seen = structure.Structure(1.0, 0.0, 2, 10, 10, rows, columns).sees
    assert seen == least
    assert np.isnan(structure.Structure(1.0, 0.0, 2, 10, 10, 10, columns).sees)
