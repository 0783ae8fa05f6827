"""Diaries: what people did, where, and how they felt, one row an entry.

A diary is read by the intake's own readers and rules. It fills a day in the life and nothing
else: its people need not be customers of the study.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from cjlab import rules
from cjlab.config import DiaryFile
from cjlab.engine import connect
from cjlab.errors import UserError
from cjlab.periods import Period, parse
from cjlab.schema import DIARY
from cjlab.sources import open_source
from cjlab.sources.base import Raw, literal, quote
from cjlab.voice._quotes import YES

NO = frozenset(("false", "f", "0", "0.0", "no", "n", "nej", "nei", "ei"))
#: By part of the day: the first hour that belongs to it. Night goes on past midnight.
BEGINS = {"night": 22, "morning": 6, "forenoon": 9, "midday": 11, "afternoon": 14, "evening": 17}
_WORDS = ("activity", "place", "touchpoint", "channel")
_LONGEST_MINUTES = 24 * 60
_UNANSWERED = "unanswered"


@dataclass(frozen=True)
class Diary:
    """A diary as read: entries, prompts without an answer, and rows that cannot be used.

    Parameters
    ----------
    name : str
        The file.
    zone : str
        Time zone of the hours.
    minimum : int
        Fewer people than these are not shown.
    feeling : tuple of float, optional
        The scale of feelings, from worst to best.
    entries : pandas.DataFrame
        One row an answered entry: the columns of `cjlab.schema.DIARY`, ``at`` (local time),
        ``hour``, ``part`` (of the day), ``twice`` (whether the local time occurs twice; the
        first is meant), ``persona`` where one is known, and ``level``, the feeling from −1
        (worst) to 1 (best). Words are lower case; ``brand`` is null where it is not told.
        Private: it holds ids and what people wrote.
    prompts : pandas.DataFrame
        ``person_id, ts, at, hour, part, persona`` of prompts that nobody answered.
    rejections : pandas.DataFrame
        ``file, row, column, value, reason`` of every other row.
    rows_in : int
        Rows read; ``rows_in == accepted + unanswered + rejected`` of the whole diary.
    """

    name: str
    zone: str
    minimum: int
    feeling: tuple[float, float] | None
    entries: pd.DataFrame
    prompts: pd.DataFrame
    rejections: pd.DataFrame
    rows_in: int

    @property
    def accepted(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    @property
    def unanswered(self) -> int:
        """How many prompts have no answer."""
        return len(self.prompts)

    @property
    def rejected(self) -> int:
        """How many rows cannot be used."""
        return len(self.rejections)

    @property
    def reasons(self) -> pd.DataFrame:
        """How many rows each reason concerns: ``reason, column, rows``."""
        keys = ["reason", "column"]
        return self.rejections.groupby(keys, dropna=False).size().reset_index(name="rows")

    @property
    def period(self) -> Period:
        """The diary's own dates, from the first day to the last with a row that counts."""
        at = pd.concat([self.entries["at"], self.prompts["at"]])
        first, last = at.min().date(), at.max().date()
        return parse(f"{first}..{last + timedelta(days=1)}", self.zone)

    def within(self, start: str | None = None, end: str | None = None) -> Diary:
        """Return the part of it that lies in a half-open span of local time.

        Rows that cannot be used stay told: many have no time that could be looked at.

        Raises
        ------
        UserError
            No row lies there.
        """
        kept = []
        for frame in (self.entries, self.prompts):
            inside = pd.Series(True, index=frame.index)
            if start is not None:
                inside &= frame["at"] >= pd.Timestamp(start)
            if end is not None:
                inside &= frame["at"] < pd.Timestamp(end)
            kept.append(frame[inside].reset_index(drop=True))
        if not sum(map(len, kept)):
            raise UserError(
                f"{self.name}: no entry from {start} to {end}; it goes over {self.period.label}."
            )
        return replace(self, entries=kept[0], prompts=kept[1])


def read(study: Any) -> Diary:
    """Read the diary that a study names.

    Raises
    ------
    UserError
        The study names none, the file or a column is not there, or no row can be used.
    """
    said: DiaryFile | None = study.config.map.diary
    if said is None:
        raise UserError(
            f"{study.path.name}: no diary; name one as map: {{diary: diary.csv}} "
            "(columns person_id, ts, activity)."
        )
    name = Path(said.file).name
    rows, ragged = _rows(said, study.folder, study.zone)
    rows = _judged(rows, said.feeling, name)
    bad = rows["reason"].notna() & (rows["reason"] != _UNANSWERED)
    rejections = rows.loc[bad, ["file", "row", "column", "value", "reason"]]
    rejections = pd.concat([rejections, ragged]).sort_values(["file", "row"], ignore_index=True)
    if bad.all():
        raise UserError(_nothing(name, rejections))
    good = _with_persona(_timed(rows[~bad], study.zone), study)
    good["level"] = _level(good["feeling"], said.feeling)
    answered = good["reason"].isna()
    own = [*DIARY.names, "at", "hour", "part", "twice", "persona", "level"]
    moments = ["person_id", "ts", "at", "hour", "part", "persona"]
    return Diary(
        name=name,
        zone=study.zone,
        minimum=study.config.report.minimum_cell,
        feeling=said.feeling,
        entries=good.loc[answered, own].reset_index(drop=True),
        prompts=good.loc[~answered, moments].reset_index(drop=True),
        rejections=rejections,
        rows_in=len(rows) + len(ragged),
    )


def _rows(said: DiaryFile, folder: Path, zone: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every row as the intake's rules read it, and the lines that are none."""
    source = said.source()
    with tempfile.TemporaryDirectory() as scratch, connect() as con:
        raw = open_source(con, DIARY.name, source, folder, Path(scratch))
        rules.mapping(DIARY, source, raw)
        now = datetime.now(UTC).replace(tzinfo=None)
        years = rules.years(con, DIARY, source, raw, now)
        readings = rules.readings(DIARY, source, raw, zone, years, now)
        query = _query(readings, raw, source.time_format is None)
        frame: pd.DataFrame = con.execute(query).df()
    ragged = raw.ragged.to_pandas().rename(columns={"rule": "reason"})
    ragged = ragged[["file", "row", "column", "value", "reason"]]
    return frame, ragged


def _query(readings: list[rules.Reading], raw: Raw, whole_days: bool) -> str:
    """Write the SELECT of all rows with what is wrong with each; who and when are asked first."""
    have = {one.column.name: one for one in readings}
    have = {name: have[name] for name in DIARY.names if name in have}
    fields = [f"{one.value} AS {quote(name)}" for name, one in have.items()]
    fields += [column.null for column in DIARY.columns if column.name not in have]
    tests = [
        (_UNANSWERED if (name, rule) == ("activity", "missing") else rule, name, test, one.raw)
        for name, one in have.items()
        for rule, test in one.rules
    ]
    if whole_days:
        when = have["ts"].raw
        place = [name for _, name, _, _ in tests].index("activity")
        tests.insert(place, ("no_time_of_day", "ts", f"length(trim({when})) = 10", when))
    for place, column in enumerate(("reason", "column", "value")):
        arms = " ".join(
            f"WHEN {test} THEN {(literal(rule), literal(name), text)[place]}"
            for rule, name, test, text in tests
        )
        fields.append(f"CASE {arms} END AS {quote(column)}")
    twice = [test for note, test in have["ts"].notes if note == "time_occurs_twice"]
    fields.append(f"coalesce({' OR '.join(twice) or 'FALSE'}, FALSE) AS twice")
    return (
        f"SELECT _file AS file, _row AS row, {', '.join(fields)} FROM {raw.relation} "
        "ORDER BY _file, _row"
    )


def _judged(rows: pd.DataFrame, scale: tuple[float, float] | None, name: str) -> pd.DataFrame:
    """Judge what the intake's rules do not know: yes and no, the scale, minutes, repeated rows."""
    rows = rows.copy()
    if scale is None and rows["feeling"].notna().any():
        raise UserError(
            f'{name}: has a column "feeling" whose scale is not told; write for example '
            "map: {diary: {file: …, feeling: [1, 5]}}, from worst to best."
        )
    for column in _WORDS:
        rows[column] = rows[column].map(_words, na_action="ignore")
    told = rows["brand"].map(_words, na_action="ignore")
    rows["brand"] = told.map(_yes_or_no, na_action="ignore").astype("boolean")
    low, high = scale or (0.0, 0.0)
    _refuse(rows, told.notna() & rows["brand"].isna(), "brand", "not_yes_or_no", told)
    outside = rows["feeling"].notna() & ~rows["feeling"].between(low, high)
    _refuse(rows, outside, "feeling", "outside_scale", rows["feeling"])
    long = rows["minutes"].notna() & ~rows["minutes"].between(0, _LONGEST_MINUTES)
    _refuse(rows, long, "minutes", "out_of_range", rows["minutes"])
    kept = rows[rows["reason"].isna() | (rows["reason"] == _UNANSWERED)]
    again = kept.index[kept.duplicated(["person_id", "ts", "activity"])]
    repeated = rows.index.isin(again)
    rows.loc[repeated, ["reason", "column", "value"]] = ["repeated", "activity", None]
    return rows


def _refuse(rows: pd.DataFrame, bad: pd.Series, column: str, reason: str, said: pd.Series) -> None:
    """Refuse rows that nothing else is wrong with."""
    bad = bad & rows["reason"].isna()
    rows.loc[bad, "reason"], rows.loc[bad, "column"] = reason, column
    rows.loc[bad, "value"] = said[bad].astype("str")


def _words(text: str) -> str | None:
    """Return words as they are counted: in lower case and one space apart."""
    return " ".join(text.split()).lower() or None


def _yes_or_no(word: str) -> bool | None:
    return word in YES if word in YES or word in NO else None


def _timed(rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Add the local time, its hour and its part of the day."""
    rows = rows.copy()
    rows["at"] = rows["ts"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    rows["hour"] = rows["at"].dt.hour
    rows["part"] = rows["hour"].map(part_of)
    return rows


def part_of(hour: int) -> str:
    """Return the part of the day that an hour belongs to.

    Examples
    --------
    >>> part_of(5), part_of(6), part_of(23)
    ('night', 'morning', 'night')
    """
    begun = [part for part, first in BEGINS.items() if part != "night" and first <= hour]
    return "night" if not begun or hour >= BEGINS["night"] else begun[-1]


def _with_persona(rows: pd.DataFrame, study: Any) -> pd.DataFrame:
    """Add the persona of people who are customers of the study with one."""
    if study.assignment is None:
        return rows.assign(persona=None)
    given = pd.read_parquet(study.assignment, columns=["customer_id", "persona"])
    return rows.assign(persona=rows["person_id"].map(given.set_index("customer_id")["persona"]))


def _level(feeling: pd.Series, scale: tuple[float, float] | None) -> pd.Series:
    """Move feelings from their scale to −1 (worst) … 1 (best)."""
    low, high = scale or (-1.0, 1.0)
    return 2 * (feeling - low) / (high - low) - 1


def _nothing(name: str, rejections: pd.DataFrame) -> str:
    """Say why no row can be used."""
    if rejections.empty:
        return f"{name}: has no row below its header."
    reason, column = rejections[["reason", "column"]].astype("str").value_counts().index[0]
    return (
        f"{name}: none of the {len(rejections)} rows can be used: mostly {reason} in {column}."
        f"{rules.hint(reason, None)}"
    )
