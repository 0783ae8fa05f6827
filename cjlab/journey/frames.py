"""Journeys from a pandas frame: the same rules and the same store, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import ibis
import pandas as pd
import pyarrow as pa

from cjlab import intake, store
from cjlab.config import Source
from cjlab.engine import ENGINES, connect, spark_session
from cjlab.errors import UserError, did_you_mean
from cjlab.journey.base import UNITS, Journeys, to_utc
from cjlab.schema import EVENTS
from cjlab.sources.base import Raw, literal, quote
from cjlab.stages import StageModel
from cjlab.touchpoints import Catalogue

NO_STAGE = "(no stage)"


def from_frame(
    frame: pd.DataFrame,
    *,
    stages: str | Sequence[Any] | StageModel,
    customer: str = "customer_id",
    time: str = "ts",
    stage: str | None = "stage",
    touchpoint: str | None = None,
    channel: str | None = None,
    timezone: str = "UTC",
    ties: str = "stage",
    start: str | datetime | None = None,
    end: str | datetime | None = None,
    observed_until: str | datetime | None = None,
    time_format: str | None = None,
    where: Any = None,
    unit: str = "customer",
    view: str = "customer",
    engine: str = "duckdb",
) -> Journeys:
    """Make journeys from a frame with one row per event.

    Parameters
    ----------
    frame : DataFrame
        The events. Further canonical columns (``value``, ``device``, ``seq`` …) are taken by
        name; other columns that are constant within each customer become attributes for
        ``by=`` and ``where=``.
    stages : str, sequence or StageModel
        A built-in model's id, stage ids in order, or a model.
    customer, time : str
        Columns that say who and when. Ids are text: ``"007"`` is not ``"7"``.
    stage, touchpoint, channel : str or None
        Columns that say where; without ``touchpoint`` the column of that name, else the stage,
        is the touchpoint (``(no stage)`` where it is null: the event stays); without ``stage``
        the model's touchpoint rules say it. ``stage="stage"`` may be absent.
    timezone : str
        Zone of times without an offset, and of calendar cuts.
    ties : {"stage", "row"}
        What orders events at one instant: the declared stage order, or the row order.
    start, end : str or datetime, optional
        Half-open period in ``timezone``.
    observed_until : str or datetime, optional
        Events at or after it are not data; last instant + 1 µs by default.
    time_format : str, optional
        ``epoch_s``, ``epoch_ms``, ``epoch_us`` or a strptime pattern.
    where, unit, view
        As in :class:`Journeys`; accounts need a column ``account_id``.
    engine : {"duckdb", "spark"}
        Where the metrics run.

    Returns
    -------
    Journeys
        ``issues()`` says what cleaning did: rows without customer or time are refused, exact
        copies dropped, unknown stages counted.

    Raises
    ------
    UserError
        For a column that is not there, or an unknown engine, zone or rule.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a"], "ts": ["2026-01-01"], "stage": ["see"]})
    >>> from_frame(log, stages=["see", "buy"])
    Journeys: 1 events of 1 customers, 2 stages (custom), observed until 2026-01-01 00:00 UTC
    """
    if engine not in ENGINES:
        raise UserError(f'engine is "{engine}".{did_you_mean(engine, ENGINES)}')
    _check_zone(timezone)
    model = _model(stages)
    columns, extra = _columns(frame, customer, time, stage, touchpoint, channel)
    con = connect()
    con.register("frame_rows", _arrow(frame, [*columns.values(), *extra]))
    named = ""
    if columns.get("touchpoint") == columns.get("stage"):
        # An event without a stage stays; its touchpoint has no other name than that.
        named = f", coalesce(nullif(trim(CAST({quote(columns['stage'])} AS VARCHAR)), ''), "
        named += f"{literal(NO_STAGE)}) AS _touchpoint"
        columns["touchpoint"] = "_touchpoint"
    con.execute(
        f"CREATE TABLE raw_frame AS SELECT *{named}, 'frame' AS _file, "
        "row_number() OVER () AS _row FROM frame_rows"
    )
    con.unregister("frame_rows")
    kinds = {r[0]: r[1] for r in con.execute("DESCRIBE raw_frame").fetchall()}
    kinds = {name: kind for name, kind in kinds.items() if name not in ("_file", "_row")}
    raw = Raw("frame", "raw_frame", kinds, [])
    declared = Source(path="frame", columns=columns, time_format=time_format, reject_limit=1.0)
    found = (
        intake.check_table(con, EVENTS, [(declared, raw)], zone=timezone) if len(frame) else None
    )
    if found is None:
        con.execute(_empty())
    names = _Names(Catalogue.for_model(model), staged="stage" in columns)
    # Another unit is made from the customers’ whole store.
    make = store.code if engine == "spark" and unit == "customer" else store.build
    make(con, model, names, ties=ties, derive=False)
    _attributes(con, extra)
    notes = _with_unknown(con, found.frame() if found else None)
    if unit != "customer":
        _regroup(con, unit, model, ties, engine)
    backend: Any = ibis.duckdb.from_connection(con)
    if engine == "spark":
        from cjlab import spark_store

        backend = spark_store.take(con, spark_session(), model, unit, ties)
    return Journeys(
        backend,
        model,
        timezone,
        start=to_utc(start, timezone),
        end=to_utc(end, timezone),
        observed_until=to_utc(observed_until, timezone),
        where=where,
        view=view,
        notes=notes,
        unit=unit,
    )


def _regroup(
    con: duckdb.DuckDBPyConnection, unit: str, model: StageModel, ties: str, engine: str
) -> None:
    """Go on in a second database in memory that holds the journeys of another unit."""
    if unit not in UNITS:
        raise UserError(f'unit is "{unit}".{did_you_mean(unit, UNITS)}')
    con.execute("ATTACH ':memory:' AS by_unit")
    con.execute("USE by_unit")
    if engine == "spark":
        store.recode(con, unit, source="memory")
    else:
        store.regroup(con, unit, model, ties=ties, source="memory")


class _Names:
    """A frame's touchpoints keep their names; rules give stages only where no column does."""

    def __init__(self, catalogue: Catalogue, *, staged: bool) -> None:
        self.catalogue = catalogue
        self.staged = staged

    def resolve(self, names: list[str]) -> pd.DataFrame:
        """Resolve names as :meth:`Catalogue.resolve` does, without renaming."""
        found = self.catalogue.resolve(names).assign(touchpoint=names, channel=None)
        return found.assign(stage=None) if self.staged else found


def _check_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):
        near = did_you_mean(timezone, available_timezones())
        raise UserError(f'timezone: no time zone "{timezone}".{near}') from None


def _model(stages: str | Sequence[Any] | StageModel) -> StageModel:
    if isinstance(stages, StageModel):
        return stages
    if isinstance(stages, str):
        return StageModel.from_config(stages, "en")
    if all(isinstance(item, str) for item in stages):
        return StageModel.from_names(list(stages))
    return StageModel.from_config(list(stages), "en")


def _columns(
    frame: pd.DataFrame,
    customer: str,
    time: str,
    stage: str | None,
    touchpoint: str | None,
    channel: str | None,
) -> tuple[dict[str, str], list[str]]:
    """Map canonical columns to the frame's; return the other columns as attributes."""
    named = {"customer_id": customer, "ts": time, "touchpoint": touchpoint, "channel": channel}
    if stage is not None and (stage in frame.columns or stage != "stage" or touchpoint is None):
        named["stage"] = stage
    if touchpoint is None:
        named["touchpoint"] = "touchpoint" if "touchpoint" in frame.columns else stage
    columns = {canonical: own for canonical, own in named.items() if own is not None}
    for canonical, own in columns.items():
        if own not in frame.columns:
            raise UserError(
                f'no column "{own}" (for {canonical}) in the frame.'
                f"{did_you_mean(own, [str(c) for c in frame.columns])}"
            )
    for name in EVENTS.names:
        if name in frame.columns and name not in columns and name not in columns.values():
            columns[name] = name
    extra = [str(c) for c in frame.columns if c not in columns.values()]
    alike = {name.lower(): name for name in columns.values()}
    for name in extra:
        if alike.setdefault(name.lower(), name) != name:
            raise UserError(
                f'columns "{alike[name.lower()]}" and "{name}" differ in capitals only; rename one.'
            )
    reserved = ("unit", "customer_id", "first_ts", "_file", "_row", "_touchpoint")
    return columns, [name for name in extra if name.lower() not in reserved]


def _arrow(frame: pd.DataFrame, columns: list[str]) -> pa.Table:
    """Columns as Arrow, mixed ones as text; text is never guessed into numbers."""
    arrays = {}
    for name in dict.fromkeys(columns):
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object)
        if column.dtype == object and pd.api.types.infer_dtype(column) == "datetime":
            # As text each time keeps its own offset, or that it has none.
            column = column.map(lambda at: at.isoformat(), na_action="ignore")
        try:
            arrays[name] = pa.Array.from_pandas(column)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            text = [None if pd.isna(value) else str(value) for value in column]
            arrays[name] = pa.array(text, pa.string())
        if pa.types.is_null(arrays[name].type):
            arrays[name] = arrays[name].cast(pa.string())
    return pa.table(arrays)


def _empty() -> str:
    kinds = {"time": "TIMESTAMP", "money": "DECIMAL(18,4)", "integer": "BIGINT"}
    columns = ", ".join(f"{c.name} {kinds.get(c.kind, 'VARCHAR')}" for c in EVENTS.columns)
    return f"CREATE TABLE accepted_events ({columns}, _part INTEGER, _file VARCHAR, _row BIGINT)"


def _attributes(con: duckdb.DuckDBPyConnection, extra: list[str]) -> None:
    """Make a customers table of the columns that never change within a customer."""
    rows = "accepted_events AS event JOIN raw_frame AS raw USING (_row)"
    constant = []
    if extra:
        sizes = ", ".join(
            f"count(DISTINCT raw.{quote(name)}) AS k{i}" for i, name in enumerate(extra)
        )
        most = ", ".join(f"coalesce(max(k{i}), 0)" for i in range(len(extra)))
        row = con.execute(
            f"SELECT {most} FROM (SELECT {sizes} FROM {rows} GROUP BY event.customer_id)"
        ).fetchone()
        constant = [name for name, k in zip(extra, row or (), strict=True) if k <= 1]
    fields = "".join(f", any_value(raw.{quote(name)}) AS {quote(name)}" for name in constant)
    source = rows if constant else "accepted_events AS event"
    con.execute(
        f"CREATE TABLE customers AS SELECT event.customer_id{fields} FROM {source} GROUP BY 1"
    )
    con.execute("DROP TABLE raw_frame")


def _with_unknown(
    con: duckdb.DuckDBPyConnection, notes: pd.DataFrame | None
) -> pd.DataFrame | None:
    """Add the stage names that the model does not know to what cleaning did."""
    rows = con.execute("SELECT stage, events FROM stage_note").fetchall()
    if notes is None or not rows:
        return notes
    total = int(notes.loc[notes["effect"] == "in", "rows"].sum())
    more = pd.DataFrame(
        [
            ("events", "frame", f'unknown_stage "{name}"', "stage", n, n / total, "noted")
            for name, n in rows
        ],
        columns=notes.columns,
    )
    return pd.concat([notes, more], ignore_index=True)
