"""What is built once is kept by content, whole or not at all, for its owner's eyes only."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cjlab import prepare
from cjlab.errors import UserError
from cjlab.study import Study, open_study

REPO = Path(__file__).parents[1]
ROWS = "customer_id,ts,touchpoint\n" + "".join(f"{n},2026-01-01T10:00,home\n" for n in range(50))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "e.csv").write_text(ROWS)
    said = {"name": "test", "sources": {"events": {"path": "e.csv"}}}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(said))
    return tmp_path


def prepared(folder: Path) -> Study:
    study = open_study(folder)
    study.store()
    return study


def inodes(study: Study) -> tuple[int, int]:
    return study.quarantine.stat().st_ino, study.store().stat().st_ino


def test_nothing_changed_nothing_built(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared(folder)
    told: list[str] = []
    monkeypatch.setattr(prepare, "_fill_intake", lambda *_: told.append("intake"))
    monkeypatch.setattr(prepare.store, "build", lambda *_, **__: told.append("store"))
    os.utime(folder / "e.csv")  # touched, not changed
    again = prepared(folder)
    assert (inodes(again), told) == (inodes(first), [])
    assert again.intake.as_dict() == first.intake.as_dict()


@pytest.mark.parametrize("change", ["byte", "zone", "limit", "stages", "catalogue"])
def test_what_changes_the_result_changes_its_place(folder: Path, change: str) -> None:
    first = prepared(folder)
    before = (first.quarantine, first.store())
    said = yaml.safe_load((folder / "study.yaml").read_text())
    if change == "byte":
        text = (folder / "e.csv").read_text()
        (folder / "e.csv").write_text(text.replace("49,", "48,"))
    elif change == "catalogue":
        (folder / "t.csv").write_text("pattern,match,touchpoint,stage\nhome,exact,home,awareness\n")
        said["touchpoints"] = "t.csv"
    else:
        more = {"zone": {"timezone": "Asia/Tokyo"}, "stages": {"stages": "no5"}}
        said |= more.get(change, {"sources": {"events": {"path": "e.csv", "reject_limit": 0.5}}})
    (folder / "study.yaml").write_text(yaml.safe_dump(said))
    then = prepared(folder)
    assert then.store() != before[1]
    assert (then.quarantine != before[0]) is (change in ("byte", "zone", "limit"))
    assert before[1].is_file()
    if change == "byte":
        assert then.intake.sources[0].dropped == 1


def test_the_private_folder(folder: Path) -> None:
    study = prepared(folder)
    assert stat.S_IMODE(study.private.stat().st_mode) == 0o700
    assert (study.private / ".gitignore").read_text() == "*\n"
    study.private.chmod(0o755)
    prepare.private_folder(folder)
    assert stat.S_IMODE(study.private.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".cjlab").write_text("in the way")
    with pytest.raises(UserError, match="cannot write beside the study"):
        prepare.private_folder(tmp_path)


def test_a_failed_build_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UserError("no")

    with monkeypatch.context() as patch:
        patch.setattr(prepare.store, "build", fail)
        with pytest.raises(UserError):
            prepared(folder)
    study = open_study(folder)
    assert list((study.private / "store").iterdir()) == []
    assert study.store().is_file()


OPEN = "import sys; from cjlab.study import open_study; print(open_study(sys.argv[1]).store())"
# Stops in the middle of the build, with a scratch folder half full.
HANG = """
import sys, time
from cjlab import prepare
from cjlab.study import open_study
def hang(con, *_, **__):
    print("building", flush=True)
    time.sleep(60)
prepare.store.build = hang
open_study(sys.argv[1]).store()
"""


def start(code: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": str(REPO)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_builders_at_once(folder: Path) -> None:
    builders = [start(OPEN, folder) for _ in range(2)]
    ended = [(*b.communicate(timeout=60), b.returncode) for b in builders]
    assert [(err, code) for _, err, code in ended] == [("", 0)] * 2
    assert len({out for out, _, _ in ended}) == 1
    for kind in ("intake", "store"):
        assert len(list((folder / ".cjlab" / kind).iterdir())) == 1


def test_a_killed_builder_leaves_nothing_in_the_way(folder: Path) -> None:
    victim = start(HANG, folder)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "building\n"
    left = list((folder / ".cjlab" / "store").glob(".building-*"))
    assert len(left) == 1
    waiting = start(OPEN, folder)  # waits for the lock that the victim holds
    time.sleep(1)
    assert waiting.poll() is None
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=60)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, err) == (0, "")
    assert Path(out.strip()).is_file()
    assert not left[0].exists()
    assert open_study(folder).events.count().execute() == 50


def test_a_store_that_lost_its_file(folder: Path) -> None:
    prepared(folder).store().unlink()
    with pytest.raises(Exception, match="is not whole; remove it and run again"):
        prepared(folder)
