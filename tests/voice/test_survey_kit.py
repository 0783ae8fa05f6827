"""The kit: whole in five languages, safe with names, the same after a round trip."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cjlab import cli
from cjlab.errors import UserError
from cjlab.messages import LANGUAGES
from cjlab.schema import RESPONSE_KINDS
from cjlab.sources.unanswered import UNANSWERED
from cjlab.voice import Survey, lint, survey, templates
from cjlab.voice._survey_read import KIT, read

EVERY = [(name, language) for name in templates() for language in LANGUAGES]
FILES = sorted(KIT.glob("*.yaml"))


def texts(node: Any) -> Iterator[dict[str, str]]:
    """Yield whatever stands by language."""
    if isinstance(node, dict):
        if set(node) & set(LANGUAGES):
            yield {key: node[key] for key in node if key in LANGUAGES}
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)


def shape(found: Survey) -> dict:
    """All of a survey but its words."""
    said = found.model_dump(exclude={"title", "purpose", "language"})
    for question in said["questions"]:
        question["text"] = sorted(re.findall(r"\{.*?\}", question["text"]))
        question["escape"] = bool(question["escape"])
        if question["scale"]:
            question["scale"]["labels"] = sorted(question["scale"]["labels"])
        for option in question["options"]:
            del option["text"]
    return said


def test_the_ten_questionnaires_are_there() -> None:
    assert templates() == (
        "ces", "churn", "csat", "kano", "lost_sale", "nps", "onboarding", "persona",
        "post_purchase", "support",
    )  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_text_stands_in_five_languages(path: Path) -> None:
    found = list(texts(yaml.safe_load(path.read_text(encoding="utf-8"))))
    assert len(found) > 2
    for text in found:
        assert set(text) == set(LANGUAGES), text
        assert all(isinstance(words, str) and words == words.strip() for words in text.values())
        # A text left in English: the longest word of a sentence says so.
        if len(text["en"].split()) > 4:
            assert len(set(text.values())) >= 4, text


@pytest.mark.parametrize("name", templates())
def test_the_languages_differ_in_words_only(name: str) -> None:
    english = shape(survey(name))
    assert [shape(survey(name, language)) for language in LANGUAGES] == [english] * 5


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_kit_passes_its_own_linter(name: str, language: str) -> None:
    assert lint(survey(name, language)).empty


def test_the_standard_wordings() -> None:
    nps = survey("nps").questions[0]
    assert nps.text == (
        "How likely is it that you would recommend {company} to a friend or colleague?"
    )
    assert nps.scale and (nps.scale.low, nps.scale.high, set(nps.scale.labels)) == (0, 10, {0, 10})
    effort = survey("ces").questions[0]
    assert "made it easy for me to handle my issue" in effort.text
    assert effort.scale and effort.scale.whole
    assert (effort.scale.high, effort.scale.direction) == (7, "higher_is_better")
    # The evaluation table numbers from like to dislike.
    kano = survey("kano").questions[0].scale
    assert kano and [kano.labels[n] for n in (1, 5)] == ["I would like it", "I would dislike it"]


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_answers_find_their_place(name: str, language: str) -> None:
    found = survey(name, language)
    rules = (KIT.parents[1] / "catalogue" / "touchpoints.csv").read_text(encoding="utf-8")
    known = {row["touchpoint"] for row in csv.DictReader(io.StringIO(rules))}
    for question in found.questions:
        assert question.becomes in (*RESPONSE_KINDS, "consent", None)
        assert question.touchpoint is None or question.touchpoint in known
    assert found.relation in ("transactional", "relational")
    assert [q.id for q in found.questions if q.stored == "consent"] == ["quote_consent"]


def test_the_intake_knows_every_way_out_of_a_question_and_takes_no_label_for_one() -> None:
    ways, labels = set(), set()
    for name in templates():
        for language in LANGUAGES:
            for question in survey(name, language).questions:
                ways |= {question.escape.casefold()} if question.escape else set()
                scale = question.scale.labels.values() if question.scale else ()
                options = [option.text for option in question.options]
                labels |= {text.casefold() for text in (*options, *scale)}
    assert len(ways) == 3 * len(LANGUAGES) and ways <= UNANSWERED
    assert not labels & UNANSWERED


@pytest.mark.parametrize("language", LANGUAGES)
def test_nps_carries_its_notice_in_the_page(language: str) -> None:
    assert "Bain" in survey("nps", language).to_markdown()
    assert "Bain" not in survey("csat", language).to_markdown()


def test_names_are_never_templates_nor_markup() -> None:
    found = survey("csat", company="{product} <b>*x*</b>", product="=cmd()\n\u202eevil")
    asked = [question.text for question in found.questions]
    assert asked[0].endswith("with {product} <b>*x*</b>?")
    assert asked[1].endswith("quality of =cmd() evil?")
    assert r"{product} &lt;b&gt;\*x\*&lt;/b&gt;" in found.to_markdown()
    assert "<b>" not in found.to_markdown()


def test_no_cell_of_the_csv_is_a_formula() -> None:
    own = Survey(
        id="x", language="en", questions=[{"id": "q", "kind": "open", "text": "{company}"}]
    )
    row = next(csv.DictReader(io.StringIO(own.fill(company="=1+1").to_csv())))
    assert row["text"] == "'=1+1"


@pytest.mark.parametrize("company", ["", " \t", "\u202e", "x" * 121])
def test_a_name_is_one_short_line(company: str) -> None:
    with pytest.raises(UserError, match="name of the company must have from 1 to 120"):
        survey("nps", company=company)


@given(st.text(min_size=1, max_size=100))
def test_any_printable_name_stays_as_it_is(company: str) -> None:
    shown = " ".join("".join(c if c.isprintable() else " " for c in company).split())
    if shown:
        own = Survey(
            id="x", language="en", questions=[{"id": "q", "kind": "open", "text": "Why {company}?"}]
        )
        assert own.fill(company=company).questions[0].text == f"Why {shown}?"


def test_features_are_asked_in_turn() -> None:
    found = survey("kano", "sv", product="appen", feature=["mörkt läge", "export"])
    assert [question.id for question in found.questions] == [
        "functional_1", "dysfunctional_1", "importance_1",
        "functional_2", "dysfunctional_2", "importance_2", "use_case", "quote_consent",
    ]  # fmt: skip
    assert found.questions[4].text.endswith("appen inte hade det här: export?")
    assert survey("kano", feature="export").questions[0].id == "functional"


def test_repeated_questions_refer_to_their_own() -> None:
    asked = [
        {"id": "rate", "kind": "csat", "text": "And {feature}?", "scale": {"low": 1, "high": 5}},
        {
            "id": "why",
            "kind": "open",
            "text": "Why {feature}?",
            "about": "rate",
            "ask_if": {"question": "rate", "low": 1, "high": 2},
        },
    ]
    found = Survey(id="x", language="en", questions=asked).fill(feature=["a", "b"])
    last = found.questions[3]
    assert (
        last.ask_if and (last.id, last.about, last.ask_if.question) == ("why_2",) + ("rate_2",) * 2
    )


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_file_gives_the_same_survey_back(name: str, language: str, tmp_path: Path) -> None:
    found = survey(name, language, company="Ål & Ö, AS", feature="a | b")
    (tmp_path / "x.yaml").write_text(found.to_yaml(), encoding="utf-8")
    assert read(tmp_path / "x.yaml") == [found]
    path = tmp_path / f"{name}.csv"
    path.write_text(found.to_csv(), encoding="utf-8-sig")
    (back,) = read(path)

    def told(one: Survey) -> list[dict]:
        of_the_whole = {"relation": one.relation}
        return [q.model_dump() | of_the_whole | {"stored": q.becomes} for q in one.questions]

    whole = found.model_copy(update={"relation": None})
    plain = [q | {"relation": found.relation} for q in told(whole)]
    assert [q | {"relation": found.relation} for q in told(back)] == plain
    assert {q.relation for q in back.questions} == {found.relation}


def by_hand(mapping: dict, row: dict[str, str]) -> list[dict]:
    """Read one respondent as the mapping says, the plainest way."""
    found = []
    for answer in mapping["answers"]:
        cell = row.get(answer["column"], "")
        if answer["kind"] == "open":
            one = {"kind": "open", "text": cell}
        else:
            score = answer.get("scores", {}).get(cell, cell)
            one = {"kind": answer["kind"], "score": score, "text": row.get(answer.get("text"), "")}
            one["scale"] = answer.get("scale")
        one |= {key: answer[key] for key in ("touchpoint", "relation") if key in answer}
        found += [one] if cell else []
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_maps_onto_responses(language: str) -> None:
    found = survey("support", language)
    labels = {q.id: q.scale.labels for q in found.questions if q.scale}
    row = {
        "resolved": found.questions[0].options[1].text,
        "csat_help": labels["csat_help"][2],
        "csat_wait": "4",
        "ces": labels["ces"][6],
        "reason_low": "slow",
        "unresolved": "the invoice",
        "quote_consent": "yes",
    }
    mapping = found.mapping()
    same = {"touchpoint": "support_ticket", "relation": "transactional"}
    assert by_hand(mapping, row) == [
        {"kind": "csat", "score": "2", "text": "slow", "scale": 5} | same,
        {"kind": "csat", "score": "4", "text": "", "scale": 5} | same,
        {"kind": "ces", "score": "6", "text": "", "scale": 7} | same,
        {"kind": "open", "text": "the invoice", "relation": "transactional"},
    ]
    assert (mapping["format"], mapping["columns"]) == ("wide", {"consent": "quote_consent"})


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_a_mapping_names_each_column_once(name: str, language: str) -> None:
    found = survey(name, language)
    mapping = found.mapping({found.questions[0].id: "Q1"})
    named = [*mapping["columns"].values()]
    named += [a[k] for a in mapping["answers"] for k in ("column", "text") if k in a]
    assert len(named) == len(set(named)) > 1
    assert set(named) <= {q.id for q in found.questions[1:]} | {"Q1"}
    assert {a["kind"] for a in mapping["answers"]} <= set(RESPONSE_KINDS)
    keys = {"column", "kind", "text", "scale", "scores", "touchpoint", "relation", "question"}
    assert all(set(answer) <= keys for answer in mapping["answers"])


def test_reasons_get_the_same_codes_in_every_language() -> None:
    codes = []
    for language in LANGUAGES:
        (answer,) = [
            a for a in survey("churn", language).mapping()["answers"] if a["kind"] == "churn"
        ]
        codes.append(list(answer["scores"].values()))
    assert codes == [codes[0]] * 5 and codes[0][:2] == ["price", "quality"]


def test_a_mapping_of_a_question_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r'no question "npss"\. Did you mean "nps"'):
        survey("nps").mapping({"npss": "Q1"})


QUESTION = "questions: [{id: a, kind: open, text: Why}]"


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("x.yaml", "[]", "x.yaml: holds no questions"),
        ("x.yaml", "a: [", "is not valid YAML"),
        ("x.yaml", "questions: []", "questions: tuple should have at least 1 item"),
        ("x.yaml", f"{QUESTION}\ntitel: x", 'titel: no such key. Did you mean "title"?'),
        ("x.yaml", "questions: [{id: a, kind: opn, text: Why}]", 'Did you mean "open"?'),
        ("x.yaml", "questions: [{id: a, kind: open}]", "question a, text: field required."),
        ("x.yaml", "questions: [{use: reasn}]", 'use: "reasn" is no part. Did you mean "reason"?'),
        ("x.yaml", f"{QUESTION}\nlanguage: se", 'no language "se"'),
        (
            "x.yaml",
            "questions: [{id: a, kind: choice, text: Q, options: [Yes, No]}]",
            "reads a bare yes or no as true or false",
        ),
        (
            "x.yaml",
            "questions: [{id: a, kind: open, text: Q, ask_if: {question: b, options: [c]}}]",
            '"a" refers to "b", no earlier question.',
        ),
        (
            "x.yaml",
            "questions: [{id: a, kind: open, text: Q}, {id: a, kind: open, text: Q}]",
            'the question "a" stands twice',
        ),
        ("x.yaml", "questions: [{id: a, kind: open, en: Why}, {id: b, kind: open, sv: Varför}]",
         '"Varför" has no text in the language en.'),
        ("x.csv", "", 'needs a column "text"'),
        ("x.csv", "txt\nWhy?\n", 'needs a column "text". Did you mean "txt"?'),
        ("x.csv", "text,colour\nWhy?,red\n", 'no column "colour"'),
        ("x.csv", "text,labels\nWhy?,good\n", 'row 2: label "good"; write number=words'),
        ("x.csv", "text,language\nWhy?,en\nVarför?,sv\n", "holds 2 languages"),
        ("x.csv", "text,low,high\nHow?,5,1\n", "high is 1; it must be above low, 5"),
    ],
)  # fmt: skip
def test_mistakes_in_a_file_are_one_line(file: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        read(tmp_path / file)
    assert str(caught.value).count("\n") == 0


def test_a_plain_csv_is_enough(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("text;options\nVarför?;\nHittade du rätt?;Ja|Nej\n")
    (found,) = read(tmp_path / "own.csv", "sv")
    assert [(q.id, q.kind) for q in found.questions] == [("q2", "open"), ("q3", "choice")]
    assert (found.id, found.language) == ("own", "sv")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command line in this process; return exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cjlab", "survey", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


def test_the_command_lists_and_writes(call, tmp_path: Path) -> None:
    code, out, _ = call("--language", "sv")
    assert code == 0 and len(out.splitlines()) == len(templates())
    code, out, _ = call("nps", "--language", "fi", "--company", "Fjord Oy")
    assert code == 0 and "suosittelisit yritystä Fjord Oy ystävällesi" in out
    code, out, _ = call("csat", "--format", "yaml", "--out", tmp_path / "mine.yaml")
    assert (code, out) == (0, "") and read(tmp_path / "mine.yaml") == [survey("csat")]
    code, _, err = call("nsp")
    assert code == 2 and 'no survey "nsp" in the kit. Did you mean "nps"?' in err
    code, _, err = call("nps", "--format", "docx")
    assert code == 2 and "--format" in err


def test_the_command_lints(call, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(survey("nps", "da").to_yaml(), encoding="utf-8")
    assert call("--lint", path) == (0, "", "")
    path.write_text("language: sv\nquestions: [{id: a, kind: open, text: Visst är vi bra}]")
    code, out, err = call("--lint", path)
    assert (code, err) == (1, "")
    assert [line.split(": ")[:3] for line in out.splitlines()] == [
        ["own.yaml [sv]", "a", "leading"],
        ["own.yaml [sv]", "(survey)", "no_consent"],
    ]
    path.write_text("nothing")
    code, out, err = call("--lint", path)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert call("--lint", tmp_path / "none.yaml")[0] == 2
