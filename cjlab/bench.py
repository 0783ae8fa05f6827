"""How fast the metrics are, as ratios measured in one run on generated data.

Every metric runs in a fresh process over a store built just before. Beside it stand a plain
scan of the raw Parquet file and, from a checkout, the same questions in pandas, hand-written
SQL and the closest open peer (``tests/benchmarks/peers``), with the answers compared.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from cjlab import _generate
from cjlab._measure import serve
from cjlab.errors import CjlabError, UserError, did_you_mean

PEERS = Path(__file__).parents[1] / "tests" / "benchmarks" / "peers"
FITS = 20_000_000  # events that the counterparts can hold in memory
STEPS = [_generate.touchpoint(code) for code in (10, 15, 20, 25, 30)]
WINDOW = "30D"
STAGES = ["funnel", "reach", "dropoff", "time_in_stage", "exits", "time_to_convert"]
STAGES += ["transitions", "variants", "step_matrix"]
Answer = Mapping[str, int] | None


class Case(NamedTuple):
    """A metric with options of its own, and what of its answer the counterparts give too."""

    metric: str
    options: dict[str, Any]
    answer: Callable[[pd.DataFrame], Answer]


def _moves(frame: pd.DataFrame) -> Answer:
    return _cells(frame[frame["metric"] == "count"], "{from} > {to}", "value")


def _reached(frame: pd.DataFrame) -> Answer:
    return _cells(frame[frame["metric"] == "reached"], "{step}", "value")


def _present(frame: pd.DataFrame) -> Answer:
    rows = frame[(frame["touchpoint"] != "(end)") & (frame["hits"] > 0)]
    return _cells(rows, "{step} {touchpoint}", "hits")


def _stayed(frame: pd.DataFrame) -> Answer:
    """Quartiles in whole microseconds, as the counterparts count time."""
    rows = frame[frame["metric"].isin(["q25", "median", "q75"]) & frame["value"].notna()]
    exact = rows.assign(us=(rows["value"] * 86_400e6).round())
    return _cells(exact, "{stage} {metric}", "us")


def _returned(frame: pd.DataFrame) -> Answer:
    # Null where the month is not over.
    return _cells(frame[frame["hits"] > 0], "{cohort} {period}", "hits")


def _cells(rows: pd.DataFrame, name: str, value: str) -> Answer:
    return {name.format_map(row): int(row[value]) for row in rows.to_dict("records")}


CASES = {
    "transitions": Case("transitions", {}, _moves),
    "touchpoint transitions": Case("transitions", {"level": "touchpoint"}, _moves),
    "channel transitions": Case("transitions", {"level": "channel"}, _moves),
    "funnel of touchpoints": Case("funnel", {"steps": STEPS}, _reached),
    "funnel in 30 days": Case(
        "funnel", {"steps": STEPS, "window": WINDOW, "mature_only": False}, _reached
    ),
    "step matrix": Case("step_matrix", {"level": "touchpoint", "steps": 10}, _present),
    "time_in_stage": Case("time_in_stage", {}, _stayed),
    "retention": Case("retention", {}, _returned),
}


def run(
    *,
    events: int = 1_000_000,
    customers: int | None = None,
    metrics: list[str] | None = None,
    engine: str = "duckdb",
    memory: str = "4GB",
    peers: Path | None = None,
    folder: Path | None = None,
    progress: Callable[[str], object] = lambda _: None,
) -> pd.DataFrame:
    """Generate a study, build its store, run the metrics, and ask the counterparts.

    Parameters
    ----------
    events : int
        About how many events; a tenth as many customers by default.
    customers : int, optional
        How many customers.
    metrics : list of str, optional
        Names of what to run; everything by default.
    engine : {"duckdb", "spark"}
        Where the metrics run.
    memory : str
        What the engine may take.
    peers : Path, optional
        A Python that has retentioneering; without one this peer is left out.
    folder : Path, optional
        Where generated studies are kept for the next run; thrown away by default.
    progress : callable
        Told what is being done.

    Returns
    -------
    DataFrame
        ``tool, task, wall, cpu`` (seconds), ``peak`` (MB), ``answer``, ``error``; tools are
        ``cjlab, scan, pandas, sql, retentioneering``. Processor seconds of Spark's own
        processes are not seen.
    """
    known = tasks()
    for name in metrics or []:
        if name not in known:
            raise UserError(f'metrics: no "{name}".{did_you_mean(name, known)}')
    with ExitStack() as stack:
        keep = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cjlab-")))
        progress("generating")
        place = _generate.study(keep, events, customers or max(events // 10, 1), memory=memory)
        found = []
        for name in ("scan", "store", *(metrics or known)):
            work = [sys.executable, "-m", "cjlab.bench", str(place), "OUT", engine, name]
            found += _ask("scan" if name == "scan" else "cjlab", work)
            progress(_line(found[-1]))
            if name == "store" and "error" in found[-1]:
                raise CjlabError(f"the store could not be built: {found[-1]['error']}")
        for tool, python in _counterparts(events, peers, progress).items():
            wanted = metrics or known
            found += (lines := ask_counterpart(tool, place, wanted, python=python, memory=memory))
            for line in lines:
                progress(_line(line))
    columns = ["tool", "task", "wall", "cpu", "peak", "answer", "error"]
    return pd.DataFrame(found).reindex(columns=columns)


def _line(found: dict[str, Any]) -> str:
    took = found.get("error") or f"{found['cpu']:.2f} cpu s, {found['peak']:,.0f} MB"
    return f"{found['tool']}: {found['task']}: {took}"


def _counterparts(
    events: int, peers: Path | None, progress: Callable[[str], object]
) -> dict[str, Path]:
    """Return who else is asked, each with its Python; say who is not, and why."""
    if not PEERS.is_dir():
        progress("no counterparts: their scripts come with a checkout, under tests/benchmarks")
        return {}
    if events > FITS:
        progress(f"no counterparts: they hold at most {FITS:,} events in memory")
        return {}
    own = {name: Path(sys.executable) for name in ("pandas", "sql")}
    if peers is None:
        progress("no retentioneering: name a Python that has it by --peers")
        return own
    return own | {"retentioneering": peers}


def ask_counterpart(
    tool: str,
    place: Path,
    wanted: list[str],
    *,
    python: Path = Path(sys.executable),
    memory: str = "4GB",
) -> list[dict[str, Any]]:
    """Let pandas, SQL or retentioneering answer what it can of the wanted tasks."""
    script = str(PEERS / f"in_{tool}.py")
    said = [str(place), "OUT", memory, _generate.ZONE, WINDOW, "|".join(STEPS)]
    return _ask(tool, [str(python), script, *said, *wanted])


def _ask(tool: str, command: list[str]) -> list[dict[str, Any]]:
    """Run one process and read what it measured."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.jsonl"
        done = subprocess.run(
            [str(out) if part == "OUT" else part for part in command],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
        )
        lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        lines.append(json.dumps({"task": command[-1], "error": last}))
    return [{"tool": tool, **json.loads(line)} for line in lines]


def tasks() -> list[str]:
    """Names of everything that is measured: metrics as they are, and the cases above."""
    own = ["transition counts", "session counts", "session frame", "features", "stage metrics"]
    return list(dict.fromkeys([*own, *CASES, *metrics()]))


def metrics() -> Mapping[str, Callable[..., pd.DataFrame]]:
    """Return the registry of metrics."""
    from cjlab.journey import METRICS

    return METRICS


def prepared(place: Path, engine: str, name: str) -> Callable[[], Answer]:
    """Return one task; what it needs beforehand is done here."""
    from cjlab.study import open_study

    study = open_study(place, engine)
    if name == "scan":
        return lambda: _scan(place)
    if name == "store":
        shutil.rmtree(place / ".cjlab", ignore_errors=True)
        return lambda: _nothing(study.store())
    study.journeys()  # opens the store
    if name == "features":
        from cjlab.personas import features

        return lambda: _nothing(features(study))
    if name in _OWN:
        return lambda: _OWN[name](study.journeys())
    needed = {"by": "country"} if name.endswith("_difference") else {}
    case = CASES.get(name, Case(name, needed, _nothing))
    metric = metrics()[case.metric]
    return lambda: case.answer(metric(study.journeys(), **case.options))


def _nothing(_: object) -> Answer:
    """Let go of a result that nobody else's can be compared with."""
    return None


def _scan(place: Path) -> Answer:
    """The least that any answer over the raw file must do: read the three main columns."""
    from cjlab.engine import connect
    from cjlab.sources.base import literal

    file = literal(place / _generate.EVENTS)
    con = connect()
    con.execute(f"SELECT max(customer_id), max(ts), max(touchpoint) FROM {file}").fetchall()
    con.close()
    return None


def _transition_counts(j: Any) -> Answer:
    event = j.events.filter(j.events.next_touchpoint.notnull())
    pairs = event.group_by("touchpoint", "next_touchpoint").aggregate(n=event.count())
    label = j.labels("touchpoint")
    rows = pairs.execute().itertuples(index=False)
    return {f"{label[row[0]]} > {label[row[1]]}": int(row[2]) for row in rows}


def _session_counts(j: Any) -> Answer:
    counts = j.events.group_by("unit").aggregate(n=j.events.session.max() + 1)
    found = counts.aggregate(sessions=counts.n.sum(), most=counts.n.max()).execute()
    return {name: int(found[name][0]) for name in ("sessions", "most")}


def _session_frame(j: Any) -> Answer:
    from cjlab.journey.sessions import sessions

    frame = sessions(j)
    return {"sessions": len(frame), "longest": int(frame["events"].max())}


def _stage_metrics(j: Any) -> Answer:
    """All that a page on stages shows, one after the other over the same journeys."""
    for name in STAGES:
        metrics()[name](j)
    return None


_OWN: dict[str, Callable[[Any], Answer]] = {
    "transition counts": _transition_counts,
    "session counts": _session_counts,
    "session frame": _session_frame,
    "stage metrics": _stage_metrics,
}


def table(found: pd.DataFrame, *, by: str = "cpu") -> pd.DataFrame:
    """Put each of cjlab's measurements beside the others', one row a task.

    Parameters
    ----------
    found : DataFrame
        As :func:`run` gives it.
    by : {"cpu", "wall"}
        Which seconds the ratios are of.

    Returns
    -------
    DataFrame
        ``task, wall, cpu, peak``, ``scans`` (cjlab's seconds over those of a plain scan) and
        for each counterpart how many times as long it took; ``answers`` says whether they are
        equal. A store stands beside what loading takes the others.
    """
    rows = []
    scan = found.loc[found["tool"] == "scan", by]
    for own in found[found["tool"] == "cjlab"].to_dict("records"):
        task = "load" if own["task"] == "store" else own["task"]
        others = found[(found["task"] == task) & ~found["tool"].isin(["cjlab", "scan"])]
        row = {name: own[name] for name in ("task", "wall", "cpu", "peak")}
        row["scans"] = own[by] / scan.iloc[0] if len(scan) else None
        for tool in ("pandas", "sql", "retentioneering"):
            other = others.loc[others["tool"] == tool, by]
            shown = len(other) and (tool, task) != ("sql", "load")
            row[tool] = other.iloc[0] / own[by] if shown else None
        row["answers"] = own["error"] if isinstance(own["error"], str) else _compared(own, others)
        rows.append(row)
    return pd.DataFrame(rows)


def text(found: pd.DataFrame) -> str:
    """Show :func:`table` as text, with what the other columns mean."""
    shown = table(found).rename(columns={"wall": "wall s", "cpu": "cpu s", "peak": "MB"})
    digits = {"wall s": 2, "cpu s": 2, "MB": 0, "scans": 1}
    for column in shown.columns.drop(["task", "answers"]):
        numbers = shown[column].astype("float64")
        shown[column] = ["" if pd.isna(n) else f"{n:,.{digits.get(column, 1)}f}" for n in numbers]
    return (
        f"{shown.to_string(index=False)}\n\nscans: processor seconds over those of a plain scan of "
        "the raw file; pandas, sql, retentioneering: theirs over ours, after loading (ours: after "
        "the store is built). The least of up to three runs in a fresh process each task."
    )


def _compared(own: Mapping[Any, Any], others: pd.DataFrame) -> str:
    """Say whether the answers agree, and where one does not, in how many of its cells."""
    differ, asked = [], 0
    for other in others.to_dict("records"):
        if isinstance(other["error"], str):
            differ.append(f"{other['tool']}: {other['error']}")
        elif own["answer"] and other["answer"]:
            asked += 1
            cells = own["answer"].keys() | other["answer"].keys()
            wrong = sum(own["answer"].get(c) != other["answer"].get(c) for c in cells)
            if wrong:
                differ.append(f"{other['tool']} differs in {wrong} of {len(cells)}")
    return "; ".join(differ) if differ else "equal" if asked else ""


def _main() -> None:
    place, out, engine, name = sys.argv[1:]
    serve({name: prepared(Path(place), engine, name)}, Path(out), [name])


if __name__ == "__main__":
    _main()
