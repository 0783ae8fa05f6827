"""A bench for the intake: files and a study in, accepted and refused rows out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from cjlab.errors import UserError
from cjlab.study import Study, open_study

HEAD = "customer_id,ts,touchpoint\n"


class Bench:
    """Makes one small study after another in folders of their own."""

    HEAD = HEAD

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = 0

    def study(
        self,
        files: dict[str, str | bytes],
        sources: dict[str, Any] | None = None,
        **keys: Any,
    ) -> Study:
        """Write the files and a study over them; by default the first file holds the events."""
        self.made += 1
        place = self.folder / str(self.made)
        for name, content in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        said = {"name": "test", "sources": sources or {"events": {"path": next(iter(files))}}}
        place.mkdir(parents=True, exist_ok=True)
        (place / "study.yaml").write_text(yaml.safe_dump(said | keys), encoding="utf-8")
        return open_study(place)

    def events(self, rows: str | bytes, name: str = "e.csv", **source: Any) -> Study:
        """Make a study of one file of events; a text lacks the header."""
        content = HEAD + rows if isinstance(rows, str) else rows
        keys = {"timezone": source.pop("zone")} if "zone" in source else {}
        return self.study({name: content}, {"events": {"path": name, **source}}, **keys)

    def orders(self, rows: str, currency: str | None = None, **source: Any) -> Study:
        """Make a study of order lines: customer_id,ts,value."""
        text = "customer_id;ts;value\n" + rows
        keys = {"currency": currency} if currency else {}
        return self.study({"o.csv": text}, {"orders": {"path": "o.csv", **source}}, **keys)

    def accepted(self, study: Study, table: str = "events") -> pd.DataFrame:
        """Return the accepted rows of a table in the order they came in."""
        assert study.intake is not None
        file = study.quarantine.parent / f"accepted_{table}.parquet"
        return duckdb.sql(f"SELECT * FROM '{file}' ORDER BY _part, _file, _row").df()

    def ids(self, study: Study, table: str = "events") -> list[str]:
        """Return the accepted rows' customers."""
        return list(self.accepted(study, table)["customer_id"])

    def refused(self, study: Study) -> pd.DataFrame:
        """Return the quarantine, by row."""
        assert study.intake is not None
        return duckdb.sql(f"SELECT * FROM '{study.quarantine}' ORDER BY file, \"row\"").df()

    def rules(self, study: Study) -> list[tuple[int, str, Any, Any]]:
        """Return row, rule, column and value of each refused row; None where there is none."""
        frame = self.refused(study)[["row", "rule", "column", "value"]].astype(object)
        return [tuple(row) for row in frame.where(frame.notna(), None).to_numpy()]

    def notes(self, study: Study) -> dict[str, int]:
        """Return the counts of rules that only note."""
        return {c.rule: c.rows for c in study.intake.counts if c.effect == "noted"}

    def fails(self, study: Study, *parts: str) -> str:
        """Let the intake fail: one clear line that holds the parts, and nothing half-written."""
        with pytest.raises(UserError) as caught:
            assert study.intake is None
        line = str(caught.value)
        assert "\n" not in line
        missing = [part for part in parts if part not in line]
        assert not missing, line
        left = sorted(p.name for p in (study.private / "intake").glob("*"))
        assert left == []
        return line

    def parquet(self, **columns: Any) -> bytes:
        """Return the bytes of a Parquet file."""
        buffer = io.BytesIO()
        pq.write_table(pa.table({n: pa.array(v) for n, v in columns.items()}), buffer)
        return buffer.getvalue()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a fresh bench."""
    return Bench(tmp_path)
