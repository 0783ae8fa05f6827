"""The stored model and customers to show it on."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjlab.personas._features import batches
from cjlab.personas.assign import folder_of
from cjlab.personas.scoring import BATCH, sample
from cjlab.personas.stored import features_of, ids_of, load

if TYPE_CHECKING:
    from cjlab.personas.model import PersonaModel

MOST = 50_000  # customers, chosen by a hash of their ids


def drawn(
    study: Any, end: str | date | datetime | None = None
) -> tuple[PersonaModel | None, list[str], pd.DataFrame]:
    """Return the model behind the frozen assignment, its ids, and customers measured at `end`."""
    folder = folder_of(study)
    j = study.journeys(end=end, view="customer")
    frame = sample(batches(j, features_of(folder), BATCH), MOST)
    return load(folder), ids_of(folder), frame
