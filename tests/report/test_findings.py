"""What the sentences claim, against a second computation of whether it is so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from cjlab.estimates import estimates
from cjlab.privacy import gate
from cjlab.report import findings, stories
from cjlab.stats import proportion

METRIC = "from_first"
NAMES = {"P1": "app", "P2": "web", "P3": "store"}
STAGES = {"see": "See", "want": "Want", "buy": "Buy"}


def shares(
    counts: dict[tuple[str, str], tuple[int, int]], metric: str, dims: list[str]
) -> pd.DataFrame:
    """Estimates of hits out of n, keyed by dimensions, gated as a report would."""
    rows = []
    for key, (hits, n) in counts.items():
        found = proportion(hits, n)
        rows.append(
            dict(zip(dims, key, strict=True))
            | {"metric": metric, "value": found.value, "low": found.low, "high": found.high}
            | {"n": n, "customers": n, "hits": hits, "unit": "1"}
        )
    return gate(estimates(pd.DataFrame(rows), dims), minimum=10)[0]


def by_persona(counts: dict[tuple[str, str], tuple[int, int]]) -> pd.DataFrame:
    return shares(counts, METRIC, ["persona", "step"])


@pytest.mark.parametrize("second", [150, 165, 172, 178, 185, 190, 195, 200])
def test_gap_is_told_exactly_when_bh_keeps_it(second: int) -> None:
    counts = {
        ("P1", "want"): (300, 500),
        ("P2", "want"): (295, 500),
        ("P3", "want"): (305, 500),
        ("P1", "buy"): (150, 500),
        ("P2", "buy"): (second, 500),
        ("P3", "buy"): (155, 500),
    }
    p = []
    for step in ("buy", "want"):
        hits = [counts[persona, step][0] for persona in NAMES]
        p += [
            proportions_ztest([hits[a], hits[b]], [500, 500])[1]
            for a, b in ((0, 1), (0, 2), (1, 2))
        ]
    holds = multipletests(p, alpha=0.05, method="fdr_bh")[0].any()
    said = findings.persona_gap(by_persona(counts), NAMES, STAGES, METRIC)
    assert said.startswith("Starters get to Buy in different shares: app 30.0%") == holds
    assert said.startswith("No difference between personas detected (6 tested") != holds


def test_gap_is_never_told_about_a_withheld_cell() -> None:
    counts = {("P1", "buy"): (212, 1084), ("P2", "buy"): (2, 116)}
    said = findings.persona_gap(by_persona(counts), NAMES, STAGES, METRIC)
    assert "cannot be set side by side" in said
    assert not any(sign.isdigit() for sign in said)


def test_personas_made_from_a_metric_are_not_tested_in_it() -> None:
    counts = {("P1", "buy"): (900, 1000), ("P2", "buy"): (100, 1000)}
    counts |= {(persona, "want"): (500, 1000) for persona in ("P1", "P2")}
    told = findings.persona_gap(by_persona(counts), NAMES, STAGES, METRIC, {"dropoff"})
    assert "90.0%" in told
    said = findings.persona_gap(by_persona(counts), NAMES, STAGES, METRIC, {"funnel"})
    assert said.startswith("The personas were made from this very thing")


def test_one_persona_is_not_compared() -> None:
    said = findings.persona_gap(by_persona({("P1", "buy"): (50, 100)}), NAMES, STAGES, METRIC)
    assert said == "One persona: nothing to compare"


@pytest.mark.parametrize(("other", "clear"), [(50, True), (290, False)])
def test_dropoff_says_when_the_next_worst_is_not_clearly_better(other: int, clear: bool) -> None:
    lost = shares({("see",): (other, 1000), ("want",): (300, 1000)}, "dropoff", ["step"])
    said = findings.dropoff(lost, STAGES)
    assert said.startswith("The largest share is lost after Want: 30.0% of 1,000")
    assert ("not clearly better" in said) is not clear


def test_nothing_is_guessed_where_all_is_withheld() -> None:
    few = shares({("see",): (3, 9), ("want",): (2, 9)}, "dropoff", ["step"])
    assert findings.dropoff(few, STAGES) == "Too few customers to say"


def moves(counts: dict[tuple[str, str], int]) -> pd.DataFrame:
    rows = [
        {"from": a, "to": b, "metric": "probability", "value": n / 1000, "n": 1000}
        | {"customers": 800, "hits": n, "unit": "1"}
        for (a, b), n in counts.items()
    ]
    return estimates(pd.DataFrame(rows), ["from", "to"])


def test_step_back_is_the_commonest_one_against_the_order() -> None:
    found = moves(
        {("see", "want"): 900, ("want", "see"): 300, ("buy", "see"): 40, ("buy", "buy"): 500}
    )
    said = findings.transitions(found, STAGES, ["see", "want", "buy"])
    assert said == "The most common step back is from Want to See: 30.0% of 1,000 next steps"
    forward = moves({("see", "want"): 900, ("buy", "buy"): 500})
    assert findings.transitions(forward, STAGES, ["see", "want", "buy"]) == (
        "Customers only move forward"
    )


def test_intake_adds_up() -> None:
    checked = pd.DataFrame(
        [
            ("a", "rows in", 100, "in"),
            ("a", "accepted", 90, "accepted"),
            ("a", "missing", 7, "rejected"),
            ("a", "exact_duplicate", 3, "dropped"),
        ],
        columns=["source", "rule", "rows", "effect"],
    )
    assert findings.intake(checked).startswith("90 of 100 rows that came in are used (90.0%)")
    assert "is missing (7)" in findings.intake(checked)
    assert np.isclose(checked["rows"].iloc[1:].sum(), 100)


def test_one_row_alone_is_not_the_most_and_a_row_says_its_group() -> None:
    rows = pd.DataFrame({"relation": ["relational", "(unknown)"], "touchpoint": ["pay", "ship"]})
    rows = rows.assign(metric="nps", value=[10.0, 20.0], low=1.0, high=30.0, n=50, unit="points")
    table = estimates(rows, ["relation", "touchpoint"])
    assert stories.least("nps", table, "nps").startswith("The lowest score is that of pay")
    assert stories.least("nps", table[:1], "nps").startswith("pay stands at 10 points")
    words = {"relational": "of the whole"}
    assert "(of the whole; " in stories.row("nps_last", table, {"touchpoint": "pay"}, words)
    assert "points (1" in stories.row("nps_last", table, {"touchpoint": "ship"}, words)
