"""Scenario files: read or told in one line what is wrong; effects drawn as they are stated."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.maps.effects import apply, draw
from cjlab.maps.scenario import Change, Effect, Scenario, read

GOOD = """
name: Simpler payment
assumptions: ["Invoice is offered to all by March"]
later: {times: 0.8}
changes:
  - step: intent
    conversion: {by: 0.05, low: 0.02, high: 0.08}
    why: "A/B test: +5 points (2 to 8)"
  - stage: delivery
    time: {times: 0.8}
  - touchpoint: call_support
    score: {kind: nps, by: 6, low: 2, high: 10}
    share: 0.5
"""


def file(folder: Path, text: str) -> SimpleNamespace:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return SimpleNamespace(folder=folder)


def test_a_file_is_read(tmp_path: Path) -> None:
    found, name = read(file(tmp_path, GOOD), "s.yaml")
    assert name == "s.yaml" and read(None, found) == (found, None)
    assert [(one.kind, one.place, one.share) for one in found.changes] == [
        ("conversion", "intent", 1.0), ("time", "delivery", 1.0), ("score", "call_support", 0.5),
    ]  # fmt: skip
    effect = found.changes[0].effect
    assert (effect.form, effect.point, effect.limits) == ("by", 0.05, (0.02, 0.08))
    # A call that is printed names no folder of one machine.
    assert read(SimpleNamespace(folder=tmp_path), tmp_path / "s.yaml")[1] == "s.yaml"
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert read(SimpleNamespace(folder=other), tmp_path / "s.yaml")[1] == "s.yaml"


ONE = "name: x\nchanges: [{step: a, conversion: {by: 0.1}, %s}]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "s.yaml: is empty; it needs at least name and changes"),
        ("name: x\nchanges: []", r"s.yaml: changes: .*at least 1"),
        ("name: x\nchange: []", r's.yaml: change: unknown key "change". Did you mean "changes"'),
        (ONE % "wy: b", r'unknown key "wy". Did you mean "why"'),
        (ONE % "stage: b", "a change is one of: step: … with conversion"),
        (ONE % "time: {times: 1}", "a change is one of: step"),
        (ONE % "share: 0", r"share is \"0\""),
        ("name: x\nchanges: [{step: a, time: {times: 1}}]", "a change is one of"),
        ("name: x\nchanges: [{step: a, conversion: {}}]", "exactly one of to, by and times"),
        ("name: x\nchanges: [{step: a, conversion: {by: 1, to: 1}}]", "exactly one of to, by"),
        ("name: x\nchanges: [{step: a, conversion: {by: 0.1, low: 0}}]", "both or neither"),
        ("name: x\nchanges: [{step: a, conversion: {by: 0.1, low: 0.2, high: 0.3}}]",
         "by is 0.1, which is not from low to high"),
        ("name: x\nchanges: [{step: a, conversion: {by: .nan}}]", "finite"),
        ("name: x\nchanges: [{stage: a, time: {by: -2}}]", '"by": a time takes times'),
        ("name: x\nchanges: [{stage: a, time: {times: -2}}]", "greater than or equal to 0"),
        ("name: x\nchanges: [{stage: a, time: {times: 0.5}, share: 0.5}]", "for all customers"),
        ("name: x\nchanges: [{touchpoint: a, score: {kind: nps, times: 2}}]", "takes by or to"),
        ("name: x\nchanges: [{touchpoint: a, score: {kind: nsp, by: 2}}]", 'Did you mean "nps"'),
        ("name: x\nlater: {times: 2}\nchanges: [{step: a, conversion: {by: 0}}]", "later.times"),
        ("name: x\nchanges: [{step: a, conversion: {by: 0}}, {step: a, conversion: {to: 1}}]",
         'changes: conversion of "a" is changed twice'),
    ],
)  # fmt: skip
def test_a_slip_is_told_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as told:
        read(file(tmp_path, text), "s.yaml")
    assert "\n" not in str(told.value) and str(told.value).startswith("s.yaml: ")


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'scenario: no file at .*Did you mean "s.yaml"'):
        read(file(tmp_path, GOOD), "ss.yaml")


def test_a_range_is_drawn_as_it_is_stated() -> None:
    found = draw(Effect(by=0.05, low=0.04, high=0.09), 200_000, 3, 0)
    low, middle, high = np.quantile(found, [0.025, 0.5, 0.975])
    assert (low, middle, high) == pytest.approx((0.04, 0.05, 0.09), abs=6e-4)
    assert (draw(Effect(to=0.4), 5, 3, 0) == 0.4).all()
    again = draw(Effect(by=0.05, low=0.04, high=0.09), 200_000, 3, 0)
    assert (again == found).all()
    # Every change has draws of its own.
    other = draw(Effect(by=0.05, low=0.04, high=0.09), 200_000, 3, 1)
    assert abs(np.corrcoef(found, other)[0, 1]) < 0.02


@settings(max_examples=30)
@given(
    today=st.floats(0, 1),
    form=st.sampled_from(["by", "times"]),
    share=st.floats(0.01, 1),
)
def test_nothing_changed_is_nothing_changed(today: float, form: str, share: float) -> None:
    effect = Effect(by=0.0) if form == "by" else Effect(times=1.0)
    change = Change(step="a", conversion=effect, share=share)
    now = np.full(4, today)
    found = apply(change, today, now, 0, 0, "s")
    assert found.point == today and (found.draws == now).all() and found.cut == 0


def test_what_cannot_be_is_refused_or_cut_off() -> None:
    much = Change(step="a", conversion=Effect(by=0.2))
    with pytest.raises(UserError, match=r"s: conversion of a is 0.9 today and would be 1.1, above"):
        apply(much, 0.9, np.full(3, 0.9), 0, 0, "s")
    half = Change(step="a", conversion=Effect(by=0.2), share=0.5)
    assert apply(half, 0.9, np.full(3, 0.9), 0, 0, "s").point == pytest.approx(1.0)
    less = Change(touchpoint="a", score={"kind": "nps", "to": -101})
    with pytest.raises(UserError, match=r"nps of a is 10 today and would be -101, below -100"):
        apply(less, 10, np.full(3, 10.0), 0, 0, "s")
    wide = Change(step="a", conversion=Effect(by=0.08, low=0.0, high=0.16))
    found = apply(wide, 0.9, np.full(4000, 0.9), 0, 0, "s")
    # Above 1 lies what is more than a quarter of the upper half's 1.96 deviations.
    assert found.cut == pytest.approx(0.31, abs=0.03) and found.draws.max() == 1.0


def test_a_scenario_is_made_in_python_too() -> None:
    made = Scenario(name="x", changes=[{"step": "a", "conversion": {"to": 0.5}}])
    assert made.of("conversion")[0].effect.form == "to" and made.of("time") == []
