"""Whether sources speak of the same customers, and whether their clocks agree."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from cjlab.engine import connect
from cjlab.estimates import COLUMNS, estimates
from cjlab.sources.base import literal
from cjlab.study import Study

_TIMES = {"events": "ts", "orders": "ts", "responses": "ts", "tickets": "opened"}
# Two systems may be a time zone apart; beyond this a pair of events is no pair.
_FURTHEST_S = 14 * 3600
_BIN_S = 10
_CUSTOMERS = 5_000
_ROWS_A_CUSTOMER = 50


def match_rates(study: Study) -> pd.DataFrame:
    """Return, per source, the share of its customers whom another source knows too.

    Parameters
    ----------
    study : Study
        The study; its aliases have been put together.

    Returns
    -------
    DataFrame
        Estimates by ``table, source``: ``matched`` (0–1; all customers of the source, so without
        an interval) and ``aliases`` (rows that came under another id). Null for a source
        that names no customer.
    """
    con = connect()
    parts = _parts(study, con)
    seen = " UNION ALL ".join(
        f"SELECT DISTINCT customer_id, {place} AS place FROM {relation}"
        for place, (_, _, relation) in enumerate(parts)
    )
    sizes = {
        place: (total, met)
        for place, total, met in con.execute(
            f"WITH seen AS ({seen}), known AS (SELECT customer_id, count(*) AS sources FROM seen "
            "WHERE customer_id IS NOT NULL GROUP BY 1) SELECT place, count(*), "
            "count(*) FILTER (sources > 1) FROM seen JOIN known USING (customer_id) GROUP BY 1"
        ).fetchall()
    }
    stitched = {
        (count.table, count.source): count.rows
        for count in study.intake.counts
        if count.rule == "alias"
    }
    rows: list[dict[str, Any]] = []
    for place, (table, source, _) in enumerate(parts):
        total, met = sizes.get(place, (0, 0))
        key = {"table": table, "source": source, "n": total, "customers": total}
        share = met / total if total else None
        rows.append({**key, "metric": "matched", "value": share, "hits": met, "unit": "1"})
        aliased = stitched.get((table, source), 0)
        rows.append({**key, "metric": "aliases", "value": aliased, "unit": "rows"})
    con.close()
    return estimates(pd.DataFrame(rows, columns=["table", "source", *COLUMNS]), ["table", "source"])


def clock_skew(study: Study) -> pd.DataFrame:
    """Estimate by how many seconds the clocks of two sources differ.

    Where two systems log the same moments, the differences between their times pile up at one
    value, which would be 0 if the clocks agreed.

    Parameters
    ----------
    study : Study
        The study.

    Returns
    -------
    DataFrame
        Estimates by ``source, other``: ``skew`` (seconds that `source` is ahead; the median of
        the pile) and ``paired`` (share of compared rows of the smaller side in the pile). A null
        skew says that no moments are common to both: fewer than 20 pairs, or no pile that
        stands out; then the clocks cannot be compared.

    Notes
    -----
    Differences of all pairs of rows of one customer within 14 hours, for at most 5,000
    customers (by a hash of the id) with at most 50 rows in either source. A pile is the
    fullest ten seconds (a delay between two acts spreads wider); it must hold a tenth of the
    smaller side's rows, and ten times what an even spread would put there.
    """
    con = connect()
    timed = [part for part in _parts(study, con) if part[0] in _TIMES]
    rows: list[dict[str, Any]] = []
    for one, two in combinations(timed, 2):
        key = {"source": f"{one[0]}: {one[1]}", "other": f"{two[0]}: {two[1]}"}
        differences, sizes, customers = _differences(con, one, two)
        rows += [{**key, **row, "customers": customers} for row in _pile(differences, min(sizes))]
    con.close()
    return estimates(pd.DataFrame(rows, columns=["source", "other", *COLUMNS]), ["source", "other"])


def _parts(study: Study, con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Table, source and relation of everything that was accepted."""
    place = study.quarantine.parent
    found, numbers = [], dict.fromkeys(study.config.sources, 0)
    for source in study.intake.sources:
        file = place / f"accepted_{source.table}.parquet"
        if file.is_file():
            number = numbers[source.table]
            relation = f"(SELECT * FROM read_parquet({literal(file)}) WHERE _part = {number})"
            found.append((source.table, source.source, relation))
        numbers[source.table] += 1
    return found


def _differences(
    con: duckdb.DuckDBPyConnection, one: tuple[str, str, str], two: tuple[str, str, str]
) -> tuple[np.ndarray, tuple[int, int], int]:
    """Seconds between rows of the same customer, rows on either side, and the customers."""
    sides = []
    for table, _, relation in (one, two):
        ts = _TIMES[table]
        sides.append(
            f"(SELECT customer_id, {ts} AS at FROM {relation} WHERE {ts} IS NOT NULL AND "
            f"customer_id IS NOT NULL QUALIFY count(*) OVER (PARTITION BY customer_id) "
            f"<= {_ROWS_A_CUSTOMER})"
        )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE common AS SELECT customer_id FROM "
        f"(SELECT DISTINCT customer_id FROM {sides[0]}) SEMI JOIN {sides[1]} USING (customer_id) "
        f"ORDER BY md5(customer_id) LIMIT {_CUSTOMERS}"
    )
    sizes = []
    for name, side in zip(("one", "two"), sides, strict=True):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS "
            f"SELECT * FROM {side} SEMI JOIN common USING (customer_id)"
        )
        sizes.append(con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])
    found = con.execute(
        "SELECT epoch_us(one.at) - epoch_us(two.at) AS gap FROM one JOIN two USING (customer_id) "
        f"WHERE abs(gap) <= {_FURTHEST_S * 1_000_000}"
    ).fetchnumpy()["gap"]
    customers = con.execute("SELECT count(*) FROM common").fetchall()[0][0]
    return np.sort(np.asarray(found, dtype="float64")) / 1e6, (sizes[0], sizes[1]), customers


def _pile(differences: np.ndarray, rows: int) -> list[dict[str, Any]]:
    """The fullest ten seconds among the differences, if they stand out."""
    base = {"n": rows, "of": "rows compared"}
    inside = np.searchsorted(differences, differences + _BIN_S, side="right")
    counts = inside - np.arange(len(differences))
    most = int(counts.max()) if len(counts) else 0
    even = len(differences) * _BIN_S / (2 * _FURTHEST_S)
    skew: dict[str, Any] = {"value": None, "note": "no_common_moments"}
    share = min(1.0, most / rows) if rows else None
    if most >= 20 and most >= 0.1 * rows and most >= 10 * even:
        first = int(np.argmax(counts))
        skew = {"value": float(np.median(differences[first : first + most]))}
    paired = {"value": share, "hits": None, "unit": "1"}
    return [
        {**base, "metric": "skew", "unit": "s", **skew},
        {**base, "metric": "paired", **paired},
    ]
