"""Publishing: everything is staged beside its place, made durable, renamed once, then `latest`."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cjlab.errors import ReportFailed, UserError

LATEST = "latest"
CAUSE = "cause.txt"
TARGET = "publishing.txt"
PUBLISHED = "published.txt"


def slug(text: str, fallback: str = "study") -> str:
    """Return a folder name for any text: small ASCII letters, digits and hyphens.

    Examples
    --------
    >>> slug("Nordic outdoor shop, Ångström & Co"), slug("../../x"), slug("日本")
    ('nordic-outdoor-shop-angstrom-co', 'x', 'study')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or fallback


@contextmanager
def lock(private: Path) -> Iterator[None]:
    """Hold the study for one run; a second run fails at once instead of waiting.

    Raises
    ------
    ReportFailed
        Another run of the study is under way.
    """
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(private / "lock", "a+", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ReportFailed(
                f"another run of this study is under way (it holds {private / 'lock'}); "
                "wait for it to end."
            ) from None
        yield


def check_target(folder: Path) -> None:
    """Refuse a target where `latest` could not be swapped, before any work is done.

    Raises
    ------
    UserError
        The folder cannot be made or written, or ``latest`` in it is not a symlink.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write reports to {folder}: {error.strerror}.") from None
    if not os.access(folder, os.W_OK):
        raise UserError(f"cannot write reports to {folder}: no permission.")
    last = folder / LATEST
    if last.exists() and not last.is_symlink():
        raise UserError(f"{last} is not a symlink; move it away, it is made by cjlab.")


def publish(
    build: Callable[[Path], None],
    *,
    folder: Path,
    name: str,
    key: str,
    step: Callable[[str], None],
) -> Path:
    """Let `build` fill a staging folder, then make it the report `name` and the latest one.

    Parameters
    ----------
    build : callable
        Writes all files of the report into the folder it is given.
    folder : Path
        The study's folder of reports; staging is in it, so that renaming is atomic.
    name : str
        The run's id, the name of the published folder.
    key : str
        Marks the study's own staging, so that what a dead run left can be swept.
    step : callable
        Told the name of each step before it is taken: stage, sync, rename, latest.

    Returns
    -------
    Path
        The published folder. Whatever fails before the rename leaves nothing behind.
    """
    stage = folder / f".stage-{key}-{name}"
    final = folder / name
    try:
        step("stage")
        stage.mkdir()
        build(stage)
        step("sync")
        sync_tree(stage)
        step("rename")
        if final.exists():
            raise ReportFailed(f"{final} exists already; nothing was published.")
        os.rename(stage, final)
        sync(folder)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    step("latest")
    point(folder, name, key)
    return final


def point(folder: Path, name: str, key: str) -> None:
    """Swap `latest` to a published run in one step."""
    waiting = folder / f".latest-{key}"
    waiting.unlink(missing_ok=True)
    os.symlink(name, waiting)
    os.replace(waiting, folder / LATEST)
    sync(folder)


def sweep(folder: Path, key: str) -> None:
    """Remove staging that an earlier run of the same study left; its lock must be held."""
    for path in folder.glob(f".stage-{key}-*"):
        shutil.rmtree(path, ignore_errors=True)
    (folder / f".latest-{key}").unlink(missing_ok=True)


def sweep_runs(private: Path) -> None:
    """Move runs that ended without a word (power cut, kill) to the failed ones."""
    runs = private / "runs"
    for run in sorted(runs.iterdir()) if runs.is_dir() else ():
        if (run / PUBLISHED).is_file() or not run.is_dir():
            continue
        note = run / TARGET
        target = note.read_text(encoding="utf-8").strip() if note.is_file() else ""
        if target and Path(target).exists():
            os.rename(note, run / PUBLISHED)
        else:
            with suppress(OSError):
                keep_failed(run, private, "the run was stopped from outside before it was done")


def keep_failed(run: Path, private: Path, cause: str) -> Path:
    """Keep a failed run's notebooks with its cause in one line, where only the owner looks."""
    failed = private / "failed"
    failed.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = (run.name if count == 1 else f"{run.name}-{count}" for count in itertools.count(1))
    place = next(failed / name for name in names if not (failed / name).exists())
    os.rename(run, place)
    with suppress(OSError):
        (place / CAUSE).write_text(cause + "\n", encoding="utf-8")
        shutil.rmtree(place / "work", ignore_errors=True)
    return place


def sync_tree(folder: Path) -> None:
    """Put every file and folder below onto the disk."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)


def sync(path: Path) -> None:
    """Put a file, or a folder's entries, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def study_key(path: Path) -> str:
    """Return a short mark of the study file's place."""
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:10]
