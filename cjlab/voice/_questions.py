"""One question of a survey: how it is asked, how it is answered, what the answer becomes."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cjlab.schema import RESPONSE_KINDS

Kind = Literal["nps", "csat", "ces", "kano", "choice", "multi", "open", "number"]
Stored = Literal["nps", "csat", "ces", "kano", "churn", "open", "consent"]
Relation = Literal["transactional", "relational"]
# Seconds an answer takes, beside reading four words a second: a rule of thumb, for planning only.
SECONDS = {"nps": 5, "csat": 5, "ces": 5, "kano": 6, "choice": 5, "multi": 10, "open": 35}


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scale(Part):
    """From the lowest to the highest number, with words for some of them and the better end."""

    low: int
    high: int
    direction: Literal["higher_is_better", "lower_is_better"] | None = None
    labels: dict[int, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"high is {self.high}; it must be above low, {self.low}")
        for number in self.labels:
            if not self.low <= number <= self.high:
                raise ValueError(f"label {number} is off the scale {self.low}–{self.high}")
        return self

    @property
    def points(self) -> int:
        """How many numbers the scale has."""
        return self.high - self.low + 1

    @property
    def whole(self) -> bool:
        """Whether each number has words."""
        return len(self.labels) == self.points


class Option(Part):
    """One answer to choose; ``other`` asks for words, ``exclusive`` goes with no other option."""

    id: str
    text: str
    other: bool = False
    exclusive: bool = False


class Branch(Part):
    """Ask only who answered an earlier question so: with a number in between, or an option."""

    question: str
    low: int | None = None
    high: int | None = None
    options: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.low is None) != (self.high is None) or (self.low is None) == (not self.options):
            raise ValueError("needs either low and high or options")
        return self


class Question(Part):
    """One question: what is asked, how it is answered, and what the answer becomes."""

    id: str = Field(min_length=1)
    kind: Kind
    text: str = Field(min_length=1)
    scale: Scale | None = None
    options: tuple[Option, ...] = ()
    escape: str | None = None
    required: bool = False
    ask_if: Branch | None = None
    about: str | None = None
    stored: Stored | None = None
    relation: Relation | None = None
    touchpoint: str | None = None

    @field_validator("options", mode="before")
    @classmethod
    def _plain_options(cls, said: Any) -> Any:
        return [_option(item) for item in said] if isinstance(said, list | tuple) else said

    @model_validator(mode="after")
    def _answerable(self) -> Self:
        if self.kind in ("choice", "multi") and len(self.options) < 2:
            raise ValueError(f"a {self.kind} needs two options or more")
        if self.options and self.kind not in ("choice", "multi"):
            raise ValueError(f"options belong to choice and multi, not to {self.kind}")
        return self

    @property
    def becomes(self) -> Stored | None:
        """The kind of response the answer is stored as; none where it stays in the export."""
        if self.stored or self.kind not in RESPONSE_KINDS:
            return self.stored
        return self.kind  # type: ignore[return-value]

    @property
    def seconds(self) -> float:
        """About how long it takes, by `SECONDS` and the words to read."""
        read = [self.text, *(option.text for option in self.options)]
        return len(" ".join(read).split()) / 4 + SECONDS.get(self.kind, 5)


def _option(item: Any) -> Any:
    if isinstance(item, bool):
        raise ValueError('YAML reads a bare yes or no as true or false; write "yes" in quotes')
    text = str(item) if isinstance(item, str | int | float) else None
    return item if text is None else {"id": text, "text": text}
