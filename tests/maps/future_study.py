"""A small study whose truth is known: who goes on, how long it takes, what it brings, what is said.

The same seed draws the same customers, so that a study with another conversion is the same crowd
after the change.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cjlab.study import Study, open_study

STAGES = "[{id: see, milestone: true}, {id: want, milestone: true}, "
STAGES += "{id: pay, milestone: true, purchase: true}, {id: use}]"
_LATER = ("want", "pay", "use")
ONWARD = {"see": 0.7, "want": 0.5}
USES, VALUE = 0.8, 100.0


def study(
    folder: Path,
    customers: int = 1500,
    *,
    want: float = ONWARD["want"],
    seed: int = 1,
    shuffled: bool = False,
    more: str = "",
) -> Study:
    """See, then maybe want, then maybe pay, then maybe use; asked at the shop and at the till."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    luck = rng.random((customers, 3))
    began = pd.Timestamp("2026-01-02") + pd.to_timedelta(rng.uniform(0, 45, customers), unit="D")
    waits = pd.to_timedelta(rng.exponential([2.0, 3.0, 1.0], (customers, 3)).ravel(), unit="D")
    waits = np.asarray(waits).reshape(customers, 3)
    value = rng.gamma(4, VALUE / 4, customers).round(2)
    wanting = luck[:, 0] < ONWARD["see"]
    paying = wanting & (luck[:, 1] < want)
    using = paying & (luck[:, 2] < USES)
    ids = np.array([f"c{k:05}" for k in range(customers)])
    at, rows = np.asarray(began), []
    for k, (stage, there) in enumerate(zip(("see", *_LATER), (
        np.ones(customers, bool), wanting, paying, using), strict=True)):  # fmt: skip
        at = at + waits[:, k - 1] if k else at
        own = {"customer_id": ids[there], "ts": at[there], "touchpoint": stage, "stage": stage}
        rows.append(pd.DataFrame({**own, "value": value[there] if stage == "pay" else np.nan}))
    events = pd.concat(rows)
    answers = pd.concat([
        said("want", ids[wanting][::3], [1, 2, 3, 4, 5], [0.2, 0.2, 0.2, 0.2, 0.2], rng),
        said("pay", ids[paying][::2], [1, 2, 3, 4, 5], [0.05, 0.05, 0.1, 0.4, 0.4], rng),
        said("pay", ids[paying][::2], list(range(11)), [0.05] * 9 + [0.25, 0.3], rng, "nps"),
    ])  # fmt: skip
    if shuffled:
        events, answers = (part.sample(frac=1, random_state=5) for part in (events, answers))
    events.to_csv(folder / "events.csv", index=False)
    answers.to_csv(folder / "answers.csv", index=False)
    (folder / "touchpoints.csv").write_text(
        "pattern,match,touchpoint,stage\n"
        + "".join(f"{k},exact,{k},{k}\n" for k in ["see", *_LATER])
    )
    (folder / "study.yaml").write_text(
        f"{{name: Known, goal: g, timezone: UTC, stages: {STAGES}, currency: EUR, "
        "report: {period: 2026Q1}, observed_until: 2026-04-01, sources: {events: {path: events.csv}"
        f", responses: {{path: answers.csv}}}}, touchpoints: touchpoints.csv {more}}}",
        encoding="utf-8",
    )
    return open_study(folder / "study.yaml")


def said(
    touchpoint: str, who: np.ndarray, scores: list[int], chances: list[float],
    rng: np.random.Generator, kind: str = "csat",
) -> pd.DataFrame:  # fmt: skip
    """One answer of each customer."""
    return pd.DataFrame({
        "customer_id": who, "ts": "2026-03-10", "kind": kind, "touchpoint": touchpoint,
        "score": rng.choice(scores, len(who), p=chances),
    })  # fmt: skip
