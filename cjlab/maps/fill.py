"""The map of today, filled from a study: each cell says what the data say, and how sure it is."""

from __future__ import annotations

from datetime import date
from typing import Any

from cjlab import messages, periods
from cjlab.errors import UserError, did_you_mean
from cjlab.maps import future, measures, templates
from cjlab.maps.asking import Tables
from cjlab.maps.authored import authored
from cjlab.maps.day_lanes import day_map
from cjlab.maps.lanes import LANES, View, pains
from cjlab.maps.model import JourneyMap
from cjlab.maps.retold import moved, retold
from cjlab.maps.scenario import Said, read
from cjlab.maps.what_if import WhatIf, whatif

FILLED = ("current", "day", "future", "blueprint")


def fill(
    study: Any,
    *,
    persona: str | None = None,
    period: str | None = None,
    template: str = "current",
    language: str | None = None,
    title: str | None = None,
    effects: dict[str, float] | None = None,
    scenario: Said | None = None,
    stages: str | None = None,
) -> JourneyMap:
    """Fill a journey map from a study.

    Parameters
    ----------
    study : Study
        The study; ``map`` in its file names what people write on the map.
    persona : str, optional
        Id or name of the persona that it is about; everybody by default.
    period : str, optional
        As in ``study.period``; the study's last complete one by default.
    template : {"current", "day", "future", "blueprint"}, default "current"
        What is drawn. A day in the life is filled from the study's diary, over the diary's own
        dates where no period is named; a future state is filled from a scenario.
    language : str, optional
        Of labels and texts; the study's by default.
    title : str, optional
        What the map is called.
    effects : dict of str to float, optional
        The least difference that makes a pain, by unit: ``1`` (shares), ``points``, ``effort``.
    scenario : str, Path or Scenario, optional
        Of a future state, as in :func:`cjlab.maps.whatif`; the study's own by default.
    stages : str, optional
        Another built-in stage model to tell the map in, such as ``da3``; of a study in ``sm9``.
        The calls on the map are then of a study that names that model.

    Returns
    -------
    JourneyMap
        Every computed card carries the numbers it stands on, each with the call that gives it
        again. Numbers of too few customers are withheld as in a report.

    Raises
    ------
    UserError
        An unknown persona, period, template or language, or a fault in the authored file.

    Examples
    --------
    >>> from cjlab import open_study
    >>> study = open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> fill(study, persona="P1").write("map.html")  # doctest: +SKIP
    """
    if template not in FILLED:
        raise UserError(f'no map is filled as "{template}".{did_you_mean(template, FILLED)}')
    language, own = language or study.language, study
    study = retold(study, stages)
    tried = _scenario(study, template, scenario)
    if tried is not None:
        said, _name = read(study, tried)
        persona, period = persona or said.persona, period or said.period
    called = _called(study, language)
    persona = _persona(persona, called)
    if template == "day":
        return day_map(study, persona, called, period=period, language=language, title=title)
    span_ = periods.named(study.period(period), study.zone)
    lanes = templates.lanes(template, language)
    known = {lane.id for lane in lanes}
    written = authored(own, known, persona, template)  # a slip of the pen is told before the work
    written = moved(written, own, study)
    measures.check(written.get(measures.LANE, {}), str(study.config.map.file))
    found = None
    if tried is not None:
        found = whatif(study, tried, persona=persona, period=period, language=language)
        title = title or future.title(found, language)
    tables = found.tables if found else Tables(study, span_, persona is not None)
    earlier = Tables(study, periods.named(span_.before, study.zone), persona is not None)
    view = View(tables, earlier, persona, called, language)
    if found is not None:
        computed = future.lanes(view, found)
    else:
        computed = {lane.id: LANES[lane.id](view) for lane in lanes if lane.id in LANES}
        computed |= pains(view, effects or study.config.map.effects)
    empty = JourneyMap(
        template=template,
        title=title or messages.text(f"map.template.{template}", language),
        study=study.config.name,
        goal=study.config.goal,
        language=language,
        persona=persona,
        persona_name=called.get(persona or ""),
        period=span_.label,
        **tables.span,
        stage_model=study.model.id,
        minimum=tables.j.minimum,
        made=date.today(),
        columns=templates.columns(template, study.model, language),
        lanes=lanes,
        notes=_notes(view, found),
    )
    shown = {lane: cells for lane, cells in computed.items() if lane in known}
    drawn = empty.with_cards(shown).with_cards(written)
    if measures.LANE not in known or found is not None:
        return drawn
    done = measures.effects(tables, written.get(measures.LANE, {}), persona, language)
    return drawn.with_cards({measures.LANE: dict(done)})


def _scenario(study: Any, template: str, said: Said | None) -> Said | None:
    """The scenario of a future state; other maps have none."""
    if template != "future":
        if said is not None:
            raise UserError('a scenario is of a future state; choose template "future" with it.')
        return None
    said = said or study.config.map.scenario
    if said is None:
        raise UserError(
            "a future state needs a scenario: name its file, or give the study "
            "map: {scenario: FILE.yaml}."
        )
    return said


def _called(study: Any, language: str) -> dict[str, str]:
    if study.assignment is None:
        return {}
    from cjlab.personas.assign import names

    return names(study, language)


def _persona(said: str | None, called: dict[str, str]) -> str | None:
    if said is None or said in called:
        return said
    by_name = {name: key for key, name in called.items()}
    if said in by_name:
        return by_name[said]
    if not called:
        raise UserError("personas are not assigned yet; run cj.personas.assign(study) first.")
    raise UserError(f'no persona "{said}".{did_you_mean(said, called)}')


def _notes(view: View, found: WhatIf | None) -> tuple[str, ...]:
    minimum = view.tables.j.minimum
    notes = [view.say("note.source"), view.say("note.small", minimum=minimum)]
    if found is not None:
        return (*notes, *future.notes(found, view.language))
    if view.tables.has("responses"):
        notes.append(view.say("note.curve"))
    return (*notes, view.say("note.pains"))
