"""Open the engine that metrics run on, without network and within its memory."""

from __future__ import annotations

from pathlib import Path

import duckdb

_OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def connect(
    path: Path | None = None,
    *,
    memory: str | None = None,
    read_only: bool = False,
    spill: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open DuckDB on a file, or in memory.

    Parameters
    ----------
    path : Path, optional
        Database file; in memory by default.
    memory : str, optional
        Limit such as ``"4GB"``; what does not fit spills to disk.
    read_only : bool
        For a prepared store, which never changes once it is built.
    spill : Path, optional
        Folder for what does not fit in memory.

    Returns
    -------
    duckdb.DuckDBPyConnection
        With extensions from the network off and the session's zone set to UTC.
    """
    config: dict[str, str | bool | int | float | list[str]] = {**_OFFLINE}
    if memory:
        config["memory_limit"] = memory
    if spill:
        config["temp_directory"] = str(spill)
    con = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    return con
