"""The frozen assignment: who is in which persona, written before any notebook starts.

The first run fits; later runs with the same persona settings score with the stored model, so
that a persona means the same from report to report. A refit is asked for explicitly.

    .cjlab/personas/<settings>/current            which model is in use
    .cjlab/personas/<settings>/<model>/           model.skops, model.json and tables, of which
                                                  matched comes with a refit
    .cjlab/personas/<settings>/<model>/assignment-<data>.parquet
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq

from cjlab.errors import CjlabError, UserError
from cjlab.personas._features import batches, measure
from cjlab.personas._match import carry, match
from cjlab.personas.naming import make
from cjlab.personas.scoring import BATCH, sample, score
from cjlab.personas.stored import FILE, facts_of, features_of, ids_of, load, private, save, write

if TYPE_CHECKING:
    from cjlab.periods import Period
    from cjlab.personas.model import PersonaModel

VERSION = 4  # of features, pre-processing, model and its files: a new one means new personas
TABLES = ("curve", "profile", "stability")  # of a model, kept beside it
MOST = 1_000_000  # customers a model is fitted on; the model itself draws from them


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
        Find the personas anew instead of scoring with the stored model. A new persona that
        shares at least half of its customers with an old one (Jaccard .5, see `match`; both
        models label today's behaviour) keeps its id and name, others get ids never used
        before; `matched` tells which.

    Returns
    -------
    Assignment
        ``path`` is a Parquet file with ``customer_id`` (sorted), ``persona`` (P1 is the
        largest when first fitted), ``confidence`` (0–1, see `PersonaModel.confidence`) and
        ``model_hash``. Customers without an event before the end are not in it.

    Raises
    ------
    UserError
        For a feature that the study does not have.
    """
    settings = study.config.personas
    home = home_of(study)
    period = study.period(period) if isinstance(period, str) else period
    j = study.journeys(end=None if period is None else period.end, view="customer")
    folder = current(home)
    fitted = refit or folder is None
    if fitted or folder is None:
        folder = _fit(home, study, j, folder)
    path = scored(study, folder, j)
    sizes = pq.read_table(path, columns=["persona"])["persona"].value_counts().to_pylist()
    found = {row["values"]: row["counts"] for row in sizes}
    told = names_of(folder, settings.names, study.language)
    return Assignment(
        path=path,
        model_hash=folder.name,
        n_personas=len(told),
        verdict=facts_of(folder)["verdict"],
        sizes={persona: found.get(persona, 0) for persona in told},
        names=told,
        refitted=fitted,
    )


def scored(study: Any, folder: Path, j: Any) -> Path:
    """Place the customers of `j` by a stored model; return the file, made whole or not at all."""
    path = _file(study, folder, j)
    model, ids = load(folder), ids_of(folder)
    frames = batches(j, features_of(folder), BATCH)
    write(path, lambda temp: score(frames, model, ids, folder.name, temp))
    return path


def placed_at(study: Any, folder: Path, period: Period) -> Path:
    """Return the file of who was where at a period's end, made now where there is none yet."""
    j = study.journeys(end=period.end, view="customer")
    path = _file(study, folder, j)
    return path if path.exists() else scored(study, folder, j)


def _file(study: Any, folder: Path, j: Any) -> Path:
    return folder / f"assignment-{_digest([study.store_key(), str(j.observed_until)])}.parquet"


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
    """Name the personas of a stored model; see `names`. What was carried over keeps its name."""
    facts = facts_of(folder)
    made = _made(folder, language)
    for persona, model in facts["carried"].items():
        if (first := folder.parent / model / "profile.parquet").exists():
            made[persona] = _made(first.parent, language)[persona]
    told: dict[str, str] = {}
    for persona in sorted(made, key=lambda persona: persona not in facts["carried"]):
        free = chain([made[persona]], (f"{made[persona]} ({number})" for number in count(2)))
        told[persona] = next(name for name in free if name not in told.values())
    if unknown := own.keys() - set(facts["used"]):
        valid = ", ".join(in_order(made))
        raise UserError(f'personas.names: there is no persona "{min(unknown)}". Valid: {valid}.')
    # A name for a persona that has vanished may stay in the study.
    return {persona: own.get(persona, told[persona]) for persona in in_order(made)}


def in_order(ids: Iterable[str]) -> list[str]:
    """P2 before P10, whatever the sizes have become."""
    return sorted(ids, key=lambda persona: int(persona.removeprefix("P")))


def _made(folder: Path, language: str) -> dict[str, str]:
    found = pd.read_parquet(folder / "profile.parquet")
    jaccard = facts_of(folder)["jaccard"]
    made = make(found, features_of(folder), language, jaccard) if len(found) else {}
    ids = ids_of(folder)
    return {ids[code]: name for code, name in made.items()}


def folder_of(study: Any) -> Path:
    """Return the folder of the model behind the study's frozen assignment, or else in use."""
    if study.assignment is not None:
        return Path(study.assignment).parent
    if (folder := current(home_of(study))) is None:
        raise UserError("personas are not assigned yet; run cj.personas.assign(study) first.")
    return folder


def home_of(study: Any) -> Path:
    """Return the folder of all models with the study's persona settings."""
    return private(study.private / "personas" / _key(study.config.personas))


def current(home: Path) -> Path | None:
    """Return the folder of the model in use."""
    pointer = home / "current"
    if not pointer.exists():
        return None
    folder = home / pointer.read_text().strip()
    # A model of nobody is no model: look again now that there may be customers.
    return folder if (folder / FILE).exists() else None


def _fit(home: Path, study: Any, j: Any, old: Path | None) -> Path:
    """Fit a model, write all of it under its own name, then make it the current one."""
    from cjlab.personas.model import PersonaModel  # scikit-learn takes seconds to import

    settings = study.config.personas
    frame = sample([measure(j, select=settings.features)], MOST)
    model = PersonaModel(n_personas=settings.n_personas) if len(frame) else None
    features = [asdict(feature) for feature in frame.attrs["features"]]
    facts = {"version": VERSION, "customers": len(frame), "features": features}
    tables = dict.fromkeys(TABLES, pd.DataFrame(columns=["persona", "k"]))
    pairs = None
    if model is None:
        name = "nobody"
        facts |= {"verdict": "too_few_customers", "notes": [], "jaccard": []}
        facts |= {"ids": [], "used": [], "carried": {}}
    else:
        model.fit(frame).assess(frame)
        tables = {table: getattr(model, f"{table}_") for table in TABLES}
        jaccard = [None if value != value else value for value in model.jaccard_.tolist()]
        facts |= {"verdict": model.verdict_, "notes": model.prepare_.notes_, "jaccard": jaccard}
        if model.structure_ is not None:
            tested, sees = model.structure_, model.structure_.sees
            facts |= {"p_value": tested.p_value, "tested": tested.rows}
            facts["sees"] = sees if sees == sees else None
        codes = pd.Series(model.labels_, frame.index)
        pairs, told = _identified(study, j, codes, old)
        name, ids = model.fingerprint(), told["ids"]
        # Which id a code has belongs to the model; the usual ids say nothing new.
        if ids != _numbered(len(ids)):
            name = _digest([name, ids])
        told["carried"] = {key: model for key, model in told["carried"].items() if model != name}
        facts |= told
    folder = private(home / name)
    for table, rows in tables.items():
        write(folder / f"{table}.parquet", partial(rows.to_parquet, index=False))
    write(folder / "model.json", lambda temp: temp.write_text(json.dumps(facts, indent=1)))
    if pairs is not None:
        write(folder / "matched.parquet", lambda temp: pairs.to_parquet(temp, index=False))
    if model is not None:
        save(model, folder / FILE)
    write(home / "current", lambda temp: temp.write_text(name))
    return folder


def _identified(
    study: Any, j: Any, codes: pd.Series, old: Path | None
) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """Match new personas with the old model's, on the same customers and behaviour."""
    usual = _numbered(codes.max() + 1)
    fresh: dict[str, Any] = {"ids": usual, "used": usual, "carried": {}}
    if old is None:
        return None, fresh
    try:
        before = pd.read_parquet(scored(study, old, j), columns=["customer_id", "persona"])
    except CjlabError:  # a refit is what heals a broken model
        return None, fresh
    facts = facts_of(old)
    pairs = match(before.set_index("customer_id")["persona"], codes)
    ids, kept = carry(pairs, facts["used"])
    pairs["b"] = pairs["b"].map(dict(enumerate(ids))).astype("str")
    # A name comes from the model that first gave the id.
    carried = {persona: facts["carried"].get(persona, old.name) for persona in kept}
    used = list(dict.fromkeys([*facts["used"], *ids]))
    return pairs, {"ids": ids, "used": used, "carried": carried}


def _numbered(personas: int) -> list[str]:
    """P1 is the largest persona."""
    return [f"P{code + 1}" for code in range(personas)]


def _key(settings: Any) -> str:
    """What decides the personas apart from the data; names do not."""
    wanted = settings.features
    chosen = wanted if isinstance(wanted, str) else sorted(wanted)
    return _digest([VERSION, chosen, settings.n_personas])


def _digest(parts: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()
