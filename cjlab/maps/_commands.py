"""What ``cjlab map`` does: fill a map or read one, write it in any format, say what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cjlab.errors import UserError
from cjlab.maps.files import check
from cjlab.maps.model import JourneyMap

if TYPE_CHECKING:
    from cjlab.study import Study

_FILES = (".json", ".xlsx", ".csv")


def diary_lines(study: Study) -> list[str]:
    """Say what a study's diary brought, row by row; nothing where it names none."""
    if study.config.map.diary is None:
        return []
    from cjlab.diaries import read

    found = read(study)
    twice = int(found.entries["twice"].sum())
    reasons = found.reasons.fillna({"column": "the row"}).to_dict("records")
    return [
        f"diary {found.name}: {found.rows_in:,} rows in, {found.accepted:,} entries, "
        f"{found.unanswered:,} prompts not answered, {found.rejected:,} rejected",
        *(f"  rejected {r['rows']:>9,}  {r['reason']} in {r['column']}" for r in reasons),
        *([f"  noted    {twice:>9,}  time_occurs_twice in ts"] if twice else []),
    ]


@dataclass
class Job:
    """One call of the command; see its options."""

    source: Path
    persona: str | None
    period: str | None
    template: str
    language: str | None
    scenario: Path | None = None
    beside: Path | None = None
    stages: str | None = None

    @cached_property
    def map(self) -> JourneyMap:
        """The map: read where the source is one, else filled from the study."""
        if self.source.suffix.lower() in _FILES or self._written():
            a_period = self.period and not self.beside
            given = (self.persona, a_period, self.language, self.scenario, self.stages)
            if any(given):
                raise UserError(
                    f"{self.source.name} is a map already: --persona, --period, --language, "
                    "--scenario and --stages are for studies."
                )
            return JourneyMap.read(self.source)
        from cjlab.personas.assign import frozen
        from cjlab.study import open_study

        return JourneyMap.from_study(
            frozen(open_study(self.source)),
            persona=self.persona,
            period=self.period,
            template=self.template,
            language=self.language,
            scenario=self.scenario,
            stages=self.stages,
        )

    def _written(self) -> bool:
        """Whether a YAML is a map and no study: a map has columns and lanes."""
        if self.source.suffix.lower() not in (".yaml", ".yml") or not self.source.is_file():
            return False
        from cjlab._yaml import load

        said = load(self.source)
        return isinstance(said, dict) and "lanes" in said

    def write(self, to: list[Path] | None) -> list[str]:
        """Write every file asked for, and return a line for each; a summary where there is none."""
        for path in to or []:
            check(path)  # before the work
        if to:
            return [f"wrote {self.map.write(path)}" for path in to]
        numbers = sum(len(card.numbers) for _lane, _stage, card in self.map.walk())
        cards = sum(1 for _ in self.map.walk())
        about = self.map.persona_name or "all customers"
        return [
            f"{self.map.title}, {about}: {len(self.map.columns)} columns, "
            f"{len(self.map.shown_lanes())} lanes, {cards} cards, {numbers} numbers; "
            "--to map.html writes it"
        ]

    def conformance(self, say: Callable[[str], object]) -> None:
        """Say how the journeys of the study beside go with the plan on the map."""
        if self.beside is None:
            return
        from cjlab.maps.plan import plan_of
        from cjlab.personas.assign import frozen
        from cjlab.study import open_study

        plan_of(self.map)  # a map without a plan is told before the work
        study = open_study(self.beside)
        persona = self.map.persona
        study = frozen(study) if persona else study
        span = study.period(self.period)
        where = {"persona": persona} if persona else None
        j = study.journeys(start=span.start, end=span.end, where=where)
        for line in str(self.map.conformance(j)).splitlines():
            say(line)

    def lint(self, say: Callable[[str], object]) -> int:
        """Say what the map lacks, and return its score from 0 to 100."""
        found = self.map.lint()
        for line in str(found).splitlines():
            say(line)
        return found.score
