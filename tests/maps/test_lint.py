"""Lint: each rule finds what it is for and nothing else, and the score adds up."""

from __future__ import annotations

from datetime import date

import pytest

from cjlab import messages
from cjlab.maps import Card, Column, JourneyMap, template
from cjlab.maps.lint import RULES
from tests.maps.small import STAGES, authored, computed, full, nps, share

TODAY = date(2026, 11, 1)


def found(journey_map: JourneyMap, rule: str) -> list[tuple[str, str]]:
    findings = journey_map.lint(TODAY).findings
    assert [f.severity for f in findings] == [RULES[f.rule][1] for f in findings]
    return [(f.stage, f.lane) for f in findings if f.rule == rule]


def good() -> JourneyMap:
    """One stage, everything there: answers and tickets, an owner, an opportunity."""
    cells = {
        "emotion": {"night": (computed("NPS", nps(4, 90)),)},
        "pains": {"night": (computed("Wait", share(0.3, 90, source="tickets"), owner="Anna"),)},
        "opportunities": {"night": (Card(text="Call", written=TODAY),)},
    }
    said = {"columns": (Column(id="night", label="Night"),), "persona": "P1", "made": TODAY}
    shell = template("day")
    lanes = [lane for lane in shell.lanes if lane.id in cells]
    return JourneyMap.model_validate({**dict(shell), **said, "lanes": lanes, "cards": cells})


def test_a_good_map_has_no_finding_and_an_empty_one_no_score() -> None:
    assert good().lint(TODAY).score == 100 and good().lint(TODAY).findings == ()
    empty = template("current").lint(TODAY)
    assert empty.score == 0
    assert {f.rule for f in empty.findings} == {
        "no_feedback", "no_persona", "no_pain", "no_opportunity", "empty_lane",
    }  # fmt: skip


def test_each_rule_finds_its_fault() -> None:
    journey_map = full()
    heard = {"awareness", "consideration", "interest", "purchase", "post_purchase"}
    # intent has a wait of tickets; its score is too few to show
    assert found(journey_map, "no_feedback") == [
        (stage, "") for stage in STAGES if stage not in heard | {"intent"}
    ]
    # loyalty and retention stand on events alone, as all but those with answers or tickets do
    assert ("loyalty", "") in found(journey_map, "single_source")
    assert not {("awareness", ""), ("post_purchase", "")} & set(found(journey_map, "single_source"))
    assert found(journey_map, "no_measure") == [("intent", "pains")]
    empty = [lane.id for lane in journey_map.lanes if lane.id not in journey_map.cards]
    assert found(journey_map, "empty_lane") == [("", lane) for lane in empty] and empty
    assert found(journey_map, "no_persona") == []
    late = journey_map.lint(date(2027, 1, 4))  # 94 days after it was made
    assert [f.text for f in late.findings if f.rule == "stale" and not f.lane] == [
        "The map was filled on Oct 2, 2026, more than a quarter ago."
    ]
    assert found(journey_map, "crowded") == []
    many = journey_map.with_cards({"needs": {"purchase": (Card(text="x"),) * 7}})
    stages = tuple(Column(id=f"s{n}", label="S") for n in range(13))
    assert found(many, "crowded") == [("purchase", "needs")]
    wide = good().model_copy(update={"columns": (*good().columns, *stages)})
    assert ("", "") in found(wide, "crowded")
    whole = good().with_cards({"pains": {"night": (authored("Dark"),)}})
    assert found(whole, "no_measure") == [("night", "pains")]
    assert found(whole, "stale") == [("night", "pains")]  # written in February


def test_the_score_is_points_times_shares() -> None:
    """One of two pains without an owner, one of three dated things stale."""
    journey_map = good().with_cards({"pains": {"night": (authored("Dark"),)}})
    judged = sum(weight for weight, _ in RULES.values())
    lost = RULES["no_measure"][0] / 2 + RULES["stale"][0] / 3
    assert journey_map.lint(TODAY).score == round(100 * (1 - lost / judged))
    assert str(journey_map.lint(TODAY)).splitlines()[0] == f"{journey_map.lint(TODAY).score}/100"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_it_speaks_the_map_s_language(language: str) -> None:
    hostile = full(language).with_cards({"pains": {"loyalty": (Card(text="{0} <b>\u202e\n"),)}})
    findings = hostile.lint(date(2028, 1, 1)).findings
    text = next(f.text for f in findings if (f.rule, f.stage) == ("no_measure", "loyalty"))
    assert "{0} <b> " in text and "\n" not in text and "\u202e" not in text
    kinds = ("map.lint.", "map.diff.", "map.file.")
    keys = [key for key in list(messages.keys()) if key.startswith(kinds)]
    assert len(keys) == 26
    assert all(messages.own(key, language) for key in keys)
    assert all(messages.places(key, language) == messages.places(key) for key in keys)


def test_a_future_is_not_asked_for_pains() -> None:
    for name, asked in (("current", True), ("future", False)):
        rules = {one.rule for one in template(name).lint().findings}
        assert (rules >= {"no_pain", "no_opportunity"}) is asked
