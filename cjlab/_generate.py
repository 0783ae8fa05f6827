"""A study of any size, generated: the same numbers everywhere, and never in Python's memory.

Everything follows from hashes of a customer's and an event's number, so the rows stream
through the engine onto disk. Customers differ as real ones do: a few have very many events.
"""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

from cjlab import stages
from cjlab.engine import connect
from cjlab.sources.base import literal

MODEL = "sm9"
ZONE = "Europe/Stockholm"
TOUCHPOINTS = 50
CHANNELS = ("web", "app", "store", "e-mail", "phone", "social", "search", "display")
DEVICES = ("phone", "desktop", "tablet")
COUNTRIES = ("SE", "NO", "DK", "FI")
MOST = 2_000  # events of one customer
FIRST = 1_735_689_600_000_000  # 2025 begins; microseconds
YEAR = 365 * 86_400_000_000  # microseconds
EVENTS = "events.parquet"


def study(folder: Path, events: int, customers: int, *, memory: str = "4GB") -> Path:
    """Write a study of about so many events, or find it there, and return its folder.

    Parameters
    ----------
    folder : Path
        Where studies of each size are kept, each in a folder of its own.
    events, customers : int
        How many; customers with one event only are there too.
    memory : str
        What generating and, later, the metrics may take.

    Returns
    -------
    Path
        Folder with study.yaml, events, customers, tickets and touchpoints. The events lie in
        random order, no two of one customer at the same instant.
    """
    place = folder / f"{events}-{customers}"
    place.mkdir(parents=True, exist_ok=True)
    _write_study(place, memory)
    _write_touchpoints(place / "touchpoints.csv")
    if not (place / "tickets.parquet").exists():
        con = connect(memory=memory, spill=place / "spill")
        con.execute(f"CREATE TABLE customer AS {_customers(events, customers)}")
        _copy(con, _events(), place / EVENTS)
        _copy(
            con, "SELECT customer_id, country, segment FROM customer", place / "customers.parquet"
        )
        _copy(con, _tickets(), place / "tickets.parquet")
        con.close()
    return place


def touchpoint(code: int) -> str:
    """Name of a generated touchpoint."""
    return f"touchpoint {code:02}"


def _copy(con: object, query: str, path: Path) -> None:
    partly = path.with_suffix(".part")
    con.execute(f"COPY ({query}) TO {literal(partly)} (FORMAT parquet, COMPRESSION zstd)")  # type: ignore[attr-defined]
    partly.rename(path)


def _part(purpose: str, *within: str) -> str:
    """SQL for a share in [0, 1) that looks random and is the same every time."""
    return f"(hash({', '.join(['c', *within, literal(purpose)])}) % 1000003 / 1000003.0)"


def _pick(values: tuple[str, ...], share: str) -> str:
    listed = ", ".join(map(literal, values))
    return f"([{listed}])[1 + CAST(floor({len(values)} * {share}) AS INTEGER)]"


def _customers(events: int, customers: int) -> str:
    """One row a customer: ids of ten digits, a Pareto tail of events, and how far they come."""
    scale = max(events / customers - 0.5, 0.5) / 1.94  # less than 2: nobody has more than MOST
    tail = f"1 + floor({scale} * ((1 - {_part('size')}) ** (-2.0 / 3) - 1))"
    return f"""SELECT c, lpad(CAST(c * 387420489 % 1000000007 AS VARCHAR), 10, '0') AS customer_id,
        CAST(least({MOST}, {tail}) AS INTEGER) AS n,
        1 + CAST(hash(c, 'session') % 8 AS INTEGER) AS per_session,
        CAST({YEAR} * 0.7 * {_part("start")} AS BIGINT) AS start,
        0.3 + 0.7 * {_part("reach")} AS reach,
        {_pick(COUNTRIES, _part("country"))} AS country,
        {_pick(("small", "large"), _part("segment"))} AS segment
        FROM range({customers}) AS numbers(c)"""


def _events() -> str:
    """One row an event; time grows with k inside a customer, by less than one session's room."""
    return f"""WITH numbered AS (
        SELECT customer_id, c, n, k, reach, start, k // per_session AS s, k % per_session AS i,
            per_session, (({YEAR} - start) * (0.1 + 0.9 * {_part("pace")}))
                / (n // per_session + 1) AS room
        FROM (SELECT *, unnest(range(n)) AS k FROM customer)),
    placed AS (
        SELECT *, start + CAST(room * (s + 0.5 * {_part("from", "s")}) AS BIGINT)
            + CAST(least(300e6, 0.4 * room / per_session)
                * (i + 0.8 * {_part("at", "k")}) AS BIGINT) AS us,
            CAST(floor({TOUCHPOINTS} * reach * (0.4 * {_part("what", "k")}
                + 0.6 * (k + {_part("where", "k")}) / n)) AS INTEGER) AS code
        FROM numbered)
    SELECT customer_id, make_timestamp({FIRST} + us) AS ts,
        format('touchpoint {{:02d}}', code) AS touchpoint,
        {_pick(CHANNELS, f"{_part('channel', 'k')} ** 1.5")} AS channel,
        {_pick(DEVICES, _part("device", "s"))} AS device,
        CASE WHEN code * 9 // {TOUCHPOINTS} = 4 THEN
            CAST(5 + 200 * {_part("value", "k")} ** 3 AS DECIMAL(18,2)) END AS value,
        CASE WHEN hash(c, k, 'paid') % 5 = 0 THEN CAST(0.25 AS DECIMAL(18,2)) END AS cost
    FROM placed ORDER BY hash(c, k)"""


def _tickets() -> str:
    """One in twenty customers asks for help; one in ten of these is still waiting."""
    return f"""SELECT customer_id, opened,
        opened + to_seconds(CAST(7200 * {_part("reply")} AS INTEGER)) AS first_reply,
        CASE WHEN hash(c, 'open') % 10 > 0 THEN
            opened + to_seconds(7200 + CAST(9e5 * {_part("solved")} ** 2 AS INTEGER)) END
            AS solved, {_pick(CHANNELS[:5], _part("asked"))} AS channel,
        {_pick(("delivery", "invoice", "product"), _part("topic"))} AS topic
    FROM (SELECT *, make_timestamp({FIRST} + start) AS opened FROM customer)
    WHERE hash(c, 'ticket') % 20 = 0"""


def _write_study(place: Path, memory: str) -> None:
    said = {
        "name": "Generated study",
        "timezone": ZONE,
        "stages": MODEL,
        "touchpoints": "touchpoints.csv",
        "engine": {"memory": memory},
        "sources": {
            table: [{"path": f"{table}.parquet", "timezone": "UTC"}]
            for table in ("events", "customers", "tickets")
        },
    }
    (place / "study.yaml").write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")


def _write_touchpoints(path: Path) -> None:
    """Spread the touchpoints over the stages of the model, in order."""
    ids = stages.load(MODEL).ids
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["pattern", "match", "touchpoint", "stage", "channel"])
        for code in range(TOUCHPOINTS):
            name = touchpoint(code)
            writer.writerow([name, "exact", name, ids[code * len(ids) // TOUCHPOINTS], ""])
