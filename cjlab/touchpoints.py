"""The touchpoint catalogue: which touchpoint, stage and channel a raw event name stands for.

Rules are tried in order and the first match wins. Names are compared in Unicode form NFC and
case-sensitively (a regex may say ``(?i)``); what is stored is never normalised. The catalogue
that comes with the package covers the touchpoints of the founding articles, the event names of
common shop and web-analytics exports, and both in five languages. In it only a completed order
or signing is a purchase: a payment page is still intent.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.patterns import KINDS, Pattern, normal, show
from cjlab.stages import ATOM, CATALOGUE, StageModel, crosswalk, load

COLUMNS = ("pattern", "match", "touchpoint", "stage", "channel", "phase", "line", "owner")
REQUIRED = COLUMNS[:4]
PHASES = ("before", "during", "after")
LINES = ("online", "offline")
#: Industries whose own touchpoints come before the package's.
INDUSTRIES = ("retail", "travel", "banking", "b2b")
DETAILS = ("touchpoint", "stage", "channel", "phase", "line", "owner")


@dataclass(frozen=True)
class TouchpointRule:
    """One row of a catalogue.

    Parameters
    ----------
    pattern : Pattern
        The raw names it covers.
    touchpoint : str or None
        The touchpoint they become; None keeps each raw name.
    stage : str or None
        Stage id in the study's model; None leaves it to the model's own rules.
    channel, phase, line, owner : str or None
        As the catalogue says; None where it does not.
    origin : str
        File and line, such as ``touchpoints.csv:7``.
    """

    pattern: Pattern
    touchpoint: str | None
    stage: str | None
    channel: str | None
    phase: str | None
    line: str | None
    owner: str | None
    origin: str


@dataclass(frozen=True)
class Catalogue:
    """Ordered touchpoint rules for one stage model.

    Parameters
    ----------
    entries : tuple of TouchpointRule
        The rules; the first match wins.
    model : StageModel
        The model whose stage ids they use.

    Examples
    --------
    >>> from cjlab import stages
    >>> catalogue = Catalogue.for_model(stages.load("da5"))
    >>> catalogue.resolve(["add_to_cart"])[["touchpoint", "stage"]].values.tolist()
    [['cart', 'consideration']]
    """

    entries: tuple[TouchpointRule, ...]
    model: StageModel

    @property
    def rules(self) -> pd.DataFrame:
        """The rules as a table, one row a rule in the order they are tried."""
        return pd.DataFrame(self._content(), columns=list(COLUMNS), dtype="str")

    def _content(self) -> list[tuple[str | None, ...]]:
        return [
            (rule.pattern.text, rule.pattern.match, *(getattr(rule, key) for key in DETAILS))
            for rule in self.entries
        ]

    def hash(self) -> str:
        """Return a fingerprint of what the rules decide; the model has its own.

        Returns
        -------
        str
            32 hexadecimal digits, equal for equal rules in equal order, on any machine.
        """
        return hashlib.sha256(json.dumps(self._content()).encode()).hexdigest()[:32]

    @classmethod
    def for_model(cls, model: StageModel, industry: str | None = None) -> Catalogue:
        """Return the package's own catalogue, its stages told in a model.

        Parameters
        ----------
        model : StageModel
            A built-in model; for a custom one the catalogue names touchpoints and channels, and
            leaves the stages to the model's own rules.
        industry : {"retail", "travel", "banking", "b2b"}, optional
            Whose touchpoints come first.

        Returns
        -------
        Catalogue
            The rules, in the package's order.

        Raises
        ------
        UserError
            There is no catalogue of that industry.
        """
        walk = crosswalk(ATOM, model) if model.built_in else dict.fromkeys(load(ATOM).ids)
        if industry not in (None, *INDUSTRIES):
            near = did_you_mean(str(industry), INDUSTRIES)
            raise UserError(f'no touchpoints of the industry "{industry}".{near}')
        files = [*([industry] if industry else []), "touchpoints"]
        entries = [
            entry
            for name in files
            for entry in _entries(CATALOGUE / f"{name}.csv", "cjlab", _origin(name), walk, model)
        ]
        return cls(tuple(entries), model)

    @classmethod
    def read(cls, path: str | Path, model: StageModel, study_file: str = "study.yaml") -> Catalogue:
        """Read a study's catalogue: UTF-8 CSV with a header, delimited by comma or semicolon.

        Blanks around a cell do not count. Columns that are not the catalogue's are left alone.

        Parameters
        ----------
        path : str or Path
            The file. ``pattern``, ``match`` (exact, glob, regex), ``touchpoint`` (empty keeps
            the raw name) and ``stage`` (empty leaves it to the model's rules) are required;
            ``channel``, ``phase`` (before, during, after), ``line`` (online, offline) and
            ``owner`` are not.
        model : StageModel
            The study's model. Under a built-in one, stages may also be ``sm9`` ids.
        study_file : str, default "study.yaml"
            Name shown where the file itself cannot be read.

        Returns
        -------
        Catalogue
            The rules, in the file's order.

        Raises
        ------
        UserError
            In one line: file, line as an editor counts, column, value and the nearest valid one.
        """
        path = Path(path)
        stages = crosswalk(ATOM, model) if model.built_in else {}
        stages |= {stage: stage for stage in model.ids}
        entries = _entries(path, f"{study_file}: touchpoints", path.name, stages, model)
        return cls(tuple(entries), model)

    def of(self, industry: str) -> list[TouchpointRule]:
        """Return the rules that an industry brought in."""
        return [rule for rule in self.entries if rule.origin.startswith(f"{_origin(industry)}:")]

    def resolve(self, names: Iterable[str | None]) -> pd.DataFrame:
        """Say what each distinct raw name stands for.

        The touchpoint comes from the first rule that covers the name; a name that is itself a
        touchpoint of the catalogue (as surveys and tickets use them) is taken as that. The stage
        comes from the rule, else from the model's own rules, else, for the ``order`` and
        ``return`` events that intake derives, from the model's purchase and post-purchase.

        Parameters
        ----------
        names : iterable of str
            Raw names. Null ones are left out.

        Returns
        -------
        DataFrame
            One row a distinct name, in the order they first come: ``name``, ``touchpoint`` (the
            raw name where no rule covers it), ``stage`` (null: unmapped), ``channel``,
            ``phase``, ``line``, ``owner``, ``rule`` (where the answer comes from, such as
            ``touchpoints.csv:7``, ``stages.visit`` or both; null: nothing covers the name).
        """
        rows = [self._row(name) for name in dict.fromkeys(names) if isinstance(name, str)]
        return pd.DataFrame(rows, columns=["name", *DETAILS, "rule"], dtype="str")

    def _row(self, name: str) -> list[str | None]:
        known = self._first(normal(name))
        touchpoint = (known.touchpoint if known else None) or name
        stage = known.stage if known else None
        origins = [known.origin] if known else []
        if stage is None:
            stage, origin = self._own_stage(name, touchpoint)
            origins += [origin] if origin else []
        rest = [getattr(known, key) if known else None for key in DETAILS[2:]]
        return [name, touchpoint, stage, *rest, " + ".join(origins) or None]

    def _first(self, name: str) -> TouchpointRule | None:
        exact, searched, ids = self._index
        end = exact.get(name, len(self.entries))
        for position, rule in searched:
            if position >= end:
                break
            if rule.pattern.test(name):
                return rule
        end = exact.get(name, ids.get(name, -1))
        return self.entries[end] if end >= 0 else None

    @cached_property
    def _index(
        self,
    ) -> tuple[dict[str, int], list[tuple[int, TouchpointRule]], dict[str, int]]:
        """Exact names by position, the rules that must be searched, touchpoints by position."""
        # The first of equal names counts, so it is put in last.
        placed = list(enumerate(self.entries))[::-1]
        exact = {normal(r.pattern.text): at for at, r in placed if r.pattern.match == "exact"}
        ids = {normal(rule.touchpoint): at for at, rule in placed if rule.touchpoint}
        searched = [(at, rule) for at, rule in placed[::-1] if rule.pattern.match != "exact"]
        return exact, searched, ids

    def _own_stage(self, name: str, touchpoint: str) -> tuple[str | None, str | None]:
        for rule in self.model.rules:
            if rule.pattern.matches(name) or rule.pattern.matches(touchpoint):
                return rule.stage, f"stages.{rule.stage}"
        stage = self.model.purchase if touchpoint == "order" else None
        if touchpoint == "return":
            stage = next((s.id for s in self.model if "post_purchase" in s.atoms), None)
        return stage, "derived" if stage else None


def _origin(name: str) -> str:
    """Where a rule of the package's own stands; those of an industry are told apart."""
    return f"cjlab/{name}" if name in INDUSTRIES else "cjlab"


def _entries(
    path: Path, key: str, origin: str, stages: dict[str, str | None], model: StageModel
) -> Iterator[TouchpointRule]:
    """Yield the rules of a file; `stages` says what each stage name means in the model."""
    seen: dict[tuple[str, str], int] = {}
    for number, row in _rows(path, key):
        where = f"{path.name} line {number}"
        rule = _rule(row, where, f"{origin}:{number}", stages, model)
        first = seen.setdefault((rule.pattern.match, normal(rule.pattern.text)), number)
        if first != number:
            raise UserError(
                f"{where}, column pattern: {show(rule.pattern.text)} stands already in line "
                f"{first}; the first match wins, so remove one."
            )
        yield rule


def _rule(
    row: dict[str, str], where: str, origin: str, stages: dict[str, str | None], model: StageModel
) -> TouchpointRule:
    match = _choice(row, "match", KINDS, where)
    if match is None:
        raise UserError(f"{where}, column match: the cell is empty. Valid: {', '.join(KINDS)}.")
    try:
        pattern = Pattern(row["pattern"], match)
    except ValueError as error:
        raise UserError(f"{where}, column pattern: {show(row['pattern'])}: {error}.") from None
    stage = row["stage"]
    if stage and stage not in stages:
        near = _nearest_stage(stage, stages, model)
        raise UserError(f"{where}, column stage: {show(stage)} is not a stage of {model.id}.{near}")
    return TouchpointRule(
        pattern=pattern,
        touchpoint=row["touchpoint"] or None,
        stage=stages[stage] if stage else None,
        channel=row.get("channel") or None,
        phase=_choice(row, "phase", PHASES, where),
        line=_choice(row, "line", LINES, where),
        owner=row.get("owner") or None,
        origin=origin,
    )


def _choice(row: dict[str, str], column: str, valid: tuple[str, ...], where: str) -> str | None:
    value = row.get(column, "")
    if value and value.lower() not in valid:
        near = did_you_mean(value, valid)
        raise UserError(f"{where}, column {column}: {show(value)} is unknown.{near}")
    return value.lower() or None


def _nearest_stage(value: str, stages: dict[str, str | None], model: StageModel) -> str:
    """Suggest an id; someone who wrote a label in any language meant that stage."""
    wanted = normal(value).casefold()
    for stage in model:
        if wanted in (normal(label).casefold() for label in (stage.id, *stage.labels.values())):
            return f' Did you mean "{stage.id}"?'
    return did_you_mean(value, stages)


def _rows(path: Path, key: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row that is not blank, with the line it starts on."""
    text = _text(path, key)
    header_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    start = 1
    try:
        for cells in reader:
            cells = [cell.strip() for cell in cells]
            if any(cells) and not header:
                header = _header(cells, path.name)
            elif any(cells):
                yield start, _cells(cells, header, f"{path.name} line {start}")
            start = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path.name} line {start}: not readable as CSV ({error}); check the quotation marks."
        ) from None
    if not header:
        raise UserError(
            f"{path.name} is empty; its first line names the columns {', '.join(COLUMNS)}."
        )


def _text(path: Path, key: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise UserError(f"{key}: {show(path)}: {reason}.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path.name} line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file "
            "as UTF-8."
        ) from None


def _header(cells: list[str], file: str) -> list[str]:
    header = [cell.lower() for cell in cells]
    absent = [column for column in COLUMNS if column not in header]
    for column in header:
        if header.count(column) > 1 and column:
            raise UserError(f"{file}: column {show(column)} comes twice in the header.")
        near = difflib.get_close_matches(column, absent, n=1, cutoff=0.8)
        if column not in COLUMNS and near:
            raise UserError(f'{file}: column {show(column)}: did you mean "{near[0]}"?')
    if lacking := [column for column in REQUIRED if column in absent]:
        has = show(", ".join(cells))
        raise UserError(f"{file}: the header lacks {', '.join(lacking)}; it has {has}.")
    return header


def _cells(cells: list[str], header: list[str], where: str) -> dict[str, str]:
    if any(cells[len(header) :]):
        raise UserError(
            f"{where}: {len(cells)} cells under {len(header)} columns; quote a text that holds "
            "the delimiter."
        )
    return dict(itertools.zip_longest(header, cells[: len(header)], fillvalue=""))
