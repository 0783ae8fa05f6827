"""A scenario: what would be changed in the journey, by how much, and how sure that is.

A YAML file in the study's folder, plain and diffable. Every effect is a point, or a point with
the limits of a 95% range.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator

from cjlab._parts import Part
from cjlab._yaml import checked
from cjlab.errors import UserError, did_you_mean

FORMS = ("to", "by", "times")


class Effect(Part):
    """How a number changes: to a value, by an amount, or times a factor.

    Parameters
    ----------
    to, by, times : float
        Exactly one of them: the new number, what is added, or what it is multiplied by.
    low, high : float, optional
        Limits of the 95% range of the same; both or neither. Without them the effect is taken
        to be known.
    """

    to: float | None = Field(default=None, allow_inf_nan=False)
    by: float | None = Field(default=None, allow_inf_nan=False)
    times: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)

    @property
    def form(self) -> str:
        """Which of the three it is."""
        return next(name for name in FORMS if getattr(self, name) is not None)

    @property
    def point(self) -> float:
        """What is most likely."""
        return float(getattr(self, self.form))

    @property
    def limits(self) -> tuple[float, float] | None:
        """The 95% range; null where the effect is taken to be known."""
        return None if self.low is None or self.high is None else (self.low, self.high)

    @model_validator(mode="after")
    def _one_form(self) -> Effect:
        if sum(getattr(self, name) is not None for name in FORMS) != 1:
            raise ValueError("needs exactly one of to, by and times")
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high are one range: give both or neither")
        if self.limits and not self.limits[0] <= self.point <= self.limits[1]:
            raise ValueError(f"{self.form} is {self.point:g}, which is not from low to high")
        if self.form == "times" and self.limits and self.limits[0] < 0:
            raise ValueError(f"low is {self.limits[0]:g}; nothing is multiplied by less than 0")
        return self


class Time(Effect):
    """How a time changes: always times a factor."""

    @model_validator(mode="after")
    def _a_factor(self) -> Time:
        if self.form != "times":
            raise ValueError(f'"{self.form}": a time takes times, such as 0.8 for a fifth less')
        return self


class Score(Effect):
    """How a score changes; NPS in points, CSAT as a share, CES in steps of its scale."""

    kind: Literal["nps", "csat", "ces"]

    @model_validator(mode="after")
    def _no_factor(self) -> Score:
        if self.form == "times":
            raise ValueError('"times": a score takes by or to')
        return self


_OF = {"step": "conversion", "stage": "time", "touchpoint": "score"}


class Change(Part):
    """One change of the journey.

    Parameters
    ----------
    step : str, optional
        A step of the funnel; its ``conversion`` is the share that goes on to the next.
    stage : str, optional
        A stage; its ``time`` is how long customers stay there.
    touchpoint : str, optional
        A touchpoint; its ``score`` is what customers answer about it.
    conversion, time, score : Effect, optional
        How it changes.
    share : float, default 1
        For which share of the customers.
    why : str, optional
        What is known of the effect, such as a test; "assumed, no evidence" without.
    """

    step: str | None = None
    stage: str | None = None
    touchpoint: str | None = None
    conversion: Effect | None = None
    time: Time | None = None
    score: Score | None = None
    share: float = Field(default=1.0, gt=0, le=1)
    why: str | None = Field(default=None, max_length=500)

    @property
    def kind(self) -> str:
        """What is changed: ``conversion``, ``time`` or ``score``."""
        return next(kind for kind in _OF.values() if getattr(self, kind) is not None)

    @property
    def place(self) -> str:
        """Where: the step, stage or touchpoint."""
        return str(next(getattr(self, name) for name in _OF if getattr(self, name) is not None))

    @property
    def effect(self) -> Effect:
        """How it changes."""
        found: Effect = getattr(self, self.kind)
        return found

    @model_validator(mode="after")
    def _one_thing(self) -> Change:
        places = [name for name in _OF if getattr(self, name) is not None]
        effects = [kind for kind in _OF.values() if getattr(self, kind) is not None]
        if len(places) != 1 or effects != [_OF[places[0]]]:
            pairs = "; ".join(f"{place}: … with {kind}: …" for place, kind in _OF.items())
            raise ValueError(f"a change is one of: {pairs}")
        if self.time is not None and self.share < 1:
            raise ValueError("share: a time is changed for all customers")
        return self


class Later(Part):
    """How customers who were won go on at later steps.

    Parameters
    ----------
    times : float
        Their conversion as a factor of that of the others.
    """

    times: float = Field(ge=0, le=1)


class Scenario(Part):
    """A future state to be tried out.

    Parameters
    ----------
    name : str
        What it is called.
    period, persona : str, optional
        Of the study, as in a map; the study's default, and everybody.
    assumptions : tuple of str
        What has to be true for it, in words; printed as it is.
    changes : tuple of Change
        What is changed, at least one thing, each once.
    later : Later, optional
        How customers who were won go on; as all others by default.
    """

    name: str = Field(min_length=1, max_length=150)
    period: str | None = None
    persona: str | None = None
    assumptions: tuple[str, ...] = ()
    changes: tuple[Change, ...] = Field(min_length=1)
    later: Later | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Scenario:
        seen: set[tuple[str, ...]] = set()
        for change in self.changes:
            kind = change.score.kind if change.score else change.kind
            if (kind, change.place) in seen:
                raise ValueError(f'changes: {kind} of "{change.place}" is changed twice')
            seen.add((kind, change.place))
        return self

    def of(self, kind: str) -> list[Change]:
        """Return the changes of conversions, times or scores."""
        return [change for change in self.changes if change.kind == kind]


#: A scenario, or the name of its file in the study's folder.
Said: TypeAlias = Scenario | str | Path


def read(study: Any, said: Said) -> tuple[Scenario, str | None]:
    """Read a scenario, and tell the name that a call can find it by again.

    Raises
    ------
    UserError
        One line that names the file, the key and what would be right.
    """
    if isinstance(said, Scenario):
        return said, None
    folder = Path(study.folder)
    path = folder / said
    if not path.is_file() and Path(said).is_file():
        path = Path(said)
    if not path.is_file():
        near = sorted(one.name for one in folder.glob("*.y*ml"))
        raise UserError(f"scenario: no file at {path}.{did_you_mean(str(said), near)}")
    # A call names no folder of one machine.
    own = path.resolve().is_relative_to(folder.resolve())
    name = path.resolve().relative_to(folder.resolve()).as_posix() if own else path.name
    return checked(path, Scenario), name
