"""What must change no number of any metric: the way the same journeys were written down."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cjlab.journey import METRICS, UNIT_TABLES, Journeys
from cjlab.study import open_study

ZONE = "Europe/Stockholm"
STAGES = [{"id": "see"}, {"id": "want"}, {"id": "buy", "purchase": True}]
OPTIONS = {"attribution": {"model": "all", "draws": 0}, "funnel": {"window": "20D"}}
GROUPED = ("dropoff_difference", "stay_difference")
# Without tickets there is nothing to tell of support; a study's test below has some.
NAMES = [name for name in METRICS if name != "support_times"]


def log() -> pd.DataFrame:
    """Sixty customers over half a year, with ties, gaps, returns to earlier stages and money."""
    rng = random.Random(5)
    rows = []
    for who in range(60):
        at = pd.Timestamp("2026-01-03 12:00") + pd.Timedelta(rng.randrange(90 * 24), "h")
        for _ in range(rng.randint(1, 9)):
            stage = rng.choice(["see", "want", "want", "buy", None])
            money = rng.choice([10.0, 25.5]) if stage == "buy" else None
            rows.append(
                {
                    "customer_id": f"c{who:02d}",
                    "ts": at,
                    "stage": stage,
                    "touchpoint": f"{stage or 'other'} {rng.randrange(2)}",
                    "channel": rng.choice(["web", "Büro", None]),
                    "value": money,
                    "cost": rng.choice([0.5, None]),
                    "country": ["SE", "NO"][who % 2],
                }
            )
            at += pd.Timedelta(rng.choice([0, 20, 31, 3000, 20000]), "min")
    frame = pd.DataFrame(rows)
    # No event in the hour that the clocks skip: it would be refused.
    local = frame["ts"].dt.tz_localize(ZONE, nonexistent="shift_forward").dt.tz_localize(None)
    return frame.assign(ts=local).drop_duplicates(ignore_index=True)


def ask(frame: pd.DataFrame, name: str, **more: object) -> pd.DataFrame:
    """One metric of a frame with options that reach most of it."""
    j = Journeys.from_frame(
        frame,
        stages=STAGES,
        touchpoint="touchpoint",
        channel="channel",
        timezone=ZONE,
        observed_until="2026-08-01",
    )
    return asked(j, name, **more)


def asked(j: Journeys, name: str, **more: object) -> pd.DataFrame:
    options = {**OPTIONS.get(name, {}), **more}
    if name in GROUPED:
        options["by"] = "country"
    return METRICS[name](j, **options)


@pytest.fixture(scope="module")
def plain() -> Callable[[str], pd.DataFrame]:
    """The metric of the frame as it stands, computed once."""
    known: dict[str, pd.DataFrame] = {}

    def find(name: str) -> pd.DataFrame:
        if name not in known:
            known[name] = ask(log(), name)
        return known[name]

    return find


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=2, ignore_index=True)


def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.sample(frac=0.5, random_state=1)], ignore_index=True)


def elsewhere(frame: pd.DataFrame) -> pd.DataFrame:
    """The same instants, written down in another zone."""
    stamped = frame["ts"].dt.tz_localize(ZONE).dt.tz_convert("America/New_York")
    return frame.assign(ts=stamped)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", [shuffled, doubled, elsewhere])
def test_the_same_journeys_give_the_same_numbers(plain, name: str, way) -> None:
    pd.testing.assert_frame_equal(ask(way(log()), name), plain(name), check_exact=True)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNIT_TABLES])
def test_names_of_customers_do_not_matter(plain, name: str) -> None:
    frame = log()
    names = sorted(frame["customer_id"].unique())
    other = dict(zip(names, [f"x{90 - k}" for k in range(len(names))], strict=True))
    found = ask(frame.assign(customer_id=frame["customer_id"].map(other)), name)
    pd.testing.assert_frame_equal(found, plain(name), rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in UNIT_TABLES])
def test_cents_are_a_hundredth_of_the_money_and_of_nothing_else(plain, name: str) -> None:
    frame = log()
    cents = frame.assign(value=frame["value"] * 100, cost=frame["cost"] * 100)
    found, want = ask(cents, name), plain(name).copy()
    money = want["unit"] == "currency"
    want.loc[money, ["value", "low", "high"]] *= 100
    pd.testing.assert_frame_equal(found, want, rtol=1e-9)
    assert money.any() == (name in ("value", "clv", "attribution"))


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Journeys, Journeys]:
    """One study over one file of events, and one over the same rows in two, tickets in both."""
    found = []
    for parts in (1, 2):
        folder = tmp_path_factory.mktemp(f"in{parts}")
        frame = log()
        for part in range(parts):
            rows = frame[frame.index % parts == part]
            rows.drop(columns="country").to_csv(folder / f"events-{part}.csv", index=False)
        frame[["customer_id", "country"]].drop_duplicates().to_csv(
            folder / "customers.csv", index=False
        )
        tickets = frame.drop_duplicates("customer_id").rename(columns={"ts": "opened"})
        tickets = tickets[["customer_id", "opened"]]
        tickets["solved"] = tickets["opened"] + pd.Timedelta("5h")
        tickets.to_csv(folder / "tickets.csv", index=False)
        found.append(_study(folder).journeys())
    return found[0], found[1]


def _study(folder: Path):
    said = {
        "name": "test",
        "timezone": ZONE,
        "observed_until": "2026-08-01",
        "stages": STAGES,
        "sources": {
            "events": {"path": "events-*.csv"},
            "customers": {"path": "customers.csv"},
            "tickets": {"path": "tickets.csv"},
        },
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(said))
    return open_study(folder)


@pytest.mark.parametrize("name", METRICS)
def test_splitting_a_file_changes_nothing(studies, name: str) -> None:
    one, two = (asked(j, name) for j in studies)
    pd.testing.assert_frame_equal(one, two, check_exact=True)


@pytest.mark.parametrize("name", [name for name in METRICS if name not in UNIT_TABLES])
def test_no_number_without_its_base(studies, name: str) -> None:
    found = asked(studies[0], name)
    known = found["value"].notna()
    assert known.any() or name == "clv"
    assert found.loc[known, "n"].notna().all()
    inside = found[known & found["low"].notna()]
    assert (inside["low"] <= inside["value"] + 1e-12).all()
    both = found[known & found["hits"].notna() & found["customers"].notna()]
    assert (both["hits"] <= both["customers"]).all()
