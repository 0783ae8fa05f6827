"""What the sections of a study file have in common: strict parts, and texts of one form."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

_DURATION = "is no duration; write for example 30D, 36h or 45min"


class Part(BaseModel):
    """A section that knows its keys and does not change once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def like(pattern: str, hint: str) -> AfterValidator:
    """Return a check that a text has one form; the hint says what it is not, and an example."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f'"{value}" {hint}')
        return value

    return AfterValidator(check)


Duration = Annotated[str, like(r"[1-9]\d*(D|h|min|s)", _DURATION)]
