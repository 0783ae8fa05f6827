"""Sample studies: one full of planted truth, one empty; and a persona that is written."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from cjlab.errors import UserError, did_you_mean
from cjlab.samples.truth import DEFAULT_CUSTOMERS, DEFAULT_SEED, FILES

__all__ = ["SKIN_CARE", "TEMPLATES", "make"]

TEMPLATES: Final = ("retail", "empty")
#: An authored persona, for `cjlab.personas.Card.read`.
SKIN_CARE: Final = FILES / "personas" / "skin_care.yaml"
LEAST_CUSTOMERS: Final = 200


def make(
    template: str,
    folder: str | Path,
    *,
    customers: int = DEFAULT_CUSTOMERS,
    seed: int = DEFAULT_SEED,
) -> Path:
    """Write a whole study folder, or nothing.

    Parameters
    ----------
    template : {"retail", "empty"}
        ``retail`` is a year of an invented outdoor shop with planted personas and one planted
        pain; ``empty`` is a commented study.yaml with header-only tables.
    folder : str or Path
        Where to write; it must not exist yet, or be empty.
    customers : int, default 3000
        Customers of ``retail``, from 200 to 500,000; about 30 events each. ``empty`` ignores it.
    seed : int, default 20251001
        Same seed and number of customers, same bytes.

    Returns
    -------
    Path
        The study.yaml in the folder.

    Raises
    ------
    UserError
        Unknown template, a folder with something in it, or customers or seed out of range.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     make("empty", place + "/mine").name
    'study.yaml'
    """
    if template not in TEMPLATES:
        raise UserError(f'no template "{template}".{did_you_mean(template, TEMPLATES)}')
    if not LEAST_CUSTOMERS <= customers <= 500_000:
        raise UserError(f"customers is {customers}: choose {LEAST_CUSTOMERS} to 500000.")
    if seed < 0:
        raise UserError(f"seed is {seed}: choose 0 or more.")
    target = Path(folder)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UserError(f"{target} is not an empty folder; choose a new name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".cjlab-new-", dir=target.parent) as stage:
            made = Path(stage) / "study"
            made.mkdir()
            _fill(template, made, customers=customers, seed=seed)
            made.replace(target)
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror}.") from None
    return target / "study.yaml"


def _fill(template: str, folder: Path, *, customers: int, seed: int) -> None:
    if template == "empty":
        for file in (FILES / "empty").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return
    from cjlab.samples.write import retail

    retail(folder, customers=customers, seed=seed)
