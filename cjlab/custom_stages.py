"""Custom stage models: the ``stages`` list of a study, read with errors that name the key."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any, TypeVar

from cjlab.errors import UserError, did_you_mean
from cjlab.patterns import KINDS, Pattern, show
from cjlab.stage_model import BUILT_IN, Stage, StageModel, StageRule, check_ids, language_code

T = TypeVar("T")
_SLUG = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_STAGE_KEYS = ("id", "label", "rules", "milestone", "purchase", "definition")
_RULE_KEYS = ("touchpoint", "pattern", "match")


def read(value: object, language: str, file: str) -> StageModel:
    """Return the model that a study lists; see `StageModel.from_config`."""
    if not isinstance(value, list | tuple) or not value:
        raise UserError(
            f"{file}stages: give a built-in model ({', '.join(BUILT_IN)}) or a list of stages, "
            "each with an id."
        )
    stages: list[Stage] = []
    rules: list[StageRule] = []
    for index, item in enumerate(value):
        where = f"{file}stages[{index}]"
        entry = {"id": item} if isinstance(item, str) else item
        _check_keys(entry, _STAGE_KEYS, where)
        stages.append(_custom_stage(entry, language, where))
        rules += _rules(entry.get("rules"), stages[-1].id, f"{where}.rules")
    check_ids(stages, file)
    buying = [stage.id for stage in stages if stage.purchase]
    if len(buying) > 1:
        raise UserError(
            f"{file}stages: {' and '.join(buying)} are all flagged purchase; flag the one stage "
            "at which the buying journey ends."
        )
    return StageModel("custom", tuple(stages), language, tuple(rules))


def _check_keys(entry: object, valid: Sequence[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: expected a mapping with {', '.join(valid)}, not {show(entry)}.")
    for key in entry:
        if key not in valid:
            raise UserError(f"{where}: key {show(key)} is unknown.{did_you_mean(key, valid)}")


def _typed(value: object, kind: type[T], where: str, otherwise: str) -> T:
    if not isinstance(value, kind):
        raise UserError(f"{where}: {show(value)} {otherwise}.")
    return value


def _custom_stage(entry: dict[str, Any], language: str, where: str) -> Stage:
    if entry.get("id") is None:
        raise UserError(f"{where}.id: is missing.")
    stage_id = _typed(entry["id"], str, f"{where}.id", "is not text; quote it")
    if not _SLUG.fullmatch(stage_id):
        near = _slug(stage_id)
        hint = f' Use "{near}" and put the wording into label.' if near else ""
        raise UserError(
            f"{where}.id: {show(stage_id)} is not an id (a-z, 0-9, _ and -, a letter first, "
            f"at most 64).{hint}"
        )
    if (definition := entry.get("definition")) is not None:
        _typed(definition, str, f"{where}.definition", "is not text")
    flags: dict[str, Any] = {
        key: _typed(entry.get(key, False), bool, f"{where}.{key}", "is neither true nor false")
        for key in ("milestone", "purchase")
    }
    labels = _custom_labels(entry.get("label"), stage_id, language, f"{where}.label")
    sources = dict.fromkeys(labels, "study")
    return Stage(stage_id, labels, definition=definition, sources=sources, **flags)


def _custom_labels(label: object, stage_id: str, language: str, where: str) -> dict[str, str]:
    if label is None:
        return {language: re.sub("[_-]+", " ", stage_id).strip().capitalize()}
    texts = label if isinstance(label, dict) else {language: label}
    if not texts:
        raise UserError(f"{where}: the mapping is empty.")
    labels: dict[str, str] = {}
    for key, text in texts.items():
        try:
            # An unquoted no: is False to YAML.
            code = language_code("no" if key is False else str(key))
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        if code in labels:
            raise UserError(f"{where}: {code} is given twice (no is nb).")
        if not isinstance(text, str) or not text.strip():
            raise UserError(f"{where}.{code}: {show(text)} is not a label; give text.")
        labels[code] = text
    return labels


def _rules(value: object, stage_id: str, where: str) -> list[StageRule]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise UserError(f"{where}: expected a list of patterns, not {show(value)}.")
    places = (f"{where}[{index}]" for index in range(len(value)))
    return [StageRule(stage_id, _pattern(*part)) for part in zip(value, places, strict=True)]


def _pattern(item: object, where: str) -> Pattern:
    entry: Any = {"pattern": item} if isinstance(item, str) else item
    _check_keys(entry, _RULE_KEYS, where)
    given = [key for key in ("touchpoint", "pattern") if key in entry]
    if len(given) != 1:
        raise UserError(f"{where}: give either touchpoint or pattern.")
    key = given[0]
    text = _typed(entry[key], str, f"{where}.{key}", "is not text; quote it")
    match = entry.get("match", "exact" if key == "touchpoint" else "glob")
    if match not in KINDS:
        raise UserError(f"{where}.match: {show(match)} is unknown.{did_you_mean(match, KINDS)}")
    try:
        return Pattern(text, match)
    except ValueError as error:
        raise UserError(f"{where}.{key}: {show(text)}: {error}.") from None


def _slug(text: str) -> str:
    plain = text.lower().replace("ø", "o").replace("æ", "ae")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    slug = re.sub("[^a-z0-9]+", "_", plain).strip("_")[:64]
    return slug if _SLUG.fullmatch(slug) else ""
