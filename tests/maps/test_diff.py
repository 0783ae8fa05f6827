"""Two maps: which cards differ, and which numbers moved by more than noise."""

from __future__ import annotations

import math

import pytest

from cjlab.maps import Card, Column, JourneyMap, Lane, template
from tests.maps.small import SMALL, authored, computed, full, nps, number, share


def maps(before: dict, after: dict) -> tuple[JourneyMap, JourneyMap]:
    return template("current").with_cards(before), template("current").with_cards(after)


def test_a_map_and_itself() -> None:
    found = full().diff(full())
    assert found.changes == () and found.numbers.empty
    assert str(found) == "No difference in cards or numbers."
    assert str(full().diff(full("sv"))) == "Ingen skillnad i kort eller tal."


def test_cards_come_go_and_change() -> None:
    one, two = maps(
        {
            "pains": {"purchase": (Card(text="Waits at the till"), Card(text="Wet floor"))},
            "measures": {"purchase": (Card(text="New till", status="planned"),)},
            "needs": {"intent": (Card(text="A date", written=None),)},
            "touchpoints": {"intent": (Card(text="Chat", touchpoint="chat"),)},
            "gains": {"loyalty": (Card(text="Same"), Card(text="Same"))},
        },
        {
            "pains": {"purchase": (Card(text="Waits long at the till"), Card(text="=1+1\n"))},
            "measures": {"purchase": (Card(text="New till", status="done"),)},
            "needs": {"intent": (authored("A date"),)},
            "touchpoints": {"intent": (Card(text="Messages", touchpoint="chat"),)},
            "gains": {"loyalty": (Card(text="Same"),)},
        },
    )
    found = one.diff(two)
    assert {
        (c.kind, c.lane, c.before and c.before.text, c.after and c.after.text)
        for c in found.changes
    } == {
        ("changed", "pains", "Waits at the till", "Waits long at the till"),
        ("removed", "pains", "Wet floor", None),
        ("added", "pains", None, "=1+1\n"),
        ("changed", "measures", "New till", "New till"),
        ("changed", "touchpoints", "Chat", "Messages"),
        ("removed", "gains", "Same", None),
    }
    assert "Changed (Our measures, Purchase): New till [status]" in found.texts
    assert "Added (Pains, Purchase): =1+1 " in found.texts


def test_stages_and_lanes_of_one_map_only() -> None:
    one = template("day")
    two = one.model_copy(
        update={
            "columns": (*one.columns[:-1], Column(id="dusk", label="Dusk")),
            "lanes": (*one.lanes, Lane(id="magic", label="Magic")),
        }
    )
    assert one.diff(two).texts == (
        "New stages: Dusk", "Stages no longer there: Evening", "New lanes: Magic",
    )  # fmt: skip


def test_numbers_that_move_are_told_from_noise() -> None:
    """Against a plain MOVER and Benjamini–Hochberg by hand."""
    cells = [
        {
            "emotion": {"purchase": (computed("NPS", nps(30, 400)),)},
            "kpis": {"purchase": (computed("Won", share(0.5, 1000)),)},
            "touchpoints": {"purchase": (computed("Till", share(0.50, 100)),)},
            "channels": {"purchase": (computed("App", number("orders", 40, 40)),)},
            "times": {},
        },
        {
            "emotion": {"purchase": (computed("NPS", nps(0, 400)),)},
            "kpis": {"purchase": (computed("Won", share(0.5, 1000)),)},
            "touchpoints": {"purchase": (computed("Till", share(0.55, 100)),)},
            "channels": {"purchase": (computed("App", number("orders", **SMALL)),)},
            "times": {},
        },
    ]
    found = (lambda pair: pair[0].diff(pair[1]))(maps(*cells))
    assert found.changes == ()
    table = found.numbers.set_index("metric")
    assert sorted(table.index) == ["from_first", "nps", "orders"]  # the same number is no test
    assert set(table["m"]) == {2} and set(table["family"]) == {"map"}
    half = math.hypot(9, 9)
    assert table.loc["nps", ["difference", "diff_low", "diff_high"]].tolist() == pytest.approx(
        [-30, -30 - half, -30 + half]
    )
    p = math.erfc(30 / half * 1.959963984540054 / math.sqrt(2))
    assert table.loc["nps", "p_adjusted"] == pytest.approx(2 * p)
    assert table["more_than_noise"].to_dict() == {
        "nps": True, "from_first": False, "orders": False,
    }  # fmt: skip
    one, two, three = sorted(found.texts)
    assert one.endswith("whether it is more than noise cannot be told.") and "< 10" in one
    assert "difference -30 (" in two and two.endswith("more than noise.") and "n\xa0=\xa0400" in two
    assert "5.0 percentage points" in three and three.endswith("no difference detected.")
