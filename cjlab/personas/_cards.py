"""The persona card: what is known of a persona on one page, each field with its origin."""

from __future__ import annotations

from typing import Any

from cjlab.personas._known import Known, known
from cjlab.personas.sheets import Item, Sheet


class Card(Sheet):
    """A persona card: each field computed, authored or missing, each number with its base.

    Parameters
    ----------
    persona, name, study, language, picture : str
        Which persona it is about; see `cjlab.personas.sheets.Sheet`.
    provisional : bool
        Whether the persona is found again too seldom to be relied on.
    fields : tuple of Field
        What is known; ``card["goals"]`` is one of them.
    notes : tuple of str
        What the page has to say of its numbers.

    Notes
    -----
    ``write(path)`` makes an HTML, JSON, PDF or PNG file, by the suffix; ``read(path)`` reads
    such a JSON, or a persona that somebody wrote as YAML.
    """

    kind = "card"
    keys = (
        "share",
        "confidence",
        "demographics",
        "psychographics",
        "goals",
        "needs",
        "motivations",
        "pains",
        "challenges",
        "channels",
        "touchpoints",
        "value",
        "scores",
        "quotes",
    )


def card(
    study: Any, persona: str, *, language: str | None = None, start: Any = None, end: Any = None
) -> Card:
    """Make the card of one persona.

    Parameters
    ----------
    study : Study
        With a frozen assignment; ``personas.cards`` in its file holds what people write.
    persona : str
        Its id, such as ``P1``, or its name.
    language : str, optional
        The study's by default.
    start, end : str, date or datetime, optional
        Customers with an event in the period count, and what they did in it; all by default.

    Returns
    -------
    Card
        Numbers stand with 95% intervals and their base, behind the privacy gate: what rests on
        fewer customers than the study's minimum is not there. Of each customer the latest
        answer of a kind counts; transactional and relational ones stay apart. A field nobody
        knows anything of is ``missing`` and says why.

    Raises
    ------
    UserError
        For a persona that the study does not have, or without an assignment.
    """
    return _card(known(study, persona, language, start, end)[0])


def cards(
    study: Any, *, language: str | None = None, start: Any = None, end: Any = None
) -> list[Card]:
    """Make the cards of all personas; see `card`.

    Parameters
    ----------
    study : Study
        With a frozen assignment.
    language : str, optional
        The study's by default.
    start, end : str, date or datetime, optional
        As in `card`.

    Returns
    -------
    list of Card
        P1 first; empty where the study has no customers.
    """
    return [_card(one) for one in known(study, None, language, start, end)]


def _card(one: Known) -> Card:
    computed: dict[str, list[Item]] = {
        "share": one.measured("share"),
        "confidence": one.measured("confidence"),
        "demographics": one.attributes("demographics"),
        "psychographics": one.attributes("psychographics"),
        "pains": one.pains(),
        "channels": one.shares("channels"),
        "touchpoints": one.typical(),
        "value": one.measured("value"),
        "scores": one.scores(),
        "quotes": [Item(quote) for quote in one.quotes],
    }
    card: Card = one.sheet(Card, computed)
    return card
