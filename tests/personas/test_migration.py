"""Who moved, entered, returned and left, and whether the picture changed beyond noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab import personas, privacy
from cjlab.errors import UserError
from cjlab.personas import _drift
from cjlab.personas._drift import _Sample, _table
from cjlab.personas._migration import counted
from cjlab.stats import proportion, psi
from cjlab.study import open_study

EARLIER, LATER = "2026-01-01..2026-03-01", "2026-03-01..2026-05-01"
TURN = pd.Timestamp("2026-03-01")


def write_study(folder, moved=25, later_gap=1.0, seed=0):
    """Half by app in the evening, half by web; in March some change sides, come or go.

    Customers 0–9 come in March, 10–19 stay away from then on, 20–24 are silent in the earlier
    period but for the year before; `moved` of the others change sides.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(160):
        day, changed = float(rng.uniform(0, 6)), 25 <= number < 25 + moved
        if 20 <= number < 25:
            rows.append((number, "2025-12-20T11:00:00", "page", "web"))
        while day < 120:
            ts = pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(day))
            late = ts >= TURN
            kind = (number + (changed and late)) % 2
            ts += pd.Timedelta(hours=19 if kind else 11, minutes=int(rng.integers(50)))
            if not (late if 10 <= number < 20 else not late and (number < 10 or 20 <= number < 25)):
                rows.append((number, ts.isoformat(), "page", ["web", "app"][kind]))
            day += (rng.uniform(2, 5) if kind else rng.uniform(9, 16)) * (later_gap if late else 1)
    frame = pd.DataFrame(rows, columns=["customer_id", "ts", "touchpoint", "channel"])
    frame["customer_id"] = "c" + frame["customer_id"].astype("str").str.zfill(3)
    frame.to_csv(folder / "events.csv", index=False)
    study = {
        "name": "Movers",
        "goal": "See who moves",
        "observed_until": "2026-05-01",
        "sources": {"events": {"path": "events.csv"}},
        "personas": {"n_personas": 2},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return open_study(folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    study = write_study(tmp_path_factory.mktemp("movers"))
    personas.assign(study, EARLIER)
    return study


def values(table: pd.DataFrame, metric: str) -> dict[tuple[str, str], float]:
    rows = table[table["metric"] == metric]
    return {(row["from"], row["to"]): row["value"] for _, row in rows.iterrows()}


def test_moves_are_those_of_a_plain_count(study) -> None:
    found = personas.migration(study, EARLIER, LATER)
    model = personas.assign(study, EARLIER).model
    events = pd.read_csv(study.folder / "events.csv", parse_dates=["ts"])
    early, late = (
        set(events["customer_id"][events["ts"].lt(TURN) == flag]) for flag in (True, False)
    )
    in_early = set(events["customer_id"][events["ts"].between("2026-01-01", TURN)])
    where = []
    for end in ("2026-03-01", "2026-05-01"):
        frame = personas.features(study, end=end)
        where.append(
            dict(zip(frame.index, (f"P{k + 1}" for k in model.predict(frame)), strict=True))
        )
    expected: dict[tuple[str, str], int] = {}
    for who in early | late:
        start = where[0][who] if who in in_early else "(returned)" if who in early else "(entered)"
        move = (start, where[1][who] if who in late else "(left)")
        expected[move] = expected.get(move, 0) + 1
    expected.pop(("(returned)", "(left)"), None)
    counts = values(found, "customers")
    assert {move: n for move, n in counts.items() if n} == expected
    assert sum(n for (start, _), n in counts.items() if start == "(entered)") == 10
    assert sum(n for (start, _), n in counts.items() if start == "(returned)") == 5
    assert sum(n for (_, end), n in counts.items() if end == "(left)") == 10
    assert counts["P1", "P2"] + counts["P2", "P1"] > 5
    assert found["note"].isna().all()


FLAGS = st.tuples(
    *[st.booleans()] * 3, st.sampled_from(["P1", "P3"]), st.sampled_from(["P1", "P3"])
)


@settings(max_examples=40, deadline=None)
@given(st.lists(FLAGS, max_size=30))
def test_the_rows_sum_to_the_customers_of_both_periods(tmp_path_factory, rows) -> None:
    folder = tmp_path_factory.mktemp("moves")
    columns = ["seen", "old", "new", "before", "after"]
    frame = pd.DataFrame(rows, columns=columns).astype({"before": "str", "after": "str"})
    frame[columns[:3]] = frame[columns[:3]].astype("bool")
    frame["seen"] |= frame["old"]
    frame.insert(0, "customer_id", pd.Series([f"c{i}" for i in range(len(frame))], dtype="str"))
    for part, known in (("before", frame["seen"]), ("after", frame["seen"] | frame["new"])):
        who = frame.loc[known, ["customer_id", part]].rename(columns={part: "persona"})
        who.astype("str").to_parquet(folder / part)
    there = pa.Table.from_pandas(frame[["customer_id", *columns[:3]]], preserve_index=False)
    found = counted(there, folder / "before", folder / "after", ["P1", "P3"])
    counts, shares = values(found, "customers"), values(found, "share")
    assert sum(counts.values()) == (frame["old"] | frame["new"]).sum()
    for persona in ("P1", "P3"):
        leaving = sum(n for (start, _), n in counts.items() if start == persona)
        assert leaving == (frame["old"] & (frame["before"] == persona)).sum()
        arriving = sum(n for (_, end), n in counts.items() if end == persona)
        assert arriving == (frame["new"] & (frame["after"] == persona)).sum()
        assert sum(v for (start, _), v in shares.items() if start == persona) == (
            pytest.approx(1) if leaving else pytest.approx(np.nan, nan_ok=True)
        )
    new = frame["new"] & ~frame["old"]
    for name, flag in (("(entered)", ~frame["seen"]), ("(returned)", frame["seen"])):
        assert sum(n for (start, _), n in counts.items() if start == name) == (new & flag).sum()
    left = sum(n for (_, end), n in counts.items() if end == "(left)")
    assert left == (frame["old"] & ~frame["new"]).sum()
    for row in found[found["metric"] == "share"].itertuples():
        assert row.n == sum(n for (start, _), n in counts.items() if start == row[1])
        if row.n:
            assert (row.value, row.low, row.high) == pytest.approx(proportion(row.hits, row.n))


def test_a_move_of_few_is_withheld(study) -> None:
    found = personas.migration(study, EARLIER, LATER)
    gated, _ = privacy.gate(found)
    small = found["value"].between(1, 9) & (found["metric"] == "customers")
    assert small.any() and gated.loc[small, "value"].isna().all()


def test_silence_in_a_period_that_is_not_over_is_noted(study) -> None:
    found = personas.migration(study, EARLIER, "2026-04-01..2026-06-01")
    noted = found["note"] == "period_not_over"
    assert noted.equals(found["to"] == "(left)")


def test_periods_follow_each_other(study, tmp_path) -> None:
    with pytest.raises(UserError, match=r"must end before .* begins"):
        personas.migration(study, LATER, EARLIER)
    with pytest.raises(UserError, match="draws is 5"):
        personas.drift(study, EARLIER, LATER, draws=5)
    with pytest.raises(UserError, match="not assigned yet"):
        personas.migration(write_study(tmp_path), EARLIER, LATER)


def drifted(study, **options) -> pd.DataFrame:
    found = personas.drift(study, EARLIER, LATER, draws=60, **options)
    return found.set_index(["measure", "name", "metric"])


def test_drift_is_seen_where_it_is_and_is_repeatable(study) -> None:
    found = drifted(study)
    # More of the features of who moved than of who did not: both sides' mix stays.
    assert found.loc[("feature", "(all)", "p"), "value"] <= 2 / 61
    assert found.loc[("size", "(all)", "p"), "value"] > 0.05
    assert found.loc[("feature", "tenure_days", "drift"), "note"] == "grows_by_itself"
    noise = found.xs("noise", level="metric")
    assert (noise["low"] <= noise["value"]).all() and (noise["value"] <= noise["high"]).all()
    pd.testing.assert_frame_equal(found, drifted(study))
    assert not found.equals(drifted(study, random_state=1))
    assert found["n"].eq(found.loc[("feature", "(all)", "p"), "n"]).all()


def test_a_distance_is_the_psi_of_both_sides(study, monkeypatch) -> None:
    """With both sides whole there is nothing to draw: later against all of the earlier."""
    seen = {}
    real = _drift._Sample

    def keep(*fields):
        seen["sample"] = real(*fields)
        return seen["sample"]

    monkeypatch.setattr(_drift, "_Sample", keep)
    drifted(study)
    events = pd.read_csv(study.folder / "events.csv", parse_dates=["ts"])
    frames = []
    for end, inside in (("2026-03-01", events["ts"].between("2026-01-01", TURN)),
                        ("2026-05-01", events["ts"] >= TURN)):  # fmt: skip
        frame = personas.features(study, end=end)
        frames.append(frame.loc[frame.index.isin(events["customer_id"][inside])])
    a, b = np.arange(len(frames[0])), len(frames[0]) + np.arange(len(frames[1]))
    found = seen["sample"].distances(a, b)
    expected = [psi(frames[0][name], frames[1][name]) for name in frames[0]]
    assert found[: len(expected)] == pytest.approx(expected)
    steady = [
        value for name, value in zip(frames[0], expected, strict=True) if name != "tenure_days"
    ]
    assert found[len(expected)] == pytest.approx(np.mean(steady))
    model = personas.assign(study, EARLIER).model
    first, second = (np.bincount(model.predict(frame)) / len(frame) for frame in frames)
    assert found[len(expected) + 1 :][:2] == pytest.approx(abs(second - first))


def test_halves_of_one_population_do_not_drift() -> None:
    """A later period that is another draw of the earlier one: p is no smaller than it should be."""
    rng = np.random.default_rng(5)
    small = 0
    for _ in range(60):
        labels = rng.integers(2, size=400)
        at = [(rng.integers(6, size=400), 6) for _ in range(3)]
        ready = rng.normal(size=(400, 2)) + labels[:, None]
        seen = _Sample(at, np.array([True] * 3), labels, ready, 2)
        found = np.empty((2, 40, 10))
        for draw in range(40):
            mixed = rng.permutation(200)
            found[0, draw] = seen.distances(mixed[:100], 200 + rng.permutation(200)[:100])
            found[1, draw] = seen.distances(mixed[:100], mixed[100:])
        keys = [("feature", str(i)) for i in range(10)]
        table = _table(keys, found, 100, np.full(10, 200), None)
        small += (table.loc[table["metric"] == "p", "value"] <= 0.05).sum()
    assert small <= 0.05 * 600


def test_too_few_or_nobody_is_an_answer(study) -> None:
    found = personas.drift(study, "2026-01-01..2026-01-02", LATER, draws=20)
    assert found["value"].isna().all() and (found["status"] == "not_estimable").all()
    assert (found["metric"].value_counts() == len(found) / 3).all()
    found = personas.drift(study, EARLIER, "2026-03-01..2026-03-03", draws=20)
    assert (found["note"] == "volumes_differ").sum() >= len(found) - 3
