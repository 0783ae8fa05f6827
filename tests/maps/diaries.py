"""A diary with planted truths: contact in 60 % of the evenings, low feelings at noon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cjlab.study import Study, open_study

HOURS = {"night": 23, "morning": 7, "forenoon": 10, "midday": 12, "afternoon": 15, "evening": 19}
CONTACT = {"morning": 0.1, "forenoon": 0.3, "midday": 0.3, "afternoon": 0.3, "evening": 0.6}
FEELING = {"night": 1, "morning": 0.5, "forenoon": 0.5, "midday": -1.6, "afternoon": 0.3}
FEELING |= {"evening": 1.2}
DOES = {
    "morning": (("Breakfast", "Commute"), ("home", "bus")),
    "forenoon": (("Work", "Meeting"), ("office",)),
    "midday": (("Lunch", "Shopping"), ("office", "mall")),
    "afternoon": (("Work", "Errands"), ("office", "town")),
    "evening": (("Dinner", "Online shopping"), ("home",)),
    "night": (("Sleep", "Reading"), ("home",)),
}


def planted(people: int = 60, days: int = 4, seed: int = 3) -> pd.DataFrame:
    """One prompt a part and day; every tenth is not answered. People differ, so they cluster."""
    rng = np.random.default_rng(seed)
    mood, habit = rng.normal(0, 0.4, people), rng.normal(0, 0.05, people)
    rows = []
    for day in range(days):
        for part, hour in HOURS.items():
            for person in range(people):
                at = pd.Timestamp("2025-03-03") + pd.Timedelta(days=day, hours=hour)
                at += pd.Timedelta(minutes=int(rng.integers(0, 50)))
                row = {"person_id": f"d{person:03}", "ts": f"{at:%Y-%m-%d %H:%M}"}
                brand = rng.random() < CONTACT.get(part, 0.0) + habit[person]
                does, places = DOES[part]
                level = FEELING[part] + mood[person] + rng.normal(0, 0.7)
                row |= {
                    "activity": str(rng.choice(does)),
                    "place": str(rng.choice(places)),
                    "touchpoint": str(rng.choice(["app", "newsletter"])) if brand else "",
                    "brand": ("yes" if brand else "no") if rng.random() < 0.95 else "",
                    "feeling": str(int(np.clip(round(level), -3, 3))),
                    "minutes": str(int(rng.integers(5, 60))),
                    "thought": f"The {part} was quite a rush, thing {person} of day {day}",
                    "consent": "ja" if person % 2 else "nej",
                }
                if rng.random() < 0.1:
                    row = {"person_id": row["person_id"], "ts": row["ts"], "activity": ""}
                rows.append(row)
    return pd.DataFrame(rows).fillna("")


def study_of(folder: Path, diary: pd.DataFrame | str | None, said: str = "") -> Study:
    """A small study whose file names a diary; a text is the whole CSV."""
    folder.mkdir(exist_ok=True)
    events = [f"c{n},2025-03-0{1 + n % 5}T10:00:00,page_view" for n in range(30)]
    (folder / "events.csv").write_text("customer_id,ts,touchpoint\n" + "\n".join(events) + "\n")
    if isinstance(diary, pd.DataFrame):
        diary.to_csv(folder / "diary.csv", index=False)
    elif diary is not None:
        (folder / "diary.csv").write_text(diary, encoding="utf-8")
    named = "" if diary is None and not said else f"map: {said or '{diary: diary.csv}'}\n"
    (folder / "study.yaml").write_text(
        "name: Shop\ntimezone: Europe/Stockholm\nsources: {events: {path: events.csv}}\n" + named,
        encoding="utf-8",
    )
    return open_study(folder)


SCALED = "{diary: {file: diary.csv, feeling: [-3, 3]}}"
