"""Every notebook as an analyst opens it, without the report's runner.

One kernel runs them all, emptied between two: starting seven would take longer than the notebooks.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

REPO = Path(__file__).parents[1]
NOTEBOOKS = sorted((REPO / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def kernel() -> Iterator[NotebookClient]:
    """Return a client whose kernel knows nothing of a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPO))
        for name in ("CJLAB_STAGE", "CJLAB_PRIVATE", "CJLAB_NOTEBOOK"):
            patch.delenv(name, raising=False)
        client = NotebookClient(new_notebook(), timeout=120, kernel_name="python3")
        with client.setup_kernel():
            yield client


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a copy of the sample study."""
    folder = tmp_path_factory.mktemp("notebooks") / "retail"
    ignore = shutil.ignore_patterns(".cjlab")
    shutil.copytree(REPO / "data" / "retail", folder, ignore=ignore)
    return folder / "study.yaml"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_by_hand(path: Path, study: Path, kernel: NotebookClient) -> None:
    notebook = nbformat.read(path, as_version=4)
    parameters = next(c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    parameters.source = parameters.source.replace("../data/retail/study.yaml", str(study))
    notebook.cells.insert(0, new_code_cell("%reset -f"))
    kernel.nb = notebook
    for place, cell in enumerate(notebook.cells):
        kernel.execute_cell(cell, place)
    shown = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "display_data"
    ]
    drawn = "map" if "map" in path.stem else "figure"
    assert {output.metadata["cjlab"]["kind"] for output in shown} >= {"table", drawn, "done"}
    assert not list(study.parent.glob("tables")), "an interactive notebook publishes nothing"
