"""The empathy map: what a persona says, thinks, does and feels, and where saying is not doing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from cjlab.personas._facts import ALL
from cjlab.personas._known import Known, Row, known
from cjlab.personas.sheets import Item, Sheet
from cjlab.stats import difference

# What counts as a high and as a low answer: shares of the top boxes, points of the NPS.
HIGH = {"csat": 0.8, "ces": 0.8, "nps": 30.0}
LOW = {"csat": 0.6, "ces": 0.6, "nps": 0.0}


class EmpathyMap(Sheet):
    """What a persona says, thinks, does and feels, and where saying is not doing.

    Parameters
    ----------
    persona, name, study, language, picture : str
        Which persona it is about; see `cjlab.personas.sheets.Sheet`.
    provisional : bool
        Whether the persona is found again too seldom to be relied on.
    fields : tuple of Field
        What is known; ``page["says"]`` is one of them.
    notes : tuple of str
        What the page has to say of its numbers.

    Notes
    -----
    ``write(path)`` makes an HTML, JSON, PDF or PNG file, by the suffix; ``read(path)`` reads
    such a JSON, or a persona that somebody wrote as YAML.
    """

    kind = "empathy"
    keys = ("says", "thinks", "does", "feels", "pains", "gains", "gaps")


def empathy(
    study: Any, persona: str, *, language: str | None = None, start: Any = None, end: Any = None
) -> EmpathyMap:
    """Make the empathy map of one persona.

    Parameters
    ----------
    study : Study
        With a frozen assignment; ``personas.cards`` in its file holds what people write.
    persona : str
        Its id or name.
    language : str, optional
        The study's by default.
    start, end : str, date or datetime, optional
        As in `card`.

    Returns
    -------
    EmpathyMap
        ``says`` (quotes with consent, redacted), ``thinks`` (authored), ``does`` (touchpoints
        and habits that set it apart), ``feels`` (scores), ``pains``, ``gains`` and ``gaps``.

    Raises
    ------
    UserError
        As in `card`.

    Notes
    -----
    A gap is a high answer (CSAT or CES of 80 % or more, NPS of 30 or more) beside behaviour
    that is clearly worse than the other customers' (interval of the difference without zero),
    or a low one (below 60 %, below 0) beside clearly better behaviour. Behaviour is: buying
    again, being seen in the last 30 days, getting past a step of the funnel.
    """
    one = known(study, persona, language, start, end)[0]
    computed = {
        "says": [Item(quote) for quote in one.quotes],
        "does": one.typical(3) + one.habits(3),
        "feels": one.scores(),
        "pains": one.pains(),
        "gaps": _gaps(one),
    }
    page: EmpathyMap = one.sheet(EmpathyMap, computed)
    return page


class _Deed(NamedTuple):
    """A behaviour that is clearly better or worse than that of the others."""

    row: Row
    said: str
    better: bool


def _gaps(one: Known) -> list[Item]:
    gaps = []
    deeds = _deeds(one)
    for row in one.rows("scores"):
        kind = row["item"].split("\n")[0]
        content = row["value"] >= HIGH[kind]
        if not content and row["value"] >= LOW[kind]:
            continue
        gaps += [_gap(one, row, deed) for deed in deeds if deed.better != content]
    return gaps


def _gap(one: Known, row: Row, deed: _Deed) -> Item:
    stated, done = one.item(row, one.score(row)), one.item(deed.row, deed.said)
    said = one.say("gap", score=stated.label, stated=stated.text, deed=done.label, done=done.text)
    return replace(done, label=said, text="", basis=f"{stated.basis} · {done.basis}")


def _deeds(one: Known) -> list[_Deed]:
    found = []
    for field, item in (("value", "again"), ("rhythm", "lately")):
        mine, whole = (
            next((r for r in one.rows(field, who) if r["item"] == item), None)
            for who in (None, ALL)
        )
        if mine and whole and whole["n"] > mine["n"]:
            others = (whole["hits"] - mine["hits"], whole["n"] - mine["n"])
            gap = difference(mine["hits"], mine["n"], *others)
            if gap.low > 0 or gap.high < 0:
                found.append(_Deed(mine, one.say(f"item.{item}"), gap.low > 0))
    if worst := one.worst_step():
        step = one.study.model.display(one.language).get(worst["item"], worst["item"])
        found.append(_Deed(worst, one.say("item.dropoff", step=step), False))
    return found
