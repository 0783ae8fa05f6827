"""The curve, the wording and the matrix: what stands where, by a second plain computation."""

from __future__ import annotations

import pytest

from cjlab import messages
from cjlab.errors import UserError
from cjlab.maps import template, wording
from cjlab.maps.curve import curve, mark_text
from cjlab.maps.model import Lane
from cjlab.maps.opportunities import opportunities
from tests.maps.small import STAGES, authored, computed, full, nps, number, share

EMOTION = Lane(id="emotion", label="Experience curve", kind="curve")


def test_points_stand_by_their_scores_and_share_a_stage() -> None:
    shown = full()
    found = curve(shown, EMOTION)
    assert [point.column for point in found.points] == [0, 1, 2, 4, 4, 5, 7, 8]
    expected = [0.12, 0.34, (0.81 - 0.5) / 0.5, 0.21, (5.2 - 4) / 3, -0.41, 0.6, 0.3]
    assert [point.y for point in found.points] == pytest.approx(expected)
    assert [point.x for point in found.points] == pytest.approx(
        [0.5, 1.5, 2.5, 4 + 1 / 3, 4 + 2 / 3, 5.5, 7.5, 8.5]
    )
    assert found.points[0].span == pytest.approx((0.03, 0.21))
    assert [point.authored for point in found.points] == [False] * 6 + [True] * 2
    assert found.unknown == {3: "< 10", 6: "not known"}
    pairs = [(a.column, b.column) for a, b in found.segments()]
    assert pairs == [(0, 1), (1, 2), (4, 5), (7, 8)]
    marks = {point.column: point.mark for point in found.points if point.mark}
    assert marks == {2: "highest", 5: "weakest"}
    assert mark_text(found.points[2], "sv") == "▲ högsta punkten"


def test_a_computed_point_goes_before_a_written_one_and_two_points_have_no_ends() -> None:
    cards = {
        "emotion": {
            "intent": (authored("good", level=0.9), computed("Score", nps(-20, 80))),
            "purchase": (computed("Score", nps(10, 80)), computed("Visits", share(0.4, 90))),
        }
    }
    shown = template("current").with_cards(cards)
    found = curve(shown, EMOTION)
    assert [(p.authored, p.main, p.mark) for p in found.points] == [
        (False, True, ""),
        (True, False, ""),
        (False, True, ""),
    ]
    three = shown.with_cards({"emotion": {"retention": (authored("bad", level=-0.7),)}})
    found = curve(three, EMOTION)
    assert [p.mark for p in found.points] == ["", "", "highest", "lowest"]


def test_pains_are_ranked_and_opportunities_stand_by_impact_and_effort() -> None:
    mild, bad = (
        computed(name, tone="pain").model_copy(update={"rank": rank})
        for name, rank in (("Mild", 2), ("Bad", 1))
    )
    cards = {
        "pains": {
            "awareness": (
                computed("Plain", tone="pain"),
                computed("Low", nps(-30, 90), tone="pain"),
            ),
            "intent": (
                mild,
                authored("Said", tone="pain"),
                computed("Lower", nps(-50, 90), tone="pain"),
            ),
            "loyalty": (bad,),
        },
        "opportunities": {
            "intent": (authored("Call", impact=4, effort=1), authored("No", impact=4))
        },
    }
    matrix = opportunities(template("current").with_cards(cards))
    ranked = [card.text for card in matrix.cell("pains")]
    assert ranked == [
        "Loyalty: Bad",
        "Intent: Mild",
        "Intent: Lower",
        "Awareness: Low",
        "Awareness: Plain",
    ]
    assert [card.text for card in matrix.cell("impact4", "1")] == ["Intent: Call"]
    assert [lane.id for lane in matrix.shown_lanes()] == [
        "impact5",
        "impact4",
        "impact3",
        "impact2",
        "impact1",
        "pains",
    ]
    with pytest.raises(UserError, match="impact and effort"):
        opportunities(template("current"))


def test_wording_says_why_there_is_no_number_in_every_language() -> None:
    gone = [
        number("csat", status="suppressed", note="small_cell"),
        number("csat", status="suppressed", note="complementary"),
        number("csat", status="not_yet_observed"),
        number("csat", status="not_estimable"),
        number("csat", status="not_estimable", note="few_answers"),
    ]
    assert [wording.value_text(one, "fi", 5) for one in gone] == [
        "< 5",
        "salattu",
        "ei vielä tiedossa",
        "ei arvioitavissa",
        "ei arvioitavissa: liian vähän vastauksia",
    ]
    assert wording.basis_text(gone[0], "fi") == "2026Q3, kyselyvastaukset"
    count = number("customers", 1204, 1204, unit="customers")
    assert (wording.value_text(count), wording.basis_text(count)) == (
        "1,204",
        "2026Q3, survey answers",
    )
    days = number("median", 90.0, 90, low=80.0, high=99.0, unit="d")
    assert wording.value_text(days) == "90 days"  # the same as its n, and no count
    for language in messages.LANGUAGES:
        keys = filter(lambda key: key.startswith("map."), messages.keys())
        assert [key for key in keys if not messages.own(key, language)] == []
    assert len(STAGES) == len(template("current").columns)
