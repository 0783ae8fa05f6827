"""Well-known data with groups come out with structure."""

from pathlib import Path

import pandas as pd
import pytest
from sklearn.datasets import load_iris, make_blobs
from sklearn.metrics import adjusted_rand_score

from cjlab.personas import PersonaModel

PENGUINS = Path(__file__).parents[1] / "data" / "penguins.csv"


def iris():
    found = load_iris()
    return found.data, found.target


def penguins():
    frame = pd.read_csv(PENGUINS, comment="#")
    return frame.drop(columns="species"), frame["species"]


def blobs():
    return make_blobs(300, n_features=5, centers=4, random_state=0)


@pytest.mark.parametrize(("data", "agreement"), [(iris, 0.5), (penguins, 0.6), (blobs, 0.99)])
def test_known_groups_are_groups(data, agreement):
    X, truth = data()
    model = PersonaModel().fit(X).assess(X)
    assert model.verdict_ == "clear_groups"
    # Iris and penguins hold two kinds that overlap: two personas are an honest answer.
    assert adjusted_rand_score(truth, model.labels_) >= agreement
