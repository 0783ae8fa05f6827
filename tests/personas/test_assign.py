"""The frozen assignment: private, kept, scored again, refitted only when asked."""

import stat

import numpy as np
import pandas as pd
import pytest
import yaml

from cjlab import personas
from cjlab.errors import CjlabError, UserError
from cjlab.personas._features import Feature
from cjlab.personas.naming import make
from cjlab.stats import proportion
from cjlab.study import open_study


def write_log(folder, customers=140, until=120, seed=0):
    """Half visit often by app in the evening, half seldom by web at noon."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        kind = number % 2
        day = float(rng.uniform(0, 6))
        while day < until:
            hour = 19 if kind else 11
            ts = pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(day), hours=hour)
            ts += pd.Timedelta(minutes=int(rng.integers(50)))
            rows.append((f"c{number:03d}", ts.isoformat(), "page", ["web", "app"][kind]))
            day += rng.uniform(2, 5) if kind else rng.uniform(9, 16)
    frame = pd.DataFrame(rows, columns=["customer_id", "ts", "touchpoint", "channel"])
    frame.to_csv(folder / "events.csv", index=False)


def write_study(folder, **settings):
    study = {
        "name": "Two kinds",
        "goal": "Tell them apart",
        "sources": {"events": {"path": "events.csv"}},
        "personas": settings,
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return open_study(folder)


@pytest.fixture
def folder(tmp_path):
    write_log(tmp_path)
    return tmp_path


def test_first_run_fits_and_the_next_scores_with_the_same_model(folder):
    study = write_study(folder)
    first = personas.assign(study)
    table = pd.read_parquet(first.path)
    assert list(table) == ["customer_id", "persona", "confidence", "model_hash"]
    assert first.refitted and first.verdict == "clear_groups" and first.n_personas == 2
    kind = table["customer_id"].str[1:].astype(int) % 2
    assert pd.crosstab(kind, table["persona"]).to_numpy().max(axis=1).tolist() == [70, 70]
    assert table["confidence"].between(0, 1).all()
    assert first.sizes == {"P1": 70, "P2": 70}

    write_log(folder, customers=180, seed=1)
    again = personas.assign(write_study(folder))
    assert not again.refitted and again.model_hash == first.model_hash
    assert again.path != first.path and first.path.exists()
    assert sum(again.sizes.values()) == 180

    anew = personas.assign(write_study(folder), refit=True)
    assert anew.refitted and anew.model_hash != first.model_hash
    assert personas.assign(write_study(folder)).model_hash == anew.model_hash


def test_the_same_data_give_the_same_bytes(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    rows = pd.read_csv(folder / "events.csv", dtype="str")
    rows.sample(frac=1, random_state=1).to_csv(other / "events.csv", index=False)
    one, two = (personas.assign(write_study(place)) for place in (folder, other))
    assert one.path.read_bytes() == two.path.read_bytes()


def test_a_loaded_model_labels_as_the_fitted_one(folder):
    study = write_study(folder)
    assigned = personas.assign(study)
    frame = personas.features(study)
    fitted = personas.PersonaModel().fit(frame)
    loaded = assigned.model
    np.testing.assert_array_equal(loaded.predict(frame), fitted.labels_)
    np.testing.assert_array_equal(loaded.confidence(frame), fitted.confidence(frame))
    assert loaded.fingerprint() == fitted.fingerprint() == assigned.model_hash
    pd.testing.assert_frame_equal(loaded.curve_, fitted.curve_)
    fitted.assess(frame)
    pd.testing.assert_frame_equal(loaded.stability_, fitted.stability_)
    assert (loaded.structure_, loaded.verdict_) == (fitted.structure_, fitted.verdict_)
    assert not hasattr(loaded, "labels_")


def test_other_settings_make_other_personas_and_names_do_not(folder):
    auto = personas.assign(write_study(folder))
    three = personas.assign(write_study(folder, n_personas=3))
    assert three.n_personas == 3 and three.path.parent.parent != auto.path.parent.parent
    named = personas.assign(write_study(folder, names={"P2": "Night owls"}))
    assert not named.refitted
    assert named.names["P2"] == "Night owls" and named.names["P1"] == auto.names["P1"]
    with pytest.raises(UserError, match=r'no persona "P9"\. Valid: P1, P2'):
        personas.assign(write_study(folder, names={"P9": "Nobody"}))


def test_only_the_owner_may_look(folder):
    path = personas.assign(write_study(folder)).path
    for place in (path.parent, path.parent.parent):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not [file for file in path.parent.iterdir() if file.name.startswith(".")]


def test_a_model_with_foreign_objects_is_not_built(folder):
    path = personas.assign(write_study(folder)).path
    (path.parent / "model.skops").write_bytes(b"not a model")
    with pytest.raises(CjlabError, match="refit the personas"):
        personas.assign(write_study(folder))


def test_who_has_no_event_before_the_end_has_no_persona(folder):
    rows = pd.read_csv(folder / "events.csv", dtype="str")
    late = pd.DataFrame([("late", "2026-04-20T10:00:00", "page", "web")], columns=rows.columns)
    pd.concat([rows, late]).to_csv(folder / "events.csv", index=False)
    table = pd.read_parquet(personas.assign(write_study(folder), "2026Q1").path)
    assert "late" not in set(table["customer_id"]) and len(table) == 140


def test_tables(folder):
    study = write_study(folder)
    with pytest.raises(UserError, match="not assigned yet"):
        personas.names(study)
    with pytest.raises(UserError, match="not assigned yet"):
        personas.sizes(study.journeys())
    assigned = personas.assign(study)
    study.use_personas(assigned.path)
    sizes = personas.sizes(study.journeys()).set_index(["metric", "persona"])
    assert sizes.loc["customers", "value"].to_list() == [70, 70]
    share = sizes.loc[("share", "P1")]
    expected = proportion(70, 140)
    assert (share["value"], share["low"], share["high"]) == pytest.approx(expected)
    assert (share["n"], share["hits"]) == (140, 70)

    profile = personas.profile(study)
    frame = personas.features(study)
    who = pd.read_parquet(assigned.path).set_index("customer_id")["persona"]
    means = frame.groupby(who).mean()
    rows = profile.query("metric == 'mean'")
    for row in rows.itertuples():
        assert row.value == pytest.approx(means.loc[row.persona, row.feature])
    assert personas.curve(study)["chosen"].sum() == 1
    used = personas.features_used(study).set_index("feature")
    assert used.loc["share_web", "left_out"] in {"reference_share", "near_duplicate"} or (
        used.loc["share_app", "left_out"] in {"reference_share", "near_duplicate"}
    )
    verdict = personas.verdict(study)
    assert (verdict["customers"], verdict["tested"]) == (140, 140)
    assert verdict["verdict"] == "clear_groups" and verdict["p_value"] == 0.005
    steady = personas.steadiness(study)
    assert steady["measure"].head(2).tolist() == ["p_value", "sees"]
    assert (steady["value"][0], steady["n"][0]) == (0.005, 140)
    jaccard = steady[steady["measure"] == "jaccard"].set_index("persona")["value"]
    assert jaccard.to_dict() == verdict["jaccard"]


def test_nobody_is_no_persona_and_no_error(tmp_path):
    answers = "kind,score,customer_id,ts\nnps,9,a,2026-01-01\n"
    (tmp_path / "answers.csv").write_text(answers)
    study = {"name": "Answers", "sources": {"responses": {"path": "answers.csv"}}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    study = open_study(tmp_path)
    assigned = personas.assign(study)
    assert (assigned.n_personas, assigned.verdict) == (0, "too_few_customers")
    assert pd.read_parquet(assigned.path).empty
    study.use_personas(assigned.path)
    assert personas.profile(study).empty and personas.names(study) == {}


def test_names_are_unique_even_where_differences_are_not():
    rows = pd.DataFrame(
        {"persona": [0, 1, 2], "feature": "frequency", "difference": [1.0, 1.2, 0.1]}
    )
    assert make(rows, []) == {0: "frequent", 1: "frequent (2)", 2: "close to average"}
    assert make(rows[:1], []) == {0: "all customers"}


def test_an_unknown_feature_is_named_by_its_label():
    rows = pd.DataFrame({"persona": [0, 1], "feature": "pets", "difference": [1.0, -1.0]})
    pets = Feature("pets", "Number of pets", "1", "Pets.", "declared")
    assert make(rows, [pets]) == {0: "high number of pets", 1: "low number of pets"}


def add_a_kind(folder):
    """A third kind appears: some of the web visitors come by e-mail on Saturdays instead."""
    rows = pd.read_csv(folder / "events.csv", dtype="str")
    number = rows["customer_id"].str[1:].astype(int)
    third = (number % 2 == 0) & (number % 7 < 3)
    day = pd.to_datetime(rows["ts"])
    saturday = day + pd.to_timedelta((5 - day.dt.day_of_week) % 7, unit="D")
    rows.loc[third, "ts"] = saturday[third].map(lambda ts: ts.isoformat())
    rows.loc[third, "channel"] = "email"
    rows.to_csv(folder / "events.csv", index=False)
    return set(rows["customer_id"][third])


def test_a_refit_keeps_the_ids_and_names_that_it_can(folder):
    study = write_study(folder)
    first = personas.assign(study)
    assert personas.matched(study).empty
    before = pd.read_parquet(first.path).set_index("customer_id")["persona"]

    third = add_a_kind(folder)
    study = write_study(folder, names={"P2": "Night owls"})
    anew = personas.assign(study, refit=True)
    assert anew.refitted and anew.n_personas == 3
    after = pd.read_parquet(anew.path).set_index("customer_id")["persona"]
    # P1 and P2 are of one size at first: the third kind is now the smallest, and new.
    assert set(after[sorted(third)]) == {"P3"} and list(anew.names)[-1] == "P3"
    stayed = after.index.difference(sorted(third))
    assert (after[stayed] == before[stayed]).all()
    assert anew.names["P2"] == "Night owls" and anew.names["P1"] == first.names["P1"]
    assert len(set(anew.names.values())) == 3

    found = personas.matched(study)
    shares = found[found["metric"] == "jaccard"]
    pairs = (
        shares[["before", "after"]].astype(object).where(shares[["before", "after"]].notna(), None)
    )
    assert set(pairs.itertuples(index=False, name=None)) == {
        ("P1", "P1"),
        ("P2", "P2"),
        (None, "P3"),
    }
    assert shares.loc[shares["before"].isna(), "note"].to_list() == ["unmatched"]
    kept = shares.dropna(subset="value")
    np.testing.assert_allclose(kept["value"], kept["hits"] / kept["customers"].astype(float))
    study.use_personas(anew.path)
    assert set(personas.profile(study)["persona"]) == {"P1", "P2", "P3"}
    assert set(personas.verdict(study)["jaccard"]) == {"P1", "P2", "P3"}


def test_an_id_that_vanished_is_never_given_again(folder):
    personas.assign(write_study(folder))
    original = (folder / "events.csv").read_bytes()
    add_a_kind(folder)
    three = personas.assign(write_study(folder), refit=True)
    (folder / "events.csv").write_bytes(original)
    two = personas.assign(write_study(folder), refit=True)
    assert list(two.names) == ["P1", "P2"]
    add_a_kind(folder)
    again = personas.assign(write_study(folder, names={"P3": "Gone"}), refit=True)
    assert sorted(again.names) == ["P1", "P2", "P4"]
    assert again.model_hash != three.model_hash
    table = pd.read_parquet(again.path)
    assert set(table["persona"]) == {"P1", "P2", "P4"}
    assert again.sizes == table["persona"].value_counts().to_dict()
    # Asked for again without new data, nothing changes.
    assert personas.assign(write_study(folder), refit=True).path == again.path


def test_a_refit_heals_a_broken_model(folder):
    path = personas.assign(write_study(folder)).path
    (path.parent / "model.skops").write_bytes(b"not a model")
    healed = personas.assign(write_study(folder), refit=True)
    assert healed.refitted and list(healed.names) == ["P1", "P2"]
    assert personas.matched(write_study(folder)).empty
