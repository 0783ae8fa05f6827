"""One published report and one round of broken notebooks, made once for all tests."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HOSTILE = (
    "<script>alert(1)</script> {{7*7}} =cmd|' /C calc'!A0 $\\frac{1}{0}$ ../../x \x1b[31m &lt;"
)


@pytest.fixture(scope="session")
def stub() -> ModuleType:
    """Return tests/report/stub.py, which importlib mode does not put on the path."""
    spec = importlib.util.spec_from_file_location("report_stub", Path(__file__).parent / "stub.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report_stub"] = module
    spec.loader.exec_module(module)
    return module


HOSTILE_CELLS = """
import pandas as pd
import cjlab.report as report
from cjlab.estimates import estimates
hostile = {hostile!r}
rows = pd.DataFrame({{"touchpoint": [hostile, "=1+1", "a" * 300], "metric": ["m", hostile, "m"],
                     "value": [1.0, 2.0, 3.0], "n": 50, "customers": 50,
                     "unit": [hostile, "x", "d"], "note": hostile}})
shown = report.show("hostile", estimates(rows, ["touchpoint"]), caption=hostile,
                    labels={{hostile: hostile}}, columns={{"touchpoint": hostile}})
checks = pd.DataFrame({{hostile: [hostile, "x"], "rows": [3, 4]}})
report.show("checks", checks, kind="quality", caption=hostile)
report.say("page.next", title=hostile)
def plot(frame, title=None):
    from matplotlib import pyplot as plt
    axes = plt.subplots(figsize=(3, 2))[1]
    axes.set_title(frame["touchpoint"].iloc[0][:40])
    return axes
report.figure("hostile", plot, shown, alt=hostile + chr(34) + " onerror=alert(1)", title=hostile)
"""


@pytest.fixture(scope="session", autouse=True)
def _no_personas() -> Iterator[None]:
    """Let stub studies, which have no customers, freeze no personas."""
    from cjlab.report import making

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "_freeze_personas", lambda study, span, refit: {})
        yield


@pytest.fixture(scope="session")
def published(stub: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Publish a report with a plain and a hostile notebook."""
    from cjlab import report

    folder = tmp_path_factory.mktemp("study")
    study = stub.StubStudy(folder, name=f"Shop {HOSTILE}", goal=HOSTILE, owner=None)
    hostile = HOSTILE_CELLS.format(hostile=HOSTILE.replace("\x1b", ""))
    books = [
        stub.notebook(folder / "01_steps.ipynb"),
        stub.notebook(
            folder / "02_hostile.ipynb",
            [hostile, stub.DONE],
            title=HOSTILE.replace("\x1b", ""),
            prose="<img src=x onerror=alert(1)> ![x](https://example.org/x.png) [y](javascript:z)",
        ),
    ]
    events: list[dict[str, Any]] = []
    run = report.run(study, notebooks=books, out=folder / "out", progress=events.append)
    return {"study": study, "books": books, "run": run, "events": events, "out": folder / "out"}
