"""The customers' voice is the same on Spark: scores, answers' places, moments, texts, cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cjlab import samples, voice
from cjlab.maps import JourneyMap
from cjlab.study import Study, open_study

pytestmark = [pytest.mark.needs("spark")]
SPAN = {"start": "2026-07-01", "end": "2026-10-01"}
CASES: dict[str, Callable[[Study], pd.DataFrame]] = {
    "nps": lambda s: voice.scores(s, "nps", by=["touchpoint", "month"], pool="wave"),
    "csat": lambda s: voice.scores(s, "csat", by=["stage", "channel"], boxes=True, **SPAN),
    "ces": lambda s: voice.scores(s, "ces", by="stage", pool="wave", **SPAN),
    "by attribute": lambda s: voice.scores(s, "csat", by="country", **SPAN),
    "attachment": lambda s: voice.attachment(s, **SPAN),
    "moments": lambda s: voice.moments(s, level="stage", **SPAN),
    "weakest": lambda s: voice.weakest_moment(s, **SPAN),
    "coverage": lambda s: voice.coverage(s, **SPAN),
    "drivers": lambda s: voice.drivers(s, **SPAN),
    "importance": lambda s: voice.importance_performance(s, **SPAN),
    "response_rates": lambda s: voice.response_rates(s, **SPAN),
    "responders": lambda s: voice.responders(s, **SPAN),
    "loop": lambda s: voice.loop(s, **SPAN),
    "themes": lambda s: voice.theme_shares(s, by="stage", **SPAN),
    "tone": lambda s: voice.tone(s, by="touchpoint", model="light", **SPAN),
    "map": lambda s: JourneyMap.from_study(s).numbers().drop(columns=["where"]),
}


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory, spark: Any) -> dict[str, Study]:
    folder: Path = tmp_path_factory.mktemp("voice") / "retail"
    samples.make("retail", folder, customers=600)
    return {engine: open_study(folder, engine=engine) for engine in ("duckdb", "spark")}


# The others take minutes where the machine is shared.
SHORT = ("csat", "attachment", "weakest", "response_rates", "tone")
ALL = [pytest.param(c, marks=[] if c in SHORT else pytest.mark.prove) for c in CASES]


@pytest.mark.parametrize("case", ALL)
def test_the_voice_is_the_same_on_spark(studies: dict[str, Study], case: str) -> None:
    here, there = (CASES[case](study) for study in studies.values())
    assert len(here) and (here["status"] == "ok").any()
    pd.testing.assert_frame_equal(there, here, rtol=1e-9, atol=1e-12)
