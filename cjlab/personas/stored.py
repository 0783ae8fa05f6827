"""A persona model as a file, and what lies beside it: never a pickle, never half written."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjlab.errors import CjlabError, UserError
from cjlab.personas._features import Feature

if TYPE_CHECKING:
    from cjlab.personas.model import PersonaModel

#: Beside what skops itself knows to be harmless (numpy, scikit-learn, scipy).
TRUSTED = [
    "cjlab.personas.grouping.Nearest",
    "cjlab.personas.grouping.Neighbour",
    "cjlab.personas.levels.Levels",
    "cjlab.personas.model.PersonaModel",
    "cjlab.personas.pipeline.Prepare",
    "cjlab.personas.structure.Structure",
]
NOT_SAVED = ("labels_", "_sample")  # they are customers'
FILE = "model.skops"


def save(model: PersonaModel, path: str | Path) -> None:
    """Write a fitted model to one file, without the customers it was fitted on.

    Parameters
    ----------
    model : PersonaModel
        Fitted. ``labels_`` is left out; curve and profile are kept.
    path : str or Path
        File to write, such as ``personas.skops``; readable by its owner only, and replaced
        whole or not at all.

    Raises
    ------
    UserError
        There is no such folder.

    Examples
    --------
    >>> from cjlab.personas import PersonaModel
    >>> model = PersonaModel(n_personas=1).fit([[0.0], [1.0], [2.0]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder) / "personas.skops")
    ...     load(Path(folder) / "personas.skops").predict([[5.0]]).tolist()
    [0]
    """
    from skops import io  # half a second that only runs with personas pay

    path = Path(path)
    if not path.parent.is_dir():
        raise UserError(f"save: there is no folder {path.parent}; make it first.")
    bare = copy.copy(model)
    for name, value in vars(model).items():
        if name in NOT_SAVED:
            delattr(bare, name)
        elif isinstance(value, pd.DataFrame):
            setattr(bare, name, _columns(value))
    write(path, lambda temp: io.dump(bare, temp))


def load(path: str | Path) -> PersonaModel | None:
    """Read a stored model; only the kinds of object that our models are made of are built.

    Parameters
    ----------
    path : str or Path
        What `save` wrote, or a model's folder under ``.cjlab/personas``.

    Returns
    -------
    PersonaModel or None
        Predicts as the saved one, and has no ``labels_``. None for a folder whose study had no
        customers to fit.

    Raises
    ------
    UserError
        There is no such file.
    CjlabError
        The file is broken, or holds anything else than a persona model: nothing of it is run.
    """
    path = Path(path)
    if path.is_dir():
        path = path / FILE
        if not path.exists():
            return None
    if not path.exists():
        raise UserError(f"load: there is no model at {path}; save one with cj.personas.save.")
    from skops import io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        model = io.load(path, trusted=TRUSTED)
    except UntrustedTypesFoundException:
        foreign = sorted(set(io.get_untrusted_types(file=path)) - set(TRUSTED))
        raise CjlabError(
            f"the persona model in {path} is refused: it holds objects that no model of ours is "
            f"made of ({', '.join(foreign)}); refit the personas."
        ) from None
    except Exception as error:
        raise CjlabError(
            f"the persona model in {path} cannot be read ({type(error).__name__}); "
            "refit the personas."
        ) from error
    if type(model).__name__ != "PersonaModel":
        raise CjlabError(f"{path} holds a {type(model).__name__}, no persona model; refit.")
    for name, value in vars(model).items():
        if isinstance(value, dict) and value.keys() == {"columns", "dtypes"}:
            setattr(model, name, pd.DataFrame(value["columns"]).astype(value["dtypes"]))
    found: PersonaModel = model
    return found


def _columns(frame: pd.DataFrame) -> dict[str, Any]:
    """A table as plain lists, which the file format knows."""
    return {
        "columns": {
            name: frame[name].astype(object).where(frame[name].notna(), None).tolist()
            for name in frame
        },
        "dtypes": {name: str(kind) for name, kind in frame.dtypes.items()},
    }


def facts_of(folder: Path) -> dict[str, Any]:
    """Return what is known of a stored model apart from its numbers."""
    facts: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return facts


def features_of(folder: Path) -> list[Feature]:
    """Return the features of a stored model."""
    return [Feature(**feature) for feature in facts_of(folder)["features"]]


def ids_of(folder: Path) -> list[str]:
    """Return the id of each persona of a stored model, in the order of its codes."""
    ids: list[str] = facts_of(folder)["ids"]
    return ids


def private(folder: Path) -> Path:
    """Make a folder that only its owner may enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def write(path: Path, fill: Callable[[Path], Any]) -> None:
    """Write beside the target and rename: a reader sees the old file or the new, never half."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    temp = Path(name)
    try:
        fill(temp)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
