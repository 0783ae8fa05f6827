"""Markdown and Mermaid: everything is there, and a hostile text is only a text."""

from __future__ import annotations

import re

import mistune
import pytest

from cjlab.maps import Card, evidence
from cjlab.maps.outline import markdown, mermaid
from tests.maps.small import HOSTILE, computed, full, nps

EVIL = (
    HOSTILE,
    "# head",
    "1. one",
    "2) two",
    "- - x",
    "+ y",
    "> quote",
    "```sh",
    "---",
    "===",
    "[a](http://x.y)",
    "![i](x)",
    "<http://x.y>",
    "https://x.y www.x.y a@x.y",
    "| a | b |",
    "*a* _b_ **c** ~~d~~ `e` $f$",
    "&lt;b&gt; \\* \\",
    "a\n\n    code\n# b",
    "[^1]: x",
)


def walk(nodes: list[dict]) -> list[dict]:
    return [n for node in nodes for n in (node, *walk(node.get("children", [])))]


def raw(node: dict) -> str:
    own = " " if node["type"] == "softbreak" else node.get("raw", "")
    return own + "".join(map(raw, node.get("children", [])))


def test_markdown_is_a_list_and_nothing_else() -> None:
    evil = tuple(Card(text=text, by=text) for text in EVIL)
    journey_map = full().with_cards({"needs": {"purchase": evil}})
    journey_map = journey_map.model_copy(update={"title": EVIL[10], "persona_name": EVIL[0]})
    plugins = ["strikethrough", "table", "url", "footnotes", "math", "task_lists", "def_list"]
    tree = mistune.create_markdown(renderer="ast", plugins=plugins)(markdown(journey_map))
    kinds = {node["type"] for node in walk(tree)}
    assert kinds == {"heading", "list", "list_item", "block_text", "text", "strong", "blank_line"}
    heads = [node for node in walk(tree) if node["type"] == "heading"]
    assert [node["attrs"]["level"] for node in heads] == [1] + [2] * (1 + 9 + 1)
    assert raw(heads[0]) == EVIL[10]
    texts = [raw(node) for node in walk(tree) if node["type"] == "block_text"]
    for text in EVIL[1:-2]:
        assert texts.count(" ".join(text.split())) == 1, text
    told = "\n".join(texts)
    assert "-41" in told and "n\xa0=\xa0150" in told and "◐ one source" in told


@pytest.mark.parametrize("language", ["en", "fi"])
def test_mermaid_is_one_journey(language: str) -> None:
    """Read by the rules of Mermaid's own lexer."""
    evil = (
        *EVIL,
        "title x: 5: me",
        "section y; z",
        "journey",
        "%%{init: {}}%%",
        "a%%b",
        "% off",
        "accTitle: x",
    )
    cards = tuple(Card(text=text) for text in evil)
    scored = computed("Scored", nps(-80, 50))
    journey_map = full(language).with_cards({"actions": {"purchase": (*cards, scored)}})
    journey_map = journey_map.model_copy(update={"persona_name": "Ann: a, b; #c\n"})
    lines = mermaid(journey_map).splitlines()
    assert lines[0] == "journey" and re.fullmatch(r" +title [^#:;\n]+", lines[1])
    sections, tasks = [], []
    for line in lines[2:]:
        assert not re.search(r"[#;<>]|%%", line)
        if found := re.fullmatch(r" {4}section ([^:]+)", line):
            sections.append(found[1])
        else:
            found = re.fullmatch(r" {6}([^:]+): ([1-5]): ([^:,]+)", line)
            assert found, line
            assert not re.match(r"(?i)(title|section|journey|acc\w+)\b|%", found[1])
            tasks.append((found[1], int(found[2]), found[3]))
    assert sections == [column.label for column in journey_map.columns]
    count = sum(len(journey_map.cell(lane, c.id)) for lane in ("actions", "touchpoints")
                for c in journey_map.columns)  # fmt: skip
    assert len(tasks) == count and {actor for _, _, actor in tasks} == {"Ann∶ a b ＃c"}
    scores = {task.split(" (")[0]: score for task, score, _ in tasks}
    wanted = {
        "Sees an advert on the bus": 12,
        "Compares three shops": 34,
        "Waits for the parcel": -41,
    }
    for text, score in wanted.items():
        position = evidence.position(nps(score, 100))
        assert scores[text] == round(3 + 2 * position)
    assert scores["Scored"] == 1
    if language == "en":
        assert "Asks the chat about delivery (not known)" in {task for task, _, _ in tasks}
