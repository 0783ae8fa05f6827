"""Every notebook as an analyst opens it: from a fresh kernel, without the report's runner."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

REPO = Path(__file__).parents[1]
NOTEBOOKS = sorted((REPO / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a copy of the sample study."""
    folder = tmp_path_factory.mktemp("notebooks") / "retail"
    ignore = shutil.ignore_patterns(".cjlab")
    shutil.copytree(REPO / "data" / "retail", folder, ignore=ignore)
    return folder / "study.yaml"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_by_hand(path: Path, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    for name in ("CJLAB_STAGE", "CJLAB_PRIVATE", "CJLAB_NOTEBOOK"):
        monkeypatch.delenv(name, raising=False)
    notebook = nbformat.read(path, as_version=4)
    parameters = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    parameters.source = parameters.source.replace("../data/retail/study.yaml", str(study))
    done = NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [
        output
        for cell in done.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "display_data"
    ]
    assert {output.metadata["cjlab"]["kind"] for output in shown} >= {"table", "figure", "done"}
    assert not list(study.parent.glob("tables")), "an interactive notebook publishes nothing"
