"""Publishing is all or nothing, whatever step it stops at."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab.errors import ReportFailed, UserError
from cjlab.report import publish


def build(stage: Path) -> None:
    (stage / "tables").mkdir()
    (stage / "tables" / "a.json").write_text("{}")
    (stage / "index.html").write_text("new")


def send(folder: Path, name: str, stop: str = "") -> Path:
    """Publish, and die at a step."""

    def step(at: str) -> None:
        if at == stop:
            raise KeyboardInterrupt

    return publish.publish(build, folder=folder, name=name, key="k", step=step)


@pytest.mark.parametrize("stop", ["stage", "sync", "rename"])
def test_a_stop_before_the_rename_leaves_the_last_report(tmp_path: Path, stop: str) -> None:
    send(tmp_path, "one")
    with pytest.raises(KeyboardInterrupt):
        send(tmp_path, "two", stop)
    assert sorted(os.listdir(tmp_path)) == ["latest", "one"]
    assert os.readlink(tmp_path / "latest") == "one"


def test_a_stop_before_latest_leaves_a_whole_report_beside_it(tmp_path: Path) -> None:
    send(tmp_path, "one")
    with pytest.raises(KeyboardInterrupt):
        send(tmp_path, "two", "latest")
    assert os.readlink(tmp_path / "latest") == "one"
    assert (tmp_path / "two" / "index.html").read_text() == "new"
    send(tmp_path, "three")
    assert os.readlink(tmp_path / "latest") == "three"


def test_a_name_is_never_published_twice(tmp_path: Path) -> None:
    first = send(tmp_path, "one")
    (first / "index.html").write_text("old")
    with pytest.raises(ReportFailed, match="exists already"):
        send(tmp_path, "one")
    assert (first / "index.html").read_text() == "old"


def test_sweeping_takes_only_what_this_study_left(tmp_path: Path) -> None:
    for name in (".stage-k-dead", ".stage-other-live", "one"):
        (tmp_path / name).mkdir()
    os.symlink("one", tmp_path / ".latest-k")
    publish.sweep(tmp_path, "k")
    assert sorted(os.listdir(tmp_path)) == [".stage-other-live", "one"]


def test_a_latest_that_is_no_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(UserError, match="is not a symlink"):
        publish.check_target(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write reports"):
        publish.check_target(tmp_path / "file")


def test_runs_that_died_are_told_from_published_ones(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    runs = {name: tmp_path / "runs" / name for name in ("died", "staged", "renamed", "published")}
    for run in runs.values():
        run.mkdir(parents=True)
    (runs["staged"] / publish.TARGET).write_text(f"{tmp_path / 'never'}\n")
    (runs["renamed"] / publish.TARGET).write_text(f"{target}\n")
    (runs["published"] / publish.PUBLISHED).write_text(f"{tmp_path / 'removed later'}\n")
    publish.sweep_runs(tmp_path)
    assert sorted(os.listdir(tmp_path / "runs")) == ["published", "renamed"]
    assert sorted(os.listdir(tmp_path / "failed")) == ["died", "staged"]
    assert (runs["renamed"] / publish.PUBLISHED).is_file()


def test_failed_runs_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for cause in ("first", "second"):
        run = tmp_path / "runs" / "r"
        run.mkdir(parents=True)
        publish.keep_failed(run, tmp_path, cause)
    kept = {path.name: (path / "cause.txt").read_text() for path in (tmp_path / "failed").iterdir()}
    assert kept == {"r": "first\n", "r-2": "second\n"}


def test_the_lock_is_free_again_after_a_run(tmp_path: Path) -> None:
    with publish.lock(tmp_path), pytest.raises(ReportFailed), publish.lock(tmp_path):
        pass
    with publish.lock(tmp_path):
        pass


@given(st.text(max_size=200))
def test_any_name_makes_one_safe_folder(name: str) -> None:
    folder = publish.slug(name)
    assert 0 < len(folder) <= 60
    assert set(folder) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not folder.startswith("-")
