"""One small Spark for all tests of this folder, and what the rooms want compared on it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def _load(path: Path, name: str) -> None:
    """Import a file that is no test: importlib mode puts no folder on the path."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


if "spark_nasty" not in sys.modules:
    _load(HERE / "nasty.py", "spark_nasty")
for room in sorted(HERE.parent.glob("journey/parity_*.py")):
    if f"spark_{room.stem}" not in sys.modules:
        _load(room, f"spark_{room.stem}")


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """Start a local Spark of two cores, which from_frame(engine="spark") finds active."""
    from cjlab.config import Engine
    from cjlab.engine import spark_session, stop_spark

    # Rows are few and queries many: what takes time is planning and compiling them.
    settings = {
        "spark.sql.shuffle.partitions": 2,
        "spark.sql.adaptive.enabled": False,
        "spark.sql.codegen.wholeStage": False,
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    yield spark_session(Engine(kind="spark", master="local[2]", memory="1GB", settings=settings))
    stop_spark()
