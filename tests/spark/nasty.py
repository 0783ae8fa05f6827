"""Small frames with everything that has ever told two engines apart."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd

from cjlab.stages import StageModel

STAGES = ["a", "b", "c", "d"]
MODEL = StageModel.from_config([{"id": s, "purchase": s == "c"} for s in STAGES])
IDS = ["007", "7", "null", "NA", "Åsa", "A\u030asa", "x' y", "客"]
COLUMNS = [
    "customer_id", "ts", "stage", "touchpoint", "channel", "device", "value", "cost", "account_id",
    "country", "age", "level",
]  # fmt: skip
# A night on which Stockholm's clocks go forward, one on which New York's go back, and a month's
# end in either: everything crosses an edge of a session, a day or a period.
STARTS = ["2026-03-29 00:15", "2025-11-02 05:15", "2026-03-31 21:40", "2026-04-30 21:45"]
# Floats that each engine writes in its own way.
LEVELS = [1e7, 0.1, None, 1e-5, 2.5e16, 1e7]
MINUTES = [0, 0, 15, 30, 30 + 1 / 60e6, 45, 60, 75, 1440, 10_080]


def events(seed: int, customers: list[str], most: int) -> pd.DataFrame:
    """Events on a coarse grid: ties, nulls, sessions of exactly half an hour, copies."""
    rng = random.Random(seed)
    rows = []
    for number, who in enumerate(customers):
        own = (["SE", "NO", None][number % 3], [34, 34, None, 51][number % 4], LEVELS[number % 6])
        for _ in range(rng.randint(1, most)):
            minutes = pd.Timedelta(rng.choice(MINUTES), "min").round("us")
            rows.append(
                (
                    who,
                    pd.Timestamp(rng.choice(STARTS)) + minutes,
                    rng.choice([*STAGES, *STAGES, None, "other"]),
                    rng.choice(["t1", "t2", "t3"]),
                    rng.choice(["web", "Büro", None]),
                    rng.choice(["pc", "tel", None]),
                    rng.choice([10.1, 0.2, 1999.9999, None]),
                    rng.choice([0.05, None]),
                    rng.choice([f"acc{number // 2}"] * 4 + [f"acc{number // 3}", None]),
                    *own,
                )
            )
    rows += rows[:2]
    rng.shuffle(rows)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    texts = ["customer_id", "stage", "touchpoint", "channel", "device", "account_id", "country"]
    numbers = {"value": "float64", "cost": "float64", "age": "Int64", "level": "float64"}
    return frame.astype({**dict.fromkeys(texts, "str"), **numbers})


SWEDEN = {"timezone": "Europe/Stockholm"}
AMERICA = {
    "timezone": "America/New_York",
    "view": "buying",
    "start": "2025-11-02 00:15",
    "end": "2026-03-31 17:55",
    "observed_until": "2026-03-31 17:40",
}
FRAMES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "ids": (events(1, IDS * 2, 8), SWEDEN),
    "crowd": (events(2, [f"c{n:02}" for n in range(60)], 9), AMERICA),
    "one": (events(3, ["only"], 6), SWEDEN),
    "empty": (events(4, ["nobody"], 2).iloc[:0], SWEDEN),
}
# Journeys of sessions and of accounts: visits of one customer to several, and the other way round.
UNITS: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "session": (events(5, [f"c{n:02}" for n in range(20)], 8), {**SWEDEN, "unit": "session"}),
    "account": (
        events(5, [f"c{n:02}" for n in range(20)], 8),
        {**AMERICA, "view": "customer", "unit": "account"},
    ),
}


def options(name: str) -> dict[str, Any]:
    """What Journeys.from_frame takes for a frame, the frame included."""
    frame, more = (FRAMES | UNITS)[name]
    return {"frame": frame, "stages": MODEL, "channel": "channel", **more}
