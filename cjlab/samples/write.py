"""Write the retail sample's files: canonical, but as untidy as honest exports are."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from cjlab.samples import voice
from cjlab.samples.retail import DAY, World, simulate
from cjlab.samples.texts import readme
from cjlab.samples.truth import CHANNELS, FILES, FIRST_DAY, PERSONAS

# Local seconds at which Stockholm's clock changes: to +01:00, and back to +02:00.
WINTER, SUMMER = 25 * DAY + 3 * 3600, 179 * DAY + 3 * 3600
COUNTRIES: Final = {"SE": 0.58, "NO": 0.18, "DK": 0.13, "FI": 0.11}
SEGMENTS: Final = {"member": 0.55, "guest": 0.35, "business": 0.10}
AGES: Final = ("18-29", "30-44", "45-59", "60+")
UNMAPPED: Final = "ar_viewer"
STORES: Final = ("Göteborg", "Malmö", "Umeå", "Tromsø", "Århus", "Jyväskylä", "Örebro", "Bodø")


def retail(folder: Path, *, customers: int, seed: int) -> None:
    """Fill an existing folder with the whole study; the same seed gives the same bytes."""
    rng = np.random.Generator(np.random.PCG64(seed))
    world = simulate(rng, customers)
    people = _customers(rng, world)
    orders = _orders(rng, world)
    touches = world.log[~world.log["name"].isin(["order", "return"])]
    in_store = touches["channel"] == CHANNELS.index("store")
    web, store = _web(rng, world, touches[~in_store]), _store(rng, world, touches[in_store])
    answers, cases = voice.responses(rng, world, people), voice.tickets(rng, world)
    persona = np.array([p.name for p in PERSONAS], object)[world.persona]
    truth = pd.DataFrame({"customer_id": world.ids, "persona": persona})
    tables = {
        "events_web.csv.gz": web,
        "events_store.csv": store,
        "orders.csv": orders,
        "customers.csv": people,
        "responses.csv": _told(world, answers, "responses.csv"),
        "tickets.csv": _told(world, cases, "tickets.csv"),
        "touchpoints.csv": _template("retail", "touchpoints.csv"),
        "truth.csv": truth.sort_values("customer_id"),
    }
    for name, table in tables.items():
        _save(table, folder / name)
    rows = {name: len(table) for name, table in tables.items()}
    (folder / "study.yaml").write_bytes((FILES / "retail" / "study.yaml").read_bytes())
    (folder / "README.md").write_text(readme(seed, rows), encoding="utf-8", newline="\n")


def _template(*place: str) -> pd.DataFrame:
    return pd.read_csv(FILES.joinpath(*place), dtype=str)


def _save(table: pd.DataFrame, path: Path) -> None:
    """Write CSV with fixed line ends; gzip without time or name, so that bytes repeat."""
    semicolons = path.name == "events_store.csv"
    text = table.to_csv(index=False, lineterminator="\n", sep=";" if semicolons else ",")
    data = text.encode("cp1252" if semicolons else "utf-8")
    if path.suffix != ".gz":
        path.write_bytes(data)
        return
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write(data)


def _clock(second: pd.Series | np.ndarray, *, offset: bool = True) -> np.ndarray:
    """Print local seconds as ISO times of Stockholm; negative ones are empty."""
    seconds = np.asarray(second, dtype=np.int64)
    text = np.datetime_as_string(FIRST_DAY.astype("datetime64[s]") + seconds, unit="s")
    if offset:
        winter = (seconds >= WINTER) & (seconds < SUMMER)
        text = np.char.add(text, np.where(winter, "+01:00", "+02:00"))
    else:
        text = np.char.replace(text, "T", " ")
    return np.where(seconds < 0, "", text).astype(object)


def _customers(rng: np.random.Generator, world: World) -> pd.DataFrame:
    n = len(world.ids)
    ages = np.cumsum([p.ages for p in PERSONAS], axis=1)[world.persona, :-1]
    return pd.DataFrame(
        {
            "customer_id": world.ids,
            "age_band": np.array(AGES, object)[(rng.random(n)[:, None] >= ages).sum(axis=1)],
            "country": rng.choice(list(COUNTRIES), n, p=list(COUNTRIES.values())),
            "segment": rng.choice(list(SEGMENTS), n, p=list(SEGMENTS.values())),
            "consent": np.where(rng.random(n) < 0.72, "true", "false"),
            "account_id": "",
        }
    )


def _orders(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """One row a line; a return is an order of its own with a negative total."""
    log = world.log[world.log["name"].isin(["order", "return"])]
    basket = np.array([p.basket for p in PERSONAS])[world.persona[log["who"]]]
    total = np.rint(100 * basket * np.exp(0.35 * rng.standard_normal(len(log)))).astype(np.int64)
    back = (log["name"] == "return").to_numpy()
    lines = np.where(back, 1, 1 + (rng.random(len(log)) ** 2 * 4).astype(np.int64))
    row = np.repeat(np.arange(len(log)), lines)
    weight = 0.2 + rng.random(len(row))
    part = weight / np.bincount(row, weight)[row]
    cents = np.where(back[row], -total[row] * 2 // 5, np.rint(total[row] * part)).astype(np.int64)
    quantity = np.where(back[row], -1, 1 + (rng.random(len(row)) < 0.15))
    number = [f"{'R' if b else 'O'}{200_001 + i}" for i, b in enumerate(back)]
    return pd.DataFrame(
        {
            "customer_id": world.ids[log["who"]][row],
            "order_id": np.array(number, object)[row],
            "ts": _clock(log["second"])[row],
            "value": [f"{c / 100:.2f}" for c in cents],
            "currency": "SEK",
            "quantity": quantity,
        }
    )


def _web(rng: np.random.Generator, world: World, log: pd.DataFrame) -> pd.DataFrame:
    """Web shop, app, e-mail and telephone: ISO times with their offset."""
    log = log[["who", "second", "name", "channel"]]
    viewed = log[(log["name"] == "product_page") & (rng.random(len(log)) < 0.02)]
    viewed = viewed.assign(name=UNMAPPED, second=viewed["second"] + 3)
    log = pd.concat([log, viewed]).sort_values(["second", "who"], kind="stable")
    channel = np.array(CHANNELS, object)[log["channel"]]
    small = np.where(rng.random(len(log)) < 0.25, "mobile", "desktop")
    device = np.where(channel == "app", "mobile", np.where(channel == "call", "", small))
    frame = pd.DataFrame(
        {
            "customer_id": world.ids[log["who"]],
            "ts": _clock(log["second"]),
            "touchpoint": log["name"].to_numpy(),
            "channel": channel,
            "device": device,
        }
    )
    return _untidy(rng, frame, doubles=len(frame) // 200, nobody=12, bad_time=9)


def _store(rng: np.random.Generator, world: World, log: pd.DataFrame) -> pd.DataFrame:
    """Tills and staff: Swedish headings, naive local times, decimal commas, cp1252."""
    served = (log["name"] == "skidservice").to_numpy()
    fee = [f"{v:.2f}".replace(".", ",") for v in 149 + 50 * (6 * rng.random(len(log)) // 1)]
    frame = pd.DataFrame(
        {
            "kundnr": world.ids[log["who"]],
            "tidpunkt": _clock(log["second"], offset=False),
            "händelse": log["name"].to_numpy(),
            "butik": np.array(STORES, object)[log["who"] % len(STORES)],
            "värde": np.where(served, fee, ""),
        }
    )
    frame = _untidy(rng, frame, doubles=len(frame) // 200, nobody=4, bad_time=3)
    missing_hour = frame.iloc[[len(frame) // 2]].copy()  # 02:30 did not exist that night
    missing_hour["tidpunkt"] = "2026-03-29 02:30:00"
    return pd.concat([frame, missing_hour], ignore_index=True)


def _untidy(
    rng: np.random.Generator, frame: pd.DataFrame, *, doubles: int, nobody: int, bad_time: int
) -> pd.DataFrame:
    """Mix in copies that intake must refuse or drop: the good rows all stay."""
    customer, time = frame.columns[:2]
    rows = rng.permutation(len(frame))[: doubles + nobody + bad_time]
    copies = frame.iloc[rows].reset_index(drop=True)
    wrong = ["31/13/2026 10:00", "okänd", "0000-00-00 00:00:00"]
    first_late = doubles + nobody
    copies.loc[doubles : first_late - 1, customer] = ""
    copies.loc[first_late:, time] = [wrong[i % 3] for i in range(bad_time)]
    order = np.argsort(np.concatenate([np.arange(len(frame)), rows + 0.5]), kind="stable")
    return pd.concat([frame, copies], ignore_index=True).iloc[order].reset_index(drop=True)


def _told(world: World, frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Name the customers, print the times, and order the columns as the empty study does."""
    frame = frame.rename(columns={"second": "ts", "invited": "invited_ts"})
    for time in {"ts", "invited_ts", "opened", "first_reply", "solved"} & set(frame.columns):
        frame[time] = _clock(frame[time])
    frame["customer_id"] = world.ids[frame["who"]]
    return frame[_template("empty", table).columns]
