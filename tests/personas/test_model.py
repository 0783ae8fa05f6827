"""PersonaModel: planted groups, no groups, and every awkward set of customers."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_limits

from cjlab.personas import stability
from cjlab.personas.model import PersonaModel
from cjlab.personas.structure import structure_test

OTHERS = ("gmm", "hdbscan", "ward")
CENTRES = 4.0 * np.array([[1, 0, 0, 1, 0], [-1, 1, 0, 0, 0], [0, -1, 1, 0, -1]])


def planted(seed, sizes=(200, 120, 60)):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(sizes)), sizes)
    return CENTRES[truth] + rng.normal(size=(len(truth), 5)), truth


# The array-API check runs only where SCIPY_ARRAY_API is set; it is skipped by scikit-learn.
@parametrize_with_checks(
    [
        PersonaModel(n_personas=3, n_draws=2, n_splits=1),
        PersonaModel(minimum=5, n_draws=5, n_splits=2),
        *(
            PersonaModel(minimum=5, algorithm=name, max_personas=3, n_draws=2, n_splits=1)
            for name in OTHERS
        ),
    ]
)
def test_scikit_learn_conventions(estimator, check):
    check(estimator)


@pytest.mark.parametrize("seed", range(3))
def test_planted_groups_come_back(seed):
    X, truth = planted(seed)
    model = PersonaModel().fit(X)
    assert not hasattr(model, "verdict_")
    assert adjusted_rand_score(truth, model.labels_) >= 0.99
    assert model.sizes_.tolist() == sorted(model.sizes_, reverse=True)
    np.testing.assert_array_equal(np.bincount(model.labels_), model.sizes_)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    chosen = model.curve_.query("chosen")
    assert chosen["k"].to_list() == [3]
    assert model.curve_["k"].to_list() == list(range(2, 9))
    assert (model.jaccard_ >= stability.STEADY).all()


@pytest.mark.prove
def test_one_cloud_is_one_persona_on_most_seeds():
    found = [
        PersonaModel(n_draws=10).fit(np.random.default_rng(seed).normal(size=(400, 5))).n_personas_
        for seed in range(10)
    ]
    assert found.count(1) >= 9


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**20), scale=st.floats(0.01, 1e5), shift=st.floats(-1e3, 1e3))
def test_order_and_units_do_not_matter(seed, scale, shift):
    X, _ = planted(1)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(X)), rng.permutation(5)
    model = PersonaModel(n_draws=5, n_splits=2)
    expected = model.fit(X).labels_
    changed = (X * scale + shift)[rows][:, columns]
    np.testing.assert_array_equal(expected[rows], model.fit(changed).labels_)


def test_named_columns_may_come_in_any_order_where_groups_overlap():
    rng = np.random.default_rng(3)
    X = pd.DataFrame(rng.normal(size=(300, 4)), columns=list("dbca"))
    model = PersonaModel(n_personas=4, n_draws=3, n_splits=1)
    rows = rng.permutation(300)
    expected = model.fit(X).labels_
    np.testing.assert_array_equal(expected[rows], model.fit(X.iloc[rows][list("abcd")]).labels_)


def test_threads_do_not_matter():
    X = np.random.default_rng(5).normal(size=(3000, 6))
    model = PersonaModel(n_personas=5, n_draws=3, n_splits=1)
    with threadpool_limits(1):
        one = model.fit(X).labels_
    with threadpool_limits(2):
        np.testing.assert_array_equal(one, model.fit(X).labels_)


def test_too_small_a_group_is_no_persona():
    X, truth = planted(2, sizes=(600, 600, 25))
    model = PersonaModel().fit(X)
    assert model.n_personas_ == 2
    assert model.sizes_.min() >= 30
    three = model.curve_.set_index("k").loc[3]
    assert three["prediction_strength"] > 0.8 and not three["eligible"]
    smaller = PersonaModel(minimum=20).fit(X[truth > 0])
    assert smaller.sizes_.tolist() == [600, 25]


@pytest.mark.parametrize("customers", [1, 2, 3, 40, 59])
def test_few_customers_are_one_persona(customers):
    X = np.random.default_rng(0).normal(size=(customers, 3))
    model = PersonaModel().fit(X).assess(X)
    assert (model.n_personas_, model.verdict_) == (1, "too_few_customers")
    assert (model.confidence(X) == 1).all()
    assert model.curve_.empty and model.stability_.empty and model.structure_ is None


@pytest.mark.parametrize(
    ("X", "verdict"),
    [
        (np.ones((200, 3)), "continuum"),
        (np.full((200, 3), np.nan), "continuum"),
        (np.r_[np.zeros((199, 1)), [[1.0]]], "no_stable_groups"),
    ],
    ids=["identical", "all missing", "one differs"],
)
def test_nothing_to_tell_customers_apart_by(X, verdict):
    model = PersonaModel().fit(X).assess(X)
    assert (model.n_personas_, model.verdict_) == (1, verdict)
    assert model.labels_.tolist() == [0] * 200
    assert model.structure_.draws == 0


@pytest.mark.parametrize("algorithm", ["kmeans", *OTHERS])
def test_two_kinds_of_rows_are_two_groups(algorithm):
    X = np.repeat([[0.0, 5.0, 1.0], [1.0, 2.0, 1.0]], [120, 80], axis=0)
    model = PersonaModel(algorithm=algorithm).fit(X).assess(X)
    assert (model.verdict_, model.sizes_.tolist()) == ("clear_groups", [120, 80])


def test_a_single_column():
    rng = np.random.default_rng(0)
    two = np.r_[rng.normal(0, 1, 150), rng.normal(6, 1, 150)][:, None]
    made = [PersonaModel(n_draws=5).fit(X).assess(X) for X in (two, two[:150])]
    assert [model.verdict_ for model in made] == ["clear_groups", "continuum"]
    assert made[0].sizes_.min() >= 148


def test_a_feature_that_nobody_has_changes_nothing():
    X, _ = planted(0)
    more = np.column_stack([X, np.full(len(X), np.nan)])
    model = PersonaModel().fit(more)
    np.testing.assert_array_equal(model.labels_, PersonaModel().fit(X).labels_)
    assert [note["reason"] for note in model.prepare_.notes_] == ["all_missing"]


def test_one_huge_outlier_changes_no_other_label():
    X, truth = planted(0)
    X[0, 0] = 1e12
    model = PersonaModel().fit(X)
    assert adjusted_rand_score(truth[1:], model.labels_[1:]) >= 0.99
    assert model.assess(X).verdict_ == "clear_groups"


def test_gaps_at_random_make_no_persona():
    rng = np.random.default_rng(11)
    X = rng.normal(size=(600, 5))
    X[rng.random(600) < 0.4, 0] = np.nan
    model = PersonaModel(n_draws=10).fit(X).assess(X)
    assert (model.n_personas_, model.verdict_) == (1, "continuum")


def test_five_hundred_features():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 100)
    X = rng.normal(size=(200, 500)) + truth[:, None] * 1.0
    model = PersonaModel(n_draws=5, n_splits=2, max_personas=4).fit(X).assess(X)
    assert adjusted_rand_score(truth, model.labels_) >= 0.99
    assert model.verdict_ == "clear_groups"


def test_a_number_is_obeyed_and_judged():
    cloud = np.random.default_rng(0).normal(size=(300, 4))
    forced = PersonaModel(n_personas=4).fit(cloud).assess(cloud)
    assert (forced.n_personas_, forced.verdict_) == (4, "continuum")
    X, _ = planted(0)
    asked = {k: PersonaModel(n_personas=k).fit(X).assess(X).verdict_ for k in (1, 3, 6)}
    assert asked == {1: "provisional", 3: "clear_groups", 6: "provisional"}


def test_stability_is_told_persona_by_persona():
    X, _ = planted(0)
    model = PersonaModel(n_draws=5).fit(X).assess(X)
    told = model.stability_.set_index("measure")
    jaccard = told.loc["jaccard"]
    assert jaccard["persona"].to_list() == [0, 1, 2]
    np.testing.assert_array_equal(jaccard["value"], model.jaccard_)
    assert (jaccard["label"] == "highly_stable").all()
    assert (
        told.loc[["prediction_strength", "ari_halves", "ari_gmm", "ari_ward"], "value"].min() > 0.9
    )
    assert (told["n"] == len(X)).all()


@pytest.mark.parametrize("algorithm", OTHERS)
def test_every_algorithm_finds_planted_groups_in_any_order(algorithm):
    X, truth = planted(3)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(X)), rng.permutation(5)
    model = PersonaModel(algorithm=algorithm, n_draws=3, n_splits=2, max_personas=4)
    labels = model.fit(X).labels_
    assert adjusted_rand_score(truth, labels) >= (0.95 if algorithm == "hdbscan" else 0.99)
    assert model.sizes_.tolist() == sorted(model.sizes_, reverse=True)
    np.testing.assert_array_equal(model.predict(X), labels)
    assert model.confidence(X).mean() > 0.9
    assert (model.noise_ > 0) == (algorithm == "hdbscan")
    np.testing.assert_array_equal(labels[rows], model.fit(X[rows][:, columns]).labels_)


def test_confidence_counts_the_draws_that_agree():
    X, _ = planted(0)
    model = PersonaModel(n_draws=7).fit(X)
    ready = model.prepare_.transform(X[:, model.columns_order_])
    same = [rule.predict(ready) == model.labels_ for rule in model.draws_]
    np.testing.assert_allclose(model.confidence(X), np.mean(same, axis=0))


def test_text_columns_are_levels_and_one_weighs_as_a_number():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(400, 2)), columns=["b", "a"])
    X["plan"] = rng.choice(["free", "paid", "team"], 400)
    X.loc[:5, "plan"] = "rare"
    X.loc[6:60, "plan"] = None
    model = PersonaModel(n_personas=3, n_draws=3, n_splits=1).fit(X)
    levels = [f"plan: {level}" for level in ("free", "missing", "other", "paid", "team")]
    assert set(model.feature_names_in_) == {"a", "b", *levels}
    columns = model.prepare_.columns_
    spread = model.prepare_.transform(model._ordered(X)).var(axis=0)
    weight = sum(v for name, v in zip(columns, spread, strict=True) if name in levels)
    assert weight == pytest.approx(1, abs=0.01)
    rows = rng.permutation(400)
    other = X.iloc[rows][["plan", "a", "b"]]
    np.testing.assert_array_equal(model.labels_[rows], model.predict(X.iloc[rows]))
    again = PersonaModel(n_personas=3, n_draws=3, n_splits=1).fit(other)
    np.testing.assert_array_equal(model.labels_[rows], again.labels_)
    shares = model.profile_.set_index(["feature", "persona"])["mean"]
    assert shares["plan: paid", 0] == (X["plan"][model.labels_ == 0] == "paid").mean()


def test_confidence_is_low_at_the_border_only():
    rng = np.random.default_rng(2)
    X = np.r_[rng.normal(-3, 1, (200, 2)), rng.normal(3, 1, (200, 2))]
    model = PersonaModel().fit(X)
    line = np.linspace(-3, 3, 201)[:, None] * np.ones(2)
    sure = model.confidence(line)
    assert sure[0] == sure[-1] == 1
    assert 0.4 < sure.min() < 0.8
    assert abs(line[np.argmin(sure), 0]) < 0.8


def test_profile_is_the_plain_mean_and_difference():
    X, _ = planted(4)
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame.loc[:50, "b"] = np.nan
    model = PersonaModel().fit(frame)
    rows = model.profile_.set_index(["persona", "feature"])
    scaled = (frame - frame.mean()) / frame.std(ddof=0)
    for code in range(model.n_personas_):
        inside = model.labels_ == code
        for name in frame:
            row = rows.loc[(code, name)]
            assert row["mean"] == pytest.approx(frame.loc[inside, name].mean(), nan_ok=True)
            assert row["n"] == frame.loc[inside, name].notna().sum()
            assert row["difference"] == pytest.approx(scaled.loc[inside, name].mean(), abs=0.25)
            assert row["low"] <= row["difference"] <= row["high"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"n_personas": 0}, "whole number from 1"),
        ({"n_personas": "three"}, "n_personas is 'three'"),
        ({"max_personas": 1}, "max_personas is 1"),
        ({"minimum": 2.5}, "minimum is 2.5"),
        ({"algorithm": "dbscan"}, "must be one of kmeans, gmm, hdbscan, ward"),
        ({"algorithm": "hdbscan", "n_personas": 3}, "finds its own number"),
    ],
)
def test_wrong_options_are_named(option, message):
    with pytest.raises(ValueError, match=message):
        PersonaModel(**option).fit(np.ones((5, 1)))


def test_prediction_strength_counts_pairs():
    own = np.array([0, 0, 0, 0, 1, 1])
    foreign = np.array([0, 0, 0, 1, 1, 1])
    # Group 0: 3 of 6 pairs together; group 1: its only pair.
    assert stability._strength(own, foreign, 2) == 0.5


def test_jaccard_of_two_true_groups_is_one_and_of_halved_ones_is_not():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1, (100, 2)), rng.normal(20, 1, (100, 2))]
    with threadpool_limits(1):
        two = stability.assess(X, 2, rng=rng, draws=10, splits=3)
        four = stability.assess(X, 4, rng=rng, draws=10, splits=3)
    assert two.jaccard.tolist() == [1, 1]
    assert two.prediction_strength == 1
    assert four.jaccard.min() < 0.9 and four.prediction_strength < 0.8


def test_a_long_cloud_is_said_to_be_cut():
    rng = np.random.default_rng(0)
    long = rng.normal(size=(1500, 1)) + 0.2 * rng.normal(size=(1500, 4))
    model = PersonaModel(n_draws=10, n_splits=5).fit(long).assess(long)
    assert model.verdict_ == "continuum" and model.n_personas_ > 1
    assert (model.curve_["valley"] > stability.APART).all()


def test_numbers_with_gaps_go_before_repeatable_cuts():
    # Two groups apart, of which one is long: three cut it again, on most draws repeatably.
    larger = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = np.repeat([0, 1], [1000, 600])
        long = 4.0 * (truth == 0)[:, None] * rng.normal(size=(1600, 1))
        apart = 8.0 * truth[:, None] + rng.normal(size=(1600, 3))
        X = np.column_stack([apart, long + 0.3 * rng.normal(size=(1600, 2))])
        model = PersonaModel(n_draws=10, n_splits=5, max_personas=3).fit(X)
        larger.append(model.curve_.query("eligible")["k"].max() > 2)
        assert (model.curve_.query("chosen")["valley"] <= stability.APART).all()
        assert model.n_personas_ == 2
        assert adjusted_rand_score(truth, model.labels_) >= 0.99
    # Without a larger eligible number the rule would not have been put to the test.
    assert sum(larger) >= 2


@pytest.mark.parametrize("share", [0.5, 0.7])
def test_groups_apart_in_one_of_eight_columns_are_found(share):
    rng = np.random.default_rng(7)
    X = rng.normal(size=(300, 8))
    truth = np.arange(300) < share * 300
    X[truth, 2] += 4
    model = PersonaModel(n_draws=15, n_splits=5).fit(X)
    assert (model.algorithm_, model.n_personas_) == ("common", 2)
    assert adjusted_rand_score(truth, model.labels_) > 0.85
    order = rng.permutation(300)
    again = PersonaModel(n_draws=15, n_splits=5).fit(X[order][:, ::-1])
    np.testing.assert_array_equal(again.labels_, model.labels_[order])
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert model.place(X)[1].mean() > 0.9


def test_one_cloud_is_left_whole_by_either_way():
    X = np.random.default_rng(8).normal(size=(300, 5))
    model = PersonaModel(n_draws=15, n_splits=5).fit(X)
    assert (model.algorithm_, model.n_personas_) == ("kmeans", 1)
    assert model.curve_["k"].max() == 8


def test_a_model_is_assessed_by_the_test_of_its_data():
    """What the test says of a cloud is the verdict, whatever was cut out of it.

    The model scales by the sample it was fitted on, so that the numbers differ in the fourth digit.
    """
    X = np.random.default_rng(5).normal(size=(150, 3))
    model = PersonaModel(n_personas=3).fit(X).assess(X)
    assert model.structure_.p_value == pytest.approx(structure_test(X).p_value, abs=0.02)
    assert model.structure_.p_value > 0.05 and model.verdict_ == "continuum"
