"""The samples: the planted truth is in the files, found by plain pandas, and nothing leaks."""

from __future__ import annotations

import gzip
import re
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlab import config, samples
from cjlab.errors import UserError
from cjlab.samples import texts, truth
from cjlab.schema import TABLES

DATA = Path(__file__).parents[1] / "data"
RETAIL = DATA / "retail"
INTENT, PURCHASE = truth.STAGES.index("intent"), truth.STAGES.index("purchase")


def read(folder: Path, name: str, **options) -> pd.DataFrame:
    return pd.read_csv(folder / name, dtype=str, keep_default_na=False, **options)


def stage_of(names: pd.Series, rules: pd.DataFrame) -> pd.Series:
    def one(name: str) -> str | None:
        for rule in rules.itertuples():
            if (
                (rule.match == "exact" and rule.pattern == name)
                or (rule.match == "glob" and fnmatchcase(name, rule.pattern))
                or (rule.match == "regex" and re.fullmatch(rule.pattern, name))
            ):
                return rule.stage
        return None

    return names.map({name: one(name) for name in names.unique()})


def accepted(folder: Path) -> pd.DataFrame:
    """Every good event of a study, orders and returns included, by plain pandas."""
    web = read(folder, "events_web.csv.gz")
    store = read(folder, "events_store.csv", sep=";", encoding="cp1252")
    store = store.rename(
        columns={"kundnr": "customer_id", "tidpunkt": "ts", "händelse": "touchpoint"}
    )
    store = store.assign(channel="store")[["customer_id", "ts", "touchpoint", "channel"]]
    naive = pd.to_datetime(store["ts"], format="%Y-%m-%d %H:%M:%S", errors="coerce")
    store["at"] = naive.dt.tz_localize("Europe/Stockholm", nonexistent="NaT").dt.tz_convert("UTC")
    web["at"] = pd.to_datetime(web["ts"], utc=True, errors="coerce", format="ISO8601")
    lines = read(folder, "orders.csv").astype({"value": float})
    orders = lines.groupby(["customer_id", "order_id"]).agg(
        ts=("ts", "min"), value=("value", "sum")
    )
    orders = orders.reset_index().assign(channel="")
    orders["at"] = pd.to_datetime(orders["ts"], utc=True, format="ISO8601")
    orders["touchpoint"] = np.where(orders["value"] < 0, "return", "order")
    events = pd.concat([web, store, orders], ignore_index=True).drop_duplicates()
    events = events[(events["customer_id"] != "") & events["at"].notna()]
    events["stage"] = stage_of(events["touchpoint"], read(folder, "touchpoints.csv"))
    events = events.merge(read(folder, "truth.csv"), on="customer_id", validate="m:1")
    return events.sort_values(["customer_id", "at"], ignore_index=True)


@pytest.fixture(scope="module")
def events() -> pd.DataFrame:
    return accepted(RETAIL)


@pytest.fixture(scope="module")
def steps(events: pd.DataFrame) -> pd.DataFrame:
    known = events[events["stage"].notna()].copy()
    known["next"] = known.groupby("customer_id")["stage"].shift(-1)
    known["after"] = known["at"] >= pd.Timestamp(str(truth.PAIN_DATE), tz="Europe/Stockholm")
    return known.dropna(subset="next")


def test_the_committed_study_is_what_the_generator_makes(tmp_path):
    samples.make("retail", tmp_path / "again")
    names = sorted(p.name for p in (tmp_path / "again").iterdir())
    assert names == sorted(p.name for p in RETAIL.iterdir() if p.name != ".cjlab")
    for name in names:
        ours, made = (RETAIL / name).read_bytes(), (tmp_path / "again" / name).read_bytes()
        if name.endswith(".gz"):  # zlib builds differ in how they pack the same content
            ours, made = gzip.decompress(ours), gzip.decompress(made)
        assert ours == made, name


def test_same_seed_same_bytes_other_seed_other_bytes(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        samples.make("retail", tmp_path / name, customers=200, seed=seed)
    a, b, c = (
        {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b", "c")
    )
    assert a == b
    assert {name for name in a if a[name] == c[name]} == {"study.yaml", "touchpoints.csv"}


def test_all_or_nothing(tmp_path, monkeypatch):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="not an empty folder"):
        samples.make("empty", full)
    assert [p.name for p in full.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match='Did you mean "retail"'):
        samples.make("retial", tmp_path / "x")
    with pytest.raises(UserError, match="customers is 3"):
        samples.make("retail", tmp_path / "x", customers=3)
    with pytest.raises(UserError, match="cannot write"):
        samples.make("empty", full / "mine.txt" / "x")

    def fails(template, folder, **_):
        (folder / "half.csv").write_text("half")
        raise RuntimeError("power cut")

    monkeypatch.setattr(samples, "_fill", fails)
    with pytest.raises(RuntimeError):
        samples.make("retail", tmp_path / "x")
    assert [p.name for p in tmp_path.iterdir()] == ["full"]


@pytest.mark.parametrize("template", samples.TEMPLATES)
def test_study_files_are_valid_and_complete(tmp_path, template):
    (tmp_path / "s").mkdir()  # an empty folder is welcome
    study = config.read(samples.make(template, tmp_path / "s", customers=200))
    assert set(study.sources) == set(TABLES)
    for table, sources in study.sources.items():
        for source in sources:
            head = read(tmp_path / "s", source.path, sep=source.delimiter or ",", nrows=1,
                        encoding=source.encoding or "utf-8")  # fmt: skip
            given = {source.columns.get(c, c) for c in TABLES[table].required}
            assert given <= set(head.columns)
    if template == "retail":
        assert all((study.goal, study.scope, study.question, study.owner, study.review_date))


def test_sizes(events):
    assert sum(p.stat().st_size for p in RETAIL.iterdir() if p.is_file()) <= 3_000_000
    assert 60_000 <= len(events) <= 95_000
    local = events["at"].dt.tz_convert("Europe/Stockholm")
    assert str(local.min().date()) == "2025-10-01" and str(local.max().date()) == "2026-09-30"
    touches = events[events["touchpoint"] != "order"]
    assert touches.groupby("customer_id").size().min() >= truth.LEAST_EVENTS
    assert events.groupby("customer_id").size().shape == (3000,)
    assert not events.duplicated(["customer_id", "at"]).any()


def test_planted_transition_probabilities_are_recovered(steps):
    checked = 0
    for (persona, after), part in steps.groupby(["persona", "after"]):
        counts = pd.crosstab(part["stage"], part["next"]).reindex(
            index=truth.STAGES, columns=truth.STAGES, fill_value=0
        )
        planted = truth.transition_matrix(persona, after=after)
        n = counts.sum(axis=1).to_numpy()[:, None]
        error = np.sqrt(planted * (1 - planted) / n)
        assert (np.abs(counts / n - planted) <= 4 * error + 1e-12).to_numpy().all()
        checked += (planted > 0).sum()
    assert checked == 8 * sum(len(row) for row in truth.BASE.values())


@pytest.mark.parametrize("persona", [p.name for p in truth.PERSONAS])
def test_planted_rows_are_probabilities_and_only_the_pain_changes(persona):
    before, after = (truth.transition_matrix(persona, after=late) for late in (False, True))
    np.testing.assert_allclose(before.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-12)
    changed = [truth.STAGES[i] for i in np.flatnonzero((before != after).any(axis=1))]
    assert changed == (["intent"] if persona == truth.PAIN_PERSONA else [])


def test_the_pain_is_there_then_and_nowhere_else(steps):
    """Forward conversion of every stage and persona, spring quarter against the pain's time."""
    spring = steps["at"] >= pd.Timestamp("2026-04-01", tz="Europe/Stockholm")
    before_july = steps["at"] < pd.Timestamp("2026-07-01", tz="Europe/Stockholm")
    found = {}
    for persona in steps["persona"].unique():
        for i, stage in enumerate(truth.STAGES[:PURCHASE]):
            part = steps[(steps["persona"] == persona) & (steps["stage"] == stage)]
            hit = part["next"] == truth.STAGES[i + 1]
            old, new = hit[spring & before_july], hit[part["after"]]
            pooled = np.concatenate([old, new]).mean()
            error = np.sqrt(pooled * (1 - pooled) * (1 / len(old) + 1 / len(new)))
            found[persona, stage] = ((new.mean() - old.mean()) / error, new.mean() - old.mean())
    z, drop = found.pop((truth.PAIN_PERSONA, "intent"))
    assert z < -7 and drop < -0.18
    assert max(abs(other) for other, _ in found.values()) < 3.5


def test_the_payment_page_shows_the_pain(events):
    after = events["at"] >= pd.Timestamp(str(truth.PAIN_DATE), tz="Europe/Stockholm")
    ours = events["persona"] == truth.PAIN_PERSONA
    error = events[events["stage"] == "intent"]["touchpoint"] == "payment_error"
    rate = error.groupby([ours[error.index], after[error.index]]).mean()
    assert rate[True, True] > 0.2 and rate.drop((True, True)).max() < 0.05
    answers = read(RETAIL, "responses.csv").merge(read(RETAIL, "truth.csv"), on="customer_id")
    asked = answers[(answers["kind"] == "csat") & (answers["touchpoint"] == "payment")]
    late = pd.to_datetime(asked["invited_ts"], utc=True) >= pd.Timestamp("2026-07-06", tz="UTC")
    mean = asked["score"].astype(float).groupby([asked["persona"] == truth.PAIN_PERSONA, late])
    assert mean.size().min() >= 30
    assert mean.mean()[True, True] < 3.0 and mean.mean().drop((True, True)).min() > 3.9


def behaviour(events: pd.DataFrame) -> pd.DataFrame:
    """Simple features that are not outcomes, one row a customer."""
    local = events["at"].dt.tz_convert("Europe/Stockholm")
    frame = events.assign(day=local.dt.normalize(), evening=local.dt.hour >= 18,
                          weekend=local.dt.day_of_week >= 5)  # fmt: skip
    by = frame.groupby("customer_id")
    gap = by["at"].diff().dt.total_seconds() / 86_400
    end = frame["at"].max()
    table = pd.crosstab(frame["customer_id"], frame["channel"], normalize="index")
    table = table.drop(columns="").add_prefix("share_")
    table["recency"] = (end - by["at"].max()).dt.total_seconds()
    table["frequency"] = by["day"].nunique() / (end - by["at"].min()).dt.total_seconds()
    table["gap"] = gap.groupby(frame["customer_id"]).median()
    table["evening"], table["weekend"] = by["evening"].mean(), by["weekend"].mean()
    value = (
        read(RETAIL, "orders.csv").astype({"value": float}).groupby("customer_id")["value"].sum()
    )
    return table.assign(value=value).fillna({"value": value.median()})


def test_four_personas_stand_well_apart_in_behaviour(events):
    cluster = pytest.importorskip("sklearn.cluster")
    from sklearn.metrics import adjusted_rand_score

    table = behaviour(events)
    x = ((table - table.mean()) / table.std()).to_numpy()
    planted = read(RETAIL, "truth.csv").set_index("customer_id")["persona"].loc[table.index]

    def fit(rows, k):
        return cluster.KMeans(k, n_init=5, random_state=0).fit(rows)

    assert adjusted_rand_score(planted, fit(x, 4).labels_) >= 0.99
    order = np.random.default_rng(0).permutation(len(x))
    left, right = x[order[::2]], x[order[1::2]]
    strength = {}
    for k in (3, 4, 5, 6):  # Tibshirani & Walther 2005: the worst cluster's pairs that hold
        own, other = fit(right, k).labels_, fit(left, k).predict(right)
        pairs = []
        for label in range(k):
            sizes = np.bincount(other[own == label])
            pairs.append((sizes * (sizes - 1)).sum() / (sizes.sum() * (sizes.sum() - 1)))
        strength[k] = min(pairs)
    assert strength[4] > 0.95 and max(strength[5], strength[6]) < 0.8


def test_the_persona_is_told_nowhere_but_in_the_truth(events):
    for path in RETAIL.iterdir():
        if path.suffix in {".csv", ".gz", ".yaml"} and path.name != "truth.csv":
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            assert not any(p.name.encode() in data for p in truth.PERSONAS), path.name
    people = read(RETAIL, "customers.csv").merge(read(RETAIL, "truth.csv"), validate="1:1")
    for column in ("age_band", "country", "segment", "consent", "account_id"):
        table = pd.crosstab(people["persona"], people[column]).to_numpy()
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
        phi = (((table - expected) ** 2) / expected).sum() / table.sum()
        assert np.sqrt(phi / max(1, min(table.shape) - 1)) < 0.2, column
    rank = people["customer_id"].astype(int).rank() / len(people)
    place = pd.Series(np.arange(len(people)) / len(people))
    for signal in (rank, place):
        assert signal.groupby(people["persona"]).mean().sub(0.5).abs().max() < 0.06


def test_the_mess_is_what_the_readme_says(events):
    web = read(RETAIL, "events_web.csv.gz")
    store = read(RETAIL, "events_store.csv", sep=";", encoding="cp1252")
    for raw, who, when, nobody, wrong in (
        (web, "customer_id", "ts", 12, 9),
        (store, "kundnr", "tidpunkt", 4, 3),
    ):
        assert 0.004 < raw.duplicated().mean() < 0.006
        assert (raw[who] == "").sum() == nobody
        assert raw[when].isin(["31/13/2026 10:00", "okänd", "0000-00-00 00:00:00"]).sum() == wrong
    assert (store["tidpunkt"] == "2026-03-29 02:30:00").sum() == 1
    assert set(events.loc[events["stage"].isna(), "touchpoint"]) == {"ar_viewer"}
    people = read(RETAIL, "customers.csv")
    assert people["customer_id"].str.startswith("0").sum() >= 5
    assert people["customer_id"].str.fullmatch(r"\d{6}").all()
    answers, cases = read(RETAIL, "responses.csv"), read(RETAIL, "tickets.csv")
    for frame in (events, answers, cases):
        assert set(frame["customer_id"]) <= set(people["customer_id"])
    assert (answers["score"] == "11").sum() == 2
    assert answers["text"].str.contains("Ã").sum() == 1
    assert {"sv", "nb", "da", "fi", "en"} == set(answers["language"])
    assert set(answers["kind"]) == {"nps", "csat", "ces", "open"}
    assert 0.01 < (cases["solved"] == "").mean() < 0.15
    assert (cases["first_reply"] <= cases["solved"])[cases["solved"] != ""].mean() > 0.99


def test_readmes_tell_the_truth():
    ours, overview = (p.read_text("utf-8") for p in (RETAIL / "README.md", DATA / "README.md"))
    assert texts.truth_table() in ours and texts.truth_table() in overview
    for name, rows in re.findall(r"^\| (\S+\.csv(?:\.gz)?) \| ([\d,]+) \|$", ours, re.M):
        sep = ";" if name == "events_store.csv" else ","
        encoding = "cp1252" if sep == ";" else "utf-8"
        assert len(read(RETAIL, name, sep=sep, encoding=encoding)) == int(rows.replace(",", ""))
    for name in (p.name for p in RETAIL.iterdir() if p.is_file()):
        assert f"`{name}`" in overview, name
