"""What a study.yaml may say of asking customers, and of following up what they answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cjlab._parts import Duration, Part, like

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Scored = Literal["nps", "csat", "ces"]
_HOURS = "is no span of a day; write for example 09:00-17:30"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"
Hours = Annotated[str, like(rf"{_TIME}-({_TIME}|24:00)", _HOURS)]
Value = str | int | float | bool


class Window(Part):
    """Hours and days of the week, in the study's zone."""

    hours: Hours = "00:00-24:00"
    weekdays: list[Weekday] = Field(default=list(WEEKDAYS), min_length=1)

    @field_validator("hours")
    @classmethod
    def _some_time(cls, hours: str) -> str:
        opens, closes = hours.split("-")
        if opens >= closes:
            raise ValueError(f'"{hours}" holds no time; the first hour must be before the second')
        return hours

    @property
    def minutes(self) -> tuple[int, int]:
        """First minute of the day that is inside, and the first that is outside again."""
        opens, closes = (int(t[:2]) * 60 + int(t[3:]) for t in self.hours.split("-"))
        return opens, closes

    @property
    def days(self) -> list[bool]:
        """Whether each day of the week counts, Monday first."""
        return [day in self.weekdays for day in WEEKDAYS]


class Trigger(Window):
    """One rule: which event leads to which question, and who is left in peace.

    ``event`` is a touchpoint or a glob over touchpoints, ``stage`` the entry of a stage.
    """

    name: str = Field(min_length=1, max_length=60)
    event: str | None = Field(default=None, min_length=1, max_length=200)
    stage: str | None = None
    kind: Literal["nps", "csat", "ces", "open"] = "nps"
    channel: str | None = None
    delay: Duration | None = None
    sample: float = Field(default=1.0, ge=0, le=1)
    quarantine: int | None = Field(default=None, ge=1, le=3650)
    quarantine_rule: int | None = Field(default=None, ge=1, le=3650)
    priority: int = 1
    max_per_week: int | None = Field(default=None, ge=1)
    outside: Literal["skip", "wait"] = "skip"
    response_rate: float | None = Field(default=None, gt=0, le=1)
    where: dict[str, Value | list[Value]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_cause(self) -> Trigger:
        if (self.event is None) == (self.stage is None):
            raise ValueError(f'rule "{self.name}" needs either event or stage')
        return self


class Triggers(Part):
    """A list of rules, as a file of its own or a section of the study."""

    triggers: list[Trigger] = Field(min_length=1)

    @field_validator("triggers")
    @classmethod
    def _told_apart(cls, rules: list[Trigger]) -> list[Trigger]:
        return distinct(rules)


def distinct(rules: list[Trigger]) -> list[Trigger]:
    """Refuse two rules of one name."""
    names = [rule.name for rule in rules]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f'two rules are called "{name}"; give each a name of its own')
    return rules


class Threshold(Part):
    """From which answer on a case is opened: ``at_most`` where high is good, else ``at_least``."""

    at_most: float | None = None
    at_least: float | None = None
    scale: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _one_side(self) -> Threshold:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("needs either at_most or at_least")
        return self


class Loop(Part):
    """Which answers open a case, who owns it, and how soon the customer is to be contacted.

    ``owners`` maps touchpoints and stages to people; ``cases`` is the log that the team keeps.
    """

    scores: dict[Scored, Threshold] = Field(
        default={
            "nps": Threshold(at_most=6),
            "csat": Threshold(at_most=2),
            "ces": Threshold(at_most=3),
        },
        min_length=1,
    )
    sla: Duration = "48h"
    business: Window | None = None
    owners: dict[str, str] = Field(default_factory=dict)
    cases: str | None = None
    rescue: Duration = "90D"

    @field_validator("scores", mode="before")
    @classmethod
    def _plain_numbers(cls, scores: Any) -> Any:
        if not isinstance(scores, dict):
            return scores
        plain = (int, float)
        return {k: {"at_most": s} if isinstance(s, plain) else s for k, s in scores.items()}
