"""One customer under several ids: aliases are put together before anything else is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd

from cjlab.config import Source
from cjlab.errors import UserError, did_you_mean
from cjlab.rules import id_text
from cjlab.sources import open_source
from cjlab.sources.base import Raw, quote

COLUMNS = ("customer_id", "alias")


def read(con: duckdb.DuckDBPyConnection, source: Source, folder: Path, scratch: Path) -> int:
    """Make the table ``alias`` (alias, root) of a study's identities, and return its size.

    A chain (b is an alias of a, c one of b) is followed to its end.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Where the table is made.
    source : Source
        A file with the columns ``customer_id`` and ``alias``, one alias a row.
    folder, scratch : Path
        Where relative paths start, and where a reader may write.

    Returns
    -------
    int
        How many aliases there are.

    Raises
    ------
    UserError
        For a missing column, an empty cell, an alias of two customers, or a circle.
    """
    raw = open_source(con, "identities", source, folder, scratch)
    names = {name: source.columns.get(name, name) for name in COLUMNS}
    for name, own in names.items():
        if own not in raw.columns:
            hint = did_you_mean(own, raw.columns)
            raise UserError(f'{raw.label}: no column "{own}" (for {name}).{hint}')
    if raw.ragged.num_rows:
        row = raw.ragged["row"][0].as_py()
        raise UserError(f"{raw.label}: row {row} has more or fewer values than the header.")
    fields = ", ".join(
        f"{id_text(quote(own), raw.columns[own])} AS {name}" for name, own in names.items()
    )
    rows = con.execute(
        f"SELECT {fields}, _file, _row FROM {raw.relation} ORDER BY _file, _row"
    ).fetchall()
    pairs = pd.DataFrame(_roots(rows, raw.label), columns=["alias", "root"], dtype="str")
    con.register("alias_frame", pairs)
    con.execute("CREATE OR REPLACE TABLE alias AS SELECT alias, root FROM alias_frame")
    con.unregister("alias_frame")
    return len(pairs)


def _roots(
    rows: list[tuple[str | None, str | None, str, int]], label: str
) -> list[tuple[str, str]]:
    known: dict[str, str] = {}
    for customer, alias, _file, row in rows:
        if not customer or not alias:
            empty = "customer_id" if not customer else "alias"
            raise UserError(
                f"{label}: row {row}: {empty} is empty; every alias needs its customer."
            )
        if known.setdefault(alias, customer) != customer:
            raise UserError(
                f'{label}: row {row}: "{alias}" is an alias of "{known[alias]}" already, and '
                f'cannot be one of "{customer}" too; if these two are one person, make one of '
                "them an alias of the other."
            )
    found = []
    for alias in known:
        at, seen = alias, {alias}
        while at in known and known[at] != at:
            at = known[at]
            if at in seen:
                raise UserError(f'{label}: the aliases of "{alias}" go round in a circle.')
            seen.add(at)
        if at != alias:
            found.append((alias, at))
    return found


def stitched(con: duckdb.DuckDBPyConnection, raw: Raw, source: Source) -> tuple[Raw, int]:
    """Return a source with customers for aliases, and how many rows that concerned.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        Holds the table ``alias``.
    raw : Raw
        The source as found.
    source : Source
        Says which of its columns is the customer.

    Returns
    -------
    tuple of (Raw, int)
        The source itself and 0 where it names no customer.
    """
    own = source.columns.get("customer_id", "customer_id")
    if own not in raw.columns:
        return raw, 0
    column, kind = f"source.{quote(own)}", raw.columns[own]
    text = id_text(column, kind)
    # An id that is no alias is left as it came, so that the rules judge what the source says.
    plain = column if kind == "VARCHAR" else text
    relation = (
        f"(SELECT source.* REPLACE (coalesce(alias.root, {plain}) AS {quote(own)}) "
        f"FROM {raw.relation} AS source LEFT JOIN alias ON alias.alias = {text})"
    )
    row = con.execute(
        f"SELECT count(*) FROM {raw.relation} AS source JOIN alias ON alias.alias = {text}"
    ).fetchone()
    columns = {**raw.columns, own: "VARCHAR"}
    return replace(raw, relation=relation, columns=columns), (row or (0,))[0]
