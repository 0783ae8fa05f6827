"""Questions labelled by hand, one survey each, and the rules that each breaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from cjlab.voice import Survey, survey

SCALES = {"nps": ("nps", "nps"), "csat": ("csat", "csat"), "ces": ("ces", "ces")}


def surveys(file: str) -> Iterator[tuple[str, Survey, list[str]]]:
    """Yield language, survey of one question, and the rules it breaks."""
    held = yaml.safe_load((Path(__file__).parent / file).read_text(encoding="utf-8"))
    for language, questions in held.items():
        for said in questions:
            yield language, _survey(dict(said), language), said.get("rules", [])


def _survey(said: dict, language: str) -> Survey:
    said.pop("rules", None)
    said = {"id": "q", "kind": "csat"} | said
    labels = said.pop("labels", None)
    if said["kind"] in SCALES:
        usual = _usual(said["kind"], language)
        said = {"escape": usual["escape"], "scale": usual["scale"]} | said
    if labels:
        said["scale"] = {
            "low": 1,
            "high": len(labels),
            "labels": dict(enumerate(labels, 1)),
            "direction": "higher_is_better",
        }
    return Survey(id="one", language=language, questions=[said])


def _usual(kind: str, language: str) -> dict:
    name, question = SCALES[kind]
    asked = next(q for q in survey(name, language).questions if q.id == question)
    return asked.model_dump()
