"""Twenty studies with one planted pain each: the map, with personas of its own, names it first."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cjlab import samples
from cjlab.maps import JourneyMap
from cjlab.personas.assign import frozen
from cjlab.samples import truth
from cjlab.study import open_study

pytestmark = pytest.mark.prove


def test_the_pain_is_first_in_nineteen_of_twenty_studies(tmp_path: Path) -> None:
    right = []
    for seed in range(20):
        folder = tmp_path / str(seed)
        samples.make("retail", folder, seed=seed)
        study = frozen(open_study(folder))
        found = JourneyMap.from_study(study)
        planted = pd.read_csv(folder / "truth.csv", dtype=str, keep_default_na=False)
        placed = pd.read_parquet(study.assignment).merge(planted, on="customer_id")
        size = placed.groupby(["persona_x", "persona_y"]).size()
        own = {str(p): str(size[p].idxmax()) for p in placed["persona_x"].unique()}
        first = [
            (stage, card.touchpoint, own.get(card.numbers[0].where["persona"]))
            for lane, stage, card in found.walk()
            if lane == "pains" and card.rank == 1
        ]
        right.append(first == [("intent", "payment", truth.PAIN_PERSONA)])
        study.close()
    assert sum(right) >= 19, right
