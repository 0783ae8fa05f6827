"""Reports: what notebooks publish with, and what runs, verifies and publishes them.

Notebooks use `show`, `figure`, `sheet`, `quotes`, `journey_map`, `say`, `headline` and `done`;
`run` makes a report.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cjlab.report.context import done, figure, headline, say, sheet, show
    from cjlab.report.making import Run, run
    from cjlab.report.mapping import journey_map
    from cjlab.report.quoting import quotes

__all__ = [
    "Run",
    "done",
    "figure",
    "headline",
    "journey_map",
    "quotes",
    "run",
    "say",
    "sheet",
    "show",
]

_HOMES = {"Run": "making", "run": "making", "quotes": "quoting", "journey_map": "mapping"}


def __getattr__(name: str) -> Any:
    if name in ("findings", "mapping", "stories"):
        return import_module(f"cjlab.report.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "context")
    return getattr(import_module(f"cjlab.report.{home}"), name)
