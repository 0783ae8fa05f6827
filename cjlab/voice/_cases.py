"""Cases: the low answers that somebody should follow up, who owns them, and until when."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import parse_duration, to_utc
from cjlab.privacy import load_key, pseudonym
from cjlab.study import Study
from cjlab.voice import _hours
from cjlab.voice._answers import When, answers
from cjlab.voice._case_log import LOGGED, add_log
from cjlab.voice._scales import SCALES
from cjlab.voice_settings import Threshold

UNASSIGNED = "(unassigned)"
COLUMNS = (
    "case", "customer_id", "kind", "score", "scale", "answers", "text", "touchpoint", "stage",
    "persona", "channel", "language", "consent", "owner", "opened", "due", *LOGGED,
)  # fmt: skip
_KINDS = list(SCALES)
_DIGITS = 16


def cases(study: Study, start: When = None, end: When = None) -> pd.DataFrame:
    """List the cases that low answers open: a unit table, never for publication.

    Parameters
    ----------
    study : Study
        With responses; its section ``loop`` says which answers are low, how soon the customer is
        to be contacted (``sla``, in hours of the clock or of ``business``), who owns what, and
        where the team's log is.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, by the time of the answer. With either, undated
        answers are left out.

    Returns
    -------
    DataFrame
        One row a case, the earliest first. Low answers of one customer at one instant are one
        case, told by the first of NPS, CSAT and CES; ``answers`` counts them. ``case`` is a
        pseudonym that only the key can tie to a customer; ``owner`` is the study's ``owners`` for
        the touchpoint, else the catalogue's owner, else ``owners`` for the stage, else
        ``(unassigned)``; ``opened, due, contacted, resolved`` are UTC; ``outcome`` and ``told``
        (true, false or null) are as logged. Nothing logged is null, not "no".
        ``attrs["unmatched"]`` counts the log's lines that fit no case.

    Raises
    ------
    UserError
        The study has no responses, an owner's key is neither touchpoint nor stage, or the log
        cannot be read.

    Notes
    -----
    A threshold is told on the instrument's own scale (NPS 0–10, CSAT 1–5, CES 1–7) unless it names
    another; an answer on a different scale is held to the same place on it. What the log says
    of instants at or after the end of observation is not data yet.

    Examples
    --------
    >>> from cjlab import open_study
    >>> cases(open_study("data/retail/study.yaml"))  # doctest: +SKIP
    """
    table = _one_each(_low(study, answers(study)).execute())
    table["case"] = _names(table)
    table["owner"] = _owners(study, table)
    table["opened"] = table.pop("ts")
    table["due"] = _due(study, table["opened"])
    table, unmatched = add_log(study, table)
    first, last = (to_utc(when, study.zone) for when in (start, end))
    if first is not None:
        table = table[table["opened"] >= first]
    if last is not None:
        table = table[table["opened"] < last]
    table = table[list(COLUMNS)].sort_values(["opened", "case"], ignore_index=True)
    table.attrs["unmatched"] = unmatched
    return table


def is_low(study: Study, table: Table) -> Any:
    """Whether each answer of a table is beyond the study's threshold for its kind."""
    arms = [
        (table.kind == kind, _beyond(table, kind, said))
        for kind, said in study.config.loop.scores.items()
    ]
    return table.valid & ibis.cases(*arms, else_=False)


def _beyond(table: Table, kind: str, said: Threshold) -> Any:
    """The same place on another scale, without dividing: all numbers are exact."""
    first, last = SCALES[kind]
    own = table.scale.fill_null(last) - first
    place = (table.score - first) * ((said.scale or last) - first)
    if said.at_most is not None:
        return place <= (said.at_most - first) * own
    assert said.at_least is not None
    return place >= (said.at_least - first) * own


def _low(study: Study, table: Table) -> Table:
    names = ["row", "kind", *(c for c in COLUMNS if c in table.columns and c != "kind"), "ts"]
    return table.filter(is_low(study, table)).select(*names).mutate(ts=_.ts.cast("timestamp(6)"))


def _one_each(low: pd.DataFrame) -> pd.DataFrame:
    """Answers of one customer at one instant are one case; what is not known is told apart."""
    low["order"] = low["kind"].map(_KINDS.index)
    low = low.sort_values(["order", "row"], ignore_index=True)
    known = low["customer_id"].notna() & low["ts"].notna()
    low["alone"] = np.where(known, -1, low["row"])
    groups = low.groupby(["customer_id", "ts", "alone"], dropna=False, sort=False)
    # The first text that was written, whichever question it stood under.
    low["text"] = groups["text"].transform("first")
    low["answers"] = groups["row"].transform("size")
    return low[~low.duplicated(["customer_id", "ts", "alone"])].reset_index(drop=True)


def _names(table: pd.DataFrame) -> list[str]:
    """Pseudonyms of cases: the same for the same answer, whatever else the export holds."""
    key = load_key()
    said = table[["customer_id", "ts", "alone"]].astype(object)
    told = ["\0".join(map(str, row)) for row in said.itertuples(index=False, name=None)]
    return [pseudonym(text, key)[:_DIGITS] for text in told]


def _owners(study: Study, table: pd.DataFrame) -> pd.Series:
    said = study.config.loop.owners
    catalogue = study.catalogue()
    known = catalogue.resolve(table["touchpoint"].dropna().unique()).set_index("name")["owner"]
    touchpoints = {*catalogue.rules["touchpoint"].dropna(), *known.index}
    for name in said:
        if name not in touchpoints and name not in study.model:
            near = did_you_mean(name, [*touchpoints, *study.model.ids])
            where = f'{study.path.name}: loop.owners: "{name}"'
            raise UserError(f"{where} is neither a touchpoint nor a stage.{near}")
    own = {name: owner for name, owner in said.items() if name in touchpoints}
    found = table["touchpoint"].map(own).astype(object)
    found = found.fillna(table["touchpoint"].map(known)).fillna(table["stage"].map(said))
    return found.fillna(UNASSIGNED).astype("str")


def _due(study: Study, opened: pd.Series) -> pd.Series:
    """Until when the customer is to be contacted; null where the answer is not dated."""
    loop, zone = study.config.loop, study.zone
    span = parse_duration(loop.sla, "loop.sla")
    assert span is not None
    if loop.business is None:
        return opened + pd.Timedelta(span, "us")
    known = opened.notna().to_numpy()
    due = np.full(len(opened), np.datetime64("NaT"), "datetime64[us]")
    begun = opened[known].to_numpy().astype("datetime64[us]").astype("int64")
    ends = _hours.due(_hours.local(begun, zone), span, loop.business)
    due[known] = _hours.utc(ends, zone).view("datetime64[us]")
    return pd.Series(due, index=opened.index)
