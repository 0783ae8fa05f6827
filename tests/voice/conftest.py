"""A small study written anew for each test; and small.py as a module of its own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cjlab.study import Study, open_study

if "voice_small" not in sys.modules:
    spec = importlib.util.spec_from_file_location("voice_small", Path(__file__).parent / "small.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["voice_small"] = module
    spec.loader.exec_module(module)


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Study]:
    """Write a study from lines of responses, with events and customers where given."""

    def make(
        responses: list[str],
        events: list[str] | None = None,
        customers: list[str] | None = None,
        more: str = "",
    ) -> Study:
        sources = ["responses: {path: responses.csv}"]
        (tmp_path / "responses.csv").write_text("\n".join(responses) + "\n", encoding="utf-8")
        for name, lines in (("events", events), ("customers", customers)):
            if lines is not None:
                (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
                sources.append(f"{name}: {{path: {name}.csv}}")
        (tmp_path / "touchpoints.csv").write_text(
            "pattern,match,touchpoint,stage\n"
            "visit,exact,site,interest\nbuy,exact,checkout,purchase\nhello,exact,hello,\n"
        )
        (tmp_path / "study.yaml").write_text(
            f"{{name: Voice, goal: Hear, stages: sm9, timezone: Europe/Stockholm, {more} "
            f"touchpoints: touchpoints.csv, sources: {{{', '.join(sources)}}}}}"
        )
        return open_study(tmp_path)

    return make
