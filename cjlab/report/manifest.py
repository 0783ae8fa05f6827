"""What a report was made from, and the hash of every file in it."""

from __future__ import annotations

import hashlib
import json
import platform
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import cjlab
from cjlab.report import tables

FILE = "manifest.json"
LIBRARIES = ("duckdb", "ibis-framework", "numpy", "pandas", "pyarrow", "scipy", "scikit-learn",
             "matplotlib", "seaborn", "papermill", "pyspark")  # fmt: skip


def versions() -> dict[str, str]:
    """Return Python's version and those of the libraries that computed, where installed."""
    found = {"cjlab": cjlab.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def sha256(path: Path) -> str:
    """Return the hash of one file."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files(folder: Path) -> dict[str, str]:
    """Return the hash of every file of a report but the manifest itself."""
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path != folder / FILE
    }


def write(folder: Path, made_from: dict[str, Any], about: dict[str, Any]) -> None:
    """Write the manifest over the finished files; no time is in the fingerprint."""
    text = json.dumps(made_from, sort_keys=True, ensure_ascii=False, default=str)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    content = {"format": 1, **about, "fingerprint": fingerprint, "made_from": made_from}
    tables.write_object({**content, "files": files(folder)}, folder / FILE)


def check(folder: Path) -> list[str]:
    """Compare a published report with its manifest.

    Parameters
    ----------
    folder : Path
        A published report.

    Returns
    -------
    list of str
        One line for each file that is missing, changed or not listed; empty when it is whole.
    """
    try:
        listed = json.loads((folder / FILE).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError):
        return [f"{FILE} is missing or cannot be read"]
    found = files(folder)
    lines = [f"{name} is missing" for name in listed.keys() - found]
    lines += [f"{name} is not in the manifest" for name in found.keys() - listed]
    lines += [f"{n} was changed" for n in listed.keys() & found if listed[n] != found[n]]
    return sorted(lines)


def digest(node: Any) -> str:
    """Return the hash of what a notebook does: the sources of its cells, in order."""
    text = json.dumps([[cell.cell_type, cell.source] for cell in node.cells])
    return hashlib.sha256(text.encode()).hexdigest()
