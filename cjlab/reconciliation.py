"""The account of an intake: what came in, what was kept, and why the rest was not."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Count:
    """Rows of one source that one rule concerned.

    ``effect`` is ``in`` (rows read), ``accepted``, ``rejected`` (in quarantine), ``dropped``
    (an exact copy of a kept row, in quarantine too) or ``noted`` (kept, worth knowing).
    """

    table: str
    source: str
    rule: str
    column: str | None
    rows: int
    effect: str


@dataclass(frozen=True)
class SourceSummary:
    """The reconciliation of one source: ``rows_in == accepted + rejected + dropped``."""

    table: str
    source: str
    files: int
    rows_in: int
    accepted: int
    rejected: int
    dropped: int
    limit: float
    read_as: str

    @property
    def rejected_share(self) -> float:
        """Refused rows as a share of the rows read; 0 where nothing was read."""
        return self.rejected / self.rows_in if self.rows_in else 0.0

    @property
    def over_limit(self) -> bool:
        """Whether more rows were refused than the study allows for this source."""
        return self.rejected_share > self.limit


@dataclass
class Intake:
    """What the intake found, source by source and rule by rule.

    ``due`` is the UTC instant at which the first row refused for lying in the future no longer
    does; the result is good until then.
    """

    sources: list[SourceSummary] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    due: datetime | None = None

    def add(self, other: Intake) -> None:
        """Take in what another table's intake found."""
        self.sources += other.sources
        self.counts += other.counts
        self.due = min(filter(None, (self.due, other.due)), default=None)

    @property
    def over_limit(self) -> list[SourceSummary]:
        """Sources with more refused rows than their limit allows."""
        return [source for source in self.sources if source.over_limit]

    def frame(self) -> pd.DataFrame:
        """One row per source and rule: rows in, accepted, then what each rule concerned."""
        columns = ["table", "source", "rule", "column", "rows", "share", "effect"]
        totals = {(s.table, s.source): s.rows_in for s in self.sources}
        rows = []
        for source in self.sources:
            for rule, number in (("rows in", source.rows_in), ("accepted", source.accepted)):
                effect = "in" if rule == "rows in" else "accepted"
                rows.append(Count(source.table, source.source, rule, None, number, effect))
            rows += [
                count
                for count in self.counts
                if (count.table, count.source) == (source.table, source.source)
            ]
        frame = pd.DataFrame([asdict(row) for row in rows], columns=columns)
        base = [totals[(row.table, row.source)] for row in rows]
        frame["share"] = [
            n / b if b else float("nan") for n, b in zip(frame["rows"], base, strict=True)
        ]
        return frame

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the manifest and the cache."""
        return {
            "due": self.due.isoformat() if self.due else None,
            "sources": [asdict(source) for source in self.sources],
            "counts": [asdict(count) for count in self.counts],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Intake:
        """Read back what :meth:`as_dict` wrote."""
        return cls(
            [SourceSummary(**item) for item in data["sources"]],
            [Count(**item) for item in data["counts"]],
            datetime.fromisoformat(data["due"]) if data["due"] else None,
        )
