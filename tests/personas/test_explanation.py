"""Explanations: rules that say what they count, honest accuracy, averages of many, the way next."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab import personas
from cjlab.errors import UserError
from cjlab.personas import surrogate
from cjlab.personas._features import Feature
from cjlab.privacy import gate
from cjlab.stats import proportion

FEATURES = [
    Feature("frequency", "Active days a month", "d/30 d", ""),
    Feature("share_app", "Share of app", "1", "", "channel"),
    Feature("monetary", "Mean order value", "money", "", "value"),
]


def planted(sizes=(90, 60, 50), seed=0):
    """Seldom by web; often by app; those of the third kind have never ordered."""
    rng = np.random.default_rng(seed)
    kind = np.repeat([0, 1, 2], sizes)
    frame = pd.DataFrame(
        {
            "share_app": np.choose(kind, [0.1, 0.9, 0.5]) + rng.uniform(-0.05, 0.05, len(kind)),
            "frequency": np.choose(kind, [2.0, 9.0, 5.0]) + rng.uniform(-0.9, 0.9, len(kind)),
            "monetary": np.where(kind == 2, np.nan, rng.uniform(80, 120, len(kind))),
        }
    )
    frame.attrs["features"] = FEATURES
    return frame, kind


@pytest.fixture(scope="module")
def known():
    X, kind = planted()
    model = personas.PersonaModel(n_personas=3).fit(X)
    assert model.sizes_.tolist() == [90, 60, 50]
    return X, kind, model, personas.explain(model, X)


def test_rules_say_what_they_count(known):
    X, kind, _, found = known
    rules = found.rules[found.rules["metric"] == "purity"]
    assert rules["persona"].to_list() == ["P1", "P2", "P3"]
    masks = {
        "mean order value known": X["monetary"].notna(),
        "mean order value not known": X["monetary"].isna(),
        "active days a month over 5": X["frequency"] > 5,
        "active days a month up to 5": X["frequency"] <= 5,
        "share of app over 50%": X["share_app"] > 0.5,
        "share of app up to 50%": X["share_app"] <= 0.5,
    }
    for code, row in enumerate(rules.to_dict("records")):
        inside = np.logical_and.reduce([masks[part] for part in row["rule"].split(", and ")])
        hits = (kind[inside] == code).sum()
        assert (row["n"], row["hits"]) == (inside.sum(), hits)
        assert row["value"] == pytest.approx(hits / inside.sum())
        assert row["low"] == pytest.approx(proportion(hits, inside.sum()).low)
    assert rules["n"].sum() == len(X)
    coverage = found.rules[found.rules["metric"] == "coverage"]
    assert coverage["n"].to_list() == [90, 60, 50] and (coverage["value"] > 0.98).all()


def test_accuracy_is_that_of_unseen_customers_beside_chance(known):
    accuracy, chance = known[3].accuracy.to_dict("records")
    assert accuracy["value"] > 0.98 and accuracy["low"] < accuracy["value"] <= accuracy["high"]
    assert chance["value"] == pytest.approx(1 / 3) and chance["n"] == accuracy["n"] == 200

    rng = np.random.default_rng(1)
    noise, labels = rng.normal(size=(600, 5)), rng.integers(0, 3, 600)
    tree = surrogate.grow(noise, labels, 10)
    assert (tree.predict(noise) == labels).mean() > 0.4  # it fits what is not there
    unseen = surrogate.accuracy(noise, labels, lambda n: 10)
    assert unseen.low < 1 / 3 < unseen.high
    assert surrogate.accuracy(noise[:4], np.array([0, 0, 0, 1]), lambda n: 1) is None


def test_the_interval_of_a_mean_of_shares_is_mover():
    # One feature that tells two of three groups apart, exactly: recalls 1, and 1 or 0 or between.
    X = np.repeat([0.0, 1.0], [50, 50]).reshape(-1, 1)
    labels = np.repeat([0, 1], [50, 50])
    found = surrogate.accuracy(X, labels, lambda n: 5)
    low = proportion(50, 50).low
    assert found.value == 1 and found.high == 1
    assert found.low == pytest.approx(1 - np.sqrt(2 * (1 - low) ** 2) / 2)


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=5, max_size=60),
    st.floats(-1e6, 1e6, allow_nan=False),
)
def test_rounding_moves_hardly_anybody(values, threshold):
    values = np.array(values)
    near = surrogate._rounded(threshold, values)
    assert np.mean((values <= near) != (values <= threshold)) <= surrogate.MOVED


def test_a_persona_without_a_rule_is_said_to_have_none():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(size=(400, 2)), columns=["a", "b"])
    found = personas.explain(personas.PersonaModel(n_personas=8).fit(X), X).rules
    assert set(found["persona"]) == {f"P{k}" for k in range(1, 9)}
    bare = found[found["rule"].isna()]
    assert len(bare) >= 4 and bare["value"].isna().all() and set(bare["note"]) == {"no_rule"}


def test_exemplars_are_averages_of_at_least_the_minimum(known):
    X, _, model, found = known
    labels, distances = model.predict(X), model.transform(X)
    for minimum in (10, 25):
        exemplars = personas.explain(model, X, minimum=minimum).exemplars
        for code in range(3):
            own = np.flatnonzero(labels == code)
            nearest = own[np.argsort(distances[own, code], kind="stable")[:minimum]]
            rows = exemplars[exemplars["persona"] == f"P{code + 1}"].set_index("feature")
            expected = X.iloc[nearest]
            assert rows["n"].to_dict() == expected.count().to_dict()
            known_features = expected.columns[expected.notna().any()]
            np.testing.assert_allclose(
                rows.loc[known_features, "value"], expected[known_features].mean()
            )
    assert found.exemplars.query("persona == 'P3' and feature == 'monetary'")["value"].isna().all()


def test_nobody_is_shown_where_a_persona_is_small():
    days = np.concatenate([np.linspace(0, 1, 16), np.linspace(50, 51, 9)])
    X = pd.DataFrame({"days": days})
    model = personas.PersonaModel(n_personas=2).fit(X)
    assert model.sizes_.tolist() == [16, 9]
    rows = personas.explain(model, X).exemplars
    assert rows["status"].to_list() == ["ok", "suppressed"] and np.isnan(rows["value"][1])


def test_the_next_persona_and_what_leads_there(known):
    X, kind, model, found = known
    distances = np.sort(model.transform(X), axis=1)
    order = np.argsort(model.transform(X), axis=1)
    for code in range(3):
        rows = found.nearest[found.nearest["persona"] == f"P{code + 1}"]
        other = pd.Series(order[kind == code, 1]).mode()[0]
        assert set(rows["other"]) == {f"P{other + 1}"}
        border = rows[rows["metric"] == "near_border"].iloc[0]
        assert (
            border["hits"] == (distances[kind == code, 0] / distances[kind == code, 1] >= 0.8).sum()
        )
        assert border["n"] == (kind == code).sum()
        for row in rows[rows["metric"] == "difference"].to_dict("records"):
            means = [X.loc[kind == group, row["feature"]].mean() for group in (other, code)]
            if np.isnan(means).any():
                assert row["note"] == "no_value" and np.isnan(row["value"])
            else:
                assert row["value"] == pytest.approx(means[0] - means[1])
                assert row["low"] < row["value"] < row["high"]
        weights = rows.loc[rows["metric"] == "contribution", "value"].to_numpy()
        assert 2 <= len(weights) <= 3 and weights.sum() <= 1 + 1e-9
        assert (np.diff(weights) <= 0).all()
    to_second = found.nearest.query("persona == 'P1' and feature == 'frequency'")["move"].iloc[0]
    change = X.loc[kind == int(found.nearest["other"][0][1]) - 1, "frequency"].mean()
    change -= X.loc[kind == 0, "frequency"].mean()
    assert to_second == f"active days a month {float(f'{change:.2g}'):g} higher"


def test_differences_are_those_of_the_profile(known):
    _, _, model, found = known
    rows = found.differences.query("metric == 'difference'")
    np.testing.assert_allclose(rows["value"], model.profile_["difference"])
    assert set(found.differences["unit"].dropna()) == {"d/30 d", "1", "money", "sd"}


def test_neither_row_order_nor_column_order_matters(known):
    X, _, _, found = known
    shuffled = X.sample(frac=1, random_state=3)[["monetary", "frequency", "share_app"]]
    shuffled.attrs = X.attrs
    again = personas.explain(personas.PersonaModel(n_personas=3).fit(shuffled), shuffled)
    for name in ("differences", "rules", "accuracy", "exemplars", "nearest"):
        pd.testing.assert_frame_equal(
            getattr(found, name), getattr(again, name), check_exact=True, obj=name
        )


def test_every_table_passes_the_gate(known):
    for table in vars(known[3]).values():
        gated, _ = gate(table)
        assert not gated.query("status == 'ok' and n < 10").shape[0]


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("sv", "genomsnittligt ordervärde"),
        ("nb", "gjennomsnittlig ordreverdi"),
        ("da", "gennemsnitlig ordreværdi"),
        ("fi", "tilauksen keskiarvo"),
    ],
)
def test_sentences_are_in_the_readers_language(known, language, name):
    X, _, model, _ = known
    found = personas.explain(model, X[list(X)], features=FEATURES, language=language)
    told = " ".join([*found.rules["rule"], *found.nearest["move"].dropna()])
    assert name in told and not {"known", "over 5", "higher", "lower"} & set(told.split())


def test_one_persona_and_nobody():
    X = pd.DataFrame({"days": np.arange(40.0)})
    found = personas.explain(personas.PersonaModel(n_personas=1).fit(X), X)
    for table in (found.rules, found.accuracy, found.nearest):
        assert table["value"].isna().all() and set(table["note"]) == {"one_persona"}
    assert found.exemplars["n"].to_list() == [10]
    with pytest.raises(UserError, match="there are no customers"):
        personas.explain(personas.PersonaModel(n_personas=1).fit(X), X[:0])
