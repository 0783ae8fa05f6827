"""Measure at several sizes and hold the results against the bars; ends with 1 where one fails.

    .venv/bin/python tests/benchmarks/run.py --peers PYTHON [--folder DIR] [1e6 10e6 100e6]

Run it on a quiet machine: the bars in seconds mean nothing beside other work.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from cjlab import bench

TWENTY = ("transition counts", "session counts", "step matrix")
THREE = ("session frame", "features")
RESAMPLED = ("attribution", "clv")
Bar = tuple[str, float, float, bool]  # what, measured, bar, whether more is better


def bars(events: int, shown: pd.DataFrame) -> Iterator[Bar]:
    """Yield the bars for this size; `shown` is the table by processor seconds."""
    shown = shown.set_index("task")
    for task, row in shown.iterrows():
        if events <= 1_000_000 and task in bench.metrics() and task not in RESAMPLED:
            yield f"{task}: wall s", row["wall"], 0.5, False
        if events != 10_000_000:
            continue
        if task == "store":
            if pd.notna(row["retentioneering"]):
                yield "store: s over the peer's load", 1 / row["retentioneering"], 1.5, False
            yield "store: MB", row["peak"], 1536, False
            continue
        if task in TWENTY + THREE and pd.notna(row["retentioneering"]):
            wanted = 20 if task in TWENTY else 3
            yield f"{task}: times the peer's speed", row["retentioneering"], wanted, True
        if task == "funnel in 30 days":
            yield f"{task}: cpu s", row["cpu"], 4, False
        for other in ("pandas", "sql"):
            if pd.notna(row[other]):
                yield f"{task}: times the speed of {other}", row[other], 1, True
    if events == 10_000_000 and "stage metrics" in shown.index:
        yield "stage metrics, all: wall s", shown.loc["stage metrics", "wall"], 15, False


def growth(small: pd.DataFrame, large: pd.DataFrame) -> Iterator[Bar]:
    """Yield how much longer ten times as many events took by the clock, task by task.

    Not by processor seconds: a second thread that waits for the first burns as many.
    """
    ratio = large.set_index("task")["wall"] / small.set_index("task")["wall"]
    for task, times in ratio.dropna().items():
        yield f"{task}: wall s at 100 M over 10 M", times, 12, False


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("events", nargs="*", type=float, default=[1e6, 10e6])
    parser.add_argument("--peers", type=Path, help="a Python that has retentioneering")
    parser.add_argument("--folder", type=Path, help="keeps generated data for next time")
    asked = parser.parse_args()
    tables, found = {}, []
    for events in map(int, asked.events):
        measured = bench.run(
            events=events,
            peers=asked.peers,
            folder=asked.folder,
            progress=lambda line: print(line, file=sys.stderr, flush=True),
        )
        tables[events] = bench.table(measured)
        print(f"\n{events:,} events\n{bench.text(measured)}\n", flush=True)
        found += [(f"{events:,}", *bar) for bar in bars(events, tables[events])]
    if {10_000_000, 100_000_000} <= tables.keys():
        found += [("growth", *b) for b in growth(tables[10_000_000], tables[100_000_000])]
    failed = 0
    for size, what, value, bar, more in found:
        good = value >= bar if more else value <= bar  # false where nothing was measured
        failed += not good
        sign = "≥" if more else "≤"
        print(f"{'ok  ' if good else 'FAIL'}  {size:>12}  {what}: {value:.2f} ({sign} {bar:g})")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
