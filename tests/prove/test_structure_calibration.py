"""The verdict is right about clouds and about groups: 100 sets of 300 customers of each kind.

With `pytest -s` it prints the table of cjlab/personas/CALIBRATION.md.
"""

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from cjlab.personas import structure
from cjlab.personas.cloud import Cloud
from cjlab.personas.model import PersonaModel

pytestmark = pytest.mark.prove

SETS, ROWS, COLUMNS = 100, 300, 5


def uniform(rng):
    return rng.uniform(size=(ROWS, COLUMNS))


def gaussian(rng):
    return rng.normal(size=(ROWS, COLUMNS))


def correlated(rng):
    return rng.normal(size=(ROWS, COLUMNS)) @ rng.normal(size=(COLUMNS, COLUMNS))


def rfm(rng):
    """Skewed, correlated, and one column of counts."""
    shared = 0.6 * rng.normal(size=(ROWS, 1))
    X = np.exp(shared + 0.8 * rng.normal(size=(ROWS, COLUMNS)))
    X[:, 1] = np.floor(3 * X[:, 1]) + 1
    return X


def apart(rng, shift, share=0.5, rows=ROWS):
    return rng.normal(size=(rows, len(shift))) + (rng.random(rows) < share)[:, None] * shift


def along(axis_or_diagonal, distance=4.0, columns=COLUMNS):
    one = np.eye(columns)[0]
    return distance * (one if axis_or_diagonal == "axis" else np.full(columns, columns**-0.5))


def diagonal(rng):
    return apart(rng, along("diagonal"))


def axis(rng):
    return apart(rng, along("axis"))


def diagonal_unequal(rng):
    return apart(rng, along("diagonal"), share=0.3)


def axis_unequal(rng):
    return apart(rng, along("axis"), share=0.3)


CLOUDS = (uniform, gaussian, correlated, rfm)
# How many sets of each kind; one kind is the contract's, the others are seen beside it.
APART = {diagonal: SETS, diagonal_unequal: 10, axis: 10}


def judged(job):
    """The verdict, and the number found; 0 where the test alone decides: a fit changes nothing."""
    kind, number = job
    X = kind(np.random.default_rng([len(kind.__name__), number]))
    if kind in CLOUDS and structure.structure_test(X, n_jobs=1).p_value > structure.LEVEL:
        return "continuum", 0
    model = PersonaModel().fit(X).assess(X)
    return model.verdict_, model.n_personas_


def verdicts(kind, sets):
    """Return the verdicts and the numbers found, and print how many of each for the table."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(judged, [(kind, number) for number in range(sets)]))
    told = Counter(verdict for verdict, _ in found)
    numbers = Counter(number for _, number in found)
    print(kind.__name__, sets, dict(told), dict(numbers), flush=True)
    return told, numbers


@pytest.mark.parametrize("kind", CLOUDS, ids=lambda kind: kind.__name__)
def test_a_cloud_is_a_continuum(kind):
    told, _ = verdicts(kind, SETS)
    assert told["continuum"] >= 0.9 * SETS


@pytest.mark.parametrize(("kind", "sets"), APART.items(), ids=lambda x: getattr(x, "__name__", x))
def test_two_groups_four_deviations_apart_are_groups(kind, sets):
    told, _ = verdicts(kind, sets)
    assert told["clear_groups"] + told["provisional"] >= 0.9 * sets


def test_a_smaller_group_apart_in_one_column_is_cut_out_but_seldom_proved():
    """A cloud with one long tail could look so: the limit that the table states."""
    _, numbers = verdicts(axis_unequal, 10)
    assert numbers[2] >= 9


def power(rows, columns, distance, sets=40, clouds=100):
    """Share of sets with two equal groups that are found, the null drawn once for all."""
    rng = np.random.default_rng([rows, columns, round(100 * distance)])
    shift, ks = along("diagonal", distance, columns), tuple(range(2, 9))
    spread = np.sqrt(1 + shift**2 / 4)
    cloud = Cloud((apart(rng, shift, rows=rows) - shift / 2) / spread)
    null = np.array([structure.silhouettes(cloud.draw(rng), ks, i) for i in range(clouds)])
    mean, sd = null.mean(axis=0), null.std(axis=0)
    bar = np.quantile(((null - mean) / sd).max(axis=1), 1 - structure.LEVEL)
    own = [structure.silhouettes((apart(rng, shift, rows=rows) - shift / 2) / spread, ks, i)
           for i in range(sets)]  # fmt: skip
    return float(((np.array(own) - mean) / sd).max(axis=1).__gt__(bar).mean())


@pytest.mark.parametrize(("size", "distance"), structure.POWER.items())
def test_what_the_test_could_have_seen(size, distance):
    assert power(*size, distance + 0.5) >= 0.7
    assert power(*size, distance - 1.0) <= 0.9


def test_a_million_planted_customers_come_back():
    rng = np.random.default_rng(0)
    truth = rng.integers(4, size=1_000_000)
    centers = rng.normal(size=(4, 20)) * 2.5
    X = rng.normal(size=(len(truth), 20)) + centers[truth]
    model = PersonaModel().fit(X)
    assert adjusted_rand_score(truth, model.labels_) >= 0.99
    assert model.assess(X).verdict_ == "clear_groups"
