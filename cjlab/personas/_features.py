"""What a customer does, one row a customer: the features that personas are made of.

Everything is computed in the engine from what lies before `end`; only one row a customer comes
back. What a customer never did is missing, not zero; how often something was done may be 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from cjlab.journey.base import to_utc
from cjlab.personas import _declared, _journey, _records, _visits
from cjlab.personas._catalogue import CATALOGUE, Feature, chosen
from cjlab.personas._span import Span

__all__ = ["Feature", "batches", "features", "measure"]

Instant = str | date | datetime | None


def features(
    study: Any, start: Instant = None, end: Instant = None, select: str | Sequence[str] = "auto"
) -> pd.DataFrame:
    """Measure every customer's behaviour before `end`.

    Parameters
    ----------
    study : Study
        The study.
    start : str, date or datetime, optional
        Earlier events are left out; all history counts by default.
    end : str, date or datetime, optional
        Events from here on are left out; by default the end of observation.
    select : str or list of str, default "auto"
        Names of features, of declared attributes, or of groups: ``rhythm``, ``channel_mix``,
        ``value``, ``survey``, ``support``, ``journey`` and ``declared``, each with its
        outcomes. "auto" is everything that is neither an outcome nor declared; it may stand
        among others.

    Returns
    -------
    DataFrame
        Index ``customer_id`` (sorted), float columns, and text for declared categories. NaN:
        the customer never did what the feature is about. ``attrs["features"]`` is the list of
        `Feature`. Customers without an event in the span have no row; features that the
        study has no data for, no column.

    Raises
    ------
    UserError
        For a feature that the study does not have, with the nearest name; for an attribute
        that is an id, consent or free text.

    Notes
    -----
    A visit is a session, see `cjlab.journey.sessions`. Gaps between visits that come at random
    are exponential, with a coefficient of variation of 1: a regularity of one half.

    Examples
    --------
    >>> import cjlab as cj
    >>> study = cj.open_study("data/retail/study.yaml")  # doctest: +SKIP
    >>> cj.features(study, select=["auto", "age_band"])  # doctest: +SKIP
    """
    j = study.journeys(end=end, view="customer")
    return measure(j, first=to_utc(start, j.zone), select=select)


def measure(
    j: Any,
    *,
    first: datetime | None = None,
    select: str | Sequence[str] = "auto",
    like: Sequence[Feature] | None = None,
    part: tuple[int, int] | None = None,
    there: Collection[str] | None = None,
) -> pd.DataFrame:
    """Measure the customers of `j`; see `features`.

    `first` is a naive UTC instant. `like` gives exactly these features, those of a stored
    model, whatever channels and tables there are now. `part` is a range of customers' codes,
    and `there` what `_records.present` found for all.
    """
    span = Span(j, first, part)
    said = [select] if isinstance(select, str) else list(select)
    mix = None if like is None else [feature for feature in like if feature.group == "channel"]
    found: dict[Feature, Any] = {**_visits.measured(span, mix)}
    seen = found[CATALOGUE["events_per_session"]] > 0
    found |= _records.measured(span, found[CATALOGUE["tenure_days"]], there)
    wanted = (
        chosen([*found, *_journey.offered(j), *_declared.offered(j, said)], said)
        if like is None
        else list(like)
    )
    groups = {feature.group for feature in wanted}
    if "journey" in groups:
        found |= _journey.measured(span)
    if "declared" in groups:
        declared = [feature for feature in wanted if feature.group == "declared"]
        found |= _declared.measured(span, declared, said, stored=like is not None)
    columns = {feature.name: values for feature, values in found.items()}
    if like is None:
        # Only now is known which attributes are numbers, and which are no use.
        final = {feature.name: feature for feature in found}
        wanted = [final[feature.name] for feature in wanted if feature.name in final]
    # A stored model may know features that these data have no table for: missing.
    nothing = np.full(len(seen), np.nan)
    kept = slice(None) if seen.all() else seen  # spare a copy of everything
    frame = pd.DataFrame(
        {feature.name: columns.get(feature.name, nothing)[kept] for feature in wanted},
        index=span.ids[kept].rename("customer_id"),
        copy=False,
    )
    frame.attrs["features"] = wanted
    return frame


def batches(j: Any, like: Sequence[Feature], size: int) -> Iterator[pd.DataFrame]:
    """Measure so many customers at a time, in the order of their ids; no frame holds them all."""
    whole = Span(j)
    there = _records.present(whole)
    for low in range(0, len(whole.ids), size):
        yield measure(j, like=like, part=(low, low + size), there=there)
