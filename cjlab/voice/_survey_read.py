"""Questionnaires from files: the kit's templates, and those of the analyst in YAML or CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cjlab import _yaml
from cjlab.errors import UserError, did_you_mean
from cjlab.messages import LANGUAGES
from cjlab.voice._questions import Option, Question
from cjlab.voice._survey import Survey
from cjlab.voice._survey_write import BETWEEN, COLUMNS

KIT = Path(__file__).parent / "kit"


def survey(
    name: str,
    language: str = "en",
    *,
    company: str | None = None,
    product: str | None = None,
    feature: str | Sequence[str] | None = None,
) -> Survey:
    """Return a questionnaire of the kit, ready to write into a survey tool.

    Parameters
    ----------
    name : str
        One of `templates`, such as ``nps``, ``support`` or ``lost_sale``.
    language : {"en", "sv", "nb", "da", "fi"}, default "en"
        The language of its texts.
    company, product : str, optional
        What customers call it; without it the text keeps ``{company}`` and ``{product}``.
    feature : str or sequence of str, optional
        What a Kano survey asks about, such as "delivery the same day"; several are asked in turn.

    Returns
    -------
    Survey
        Its questions, with `to_markdown`, `to_csv`, `to_yaml` and `mapping`.

    Raises
    ------
    UserError
        An unknown name or language, or a name that is empty or too long.

    Examples
    --------
    >>> survey("nps", "sv", company="Fjord AB").questions[0].text
    'Hur troligt är det att du skulle rekommendera Fjord AB till en vän eller kollega?'
    """
    if name not in templates():
        raise UserError(f'no survey "{name}" in the kit.{did_you_mean(name, templates())}')
    if language not in LANGUAGES:
        raise UserError(f'no language "{language}".{did_you_mean(language, LANGUAGES)}')
    path = KIT / f"{name}.yaml"
    found = _survey(path.name, _spoken(_raw(path), language) | {"language": language})
    return found.fill(company, product, feature)


@cache
def templates() -> tuple[str, ...]:
    """Return the names of the questionnaires in the kit.

    Returns
    -------
    tuple of str
        In alphabetical order.

    Examples
    --------
    >>> "churn" in templates()
    True
    """
    return tuple(sorted(path.stem for path in KIT.glob("*.yaml") if path.stem != "common"))


def read(path: str | Path, language: str | None = None) -> list[Survey]:
    """Read an own questionnaire, once for each language its file holds.

    Parameters
    ----------
    path : str or Path
        YAML in the form of the kit, in one language or several, or CSV with a column ``text``.
    language : {"en", "sv", "nb", "da", "fi"}, optional
        The one to read; of a file that does not say its language it is English by default.

    Returns
    -------
    list of Survey
        One a language.

    Raises
    ------
    UserError
        The file cannot be read as a questionnaire; one line says where and why.

    Examples
    --------
    >>> [found.language for found in read(KIT / "nps.yaml")]
    ['en', 'sv', 'nb', 'da', 'fi']
    """
    path = Path(path)
    if language is not None and language not in LANGUAGES:
        raise UserError(f'no language "{language}".{did_you_mean(language, LANGUAGES)}')
    if path.suffix.lower() == ".csv":
        return [_survey(path.name, _from_csv(path, language))]
    raw = _raw(path)
    held = _languages(_yaml.load(path))
    if not held:  # its texts stand in one language; shared parts have all
        return [_survey(path.name, {"id": path.stem, **_one_language(raw, language)})]
    return [
        _survey(path.name, {"id": path.stem} | _spoken(raw, one) | {"language": one})
        for one in LANGUAGES
        if one in ([language] if language else held)
    ]


def _one_language(raw: dict[str, Any], language: str | None) -> dict[str, Any]:
    own = str(raw.get("language", language or "en"))
    if own not in LANGUAGES:
        raise UserError(f'language: no language "{own}".{did_you_mean(own, LANGUAGES)}')
    return dict(_spoken(raw, own)) | {"language": own}


def _raw(path: Path) -> dict[str, Any]:
    """The file with the parts of `common.yaml` where it uses them."""
    raw = _yaml.load(path)
    if not isinstance(raw, dict) or "questions" not in raw:
        raise UserError(f"{path.name}: holds no questions; write them as a list under questions:")
    return dict(_used(raw, path.name))


@cache
def _common() -> dict[str, Any]:
    return dict(_yaml.load(KIT / "common.yaml"))


def _used(node: Any, file: str) -> Any:
    if isinstance(node, list):
        return [_used(item, file) for item in node]
    if not isinstance(node, dict):
        return node
    own = {key: _used(value, file) for key, value in node.items() if key != "use"}
    if "use" not in node:
        return own
    if node["use"] not in _common():
        name = node["use"]
        raise UserError(f'{file}: use: "{name}" is no part.{did_you_mean(name, _common())}')
    return _used(_common()[node["use"]], file) | own


def _languages(node: Any) -> set[str]:
    """The languages that texts stand in, side by side."""
    if isinstance(node, list):
        return set().union(*map(_languages, node))
    if not isinstance(node, dict):
        return set()
    return (set(node) & set(LANGUAGES)).union(*map(_languages, node.values()))


def _spoken(node: Any, language: str) -> Any:
    """The file in one language: texts that stand by language become one text."""
    if isinstance(node, list):
        return [_spoken(item, language) for item in node]
    if not isinstance(node, dict):
        return node
    rest = {key: _spoken(value, language) for key, value in node.items() if key not in LANGUAGES}
    if len(rest) == len(node):
        return rest
    if language not in node:
        shown = next(iter(node[one] for one in LANGUAGES if one in node))
        raise UserError(f'"{shown}" has no text in the language {language}.')
    return rest | {"text": node[language]} if rest else node[language]


def _survey(file: str, said: dict[str, Any]) -> Survey:
    try:
        return Survey.model_validate(said)
    except ValidationError as error:
        raise UserError(f"{file}: {_explained(error, said)}") from None


def _explained(error: ValidationError, said: dict[str, Any]) -> str:
    first, *more = error.errors(include_url=False)
    where = ".".join(map(str, first["loc"])) or "questions"
    if first["loc"][:1] == ("questions",) and len(first["loc"]) > 1:
        number = int(first["loc"][1])
        asked = said["questions"][number]
        name = asked.get("id") if isinstance(asked, dict) else None
        rest = "".join(f", {part}" for part in first["loc"][2:])
        where = f"question {name or number + 1}{rest}"
    also = f" (and {len(more)} more)" if more else ""
    message = first["msg"].removeprefix("Value error, ")
    name, near = str(first["loc"][-1]) if first["loc"] else "", ""
    if first["type"] == "extra_forbidden":
        message = "no such key"
        near = did_you_mean(name, {*Question.model_fields, *Survey.model_fields})
    if first["type"] == "literal_error":
        message = f'"{first["input"]}" is not known'
        near = did_you_mean(first["input"], re.findall(r"'([^']+)'", first["ctx"]["expected"]))
    return f"{where}: {message[0].lower()}{message[1:].rstrip('.')}.{near}{also}"


def _from_csv(path: Path, language: str | None) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise UserError(f"{path.name}: cannot be read ({why}).") from None
    semicolons = text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",")
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if semicolons else ",")
    heads = reader.fieldnames or []
    if "text" not in heads:
        raise UserError(f'{path.name}: needs a column "text".{did_you_mean("text", heads)}')
    for head in heads:
        if head not in COLUMNS:
            raise UserError(f'{path.name}: no column "{head}".{did_you_mean(head, COLUMNS)}')
    questions, told = [], set()
    for line, row in enumerate(reader, 2):
        told |= {row["language"]} if row.get("language") else set()
        questions.append(_question(row, f"{path.name}: row {line}"))
    if len(told) > 1:
        raise UserError(f"{path.name}: holds {len(told)} languages; write one a file.")
    own = told.pop() if told else None
    return {"id": path.stem, "language": own or language or "en", "questions": questions}


def _question(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    said = {key: value.strip() for key, value in row.items() if isinstance(value, str)}
    said = {key: value for key, value in said.items() if value}
    labels = dict(_label(pair, where) for pair in _items(said.get("labels")))
    scaled = {"low", "high", "labels"} & set(said)
    kind = "choice" if "options" in said else "csat" if scaled else "open"
    number = said.get("number", where.rsplit(" ", 1)[-1])
    question: dict[str, Any] = {"id": f"q{number}", "kind": kind}
    question |= {
        key: said[key]
        for key in ("id", "kind", "text", "escape", "about", "stored", "relation", "touchpoint")
        if key in said
    }
    question["required"] = said.get("required", "no").lower() in ("yes", "true", "1")
    if scaled:
        low, high = (said.get(end, edge(labels, default=None)) for end, edge in _ENDS.items())
        direction = said.get("direction")
        question["scale"] = {"low": low, "high": high, "labels": labels, "direction": direction}
    if "options" in said:
        question["options"] = _options(_items(said["options"]), _items(said.get("option_ids")))
    if "ask_if" in said:
        question["ask_if"] = _branch(said["ask_if"], where)
    return question


_ENDS: dict[str, Any] = {"low": min, "high": max}


def _items(cell: str | None) -> list[str]:
    return [item.strip() for item in (cell or "").split(BETWEEN.strip()) if item.strip()]


def _label(pair: str, where: str) -> tuple[int, str]:
    number, sign, words = pair.partition("=")
    if not sign or not re.fullmatch(r"\s*-?\d+\s*", number):
        raise UserError(f'{where}: label "{pair}"; write number=words, such as 1=Very bad.')
    return int(number), words.strip()


def _options(texts: list[str], ids: list[str]) -> list[dict[str, Any]]:
    if len(ids) != len(texts):
        return [Option(id=text, text=text).model_dump() for text in texts]
    marks = [re.fullmatch(r"(.+?)(\+?)(!?)", one) for one in ids]
    return [
        {"id": mark[1], "text": text, "other": bool(mark[2]), "exclusive": bool(mark[3])}
        for mark, text in zip(marks, texts, strict=True)
        if mark
    ]


def _branch(cell: str, where: str) -> dict[str, Any]:
    name, sign, wanted = cell.partition("=")
    if not sign:
        raise UserError(f'{where}: ask_if "{cell}"; write question=0..6 or question=option.')
    if ends := re.fullmatch(r"\s*(-?\d+)\.\.(-?\d+)\s*", wanted):
        return {"question": name.strip(), "low": ends[1], "high": ends[2]}
    return {"question": name.strip(), "options": _items(wanted)}
