"""Maps made elsewhere: what a grid or list in XLSX or CSV says, and what was not understood.

Nothing is dropped: a lane that no template has stays a lane of its own, a text that is too long
becomes two cards, and every such thing is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from unicodedata import normalize

import yaml

from cjlab import messages, stages
from cjlab.errors import UserError
from cjlab.maps import sheets
from cjlab.maps.model import TEMPLATES, WHOLE, JourneyMap
from cjlab.maps.tables import from_csv, from_tables, named
from cjlab.maps.templates import lanes as template_lanes

_BULLET = re.compile(r"\s*(?:[•·▪‣◦*–—-]\s+)?")
_LONGEST = 2000  # letters of a card
_STAGE, _LANE, _TEXT = "_stage", "_lane", "_text"


@dataclass(frozen=True)
class Preview:
    """What was understood of a file.

    Parameters
    ----------
    map : JourneyMap
        The map.
    problems : tuple of str
        What was not, or not surely, and what was made of it.
    """

    map: JourneyMap
    problems: tuple[str, ...]


@dataclass
class _Found:
    """A map in the making."""

    problems: list[str] = field(default_factory=list)
    stages: dict[str, str] = field(default_factory=dict)
    lanes: dict[str, str] = field(default_factory=dict)
    cells: list[tuple[str, str, str]] = field(default_factory=list)

    def tell(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def lane(self, label: str) -> str:
        known = _lane_names().get(key(label))
        lane = known or slug(label)
        if not known and lane not in self.lanes:
            self.tell(f'lane "{label}" is none of the templates; kept as a lane of its own.')
        return self._once(self.lanes, lane, label, "lane")

    def stage(self, label: str, names: dict[str, str]) -> str:
        stage = names.get(key(label)) or slug(label)
        stage = f"{stage}_" if stage == WHOLE else stage
        return self._once(self.stages, stage, label, "stage")

    def _once(self, seen: dict[str, str], name: str, label: str, kind: str) -> str:
        if seen.setdefault(name, label) != label:
            self.tell(f'{kind}s "{seen[name]}" and "{label}" are taken as one.')
        return name


def preview(path: Path) -> Preview:
    """Read a map from XLSX or CSV and say what was not understood.

    Parameters
    ----------
    path : Path
        A file that `JourneyMap.write` made; or stages across and lanes down, or the other way
        round, with lanes named in one of the five languages; or one row a card with columns for
        stage, lane and text.

    Returns
    -------
    Preview
        The map, and in words what was made of the rest.

    Raises
    ------
    UserError
        The file cannot be read, or there is no grid or list in it.
    """
    book = sheets.read(path)
    if {"cards", "lanes", "stages", "about"} <= set(book.sheets):
        tables = {
            name: named(path.name, name, rows[0], rows[1:]) if rows else []
            for name in ("cards", "numbers", "stages", "lanes", "about")
            for rows in [book.sheets.get(name, [])]
        }
        return Preview(from_tables(path.name, tables), ())
    name, rows = next(((n, rows) for n, rows in book.sheets.items() if len(rows) > 1), ("", []))
    if rows and rows[0][:4] == ["record", "card", "lane", "stage"]:
        return Preview(from_csv(path.name, rows), ())
    found = _Found(list(book.problems))
    for other, cells in book.sheets.items():
        if other != name and cells:
            found.tell(f'sheet "{other}" is not read; only "{name}" is.')
    return _understood(path, rows, found)


def key(text: str) -> str:
    """Return what counts of a name: letters and digits, in small letters."""
    return " ".join(re.findall(r"\w+", normalize("NFKC", text).casefold().replace("_", " ")))


def slug(text: str) -> str:
    """Return an id made of a label.

    Examples
    --------
    >>> slug("Före köpet!")
    'före_köpet'
    """
    return key(text).replace(" ", "_") or "unnamed"


@cache
def _lane_names() -> dict[str, str]:
    """By what counts of a name, the lane, or the column of a list."""
    text = files("cjlab.maps").joinpath("synonyms.yaml").read_text(encoding="utf-8")
    found = {key(word): lane for lane, words in yaml.safe_load(text).items() for word in words}
    for template in TEMPLATES:
        for language in messages.LANGUAGES:
            found |= {key(one.label): one.id for one in template_lanes(template, language)}
            found |= {key(one.id): one.id for one in template_lanes(template, language)}
    return found


@cache
def _stage_names() -> dict[tuple[str, str], dict[str, str]]:
    """By stage model and language, the stages by what counts of their labels."""
    return {
        (model, language): {
            key(label): stage
            for stage, label in stages.load(model).display(language).items()
        }
        for model in stages.BUILT_IN
        for language in messages.LANGUAGES
    }  # fmt: skip


def _understood(path: Path, rows: list[list[str]], found: _Found) -> Preview:
    title = path.stem
    rows = [row for row in rows if any(row)]
    while len(rows) > 2 and rows[0][0] and len(set(filter(None, rows[0]))) == 1:
        title, told = rows.pop(0)[0], title
        if told != path.stem:
            found.tell(f'"{told}" stands above the map and is in no cell.')
    if len(rows) < 2 or max(map(len, rows)) < 2:
        raise UserError(
            f"{path.name}: holds no map; it needs stages across and lanes down, or columns named "
            "stage, lane and text."
        )
    columns = [_lane_names().get(key(head), "") for head in rows[0]]
    listed = {_STAGE, _LANE, _TEXT} <= set(columns)
    cells = list(_list(rows, columns, found) if listed else _grid(rows, found))
    heads = list(dict.fromkeys(stage for _, stage, _ in cells))
    model, language = max(_stage_names(), key=lambda one: _fit(heads, _stage_names()[one]))
    names = _stage_names()[model, language]
    if not all(key(head) in names for head in heads):
        model, names = "custom", {}
    lanes = dict.fromkeys(lane for lane, _, _ in cells)
    language = _language(lanes, language if names else "en")
    for head in heads:
        found.stage(head, names)
    template = _template({_lane_names().get(key(label), "") for label in lanes})
    forms = {one.id: one for one in template_lanes(template, language)}
    said: dict[str, dict[str, list[dict[str, object]]]] = {}
    for label, head, text in cells:
        lane = found.lane(label)
        whole = lane in forms and forms[lane].kind == "whole"
        place = said.setdefault(lane, {}).setdefault(
            WHOLE if whole else found.stage(head, names), []
        )
        place += [card for card in _cards(text, found) if not (whole and card in place)]
    own = [forms[lane] for lane in found.lanes if lane in forms and forms[lane].kind == "curve"]
    for lane_row in own:
        _curve(said[lane_row.id], found)
    made = JourneyMap.model_validate(
        {
            "title": title[:200],
            "template": template,
            "language": language,
            "stage_model": model,
            "columns": [{"id": stage, "label": label} for stage, label in found.stages.items()],
            "lanes": [
                {**(forms[lane].model_dump() if lane in forms else {"id": lane}), "label": label}
                for lane, label in found.lanes.items()
            ],
            "cards": {
                lane: {stage: cards for stage, cards in row.items() if cards}
                for lane, row in said.items()
                if any(row.values())
            },
        }
    )
    return Preview(made, tuple(found.problems))


def _list(
    rows: list[list[str]], columns: list[str], found: _Found
) -> Iterator[tuple[str, str, str]]:
    at = {kind: columns.index(kind) for kind in (_LANE, _STAGE, _TEXT)}
    for number, row in enumerate(rows[1:], 2):
        lane, stage, text = (row[place].strip() for place in at.values())
        if not text:
            found.tell(f"row {number} has no text and is not read.")
            continue
        for name, place in (("lane", lane), ("stage", stage)):
            if not place:
                found.tell(f'"{text[:80]}" has no {name}; it stands under "no {name}".')
        yield lane or "no lane", stage or "no stage", text
        for column, more in enumerate(row):
            if more and column not in at.values():
                head = rows[0][column]
                found.tell(f'row {number}: "{more[:80]}" of column "{head}" is not read.')


def _grid(rows: list[list[str]], found: _Found) -> Iterator[tuple[str, str, str]]:
    down, across = [row[0] for row in rows[1:]], rows[0][1:]
    every = {name for names in _stage_names().values() for name in names}

    def lanes(heads: Iterable[str]) -> int:
        return sum(key(head) in _lane_names() for head in heads)

    def known(heads: Iterable[str]) -> int:
        return sum(key(head) in every for head in heads)

    if (lanes(across), known(down)) > (lanes(down), known(across)):
        rows = [list(column) for column in zip(*rows, strict=True)]
        found.tell("lanes stand across and stages down; turned.")
    if rows[0][0] and len(rows) > 1:
        found.tell(f'"{rows[0][0]}" in the corner of the grid is not read.')
    heads = _named(rows[0][1:], "stage", found)
    labels = _named([row[0] for row in rows[1:]], "lane", found)
    for label, row in zip(labels, rows[1:], strict=True):
        for head, text in zip(heads, row[1:], strict=True):
            yield label, head, text


def _named(heads: list[str], kind: str, found: _Found) -> list[str]:
    """Let a head without name be more of the one before, as merged cells are exported."""
    names: list[str] = []
    for place, head in enumerate(heads, 1):
        before = names[-1] if names else f"{kind} {place}"
        if not head.strip():
            found.tell(f'{kind} {place} has no name; taken as "{before}".')
        names.append(" ".join(head.split()) or before)
    return names


def _cards(text: str, found: _Found) -> Iterator[dict[str, object]]:
    for line in text.splitlines():
        line = _BULLET.sub("", line, count=1).strip()
        if len(line) > _LONGEST:
            found.tell(f'"{line[:80]}…" is longer than a card; it became several.')
        for start in range(0, len(line), _LONGEST):
            yield {"text": line[start : start + _LONGEST]}


def _curve(row: dict[str, list[dict[str, object]]], found: _Found) -> None:
    """Take numbers from −1 to 1, or from 1 to 5, as points of the curve."""
    cards = [card for stage in row.values() for card in stage]
    numbers: list[float] = []
    for card in cards:
        try:
            numbers.append(float(str(card["text"]).replace(",", ".").replace("−", "-")))
        except ValueError:
            found.tell(f'"{str(card["text"])[:80]}" is no point of the curve; it stays a text.')
            return
    if all(-1 <= one <= 1 for one in numbers):
        levels = numbers
    elif all(1 <= one <= 5 for one in numbers):
        levels = [(one - 3) / 2 for one in numbers]
        found.tell("the curve is taken to go from 1 (bad) to 5 (good).")
    else:
        found.tell("the curve goes neither from −1 to 1 nor from 1 to 5; its numbers stay texts.")
        return
    for card, level in zip(cards, levels, strict=True):
        card["level"] = level


def _fit(heads: list[str], names: dict[str, str]) -> tuple[int, int]:
    return sum(key(head) in names for head in heads), -len(names)


def _language(labels: Iterable[str], stages_language: str) -> str:
    """The language that most lanes are named in; that of the stages where it is as good."""
    known: Counter[str] = Counter({stages_language: 0})
    for language in messages.LANGUAGES:
        words = {key(one.label) for name in TEMPLATES for one in template_lanes(name, language)}
        known[language] += 2 * sum(key(label) in words for label in labels)
    known[stages_language] += 1
    return known.most_common(1)[0][0]


def _template(lanes: set[str]) -> str:
    """The template that has most of the lanes; the first of equals."""
    return max(TEMPLATES, key=lambda one: len(lanes & {lane.id for lane in template_lanes(one)}))
