"""Where customers are heard: which touchpoints have no feedback, or too little of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table

from cjlab._numbers import normal_quantile
from cjlab.clusters import clustered_mean
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import estimates
from cjlab.journey import Journeys
from cjlab.study import Study
from cjlab.voice._answers import When, answers
from cjlab.voice._margin import ENOUGH_FOR_VARIANCE, needed, worst_variance
from cjlab.voice._persons import UNKNOWN
from cjlab.voice._scales import SCALES

KINDS = ("nps", "csat", "ces", "text")
_BREAKDOWNS = ("kind", "channel")
_SUMS = ("answers", "answerers", "strangers", "y", "y2", "yy", "yn", "nn", "met_answers")


def coverage(
    study: Study,
    start: When = None,
    end: When = None,
    *,
    margin: float = 0.1,
    by: str = "kind",
) -> pd.DataFrame:
    """Count the answers about each touchpoint, and those that a margin still lacks.

    Parameters
    ----------
    study : Study
        With events and responses.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone, of the visits and of the answers.
    margin : float, default 0.1
        Half-width to reach: ±10 percentage points of a share, ±10 points of NPS.
    by : {"kind", "channel"}
        What stands beside the touchpoint: ``kind`` (nps, csat, ces, and text of any kind), or
        ``channel`` of the answer and kind.

    Returns
    -------
    DataFrame
        Estimates by ``touchpoint, kind`` (and ``channel``) for the study's own catalogue and every
        touchpoint that was met or answered about: ``answers`` (valid ones), ``per_100`` (answers
        per 100 customers who met it; ``n`` is how many did), ``half_width`` (of the share or, in
        points, of the NPS, with the answers there are), ``needed`` (answers for the margin) and
        ``gap`` (``needed`` less ``answers``, 0 where there are enough). A touchpoint that nobody
        met is not uncovered: ``per_100``, ``needed`` and ``gap`` are null with ``nobody_met``. Of
        one without answers, the base of ``needed`` and ``gap`` are the customers who met it.
        ``attrs["elsewhere"]`` counts the answers about no touchpoint.

    Raises
    ------
    UserError
        The study has no responses, the margin is not between 0 and 1, or `by` is unknown.

    Notes
    -----
    The share is that of the top two boxes (CSAT), of 5 to 7 (CES 2.0, or as far up its scale), or
    of any theme (text, at its worst). The variance is that of the answers where there are 30,
    with the pseudo-answers of the adjusted intervals, else (and where a share is of fewer than the
    study's minimum cell) the largest there can be; it grows by the design effect where customers
    repeat. Answers per customer: ratio of totals over customers (Cochran 1977, ch. 6).

    Examples
    --------
    >>> from cjlab import open_study
    >>> coverage(open_study("data/retail/study.yaml"))  # doctest: +SKIP
    """
    if by not in _BREAKDOWNS:
        raise UserError(f'by is "{by}".{did_you_mean(by, _BREAKDOWNS)}')
    needed(margin, 1.0)  # a slip of the pen is told before the work
    said = _said(answers(study, start, end))
    j = study.journeys(start=start, end=end)
    met = _met(j)
    keys = ["touchpoint", "kind"] if by == "kind" else ["touchpoint", "channel", "kind"]
    cells = _cells(said, met, keys)
    visitors = met.group_by("touchpoint").agg(met=_.count()).execute()
    visitors = visitors.set_index("touchpoint")["met"]
    frame = _grid(study, cells, visitors, keys)
    least = study.config.report.minimum_cell
    table = estimates(_rows(frame, margin, keys, least), keys)
    nowhere = said.filter(said.touchpoint.isnull())
    table.attrs["elsewhere"] = int(nowhere.row.nunique().execute())
    return table


def _said(table: Table) -> Table:
    """One row for each answer of a kind, ``y`` what its margin is about; texts are a kind too."""
    low = ibis.cases(*((table.kind == kind, first) for kind, (first, _) in SCALES.items()))
    last = ibis.cases(*((table.kind == kind, last) for kind, (_, last) in SCALES.items()))
    top = table.scale.fill_null(last)
    # 5 of 1 to 7, and as far up on another scale.
    eased = 3 * (table.score - low) >= 2 * (top - low)
    y = ibis.cases(
        (table.kind == "nps", (table.score >= 9).cast("int64") - (table.score <= 6).cast("int64")),
        (table.kind == "csat", (table.score >= top - 1).cast("int64")),
        (table.kind == "ces", eased.cast("int64")),
    )
    kept = {"touchpoint": _.touchpoint, "channel": _.channel.fill_null(UNKNOWN), "row": _.row}
    # Answers of nobody known are each their own.
    stranger = table.customer_id.isnull().ifelse(table.row, -1)
    kept |= {"customer_id": _.customer_id.fill_null(""), "stranger": stranger}
    scored = table.filter(table.valid).select(**kept, kind=_.kind, y=y)
    written = table.filter(table.text.notnull() & (table.text.strip() != ""))
    zero = ibis.literal(0, "int64")
    return scored.union(written.select(**kept, kind=ibis.literal("text"), y=zero))


def _met(j: Journeys) -> Table:
    """Who met which touchpoint in the period, one row each."""
    event = j.events.filter(j.within(_.ts)).select("unit", code=_.touchpoint).distinct()
    label = j.con.table("label")
    names = label.filter(label.kind == "touchpoint").select("code", touchpoint=_.label)
    who = j.con.table("unit").select("unit", "customer_id")
    found = event.join(names, "code").join(who, "unit")
    return found.select("touchpoint", "customer_id").mutate(met=ibis.literal(1, "int64"))


def _cells(said: Table, met: Table, keys: list[str]) -> pd.DataFrame:
    """Sums over customers, of answers and of who met what."""
    said = said.filter(said.touchpoint.notnull())
    each = said.group_by([*keys, "customer_id", "stranger"])
    each = each.agg(y=_.y.sum(), y2=(_.y * _.y).sum(), n=_.count())
    each = each.left_join(met, ["touchpoint", "customer_id"])
    each = each.mutate(met=_.met.fill_null(0))
    sums = each.group_by(keys).agg(
        answers=_.n.sum(), answerers=_.count(), strangers=(1 - _.met).sum(),
        y=_.y.sum(), y2=_.y2.sum(), yy=(_.y * _.y).sum(), yn=(_.y * _.n).sum(),
        nn=(_.n * _.n).sum(), met_answers=(_.n * _.met).sum(),
    )  # fmt: skip
    return sums.execute().astype(dict.fromkeys(_SUMS, "float64"))


def _grid(study: Study, cells: pd.DataFrame, visitors: pd.Series, keys: list[str]) -> pd.DataFrame:
    """Every touchpoint with every kind, in the order of the most visited; zeros where nobody."""
    own: Iterable[str]
    own = study.catalogue().rules["touchpoint"].dropna() if study.config.touchpoints else []
    names = dict.fromkeys([*own, *sorted(visitors.index), *sorted(cells["touchpoint"])])
    places = sorted(names, key=lambda name: -visitors.get(name, 0))
    others = {name: sorted(cells[name].unique()) for name in keys} | {"kind": list(KINDS)}
    grid = pd.MultiIndex.from_product([places, *(others[name] for name in keys[1:])], names=keys)
    summed = cells.set_index(keys).reindex(grid, fill_value=0.0).reset_index()
    summed["met"] = summed["touchpoint"].map(visitors).fillna(0)
    return summed


def _rows(frame: pd.DataFrame, margin: float, keys: list[str], least: int) -> pd.DataFrame:
    nps = (frame["kind"] == "nps").to_numpy()
    n, met = frame["answers"].to_numpy(), frame["met"].to_numpy()
    variance, note = _variance(frame, least)
    variance = variance * _design(frame)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where(n > 0, normal_quantile(0.95) * np.sqrt(variance / n), np.nan)
    goal = np.where(met > 0, np.maximum(needed(margin, variance), 1), np.nan)
    people = met + frame["strangers"].to_numpy()
    rate = clustered_mean(n, met, people, frame["nn"], frame["met_answers"], met)
    base = frame[keys].assign(n=n, customers=frame["answerers"], of="answers")
    # What it takes where nobody answered is told by nobody's answer: it stands on who met it.
    asked = frame[keys].assign(
        n=np.where(n > 0, n, met),
        customers=np.where(n > 0, frame["answerers"], met),
        of=np.where(n > 0, "answers", "customers who met it"),
    )
    nobody = np.where(met > 0, np.array(None, dtype=object), "nobody_met")
    parts = [
        base.assign(metric="answers", value=n, unit="answers", hits=frame["answerers"]),
        frame[keys].assign(
            metric="per_100", value=np.where(met > 0, 100 * rate.value, np.nan),
            low=np.where(met > 0, 100 * np.maximum(rate.low, 0), np.nan),
            high=np.where(met > 0, 100 * rate.high, np.nan), n=met, customers=met,
            hits=frame["answerers"], unit="answers", of="customers who met it", note=nobody,
        ),
        base.assign(
            metric="half_width", value=np.where(nps, 100 * half, half),
            unit=np.where(nps, "points", "1"), note=np.where(n > 0, note, "no_answers"),
        ),
        asked.assign(metric="needed", value=goal, unit="answers",
                     note=np.where(met > 0, note, "nobody_met")),
        asked.assign(metric="gap", value=np.maximum(goal - n, 0), unit="answers", note=nobody),
    ]  # fmt: skip
    parts = [part.assign(place=range(len(part))) for part in parts]
    whole = pd.concat(parts).sort_values("place", kind="stable").drop(columns="place")
    return whole.astype({"n": "int64", "customers": "int64", "hits": "Int64"})


def _variance(frame: pd.DataFrame, least: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Variance of one answer, and a note where it is the worst there can be."""
    nps = (frame["kind"] == "nps").to_numpy()
    n, y, y2 = (frame[name].to_numpy() for name in ("answers", "y", "y2"))
    # A promoter, a detractor and one and a half in between; two of either kind for a share.
    size = n + np.where(nps, 3, 4)
    mean = np.where(nps, y, y + 2) / size
    square = np.where(nps, y2 + 1.5, y + 2) / size
    worst = frame["kind"].map(worst_variance).to_numpy(dtype="float64")
    seen = (n >= ENOUGH_FOR_VARIANCE) & (frame["kind"] != "text").to_numpy()
    # The variance tells the shares, those of too few customers among them.
    parts = np.array([(y2 + y) / 2, (y2 - y) / 2, np.where(nps, n - y2, 0)])
    seen &= ~((parts > 0) & (parts < least)).any(axis=0)
    note = np.where(seen, np.array(None, dtype=object), "worst_variance")
    return np.where(seen, square - mean**2, worst), note


def _design(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """By how much the variance grows because customers repeat, 1 at least."""
    n, groups = frame["answers"].to_numpy(), frame["answerers"].to_numpy()
    y, y2, yy, yn, nn = (frame[name].to_numpy() for name in ("y", "y2", "yy", "yn", "nn"))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = y / n
        within = (yy - 2 * mean * yn + mean**2 * nn) * groups / (groups - 1)
        plain = (y2 - n * mean**2) * n / (n - 1)
        # Where all say the same nothing tells how alike a customer's answers are: wholly.
        effect = np.where(plain > 1e-9 * n, within / plain, nn / n)
    return np.maximum(np.nan_to_num(effect, nan=1.0, posinf=1.0), 1.0)
