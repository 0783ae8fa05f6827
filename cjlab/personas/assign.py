"""The frozen assignment: who is in which persona, written before any notebook starts.

The first run fits; later runs with the same persona settings score with the stored model, so
that a persona means the same from report to report. A refit is asked for explicitly.

    .cjlab/personas/<settings>/current            which model is in use
    .cjlab/personas/<settings>/<model>/           model.skops, model.json, tables
    .cjlab/personas/<settings>/<model>/assignment-<data>.parquet
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cjlab.errors import CjlabError, UserError
from cjlab.personas._features import Feature, measure
from cjlab.personas.naming import make

if TYPE_CHECKING:
    from cjlab.periods import Period
    from cjlab.personas.model import PersonaModel

VERSION = 3  # of features, pre-processing and model: a new one means new personas
TRUSTED = [
    "cjlab.personas.grouping.Nearest",
    "cjlab.personas.grouping.Neighbour",
    "cjlab.personas.levels.Levels",
    "cjlab.personas.model.PersonaModel",
    "cjlab.personas.pipeline.Prepare",
    "cjlab.personas.structure.Structure",
]
TABLES = ("curve", "profile", "stability")
NOT_SAVED = ("labels_", "_sample", *(f"{table}_" for table in TABLES))  # these lie beside
COLUMNS = ("customer_id", "persona", "confidence", "model_hash")


@dataclass(frozen=True)
class Assignment:
    """Where the frozen assignment lies, and what it holds.

    Parameters
    ----------
    path : Path
        The Parquet file: ``customer_id, persona, confidence, model_hash``.
    model_hash : str
        Content hash of the model that scored it.
    n_personas : int
        How many personas the model has.
    verdict : str
        What the search for groups came to; see `PersonaModel`.
    sizes : dict of str to int
        Customers in each persona.
    names : dict of str to str
        The name of each persona.
    refitted : bool
        Whether the model was fitted by this call.
    """

    path: Path
    model_hash: str
    n_personas: int
    verdict: str
    sizes: dict[str, int]
    names: dict[str, str]
    refitted: bool

    @property
    def model(self) -> PersonaModel | None:
        """The model behind it; None where the study has no customers with events."""
        return load(self.path.parent)


def assign(study: Any, period: Period | str | None = None, refit: bool = False) -> Assignment:
    """Place every customer in a persona and freeze the result.

    Parameters
    ----------
    study : Study
        The study; ``personas`` in its file says which features, how many, what names.
    period : Period or str, optional
        Behaviour before its end counts; by default all that was observed.
    refit : bool, default False
        Find the personas anew instead of scoring with the stored model.

    Returns
    -------
    Assignment
        ``path`` is a Parquet file with ``customer_id, persona`` (P1 is the largest when the
        model was fitted), ``confidence`` (0–1, see `PersonaModel.confidence`) and
        ``model_hash``. Customers without an event before the end are not in it.

    Raises
    ------
    UserError
        For a feature that the study does not have.
    """
    settings = study.config.personas
    home = _private(study.private / "personas" / _key(settings))
    period = study.period(period) if isinstance(period, str) else period
    end = None if period is None else period.end
    j = study.journeys(end=end, view="customer")
    folder = None if refit else _current(home)
    fitted = folder is None
    if folder is None:
        frame = measure(j, select=settings.features)
        folder = _fit(home, frame, settings.n_personas)
    else:
        frame = measure(j, like=features_of(folder))
    path = folder / f"assignment-{_digest([study.store_key(), str(j.observed_until)])}.parquet"
    table = _score(load(folder), frame, folder.name)
    _write(path, lambda temp: table.to_parquet(temp, index=False))
    sizes = table["persona"].value_counts()
    told = names_of(folder, settings.names, study.language)
    return Assignment(
        path=path,
        model_hash=folder.name,
        n_personas=len(told),
        verdict=facts_of(folder)["verdict"],
        sizes={persona: int(sizes.get(persona, 0)) for persona in told},
        names=told,
        refitted=fitted,
    )


def frozen(study: Any, period: Period | str | None = None) -> Any:
    """Return the study joined with a frozen assignment, made now where there is none yet.

    A report freezes the assignment before any notebook starts; a notebook opened by hand gets
    one here.

    Parameters
    ----------
    study : Study
        The study.
    period : Period or str, optional
        As in `assign`.

    Returns
    -------
    Study
        The same study; its journeys know each customer's persona.
    """
    if study.assignment is None:
        study.use_personas(assign(study, period).path)
    return study


def names(study: Any, language: str | None = None) -> dict[str, str]:
    """Return the name of each persona: the study's own where it gives one, else by rule.

    Parameters
    ----------
    study : Study
        With a frozen assignment.
    language : str, optional
        The study's by default.

    Returns
    -------
    dict of str to str
        ``{"P1": "mostly app, frequent"}``. Names are unique; they may hold customers' strings
        (channel names), so escape them where they are shown.
    """
    own = study.config.personas.names
    return names_of(folder_of(study), own, language or study.language)


def names_of(folder: Path, own: dict[str, str], language: str) -> dict[str, str]:
    """Name the personas of a stored model; see `names`."""
    found = pd.read_parquet(folder / "profile.parquet")
    if not len(found):
        return {}
    made = make(found, features_of(folder), language)
    told = {persona_id(code): name for code, name in made.items()}
    if unknown := own.keys() - told:
        valid = ", ".join(told)
        raise UserError(f'personas.names: there is no persona "{min(unknown)}". Valid: {valid}.')
    return told | own


def persona_id(code: int) -> str:
    """Return the id that tables use: code 0, the largest persona, is P1."""
    return f"P{code + 1}"


def folder_of(study: Any) -> Path:
    """Return the folder of the model behind the study's frozen assignment."""
    if study.assignment is None:
        raise UserError("personas are not assigned yet; run cj.personas.assign(study) first.")
    return Path(study.assignment).parent


def load(folder: Path) -> PersonaModel | None:
    """Load a stored model; only the kinds of object that our models are made of are built.

    Parameters
    ----------
    folder : Path
        A model's folder under ``.cjlab/personas``.

    Returns
    -------
    PersonaModel or None
        None where the study had no customers to fit.
    """
    if not (folder / "model.skops").exists():
        return None
    from skops import io  # half a second that only runs with personas pay

    try:
        model: PersonaModel = io.load(folder / "model.skops", trusted=TRUSTED)
    except Exception as error:
        raise CjlabError(
            f"the stored persona model in {folder} cannot be read ({type(error).__name__}); "
            "refit the personas."
        ) from error
    for table in TABLES:
        setattr(model, f"{table}_", pd.read_parquet(folder / f"{table}.parquet"))
    return model


def _fit(home: Path, frame: pd.DataFrame, n_personas: str | int) -> Path:
    """Fit a model, write all of it under its own name, then make it the current one."""
    from cjlab.personas.model import PersonaModel  # scikit-learn takes seconds to import

    model = PersonaModel(n_personas=n_personas).fit(frame).assess(frame) if len(frame) else None
    features = [asdict(feature) for feature in frame.attrs["features"]]
    facts = {"version": VERSION, "customers": len(frame), "features": features}
    if model is None:
        name = "nobody"
        tables = dict.fromkeys(TABLES, pd.DataFrame(columns=["persona", "k"]))
        facts |= {"verdict": "too_few_customers", "notes": [], "jaccard": []}
    else:
        name = model.fingerprint()
        tables = {table: getattr(model, f"{table}_") for table in TABLES}
        jaccard = [None if value != value else value for value in model.jaccard_.tolist()]
        facts |= {"verdict": model.verdict_, "notes": model.prepare_.notes_, "jaccard": jaccard}
        if model.structure_ is not None:
            facts |= {"p_value": model.structure_.p_value, "tested": model.structure_.rows}
    folder = _private(home / name)
    for table, frame in tables.items():
        _write(folder / f"{table}.parquet", partial(frame.to_parquet, index=False))
    _write(folder / "model.json", lambda temp: temp.write_text(json.dumps(facts, indent=1)))
    if model is not None:
        _save(model, folder)
    _write(home / "current", lambda temp: temp.write_text(name))
    return folder


def _save(model: PersonaModel, folder: Path) -> None:
    from skops import io

    bare = copy.copy(model)
    for attribute in NOT_SAVED:
        delattr(bare, attribute)
    _write(folder / "model.skops", lambda temp: io.dump(bare, temp))


def _score(model: PersonaModel | None, frame: pd.DataFrame, model_hash: str) -> pd.DataFrame:
    table = pd.DataFrame(index=frame.index, columns=list(COLUMNS))
    table["customer_id"], table["model_hash"] = frame.index, model_hash
    if model is not None and len(frame):
        table["persona"] = [persona_id(code) for code in model.predict(frame)]
        table["confidence"] = model.confidence(frame).round(6)
    table = table.astype(dict.fromkeys(COLUMNS, "str") | {"confidence": "float64"})
    return table.reset_index(drop=True)


def _key(settings: Any) -> str:
    """What decides the personas apart from the data; names do not."""
    wanted = settings.features
    chosen = wanted if isinstance(wanted, str) else sorted(wanted)
    return _digest([VERSION, chosen, settings.n_personas])


def _digest(parts: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


def _current(home: Path) -> Path | None:
    pointer = home / "current"
    if not pointer.exists():
        return None
    folder = home / pointer.read_text().strip()
    # A model of nobody is no model: look again now that there may be customers.
    return folder if (folder / "model.skops").exists() else None


def facts_of(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((folder / "model.json").read_text())
    return facts


def features_of(folder: Path) -> list[Feature]:
    return [Feature(**feature) for feature in facts_of(folder)["features"]]


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write(path: Path, write: Callable[[Path], Any]) -> None:
    """Write beside the target and rename: a reader sees the old file or the new, never half."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=path.suffix)
    os.close(handle)
    temp = Path(name)
    try:
        write(temp)
        os.replace(temp, path)
    finally:
        temp.unlink(missing_ok=True)
