"""Build what a study needs once, keep it under its private folder, and reuse it.

Everything is keyed by content: the bytes of the inputs, what the study says about them, the
stage model and the catalogue. What is built is written beside its place and moved there in
one step, so that two runs at once, or one that dies, never leave half of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cjlab import identities, intake, store
from cjlab.config import Engine, Source, StudyConfig, expand
from cjlab.engine import connect, spark_session
from cjlab.errors import CjlabError, UserError
from cjlab.reconciliation import Count, Intake
from cjlab.schema import TABLES
from cjlab.sources import find_files, open_source
from cjlab.sources.base import Raw, literal
from cjlab.stages import StageModel
from cjlab.touchpoints import Catalogue

VERSION = 7
Progress = intake.Progress


def quiet(_: str) -> None:
    """Tell nobody."""


def private_folder(folder: Path) -> Path:
    """Return the study's private folder, readable by its owner only.

    Raises
    ------
    UserError
        When it cannot be made there.
    """
    path = folder / ".cjlab"
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
        ignore = path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write beside the study in {folder}: {error.strerror}.") from None
    return path


@contextlib.contextmanager
def building(private: Path, final: Path) -> Iterator[Path | None]:
    """Yield a scratch folder to build ``final`` in, or None where it is there already.

    A second builder waits for the first and then finds the work done. The scratch folder
    becomes ``final`` in one rename, and is removed when the work fails.
    """
    final.parent.mkdir(mode=0o700, exist_ok=True)
    if final.exists():
        yield None
        return
    with open(private / "build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(final.parent)
        if final.exists():
            yield None
            return
        scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=final.parent))
        try:
            yield scratch
            os.rename(scratch, final)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what a dead builder left; only the lock's holder comes here."""
    for left in folder.glob(".building-*"):
        shutil.rmtree(left, ignore_errors=True)


def digest(path: Path) -> str:
    """Return the sha256 of a file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path.name}: cannot be read ({error.strerror}).") from None


def inputs(config: StudyConfig, folder: Path) -> list[dict[str, Any]]:
    """List the files a study reads with their sizes and hashes, in the study's order."""
    found = []
    tables = dict(config.sources)
    if config.identities is not None:
        tables["identities"] = [config.identities]
    for table, sources in tables.items():
        for source in sources:
            for path in find_files(source, folder):
                found.append(
                    {
                        "table": table,
                        "file": path.name,
                        "bytes": path.stat().st_size,
                        "sha256": digest(path),
                    }
                )
    return found


def intake_key(config: StudyConfig, files: list[dict[str, Any]], private: Path) -> str:
    """Hash everything the intake's result depends on.

    Rows refused for lying in the future come to pass: from then on the same bytes have a new
    key. What was built under the old one stays whole for those who still read it.
    """
    sources = [(table, s) for table, part in config.sources.items() for s in part]
    said = {
        "version": VERSION,
        # Both as written and with the environment's values, which only the hash may hold.
        "sources": [(t, s.model_dump(), expand(s.path or s.query or "")) for t, s in sources],
        "identities": config.identities and config.identities.model_dump(),
        "timezone": config.timezone,
        "currency": config.currency,
        "files": files,
    }
    start = json.dumps(said, sort_keys=True)
    now = datetime.now(UTC).replace(tzinfo=None)
    passed: list[str] = []
    while True:
        key = hashlib.sha256((start + "".join(passed)).encode()).hexdigest()[:20]
        due = _read(private / "intake" / key).due if (private / "intake" / key).exists() else None
        if due is None or due > now:
            return key
        passed.append(due.isoformat())


def run_intake(
    config: StudyConfig, folder: Path, private: Path, key: str, progress: Progress
) -> Intake:
    """Read and check every source, or take the result of an earlier run over the same bytes."""
    place = private / "intake" / key
    with building(private, place) as scratch:
        if scratch is not None:
            _fill_intake(config, folder, scratch, progress)
    return _read(place)


def _read(place: Path) -> Intake:
    return Intake.from_dict(json.loads((place / "intake.json").read_text(encoding="utf-8")))


def _fill_intake(config: StudyConfig, folder: Path, scratch: Path, progress: Progress) -> None:
    con = connect(scratch / "work.duckdb", memory=config.engine.memory, spill=scratch / "spill")
    found = Intake()
    now = datetime.now(UTC)
    aliases = 0
    try:
        if config.identities is not None:
            (scratch / "identities-0").mkdir()
            place = scratch / "identities-0"
            aliases = identities.read(con, config.identities, folder, place)
        for name, sources in config.sources.items():
            parts: list[tuple[Source, Raw]] = []
            for number, source in enumerate(sources):
                pieces = scratch / f"{name}-{number}"
                pieces.mkdir()
                raw = open_source(con, name, source, folder, pieces)
                if raw.label in {other.label for _, other in parts}:
                    raw.label = f"{raw.label} ({number + 1})"
                if aliases:
                    raw, rows = identities.stitched(con, raw, source)
                    known = Count(name, raw.label, "alias", "customer_id", rows, "noted")
                    found.counts += [known] if rows else []
                parts.append((source, raw))
            if parts:
                found.add(
                    intake.check_table(
                        con,
                        TABLES[name],
                        parts,
                        zone=config.timezone,
                        now=now,
                        currency=config.currency,
                        target=scratch / f"accepted_{name}.parquet",
                        progress=progress,
                    )
                )
        _one_currency(con, config)
        target = literal(scratch / "quarantine.parquet")
        con.execute(f"COPY quarantine TO {target} (FORMAT parquet, COMPRESSION zstd)")
    finally:
        con.close()
    for left in (*scratch.glob("*-[0-9]*"), *scratch.glob("work.duckdb*"), scratch / "spill"):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    text = json.dumps(found.as_dict(), indent=1)
    (scratch / "intake.json").write_text(text, encoding="utf-8")
    if not any(source.accepted for source in found.sources):
        raise UserError("no source has a single row; there is nothing to report on.")


def _one_currency(con: Any, config: StudyConfig) -> None:
    if config.currency or not store.has(con, "accepted_orders"):
        return
    rows = con.execute(
        "SELECT DISTINCT upper(trim(currency)) FROM accepted_orders "
        "WHERE currency IS NOT NULL ORDER BY 1"
    ).fetchall()
    if len(rows) > 1:
        named = ", ".join(str(row[0]) for row in rows)
        raise UserError(
            f"orders come in several currencies ({named}); say currency: in the study, and "
            "lines in another one go to quarantine."
        )


def store_key(key: str, model: StageModel, catalogue: Catalogue, derive: bool) -> str:
    """Hash everything the prepared store depends on."""
    # A source may say a stage by its label, so labels count here though the model is the same.
    labels = sorted(model.labels(model.language).items())
    said = [VERSION, key, model.hash(), labels, catalogue.hash(), derive]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:20]


def build_store(
    private: Path,
    key: str,
    intake_place: Path,
    model: StageModel,
    catalogue: Catalogue,
    *,
    derive: bool,
    engine: Engine,
    progress: Progress,
) -> Path:
    """Build the prepared store, or take the one that is there.

    Returns
    -------
    Path
        DuckDB's database file, or the folder of Parquet files that Spark's workers read.
    """
    place = private / "store" / (f"{key}-spark" if engine.kind == "spark" else key)
    with building(private, place) as scratch:
        if scratch is not None:
            progress("preparing the journeys")
            with _storing(scratch, engine, model) as con:
                for file in sorted(intake_place.glob("accepted_*.parquet")):
                    rows = f"SELECT * FROM read_parquet({literal(file)})"
                    con.execute(f"CREATE TEMP VIEW {file.stem} AS {rows}")
                make = store.code if engine.kind == "spark" else store.build
                make(con, model, catalogue, derive=derive)
    return _whole(place, engine)


def build_unit_store(
    private: Path,
    database: Path,
    unit: str,
    model: StageModel,
    *,
    engine: Engine,
    progress: Progress,
) -> Path:
    """Build the store of sessions or accounts from a customers' store, or take the one there is.

    Parameters
    ----------
    private : Path
        The study's private folder.
    database : Path
        The customers' store, as :func:`build_store` returned it.
    unit : {"session", "account"}
        What a journey belongs to.
    model : StageModel
        The model the customers' store was built with.
    engine : Engine
        Where the metrics run.
    progress : callable
        Told what is being done.

    Returns
    -------
    Path
        The database file, or Spark's folder.
    """
    spark = engine.kind == "spark"
    place = private / "store" / f"{(database if spark else database.parent).name}-{unit}"
    with building(private, place) as scratch:
        if scratch is not None:
            progress(f"preparing the journeys by {unit}")
            with _storing(scratch, engine, model, unit) as con:
                if spark:
                    from cjlab import spark_store

                    spark_store.attach(con, database, "source")
                    store.recode(con, unit, source="source")
                else:
                    con.execute(f"ATTACH {literal(database)} AS source (READ_ONLY)")
                    store.regroup(con, unit, model, source="source")
    return _whole(place, engine)


@contextlib.contextmanager
def _storing(
    scratch: Path, engine: Engine, model: StageModel, unit: str = "customer"
) -> Iterator[Any]:
    """Yield the connection to make a store's tables on; Spark goes on from the coded ones."""
    con = connect(scratch / "store.duckdb", memory=engine.memory, spill=scratch / "spill")
    try:
        yield con
        if engine.kind == "spark":
            from cjlab import spark_store

            spark_store.export(con, scratch)
    finally:
        con.close()
    shutil.rmtree(scratch / "spill", ignore_errors=True)
    if engine.kind == "spark":
        (scratch / "store.duckdb").unlink()
        spark_store.build(scratch, spark_session(engine), model, unit)


def _whole(place: Path, engine: Engine) -> Path:
    """Return where the store lies, once it is sure that it does."""
    spark = engine.kind == "spark"
    if not (place / ("event.parquet" if spark else "store.duckdb")).exists():
        raise CjlabError(f"the prepared store {place.name} is not whole; remove it and run again.")
    return place if spark else place / "store.duckdb"
