"""Every mistake in a study file is one line: file, key, value, nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from cjlab import config
from cjlab.errors import UserError

BASE = "name: x\nsources: {events: {path: e.csv}}\n"


def source(text: str) -> str:
    return f"name: x\nsources: {{events: {{path: a, {text}}}}}\n"


def read(tmp_path: Path, text: str | bytes) -> config.StudyConfig:
    path = tmp_path / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return config.read(path)


def test_a_whole_study(tmp_path: Path) -> None:
    said = read(
        tmp_path,
        "\ufeff" + BASE + "goal: Fewer lost\ntimezone: Europe/Oslo\nlanguage: nb\n"
        "observed_until: 2026-01-01\nreport: {period: 2026Q3, minimum_cell: 5}\n",
    )
    assert (said.goal, said.timezone, said.language) == ("Fewer lost", "Europe/Oslo", "nb")
    assert said.sources["events"][0].reject_limit == 0.05
    assert (said.report.period, said.report.minimum_cell) == ("2026Q3", 5)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty"]),
        ("- a", ["is empty"]),
        ("name: x\n", ["sources", "is missing"]),
        ("name: x\nsources: null\n", ["sources: must map"]),
        ("name: x\nsources: {event: {path: a}}\n", ['"event"', 'Did you mean "events"?']),
        ("name: x\nsources: {events: e.csv}\n", ["sources.events.0", '"e.csv"', "keys of its own"]),
        ("name: x\nsources: {events: [{path: a}, 5]}\n", ["sources.events.1", '"5"']),
        ("name: x\nsources: {events: {}}\n", ["sources.events.0", "either path or query"]),
        ("name: x\nsources: {events: []}\n", ["at least one of events, orders or responses"]),
        ("name: x\nsources: {customers: {path: a}}\n", ["at least one of events"]),
        (source("query: b"), ["either path or query"]),
        (source("pth: b"), ["sources.events.0.pth", 'Did you mean "path"?']),
        (source("columns: {customerid: b}"), ["events.columns", 'Did you mean "customer_id"?']),
        (source("columns: {ts: 1}"), ["columns.ts", '"1"']),
        (source("delimiter: ab"), ["delimiter", '"ab"']),
        (source("delimiter: é"), ["delimiter", '"é"']),
        (source("delimiter: '\"'"), ["delimiter", "cannot divide values"]),
        (source("time_format: epoch"), ["time_format", 'Did you mean "epoch_s"?']),
        (source("time_format: {ts: seconds}"), ["time_format", '"seconds"', "epoch_s"]),
        (source("time_format: {tss: epoch_s}"), ['"tss"', 'Did you mean "ts"?']),
        (source("reject_limit: 5"), ["reject_limit", '"5"']),
        (source("format: xlsm"), ["format", '"xlsm"', "xlsx"]),
        (source("decimal: ';'"), ["decimal", '";"']),
        (source("timezone: Europe/Olso"), ["timezone", 'Did you mean "Europe/Oslo"?']),
        (BASE + "timezone: Europe/Stokholm\n", ["timezone", 'Did you mean "Europe/Stockholm"?']),
        (BASE + "timezone: CET+1\n", ["timezone", '"CET+1"']),
        (BASE + "language: no\n", ["language", "en, fi, nb, sv"]),
        (BASE + "language: se\n", ["language", '"se"', "en, fi, nb, sv"]),
        (BASE + "observed_until: 2026-02-30\n", ["a date that does not exist"]),
        (BASE + "review_date: soon\n", ["review_date", '"soon"']),
        (BASE + "goal: 5\n", ["goal", '"5"']),
        (BASE + "report: {minimum_cell: 2}\n", ["report.minimum_cell", '"2"', "5"]),
        (BASE + "report: {period: quater}\n", ["report.period", '"quater"', '"quarter"']),
        (BASE + "report: {period: 2026Q5}\n", ["report.period", '"2026Q5"']),
        (BASE + "engine: {memory: lots}\n", ["engine.memory", '"lots"', "4GB"]),
        (BASE + "engine: {kind: dukdb}\n", ["engine.kind", 'Did you mean "duckdb"?']),
        (BASE + "personas: {n_personas: many}\n", ["personas.n_personas", '"many"', "auto"]),
        (BASE + "personas: 5\n", ["personas", '"5"']),
        (BASE + "stagess: sm9\n", ["stagess", 'Did you mean "stages"?']),
        (BASE + "name: y\n", ["line 3", '"name" stands twice']),
        (
            "name: x\nsources:\n  events: {path: a}\n  events: {path: b}\n",
            ["line 4", "stands twice"],
        ),
        (BASE + "a: [\n", ["line 4", "not valid YAML"]),
        (BASE + "b: \t- 5\n", ["line 3", "not valid YAML"]),
        ("x: !!python/object:os.system {}\n", ["not valid YAML"]),
        (BASE + "question: &a [*a]\n", ["question"]),
        ("\0", ["not valid YAML"]),
        (b"name: \xe5\n", ["is not UTF-8 text"]),
    ],
)
def test_mistakes(tmp_path: Path, text: str | bytes, parts: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        read(tmp_path, text)
    line = str(caught.value)
    assert line.startswith("study.yaml: ")
    assert "\n" not in line
    assert not [part for part in parts if part not in line], line


def test_no_study(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no study file at"):
        config.read(tmp_path / "study.yaml")
    with pytest.raises(UserError, match="no study file at"):
        config.read(tmp_path)


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CJLAB_A", "${CJLAB_B}")
    assert config.expand("x/${CJLAB_A}/$HOME") == "x/${CJLAB_B}/$HOME"
    with pytest.raises(UserError, match=r"\$\{CJLAB_NOPE\}, which is not set"):
        config.expand("${CJLAB_NOPE}")
