"""Personas made from an outcome: the metrics it touches are marked, and not tested."""

import pandas as pd
import pytest

from cjlab import ask, journey, personas
from cjlab.errors import UserError
from cjlab.personas._catalogue import CATALOGUE
from cjlab.personas._features import measure
from cjlab.study import open_study


def write(folder, features):
    """Two kinds of 60 customers: the even ones go on, the odd ones come more often."""
    rows = ["customer_id,ts,touchpoint,stage"]
    for who in range(120):
        steps = ["see", "see", "want", *(["buy"] if who % 2 == 0 or who % 20 == 1 else ["see"] * 5)]
        for day, stage in enumerate(steps):
            rows.append(f"c{who:03d},2026-01-{1 + day * 2:02d}T{10 + who % 7}:00,{stage},{stage}")
    (folder / "events.csv").write_text("\n".join(rows) + "\n")
    (folder / "study.yaml").write_text(
        "{name: Two, goal: Tell apart, stages: [{id: see}, {id: want}, {id: buy, purchase: true}],"
        " sources: {events: {path: events.csv}}, observed_until: 2026-03-01, "
        f"personas: {{features: {features}, n_personas: 2}}}}"
    )
    return open_study(folder)


def p_values(study):
    found = ask.answer(study, "dropoff_difference", by=["persona"], period="all")
    assert (found.query("metric == 'difference'")["status"] == "ok").any()
    return found[found["metric"].isin(["p", "p_adjusted"])]


def test_metrics_made_from_are_not_tested(tmp_path):
    plain = write(tmp_path, "[frequency, recency_days]")
    with pytest.raises(UserError, match="not assigned"):
        personas.touched(plain)
    found = p_values(plain)
    assert found["value"].notna().any() and personas.touched(plain) == set()

    outcome = write(tmp_path, "[frequency, furthest_stage]")
    found = p_values(outcome)
    assert found["value"].isna().all() and (found["note"] == "made_from_it").all()
    touched = personas.touched(outcome)
    assert touched == set(CATALOGUE["furthest_stage"].touches) >= {"funnel", "dropoff"}
    # What it does not touch is left alone.
    other = ask.answer(outcome, "stay_difference", by=["persona"], period="all")
    assert (other["note"] != "made_from_it").all()
    # A stored model's features say it as fresh ones do.
    fresh = measure(outcome.journeys(), select=["frequency", "furthest_stage"])
    assert personas.touched(fresh.attrs["features"]) == touched


def test_other_facts_of_an_untested_table_stay(tmp_path):
    j = write(tmp_path, "auto").journeys(where=None)
    table = journey.dropoff_difference(j, by="customer_type")
    found = personas.untested(table)
    tests = table["metric"].isin(["p", "p_adjusted"])
    pd.testing.assert_frame_equal(found[~tests], table[~tests])
    assert found.attrs == table.attrs
    blank = ["value", "low", "high", "status", "note"]
    pd.testing.assert_frame_equal(found.drop(columns=blank), table.drop(columns=blank))
