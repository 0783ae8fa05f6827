"""A notebook that did not run to its end, or shows what it should not, is found out."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from cjlab import report
from cjlab.errors import ReportFailed
from cjlab.report import notebooks, runner, verify
from cjlab.report.context import Context

CASES = {
    "a_killed": (["import os, signal", "os.kill(os.getpid(), signal.SIGKILL)"], 'cell "step-2"'),
    "b_exit": (["import sys", "sys.exit(0)"], "SystemExit"),
    "c_no_end": (["x = 1"], "not cj.report.done()"),
    "d_print": (["print('customer 4711')"], "prints text"),
    "e_value": (["1 + 1"], "ends with a value"),
    "f_markup": (
        ["from IPython.display import HTML, display\ndisplay(HTML('<b>'))"],
        "not come thr",
    ),
    "g_hard_exit": (["import os\nos._exit(0)"], 'cell "step-1"'),
    "h_error": (["1 / 0"], 'cell "step-1" (no. 3): ZeroDivisionError: division by zero'),
}


@pytest.fixture(scope="module")
def results(stub: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """Run all broken notebooks and a good one, two at a time."""
    folder = tmp_path_factory.mktemp("broken")
    jobs = []
    for name, (cells, _) in {**CASES, "i_good": ([], "")}.items():
        end = [] if name == "c_no_end" else [stub.DONE]
        path = stub.notebook(folder / f"{name}.ipynb", [*cells, *end])
        stage = folder / "stage" / name
        parameters = dict.fromkeys(notebooks.PARAMETERS, 'quote " and {brace}')
        context = Context(stage, folder, name)
        jobs.append(runner.Job(notebooks.read(path, "en"), folder, stage, parameters, context))
    found = runner.execute(jobs, at_once=2, progress=lambda event: None)
    assert [result.job for result in found] == jobs
    return {result.job.notebook.name: result.problem for result in found}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_notebook_is_named_with_its_cause(
    results: dict[str, str | None], name: str
) -> None:
    problem = results[name]
    assert problem is not None and CASES[name][1] in problem
    assert "\n" not in problem


def test_a_good_notebook_has_no_problem(results: dict[str, str | None]) -> None:
    assert results["i_good"] is None


def node(*outputs: object, count: int | None = 1, last: str = "done") -> object:
    """Return an executed notebook of two cells."""
    done = new_output("display_data", {"text/plain": ""}, metadata={"cjlab": {"kind": last}})
    first = new_code_cell("x", id="first", outputs=list(outputs), execution_count=count)
    return new_notebook(cells=[first, new_code_cell("done", outputs=[done], execution_count=2)])


def test_a_cell_without_a_count_did_not_run() -> None:
    assert "did not run" in str(verify.problem(node(count=None)))
    assert verify.problem(node()) is None


def test_warnings_pass_and_are_not_shown() -> None:
    warning = new_output("stream", name="stderr", text="a warning about customer 4711")
    assert verify.problem(node(warning)) is None


def test_the_sentinel_must_be_in_the_last_cell() -> None:
    done = new_output("display_data", {"text/plain": ""}, metadata={"cjlab": {"kind": "done"}})
    assert "last cell" in str(verify.problem(node(done, last="text")))
    assert "last cell" in str(verify.problem(new_notebook()))


@pytest.mark.parametrize("kind", ["script", None])
def test_only_known_marks_pass(kind: str | None) -> None:
    html = new_output("display_data", {"text/html": "x"}, metadata={"cjlab": {"kind": kind}})
    assert "did not come through" in str(verify.problem(node(html)))


def test_two_notebooks_may_not_share_a_name(stub: ModuleType, tmp_path: Path) -> None:
    books = [stub.notebook(tmp_path / f"0{n}.ipynb", [stub.TABLE, stub.DONE]) for n in (1, 2)]
    with pytest.raises(ReportFailed, match='02: the table "funnel" is already in 01'):
        report.run(stub.StubStudy(tmp_path), notebooks=books, out=tmp_path / "out", progress=False)
    assert list((tmp_path / "out" / "nordic-shop").iterdir()) == []
