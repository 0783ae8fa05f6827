"""Mermaid's own parser, from npm, reads the journeys that maps are written as."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cjlab.maps import Card, template

pytestmark = pytest.mark.prove
EVIL = (
    "title x: 5: me", "section y; z", "journey", "%%{init: {}}%%", "a%%b", "accTitle: x", "#35;",
    "<script>alert(1)</script>", "a: 5: b", "accDescr {x}", "---", "\u202eabc\u0000", "😀; x", "%",
)  # fmt: skip
READ = """
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";
const dom = new JSDOM("<!DOCTYPE html><body></body>");
globalThis.window = dom.window; globalThis.document = dom.window.document;
const { default: mermaid } = await import("mermaid");
const text = readFileSync(process.argv[2], "utf8");
const { diagramType } = await mermaid.parse(text);
const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
const tasks = db.getTasks().map(task => [task.section, task.task, task.score, task.people]);
console.log(JSON.stringify({ diagramType, sections: db.getSections(), tasks }));
"""


@pytest.fixture(scope="module")
def parser(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    folder = tmp_path_factory.mktemp("mermaid")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    (folder / "read.mjs").write_text(READ)
    got = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "mermaid@11", "jsdom@26"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if got.returncode:
        pytest.skip(f"npm could not install mermaid: {got.stderr[-200:]}")
    return folder


@pytest.mark.parametrize("language", ["en", "sv", "nb", "da", "fi"])
def test_every_stage_and_task_arrives(parser: Path, language: str) -> None:
    plain = template("current", language=language)
    cells = {c.id: tuple(Card(text=text) for text in EVIL) for c in plain.columns[:3]}
    drawn = plain.with_cards({"actions": cells, "touchpoints": {"loyalty": (Card(text="å ä ö"),)}})
    file = drawn.write(parser / f"{language}.mermaid")
    ran = subprocess.run(
        ["node", "read.mjs", file.name], cwd=parser, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    read = json.loads(ran.stdout)
    assert read["diagramType"] == "journey"
    assert read["sections"] == [column.label for column in plain.columns]
    tasks = read["tasks"]
    assert len(tasks) == 3 * len(EVIL) + 1 and {task[2] for task in tasks} == {3}
    assert len({(task[0], task[1]) for task in tasks}) == len(tasks), "none is lost in another"
