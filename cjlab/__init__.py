"""cjlab: persona journey maps whose every number carries its n, its interval and its source.

Nothing heavy is imported until it is used.

Examples
--------
>>> import cjlab as cj
>>> cj.stages.load("no3phase", "nb").labels("nb")["before"]
'Før kjøpet'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cjlab import journey, maps, personas, plots, report, samples, stages, stats, voice
    from cjlab.comparison import compare
    from cjlab.errors import CjlabError, ReportFailed, UserError
    from cjlab.journey import Journeys, dropoff, funnel, time_in_stage, transitions
    from cjlab.periods import Period
    from cjlab.personas import PersonaModel, features
    from cjlab.stages import StageModel
    from cjlab.study import Study, open_study

__version__ = "0.1.0"

_HOMES = {
    "open_study": "cjlab.study",
    "Study": "cjlab.study",
    "Period": "cjlab.periods",
    "StageModel": "cjlab.stages",
    "Journeys": "cjlab.journey",
    "funnel": "cjlab.journey",
    "compare": "cjlab.comparison",
    "dropoff": "cjlab.journey",
    "time_in_stage": "cjlab.journey",
    "transitions": "cjlab.journey",
    "features": "cjlab.personas",
    "PersonaModel": "cjlab.personas",
    "CjlabError": "cjlab.errors",
    "ReportFailed": "cjlab.errors",
    "UserError": "cjlab.errors",
}
_ROOMS = ("journey", "maps", "personas", "plots", "report", "samples", "stages", "stats", "voice")

__all__ = [
    "CjlabError",
    "Journeys",
    "Period",
    "PersonaModel",
    "ReportFailed",
    "StageModel",
    "Study",
    "UserError",
    "compare",
    "dropoff",
    "features",
    "funnel",
    "journey",
    "maps",
    "open_study",
    "personas",
    "plots",
    "report",
    "samples",
    "stages",
    "stats",
    "time_in_stage",
    "transitions",
    "voice",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _ROOMS:
        return importlib.import_module(f"cjlab.{name}")
    if name in _HOMES:
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'cjlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
