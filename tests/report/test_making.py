"""Reports made and published: the whole way, with kernels."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pandas as pd
import pytest

from cjlab import report
from cjlab.errors import ReportFailed, UserError
from cjlab.report import making, manifest, notebooks, progress, publish

FAILING = ["x = 1", "raise ValueError('first line\\nthe cause <b>')", "y = 2"]


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_report_has_all_its_parts(published: dict[str, Any]) -> None:
    run, out = published["run"], published["out"]
    assert run.exit_code == 0 and run.status == "ok"
    assert re.fullmatch(r"2026Q3_\d{8}T\d{6}Z", run.run_id) and run.path.name == run.run_id
    latest = run.path.parent / "latest"
    assert latest.is_symlink() and latest.resolve() == run.path.resolve()
    assert run.path.parent.parent == out and re.fullmatch(r"[a-z0-9-]+", run.path.parent.name)
    assert sorted(snapshot(run.path)) == [
        "01_steps.html",
        "02_hostile.html",
        "figures/funnel.png",
        "figures/hostile.png",
        "index.html",
        "manifest.json",
        "method.html",
        "privacy.json",
        "summary.json",
        *(
            f"tables/{name}.{kind}"
            for name in ("checks", "funnel", "hostile")
            for kind in ("json", "parquet")
        ),
    ]
    assert [path.name for path in run.path.parent.iterdir() if path.name.startswith(".")] == []


def test_the_manifest_vouches_for_every_file(published: dict[str, Any], tmp_path: Path) -> None:
    path = published["run"].path
    assert manifest.check(path) == []
    listed = json.loads((path / "manifest.json").read_text())
    assert set(listed["files"]) == set(snapshot(path)) - {"manifest.json"}
    assert listed["made_from"]["parameters"]["start"] == "2026-07-01T00:00:00+02:00"
    assert listed["made_from"]["facts"]["counts"][0]["rows"] == 10
    assert listed["made_from"]["suppressed"] == {"funnel": 1}
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, data in snapshot(path).items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_bytes(data)
    (copy / "index.html").write_bytes(b"x")
    (copy / "summary.json").unlink()
    (copy / "more.txt").write_bytes(b"")
    assert manifest.check(copy) == [
        "index.html was changed",
        "more.txt is not in the manifest",
        "summary.json is missing",
    ]


def test_small_cells_are_withheld_everywhere_but_in_private(published: dict[str, Any]) -> None:
    run, study = published["run"], published["study"]
    table = pd.read_parquet(run.path / "tables" / "funnel.parquet")
    rare = table.set_index("step").loc["rare"]
    assert rare["status"] == "suppressed" and pd.isna(rare["value"]) and pd.isna(rare["hits"])
    rows = json.loads((run.path / "tables" / "funnel.json").read_text())["rows"]
    assert rows[2]["value"] is None and rows[1]["value"] == 0.412
    privacy = json.loads((run.path / "privacy.json").read_text())
    assert privacy["withheld_by_table"] == {"funnel": 1} and "primary" in privacy["method"]
    private = study.private / "runs" / run.run_id
    raw = pd.read_parquet(private / "tables" / "funnel.parquet").set_index("step")
    assert raw.loc["rare", "value"] == 0.02
    assert private.stat().st_mode & 0o077 == 0
    assert (private / "tables").stat().st_mode & 0o077 == 0
    for name, data in snapshot(run.path).items():
        assert b"0.02" not in data or name.endswith((".png", ".parquet")), name


def test_headlines_stand_on_the_first_page(published: dict[str, Any]) -> None:
    run = published["run"]
    page = (run.path / "index.html").read_text(encoding="utf-8")
    assert "41.2%" in page and "95\xa0% interval 38.9–43.6, n\xa01,204" in page
    summary = json.loads((run.path / "summary.json").read_text())
    assert [item["text"] for item in summary["headlines"]] == [
        "41.2% (38.9–43.6), n\xa01,204",
        "< 10",
    ]
    assert summary["headlines"] == run.headlines
    assert summary["headlines"][0]["estimate"]["value"] == 0.412


def test_hostile_text_is_text_and_stays_in_its_folder(published: dict[str, Any]) -> None:
    run = published["run"]
    for page in run.path.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        tags = re.findall(r"<[^>]*>", re.sub(r'"[^"]*"', "", text))
        assert not any("script" in tag or "onerror" in tag for tag in tags), page.name
        assert "{{7*7}}" in text
        assert "https://example.org" not in text and "javascript:z" not in text
    assert "&lt;script&gt;alert(1)" in (run.path / "index.html").read_text(encoding="utf-8")
    table = pd.read_parquet(run.path / "tables" / "hostile.parquet")
    assert table["touchpoint"].iloc[1] == "=1+1"


def test_progress_tells_each_cell(published: dict[str, Any]) -> None:
    of_first = [event for event in published["events"] if event["notebook"] == "01_steps"]
    assert of_first[0] == {"event": "start", "notebook": "01_steps", "cells": 5}
    cells = [event["cell"] for event in of_first if event["event"] == "cell"]
    assert [name for name in cells if name.startswith("step-")] == [
        f"step-{n}" for n in range(1, 5)
    ]
    assert of_first[-1]["event"] == "end" and of_first[-1]["problem"] == ""


def test_same_input_same_bytes_and_a_failure_leaves_them(
    published: dict[str, Any], stub: ModuleType, tmp_path: Path
) -> None:
    study, books = published["study"], published["books"]
    out = tmp_path / "out"
    again = report.run(study, notebooks=books, out=out, progress=False)
    first, second = snapshot(published["run"].path), snapshot(again.path)
    dated = {"index.html", "manifest.json"}
    assert {n for n in first if first[n] != second.get(n)} <= dated
    prints = [json.loads(part["manifest.json"])["fingerprint"] for part in (first, second)]
    assert prints[0] == prints[1]

    broken = stub.notebook(tmp_path / "03_broken.ipynb", FAILING)
    with pytest.raises(ReportFailed) as failure:
        report.run(study, notebooks=[broken], out=out, progress=False)
    assert str(failure.value) == '03_broken, cell "step-2" (no. 4): ValueError: the cause <b>'
    assert snapshot(again.path) == second
    assert sorted(path.name for path in again.path.parent.iterdir()) == [again.run_id, "latest"]
    assert (again.path.parent / "latest").resolve() == again.path.resolve()
    failed = max((study.private / "failed").iterdir(), key=lambda path: path.stat().st_mtime)
    assert (failed / "cause.txt").read_text() == f"{failure.value}\n"
    assert "the cause" in (failed / "notebooks" / "03_broken.ipynb").read_text()
    assert not (study.private / "runs" / failed.name).exists()


def test_limits_broken_are_published_with_three(stub: ModuleType, tmp_path: Path) -> None:
    study = stub.StubStudy(tmp_path)
    study.limits_broken = ["events.csv: 40 % of rows rejected, limit 5 %"]
    book = stub.notebook(tmp_path / "01_done.ipynb", [stub.DONE])
    run = report.run(study, notebooks=[book], out=tmp_path / "out", progress=False)
    assert (run.exit_code, run.status) == (3, "limits_broken")
    assert "40 % of rows rejected" in (run.path / "index.html").read_text(encoding="utf-8")


def test_a_full_disk_is_one_line_and_leaves_nothing(
    stub: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "manifest.json")

    monkeypatch.setattr(manifest, "write", full)
    study = stub.StubStudy(tmp_path)
    book = stub.notebook(tmp_path / "01_done.ipynb", [stub.DONE])
    with pytest.raises(ReportFailed, match=r"nothing was published: .*No space left"):
        report.run(study, notebooks=[book], out=tmp_path / "out", progress=False)
    assert list((tmp_path / "out" / "nordic-shop").iterdir()) == []
    (failed,) = (study.private / "failed").iterdir()
    assert "No space left" in (failed / "cause.txt").read_text()


def test_bars_follow_the_events(
    published: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = published["events"]
    with progress.reporter(None) as tell:
        for event in events:
            tell(event)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.split(" (")[0] for line in lines) == ["01_steps: done", "02_hostile: done"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress.reporter(None) as tell:
        for event in [*events[:-1], {**events[-1], "problem": "[bold]broken[/]"}]:
            tell(event)
    shown = capsys.readouterr().err
    assert "6/6" in shown and "failed" in shown and "done" in shown


def test_a_second_run_fails_at_once(stub: ModuleType, tmp_path: Path) -> None:
    study = stub.StubStudy(tmp_path)
    book = stub.notebook(tmp_path / "01_done.ipynb", [stub.DONE])
    with publish.lock(study.private), pytest.raises(ReportFailed, match="another run"):
        report.run(study, notebooks=[book], out=tmp_path / "out", progress=False)
    assert study.prepared == 0
    assert list((tmp_path / "out").rglob("*.html")) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"language": "se"}, 'no language "se". Did you mean "en"?|no language "se". Valid'),
        ({"compare": "previous"}, "comparing reports"),
        ({"notebooks": ["02_jorney"]}, 'no notebook "02_jorney"'),
        ({"notebooks": []}, "at least one"),
        ({"notebooks": ["none.ipynb"]}, "no notebook at none.ipynb"),
        ({"period": "2026Q5"}, "2026Q5"),
    ],
)
def test_wrong_use_is_one_line_before_any_work(
    stub: ModuleType, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    study = stub.StubStudy(tmp_path)
    book = stub.notebook(tmp_path / "01_done.ipynb", [stub.DONE])
    arguments = {"notebooks": [book], "out": tmp_path / "out", **change}
    with pytest.raises(UserError, match=said) as error:
        report.run(study, **arguments)
    assert "\n" not in str(error.value)
    assert study.prepared == 0 and not (study.private / "runs").exists()


def test_a_page_whose_table_is_not_there_is_left_out_and_said(
    stub: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = stub.StubStudy(tmp_path)
    made = stub.notebook(tmp_path / "01_done.ipynb", [stub.DONE])
    voice = stub.notebook(tmp_path / "02_voice.ipynb", [stub.DONE], title="Voice")
    node = nbformat.read(voice, 4)
    node.metadata["cjlab"] = {"needs": ["responses"]}
    nbformat.write(node, voice)
    with pytest.raises(UserError, match=r"02_voice: needs responses; add it to study\.yaml"):
        report.run(study, notebooks=[made, voice], out=tmp_path / "out")
    monkeypatch.setattr(notebooks, "folder", lambda: tmp_path)
    run = report.run(study, out=tmp_path / "out", progress=False)
    page = (run.path / "index.html").read_text(encoding="utf-8")
    assert "Not made: “Voice”. It needs a source of responses" in page
    assert not (run.path / "02_voice.html").exists()
    study.config.sources["responses"] = [{}]
    assert making._lacking(study, notebooks.read(voice, "en")) == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        (None, "needs one cell tagged parameters, has 0"),
        ("study = 1\nstart = 2\nend = 3\nlanguage = 4\nstrat = 5", 'unknown parameter "strat"'),
        ("study = 1\nstart = 2", "lacks end, language"),
        ("study = (", "not valid Python"),
    ],
)
def test_notebooks_take_exactly_the_parameters(
    stub: ModuleType, tmp_path: Path, parameters: str | None, said: str
) -> None:
    book = stub.notebook(tmp_path / "01_x.ipynb", [stub.DONE], parameters=parameters or "x")
    if parameters is None:
        book.write_text(book.read_text().replace('"parameters"', '"other"'))
    with pytest.raises(UserError, match=said):
        report.run(stub.StubStudy(tmp_path), notebooks=[book], out=tmp_path / "out")


SCRIPT = """
    import sys
    from pathlib import Path
    import importlib.util
    spec = importlib.util.spec_from_file_location("stub", sys.argv[1])
    stub = importlib.util.module_from_spec(spec)
    sys.modules["stub"] = stub
    spec.loader.exec_module(stub)
    from cjlab import report
    from cjlab.report import making
    making._freeze_personas = lambda study, span, refit: {}
    folder = Path(sys.argv[2])
    cells = ["import os; from pathlib import Path",
             "Path(r'" + str(folder) + "/pid').write_text(str(os.getpid()))",
             "import time; time.sleep(120)"]
    book = stub.notebook(folder / "01_slow.ipynb", cells)
    report.run(stub.StubStudy(folder), notebooks=[book], out=folder / "out", progress=False)
"""


def wait_for(what: Any, seconds: float = 60) -> bool:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


def read(path: Path) -> str:
    """Return what a file says, nothing while it is not there."""
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_no_process_and_no_report(
    stub: ModuleType, tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    repo = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script), stub.__file__, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(repo)},
        stderr=subprocess.DEVNULL,
    )
    try:
        pid_file = tmp_path / "pid"
        assert wait_for(lambda: process.poll() is not None or read(pid_file))
        kernel = int(read(pid_file))
        process.send_signal(how)
        assert process.wait(20) != 0
        assert wait_for(lambda: not stub.alive(kernel), 10)
    finally:
        process.kill()
        process.wait()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["nordic-shop"]
    assert list((tmp_path / "out" / "nordic-shop").iterdir()) == []
    study = stub.StubStudy(tmp_path)
    if how is signal.SIGKILL:
        publish.sweep_runs(study.private)
    assert list((study.private / "runs").iterdir()) == []
    (failed,) = (study.private / "failed").iterdir()
    assert "stopped" in (failed / "cause.txt").read_text() or how is not signal.SIGKILL
