"""What study.yaml may say, and what is wrong with it in one line.

Pydantic checks the file; every error names the file, the key, the value and the nearest
valid name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from cjlab._parts import Duration, Part, like
from cjlab._yaml import checked, explain
from cjlab.errors import UserError, did_you_mean
from cjlab.periods import KINDS, parse
from cjlab.schema import DIARY, TABLES
from cjlab.survey_config import WIDE, Answer, check_answers, plain
from cjlab.voice_settings import Loop, Trigger, Triggers, distinct

EPOCHS = ("epoch_s", "epoch_ms", "epoch_us")
_ONE_SIGN = 'cannot divide values; write one sign such as ";"'
_MEMORY = "is no amount of memory; write for example 4GB or 500MB"
_MASTER = 'is no Spark master; write for example "local[*]" or "spark://host:7077"'
_MASTERS = r"local(\[.+\])?|yarn|(spark|k8s)://.+|.*\$\{\w+\}.*"
_SETTING = 'is no setting of Spark; write for example "spark.executor.memory"'
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f'no time zone "{zone}".{did_you_mean(zone, available_timezones())}')
    return zone


Zone = Annotated[str, AfterValidator(_zone)]
Delimiter = Annotated[str, like(r'[^"\r\nA-Za-z0-9\x80-\U0010ffff]', _ONE_SIGN)]
Memory = Annotated[str, like(r"(?i)\d+(\.\d+)?\s*[KMGT]i?B", _MEMORY)]


class Source(Part):
    """One export: where it lies and how its columns become canonical ones."""

    path: str | None = None
    query: str | None = None
    format: Literal["csv", "parquet", "xlsx", "sav", "wide", "surveymonkey", "qualtrics"] | None = (
        None
    )
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    sheet: str | None = None
    header_row: int | None = Field(default=None, ge=1)
    header_rows: int | None = Field(default=None, ge=1, le=3)
    answers: list[Answer] = Field(default_factory=list)
    skip: dict[str, list[str]] = Field(default_factory=dict)
    delimiter: Delimiter | None = None
    encoding: str | None = None
    decimal: Literal[".", ","] = "."
    time_format: str | dict[str, str] | None = None
    timezone: Zone | None = None
    reject_limit: float = Field(default=0.05, ge=0, le=1)
    derive: bool = True

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if (self.path is None) == (self.query is None):
            raise ValueError("needs either path or query")
        check_answers(self.format, self.header_rows, self.answers, self.columns)
        for name in self.constants:
            if name in self.columns:
                raise ValueError(f'"{name}" is said under columns and under constants; say it once')
        if self.skip and self.format not in WIDE:
            raise ValueError(f"skip needs a format of surveys: {', '.join(WIDE)}")
        return self

    @field_validator("constants", "skip", mode="before")
    @classmethod
    def _texts(cls, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        return {
            key: [plain(item) for item in value] if isinstance(value, list) else plain(value)
            for key, value in said.items()
        }

    @field_validator("time_format")
    @classmethod
    def _a_format(cls, said: str | dict[str, str] | None) -> str | dict[str, str] | None:
        for form in said.values() if isinstance(said, dict) else [said]:
            if form is not None and form not in EPOCHS and "%" not in form:
                raise ValueError(
                    f'"{form}" is neither a pattern such as "%d.%m.%Y %H:%M" nor an epoch.'
                    f"{did_you_mean(form, EPOCHS)}"
                )
        return said


class Authored(Part):
    """What people write of a persona, one line each; data cannot tell it."""

    picture: str | None = Field(default=None, max_length=2)  # initials
    demographics: list[str] = Field(default_factory=list)
    psychographics: list[str] = Field(default_factory=list)
    goals: list[str] = Field(default_factory=list)
    needs: list[str] = Field(default_factory=list)
    motivations: list[str] = Field(default_factory=list)
    pains: list[str] = Field(default_factory=list)
    gains: list[str] = Field(default_factory=list)
    challenges: list[str] = Field(default_factory=list)
    channels: list[str] = Field(default_factory=list)
    thinks: list[str] = Field(default_factory=list)


class AuthoredCard(Authored):
    """A persona that is written, not computed: a file of its own."""

    name: str = Field(min_length=1, max_length=120)
    language: Literal["en", "sv", "nb", "da", "fi"] = "en"


class Personas(Part):
    """How customers are grouped, what the groups are called, and what people say of them.

    ``psychographics`` names the declared attributes that are attitudes.
    """

    features: Literal["auto"] | list[str] = "auto"
    n_personas: Literal["auto"] | int = "auto"
    names: dict[str, str] = Field(default_factory=dict)
    psychographics: list[str] = Field(default_factory=list)
    cards: dict[str, Authored] = Field(default_factory=dict)


class Report(Part):
    """Which period a report covers, the time a journey may take, the smallest published group."""

    period: str = "quarter"
    compare: str = "previous"
    window: Duration = "30D"
    minimum_cell: int = Field(default=10, ge=5)

    @field_validator("period")
    @classmethod
    def _a_period(cls, period: str) -> str:
        if period not in KINDS:
            try:
                parse(period, "UTC")
            except UserError as error:
                raise ValueError(f"{error}{did_you_mean(period, KINDS)}") from None
        return period


class DiaryFile(Part):
    """A diary beside the study: its file, and what its columns and numbers mean.

    ``feeling`` is the scale of that column, from worst to best, such as ``[1, 5]``.
    """

    file: str
    feeling: tuple[float, float] | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    delimiter: Delimiter | None = None
    decimal: Literal[".", ","] = "."
    time_format: str | None = None
    sheet: str | None = None

    @model_validator(mode="after")
    def _known(self) -> DiaryFile:
        _check_columns("columns", self.columns, "a column of a diary", DIARY.names)
        if self.feeling is not None and not self.feeling[0] < self.feeling[1]:
            raise ValueError("feeling goes from the worst to the best, for example [1, 5]")
        form = self.time_format
        if form is not None and form not in EPOCHS and not re.search("%-?[HIcT]", form):
            raise ValueError(f'"{form}" tells no time of day; write such as "%d.%m.%Y %H:%M"')
        return self

    def source(self) -> Source:
        """Return the diary as a source that the intake's readers open."""
        said = self.model_dump(exclude={"file", "feeling"})
        return Source(path=self.file, **said)


def _a_file(said: Any) -> Any:
    return {"file": said} if isinstance(said, str) else said


class Map(Part):
    """What people write on the journey map, and from which difference on a cell is a pain.

    ``file`` is a YAML beside the study, ``scenario`` that of its future state; ``effects`` are by
    unit: ``1`` (shares), ``points`` (net promoter score) and ``effort``; ``diary`` fills a day in
    the life.
    """

    file: str | None = None
    scenario: str | None = None
    diary: Annotated[DiaryFile | None, BeforeValidator(_a_file)] = None
    effects: dict[Literal["1", "points", "effort"], float] = Field(default_factory=dict)


class Engine(Part):
    """Where the metrics run and how much memory they may take.

    For Spark ``master`` and ``settings`` (keys that begin with ``spark.``) say which cluster;
    both may hold ``${VAR}``, and neither is needed where a session is configured already.
    """

    kind: Literal["duckdb", "spark"] = "duckdb"
    memory: Memory = "4GB"
    master: Annotated[str, like(_MASTERS, _MASTER)] | None = None
    settings: dict[Annotated[str, like(r"spark\..+", _SETTING)], str | int | float | bool] = Field(
        default_factory=dict
    )


class StudyConfig(Part):
    """Everything a study.yaml says."""

    name: str = Field(min_length=1, max_length=120)
    goal: str | None = None
    scope: str | None = None
    question: str | None = None
    owner: str | None = None
    review_date: date | None = None
    timezone: Zone = "UTC"
    language: Literal["en", "sv", "nb", "da", "fi"] = "en"
    currency: str | None = None
    stages: str | list[dict[str, Any]] = "sm9"
    view: Literal["customer", "buying"] = "customer"
    observed_until: datetime | date | None = None
    sources: dict[str, list[Source]]
    identities: Source | None = None
    touchpoints: str | None = None
    personas: Personas = Personas()
    report: Report = Report()
    map: Map = Map()
    engine: Engine = Engine()
    loop: Loop = Loop()
    triggers: list[Trigger] = Field(default_factory=list)
    # Written into a run's own copy of the study only: where relative paths start, and which
    # frozen assignment of personas the run uses.
    folder: str | None = None
    assignment: str | None = None

    @field_validator("identities", mode="before")
    @classmethod
    def _a_path(cls, said: Any) -> Any:
        return {"path": said} if isinstance(said, str) else said

    @field_validator("triggers")
    @classmethod
    def _told_apart(cls, rules: list[Trigger]) -> list[Trigger]:
        return distinct(rules)

    @field_validator("sources", mode="before")
    @classmethod
    def _lists(cls, sources: Any) -> Any:
        if not isinstance(sources, dict):
            raise ValueError("must map a table to its source, such as events: {path: events.csv}")
        for table in sources:
            if table not in TABLES:
                raise ValueError(f'no table "{table}".{did_you_mean(table, TABLES)}')
        return {t: s if isinstance(s, list) else [s] for t, s in sources.items()}

    @field_validator("sources")
    @classmethod
    def _known_columns(cls, sources: dict[str, list[Source]]) -> dict[str, list[Source]]:
        if not {"events", "orders", "responses"} & {t for t, s in sources.items() if s}:
            raise ValueError("name at least one of events, orders or responses")
        for name, parts in sources.items():
            table = TABLES[name]
            times = [column.name for column in table.columns if column.kind == "time"]
            for part in parts:
                formats = part.time_format if isinstance(part.time_format, dict) else {}
                _check_columns(f"{name}.time_format", formats, f"a time of {name}", times)
                for key in ("columns", "constants") if not table.open else ():
                    said = getattr(part, key)
                    _check_columns(f"{name}.{key}", said, f"a column of {name}", table.names)
                if part.format in WIDE and name != "responses":
                    raise ValueError(f"{name}: format: {part.format} makes responses only")
        return sources


def _check_columns(key: str, said: Iterable[str], what: str, valid: Iterable[str]) -> None:
    for column in said:
        if column not in valid:
            raise ValueError(f'{key}: "{column}" is not {what}.{did_you_mean(column, valid)}')


def read(path: Path) -> StudyConfig:
    """Read and check a study file.

    Parameters
    ----------
    path : Path
        The study.yaml.

    Returns
    -------
    StudyConfig
        The checked study; ``${VAR}`` in sources stays unexpanded, so that no secret is kept.

    Raises
    ------
    UserError
        One line that names the file, the key, the value and the nearest valid name.
    """
    if not path.is_file():
        raise UserError(f"no study file at {path}. `cjlab new retail DIR` makes one to start from.")
    return checked(path, StudyConfig)


def read_card(path: Path) -> AuthoredCard:
    """Read and check the file of an authored persona; see `read`."""
    if not path.is_file():
        raise UserError(f"no persona file at {path}.")
    return checked(path, AuthoredCard)


def read_triggers(path: Path) -> list[Trigger]:
    """Read and check a file of rules, its key ``triggers`` a list of them; see `read`."""
    if not path.is_file():
        raise UserError(f"no file of rules at {path}.")
    return checked(path, Triggers).triggers


def check_triggers(rules: Iterable[Any]) -> list[Trigger]:
    """Check rules that are given as mappings; see `read`."""
    try:
        return Triggers.model_validate({"triggers": list(rules)}).triggers
    except ValidationError as error:
        raise UserError(explain("rules", error, Triggers)) from None


def expand(text: str) -> str:
    """Put environment variables in place of ``${VAR}``.

    Raises
    ------
    UserError
        When a variable is not set.
    """

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in os.environ:
            raise UserError(f"the study names ${{{name}}}, which is not set in the environment.")
        return os.environ[name]

    return _VARIABLE.sub(value, text)
