"""What ``cjlab map`` does: fill a map or read one, write it in any format, say what it lacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cjlab.errors import UserError
from cjlab.maps.files import check
from cjlab.maps.model import JourneyMap

_FILES = (".json", ".xlsx", ".csv")


@dataclass
class Job:
    """One call of the command; see its options."""

    source: Path
    persona: str | None
    period: str | None
    template: str
    language: str | None
    scenario: Path | None = None

    @cached_property
    def map(self) -> JourneyMap:
        """The map: read where the source is one, else filled from the study."""
        if self.source.suffix.lower() in _FILES or self._written():
            if self.persona or self.period or self.language or self.scenario:
                raise UserError(
                    f"{self.source.name} is a map already: --persona, --period, --language and "
                    "--scenario are for studies."
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

    def lint(self, say: Callable[[str], object]) -> int:
        """Say what the map lacks, and return its score from 0 to 100."""
        found = self.map.lint()
        for line in str(found).splitlines():
            say(line)
        return found.score
