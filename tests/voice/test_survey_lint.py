"""The linter: each rule by its form, and all of them on questions labelled by hand."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from cjlab import messages
from cjlab.messages import LANGUAGES
from cjlab.voice import Survey, lint, survey
from cjlab.voice._lint import RULES
from cjlab.voice._lint_words import words

HERE = Path(__file__).parent
SETS = ("dev", "held", "fresh")
WHOLE = ("no_consent", "long_survey")
# By set and rule, of 175, 179 and 106 questions: found at least, false at most, missed at most.
MEASURED = {
    "dev": {
        "absolute": (10, 0, 0),
        "double_barrelled": (20, 0, 0),
        "double_negation": (10, 0, 0),
        "jargon": (5, 0, 0),
        "leading": (20, 0, 0),
        "long_question": (5, 0, 0),
        "no_escape": (5, 0, 0),
        "no_middle": (5, 0, 0),
        "no_other": (5, 0, 0),
        "ranges": (5, 0, 0),
        "sensitive": (5, 0, 0),
        "unbalanced": (5, 0, 0),
    },
    "held": {
        "absolute": (9, 1, 1),
        "double_barrelled": (21, 0, 0),
        "double_negation": (9, 0, 1),
        "jargon": (3, 0, 2),
        "leading": (25, 1, 0),
        "no_escape": (10, 0, 0),
        "no_other": (10, 0, 0),
        "ranges": (10, 0, 0),
        "sensitive": (5, 0, 0),
        "unbalanced": (5, 0, 0),
    },
    "fresh": {
        "absolute": (5, 0, 0),
        "double_barrelled": (15, 0, 0),
        "double_negation": (4, 0, 1),
        "leading": (11, 0, 14),
        "no_escape": (0, 2, 5),
        "no_other": (5, 0, 0),
        "ranges": (5, 0, 0),
        "sensitive": (5, 0, 0),
        "unbalanced": (5, 0, 0),
    },
}


@cache
def labelled(name: str) -> dict[str, list[dict]]:
    return yaml.safe_load((HERE / f"questions_{name}.yaml").read_text(encoding="utf-8"))


def usual(kind: str, language: str) -> dict:
    """The kit's scale and way out for a rated question."""
    found = next(q for q in survey(kind, language).questions if q.id == kind)
    return {"scale": found.scale, "escape": found.escape}


def asked(said: dict, language: str, rated: dict[str, dict]) -> Survey:
    said = {"id": "q", "kind": "csat"} | {k: v for k, v in said.items() if k != "rules"}
    labels = said.pop("labels", None)
    said = rated.get(said["kind"], {}) | said
    if labels:
        numbered = dict(enumerate(labels, 1))
        said["scale"] = {"low": 1, "high": len(labels), "labels": numbered}
    return Survey(id="one", language=language, questions=[said])


def found_in(one: Survey) -> set[str]:
    return set(lint(one)["rule"]) - set(WHOLE)


@pytest.mark.parametrize("name", SETS)
def test_labelled_questions(name: str) -> None:
    count: Counter[tuple[str, str]] = Counter()
    for language, questions in labelled(name).items():
        rated = {kind: usual(kind, language) for kind in ("nps", "csat", "ces")}
        for said in questions:
            wanted = set(said.get("rules", []))
            found = found_in(asked(said, language, rated))
            count.update(("hit", rule) for rule in found & wanted)
            count.update(("false", rule) for rule in found - wanted)
            count.update(("missed", rule) for rule in wanted - found)
    seen = {rule for _, rule in count}
    told = {r: tuple(count[kind, r] for kind in ("hit", "false", "missed")) for r in sorted(seen)}
    assert set(told) == set(MEASURED[name]), told
    for rule, (hit, false, missed) in MEASURED[name].items():
        at_least, *at_most = told[rule]
        assert at_least >= hit and at_most <= [false, missed], (rule, told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_enough_was_labelled(language: str) -> None:
    for name in ("dev", "held"):
        bad = [bool(said.get("rules")) for said in labelled(name)[language]]
        assert bad.count(True) >= 15 and bad.count(False) >= 14, name
    both = [bool(q.get("rules")) for name in SETS for q in labelled(name)[language]]
    assert both.count(False) >= 35


def with_scale(kind: str, **scale: object) -> Survey:
    question = {"id": "q", "kind": kind, "text": "–", "escape": "–", "scale": scale or None}
    return Survey(id="one", language="en", questions=[question])


@pytest.mark.parametrize(
    ("one", "rules"),
    [
        (with_scale("nps", low=0, high=10, labels={0: "a", 10: "b"}), set()),
        (with_scale("nps", low=1, high=10, labels={1: "a", 10: "b"}), {"nps_scale"}),
        (with_scale("nps", low=0, high=10, labels={0: "a"}), {"no_ends"}),
        (with_scale("csat"), {"no_ends"}),
        (with_scale("ces", low=1, high=7, labels={1: "a", 7: "b"}), {"ces_direction"}),
        (
            with_scale("ces", low=1, high=2, labels={1: "Agree", 2: "Disagree"},
                       direction="higher_is_better"),
            {"ces_direction"},
        ),
        (
            with_scale("ces", low=1, high=2, labels={1: "Agree", 2: "Disagree"},
                       direction="lower_is_better"),
            set(),
        ),
    ],
)  # fmt: skip
def test_scales_by_their_form(one: Survey, rules: set[str]) -> None:
    assert found_in(one) == rules


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["18–25", "26–35", "36 or more"], None),
        (["18-25", "25-35"], "18-25 | 25-35"),
        (["Less than 5", "6 or more"], "Less than 5 | 6 or more"),
        (["Up to 5", "6 to 9", "10+"], None),
        (["0", "1", "2–5"], None),
        (["More than 9", "0–9"], None),
        (["£0–£999", "£1,000–£1,999", "£2 000 or more"], None),
        (["Monday", "2 of them"], None),
    ],
)
def test_ranges(options: list[str], found: str | None) -> None:
    question = {"id": "q", "kind": "choice", "text": "How many?", "options": options}
    rows = lint(Survey(id="one", language="en", questions=[question]))
    rows = rows[rows["rule"] == "ranges"]
    assert rows["found"].tolist() == ([found] if found else [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_survey(language: str) -> None:
    why = {"kind": "open", "text": "–"}
    many = Survey(id="x", language=language, questions=[why | {"id": f"q{n}"} for n in range(16)])
    rows = lint(many)
    assert rows["rule"].tolist() == ["long_survey", "no_consent"]
    assert rows["question"].isna().all()
    consent = survey("nps", language).questions[-1]
    few = Survey(id="x", language=language, questions=[why | {"id": "q"}, consent])
    assert lint(few).empty
    # An own question that asks for it in words is as good as the kit's.
    plain = consent.model_copy(update={"stored": None})
    assert lint(few.model_copy(update={"questions": (few.questions[0], plain)})).empty


@pytest.mark.parametrize("language", LANGUAGES)
def test_advice_in_every_language(language: str) -> None:
    for rule in (*RULES, *WHOLE):
        assert messages.own(f"voice.lint.{rule}", language)
    question = {"id": "q", "kind": "csat", "text": "–"}
    rows = lint(Survey(id="x", language="en", questions=[question]), language=language)
    assert rows["fix"].tolist() == [
        messages.text(f"voice.lint.{rule}", language) for rule in ("no_ends", "no_escape")
    ]


def test_every_language_has_every_list() -> None:
    assert len({tuple(sorted(words(language)._source)) for language in LANGUAGES}) == 1


def test_order_of_questions_does_not_matter() -> None:
    texts = ["Why?", "Is it always good and fast?", "What of our excellent chat? And why?"]
    asked = [{"id": f"q{n}", "kind": "open", "text": text} for n, text in enumerate(texts)]
    one, other = (
        lint(Survey(id="x", language="en", questions=order)).sort_values(["question", "rule"])
        for order in (asked, asked[::-1])
    )
    assert len(one) == 4
    assert one.values.tolist()[:-1] == other.values.tolist()[:-1]


@pytest.mark.parametrize("text", ["and " * 20_000, "?" * 50_000, "<b>\x00=1+1\u202e", "ö" * 99_999])
def test_hostile_texts_only_take_a_moment(text: str) -> None:
    question = {"id": "q", "kind": "open", "text": text}
    assert "no_consent" in set(lint(Survey(id="x", language="sv", questions=[question]))["rule"])
