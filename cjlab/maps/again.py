"""Asking again: the table behind a number of the map, from nothing but the call it carries."""

from __future__ import annotations

import ast
from importlib import import_module
from typing import Any

import pandas as pd

from cjlab import privacy
from cjlab.errors import UserError
from cjlab.estimates import dims
from cjlab.maps.model import Number

_ROOMS = ("journey", "voice", "maps", "personas")
SAME = ("value", "low", "high", "n", "customers", "hits")


def table(call: str, study: Any) -> pd.DataFrame:
    """Return the gated table that a call on the map makes.

    Nothing but what such calls are made of is run: a public function of cjlab's metrics with
    the study or its journeys, and plain values.

    Parameters
    ----------
    call : str
        As a number carries it, such as ``cj.journey.contacts(study.journeys(), level='stage')``.
    study : Study
        Whose.

    Returns
    -------
    DataFrame
        Estimates, small cells withheld.

    Raises
    ------
    UserError
        It is no such call.
    """
    try:
        found = ast.parse(call, mode="eval").body
        if not isinstance(found, ast.Call):
            raise ValueError
        first, *others = found.args
        function = _function(found.func)
        options = _options(found)
        values = [_subject(first, study), *map(ast.literal_eval, others)]
    except (AttributeError, SyntaxError, ValueError) as error:
        raise UserError(f'"{call[:200]}" is no call of a metric that a map makes.') from error
    made = function(*values, **options)
    return privacy.gate(pd.DataFrame(getattr(made, "table", made)), _minimum(study))[0]


def same(number: Number, told: pd.DataFrame) -> bool:
    """Whether a table has exactly this number in its place: value, interval and counts."""
    found = told[told["metric"] == number.metric]
    for name in dims(told):
        found = found[found[name].astype("str") == number.where.get(name)]
    if len(found) != 1:
        return False
    row = found.iloc[0]
    pairs = ((getattr(number, name), row[name]) for name in SAME)
    return all(other == one if one is not None else pd.isna(other) for one, other in pairs)


def _minimum(study: Any) -> int:
    return int(study.config.report.minimum_cell)


def _function(said: ast.expr) -> Any:
    """Return the function that ``cj.<room>.<name>`` names, if it is public."""
    name = said.attr if isinstance(said, ast.Attribute) else ""
    room = said.value if isinstance(said, ast.Attribute) else None
    if not (isinstance(room, ast.Attribute) and ast.unparse(room.value) == "cj"):
        raise ValueError
    home = import_module(f"cjlab.{room.attr}") if room.attr in _ROOMS else None
    if home is None or name not in home.__all__:
        raise ValueError
    return getattr(home, name)


def _subject(said: ast.expr, study: Any) -> Any:
    """Return what a metric takes first: the study, or its journeys of a period."""
    if ast.unparse(said) == "study":
        return study
    if isinstance(said, ast.Call) and ast.unparse(said.func) == "study.journeys" and not said.args:
        return study.journeys(**_options(said))
    raise ValueError


def _options(call: ast.Call) -> dict[str, Any]:
    """Return what is given by name, plain values all."""
    if any(word.arg is None for word in call.keywords):
        raise ValueError
    return {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
