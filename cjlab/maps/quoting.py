"""Quotes for the map: what customers wrote about a stage, through the same gate as everywhere."""

from __future__ import annotations

from cjlab.maps.asking import Tables

A_CELL = 2
LONGEST = 140


def quotes(tables: Tables, persona: str | None) -> dict[str, list[str]]:
    """Return a few redacted texts by stage, of customers who agreed to be quoted.

    Parameters
    ----------
    tables : Tables
        Of the study and the period.
    persona : str, optional
        Whose words; everybody's by default.
    """
    if not tables.has("responses"):
        return {}
    from cjlab import voice

    given = voice.answers(tables.study, tables.period.start, tables.period.end)
    given = given.filter(given.text.notnull(), given.stage.notnull())
    if persona is not None:
        given = given.filter(given.persona == persona)
    fields = ("text", "customer_id", "stage", "language")
    frame = given.select(*fields, consent=given.consent.cast("string")).execute()
    if frame.empty:
        return {}
    chosen = voice.quotes(
        frame, by=["stage"], minimum=tables.j.minimum, per_group=A_CELL, longest=LONGEST,
        among_agreed=True,
    ).table  # fmt: skip
    return {str(stage): own["quote"].to_list() for stage, own in chosen.groupby("stage")}
