"""The same questions in hand-written DuckDB SQL over the raw Parquet file, nothing prepared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb

from cjlab._measure import serve


class Raw:
    """The events as they lie on disk."""

    def __init__(self, folder: Path, memory: str, steps: list[str], window: str, zone: str) -> None:
        self.steps, self.window, self.zone = steps, window, zone
        self.con = duckdb.connect(config={"memory_limit": memory})
        self.con.execute("SET enable_progress_bar = false")
        self.con.execute(f"CREATE VIEW event AS FROM read_parquet('{folder}/events.parquet')")
        self.con.execute(
            f"CREATE TABLE stage AS SELECT touchpoint, stage FROM '{folder}/touchpoints.csv'"
        )

    def load(self) -> None:
        """Nothing to load: here the plain scan of the three main columns stands."""
        self.rows("SELECT max(customer_id), max(ts), max(touchpoint) FROM event")

    def rows(self, query: str) -> list[Any]:
        return self.con.execute(query).fetchall()

    def counts(self, level: str) -> dict[str, int]:
        found = self.rows(
            f"""SELECT a, b, count(*) FROM (SELECT {level} AS a,
                lead({level}) OVER (PARTITION BY customer_id ORDER BY ts) AS b FROM event)
            WHERE b IS NOT NULL GROUP BY a, b"""
        )
        return {f"{a} > {b}": n for a, b, n in found}

    def transitions(self, level: str) -> dict[str, int]:
        """Counts, customers and median times, as cjlab gives them."""
        source = "event JOIN stage USING (touchpoint)" if level == "stage" else "event"
        found = self.rows(
            f"""SELECT a, b, count(*), count(DISTINCT customer_id), median(next_us - us) FROM (
                SELECT customer_id, {level} AS a, lead({level}) OVER journey AS b,
                    epoch_us(ts) AS us, epoch_us(lead(ts) OVER journey) AS next_us
                FROM {source} WINDOW journey AS (PARTITION BY customer_id ORDER BY ts))
            WHERE b IS NOT NULL GROUP BY a, b"""
        )
        return {f"{row[0]} > {row[1]}": row[2] for row in found}

    STARTS = """SELECT customer_id, ts, coalesce(ts > lag(ts) OVER journey + INTERVAL 30 MINUTE,
        TRUE) AS starts FROM event WINDOW journey AS (PARTITION BY customer_id ORDER BY ts)"""

    def session_counts(self) -> dict[str, int]:
        ((total, most),) = self.rows(
            f"""SELECT sum(n), max(n) FROM (SELECT count(*) FILTER (starts) AS n
            FROM ({self.STARTS}) GROUP BY customer_id)"""
        )
        return {"sessions": int(total), "most": most}

    def session_frame(self) -> dict[str, int]:
        frame = self.con.execute(
            f"""SELECT customer_id, session, min(ts) AS start, max(ts) AS last, count(*) AS events
            FROM (SELECT *, count(*) FILTER (starts) OVER (PARTITION BY customer_id ORDER BY ts)
                AS session FROM ({self.STARTS})) GROUP BY ALL"""
        ).df()
        return {"sessions": len(frame), "longest": int(frame["events"].max())}

    def features(self) -> None:
        channels = [row[0] for row in self.rows("SELECT DISTINCT channel FROM event ORDER BY 1")]
        shares = ", ".join(f"avg(CAST(channel = '{c}' AS INTEGER)) AS \"{c}\"" for c in channels)
        self.con.execute(
            f"""SELECT customer_id, min(ts), max(ts), count(*), count(DISTINCT ts::DATE),
                count(*) FILTER (starts), {shares}
            FROM (SELECT *, coalesce(ts > lag(ts) OVER (PARTITION BY customer_id ORDER BY ts)
                + INTERVAL 30 MINUTE, TRUE) AS starts FROM event) GROUP BY customer_id"""
        ).df()

    def step_matrix(self) -> dict[str, int]:
        found = self.rows(
            """SELECT step, touchpoint, count(*) FROM (SELECT touchpoint,
                row_number() OVER (PARTITION BY customer_id ORDER BY ts) AS step FROM event)
            WHERE step <= 10 GROUP BY ALL"""
        )
        return {f"{step} {name}": n for step, name, n in found}

    def funnel(self) -> dict[str, int]:
        ctes = [
            f"s0 AS (SELECT customer_id, min(ts) AS t FROM event WHERE touchpoint = "
            f"'{self.steps[0]}' GROUP BY 1)"
        ]
        for k, step in enumerate(self.steps[1:], 1):
            ctes.append(
                f"s{k} AS (SELECT customer_id, min(ts) AS t FROM event JOIN s{k - 1} AS s USING "
                f"(customer_id) WHERE touchpoint = '{step}' AND ts > s.t GROUP BY 1)"
            )
        counts = ", ".join(f"(SELECT count(*) FROM s{k})" for k in range(len(self.steps)))
        (found,) = self.rows(f"WITH {', '.join(ctes)} SELECT {counts}")
        return dict(zip(self.steps, found, strict=True))

    def windowed(self) -> dict[str, int]:
        """Every start: for each of them the earliest next step, by ASOF joins."""
        ctes = [
            f"s0 AS (SELECT customer_id, ts AS start, ts AS t FROM event WHERE touchpoint = "
            f"'{self.steps[0]}')"
        ]
        for k, step in enumerate(self.steps[1:], 1):
            ctes.append(
                f"s{k} AS (SELECT s.customer_id, s.start, e.ts AS t FROM s{k - 1} AS s ASOF JOIN "
                f"(FROM event WHERE touchpoint = '{step}') AS e ON s.customer_id = e.customer_id "
                f"AND s.t < e.ts WHERE e.ts <= s.start + INTERVAL '{self.window}')"
            )
        counts = ", ".join(
            f"(SELECT count(DISTINCT customer_id) FROM s{k})" for k in range(len(self.steps))
        )
        (found,) = self.rows(f"WITH {', '.join(ctes)} SELECT {counts}")
        return dict(zip(self.steps, found, strict=True))

    def time_in_stage(self) -> dict[str, int]:
        """Quartiles with those still there (Kaplan–Meier), as cjlab gives them, in microseconds."""
        found = self.rows(
            """WITH tagged AS (SELECT customer_id, ts, stage, lag(stage) OVER journey AS before
                FROM event JOIN stage USING (touchpoint)
                WINDOW journey AS (PARTITION BY customer_id ORDER BY ts)),
            spells AS (SELECT customer_id, stage, ts FROM tagged
                WHERE stage IS DISTINCT FROM before),
            stays AS (SELECT stage, epoch_us(ts) AS start,
                epoch_us(lead(ts) OVER (PARTITION BY customer_id ORDER BY ts)) AS exit FROM spells),
            times AS (SELECT stage, count(*) AS size, count(exit) AS gone,
                coalesce(exit, (SELECT epoch_us(max(ts)) FROM event)) - start AS us
                FROM stays GROUP BY stage, us),
            risk AS (SELECT stage, us, gone, sum(size) OVER (PARTITION BY stage ORDER BY us DESC)
                AS waiting FROM times),
            still AS (SELECT stage, us, exp(sum(CASE WHEN gone < waiting
                THEN ln(1 - gone / waiting) ELSE -100 END) OVER (PARTITION BY stage ORDER BY us))
                AS share FROM risk)
            SELECT stage, min(us) FILTER (share <= 0.75 + 1e-12),
                min(us) FILTER (share <= 0.5 + 1e-12), min(us) FILTER (share <= 0.25 + 1e-12)
            FROM still GROUP BY stage"""
        )
        names = ("q25", "median", "q75")
        return {
            f"{stage} {name}": us
            for stage, *times in found
            for name, us in zip(names, times, strict=True)
            if us is not None
        }

    def retention(self) -> dict[str, int]:
        found = self.rows(
            f"""WITH seen AS (SELECT DISTINCT customer_id,
                year(local) * 12 + month(local) AS month
                FROM (SELECT customer_id, timezone('{self.zone}', timezone('UTC', ts)) AS local
                FROM event)),
            aged AS (SELECT min(month) OVER (PARTITION BY customer_id) AS cohort, month FROM seen)
            SELECT cohort, month - cohort, count(*) FROM aged
            WHERE month < (SELECT max(month) FROM seen) GROUP BY ALL"""
        )
        return {f"{(c - 1) // 12}-{(c - 1) % 12 + 1:02} {age}": n for c, age, n in found}


if __name__ == "__main__":
    folder, out, memory, zone, window, steps, *wanted = sys.argv[1:]
    raw = Raw(Path(folder), memory, steps.split("|"), window, zone)
    serve(
        {
            "load": raw.load,
            "transition counts": lambda: raw.counts("touchpoint"),
            "transitions": lambda: raw.transitions("stage"),
            "touchpoint transitions": lambda: raw.transitions("touchpoint"),
            "channel transitions": lambda: raw.transitions("channel"),
            "session counts": raw.session_counts,
            "session frame": raw.session_frame,
            "features": raw.features,
            "step matrix": raw.step_matrix,
            "funnel of touchpoints": raw.funnel,
            "funnel in 30 days": raw.windowed,
            "time_in_stage": raw.time_in_stage,
            "retention": raw.retention,
        },
        Path(out),
        wanted,
    )
