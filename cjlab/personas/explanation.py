"""What makes the personas: differences, rules, typical customers, and the way to the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cjlab import messages
from cjlab.errors import UserError
from cjlab.estimates import estimates
from cjlab.personas import surrogate
from cjlab.personas._drawn import drawn
from cjlab.personas._features import Feature
from cjlab.personas.contrasts import profile
from cjlab.personas.model import PersonaModel
from cjlab.personas.naming import LEVEL, label, named
from cjlab.personas.pipeline import canonical_rows
from cjlab.personas.summary import described
from cjlab.privacy import DEFAULT_MINIMUM
from cjlab.stats import proportion

Array = NDArray[np.float64]

NEAR = 0.8  # distance to the own centre over that to the next, from which a customer is near
TELLING = 3  # features that say what parts a persona from the next
TREE_ROWS = 20_000  # trees are grown on at most so many customers


@dataclass(frozen=True)
class Explanation:
    """What makes the personas, as tables of estimates.

    Parameters
    ----------
    differences : DataFrame
        ``persona, feature`` · ``mean`` and ``difference``; see `cjlab.personas.profile`.
    rules : DataFrame
        ``persona, rule`` · ``purity`` (share of the customers whom the rule holds for that are
        in the persona) and ``coverage`` (share of the persona whom it holds for), Wilson
        intervals. A persona that no rule stands for has one null row.
    accuracy : DataFrame
        ``balanced_accuracy`` of such rules on customers they were not made from, and
        ``chance``: what guessing gives.
    exemplars : DataFrame
        ``persona, feature`` · ``mean`` of the customers nearest the persona's centre, at least
        the minimum; never of one.
    nearest : DataFrame
        ``persona, other, feature, move`` · ``difference`` (the other persona's mean minus this
        one's, in the feature's unit) and ``contribution`` (its share of the squared distance
        between the centres); ``near_border``, where feature is null, is the share of customers
        almost as near to their second persona.
    """

    differences: pd.DataFrame
    rules: pd.DataFrame
    accuracy: pd.DataFrame
    exemplars: pd.DataFrame
    nearest: pd.DataFrame


def explain(
    model: PersonaModel,
    X: pd.DataFrame,
    *,
    features: Sequence[Feature] | None = None,
    ids: Sequence[str] | None = None,
    minimum: int = DEFAULT_MINIMUM,
    language: str = "en",
) -> Explanation:
    """Say what the personas differ in, by which rules they are told apart, and what is near.

    Parameters
    ----------
    model : PersonaModel
        A fitted model.
    X : DataFrame of shape (customers, features)
        Raw features in human units, as `features` gives them; NaN is missing.
    features : sequence of Feature, optional
        Labels and units; ``X.attrs["features"]`` by default.
    ids : sequence of str, optional
        Ids of the personas in the order of their codes; ``P1, P2 …`` by default.
    minimum : int, default 10
        Customers that an average or a rule stands on at least.
    language : str, default "en"
        Language of the sentences.

    Returns
    -------
    Explanation
        Five tables. With one persona there is nothing to tell apart: null, with a note.

    Raises
    ------
    UserError
        Where X has no rows.

    Notes
    -----
    The rules are a decision tree of at most six leaves on the raw features, personas weighing
    the same; its thresholds are rounded before anything is counted. Accuracy is by five seeded
    folds. There are no p-values: the personas were made from these very features.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"days": np.repeat([0.0, 9.0], 60) + rng.normal(size=120)})
    >>> found = explain(PersonaModel().fit(X), X)
    >>> found.rules["rule"].unique().tolist()
    ['days up to 4', 'days over 4']
    """
    if not len(X):
        raise UserError("explain: there are no customers; the features have no rows.")
    given = X.attrs.get("features", []) if features is None else features
    known = {feature.name: feature for feature in given}
    columns, values = model._names(), model._ordered(X)
    # Every sum is taken in one order, whatever that of the rows.
    rows = canonical_rows(values)
    values, labels = values[rows], model.predict(X)[rows]
    scene = _Scene(
        values,
        labels,
        model.transform(X)[rows],
        [named(name, known) for name in columns],
        profile(values, labels, model.prepare_, columns),
        model,
        list(ids or [f"P{code + 1}" for code in range(model.n_personas_)]),
        minimum,
        language,
    )
    return Explanation(
        _differences(scene),
        _rules(scene),
        _accuracy(scene),
        _exemplars(scene),
        _nearest(scene),
    )


def explained(
    study: Any, *, end: str | date | datetime | None = None, language: str | None = None
) -> Explanation:
    """Say what makes the personas of a study; see `explain`.

    Parameters
    ----------
    study : Study
        With a stored persona model.
    end : str, date or datetime, optional
        Behaviour before it counts; by default all that was observed.
    language : str, optional
        The study's by default.

    Returns
    -------
    Explanation
        Of at most 50,000 customers, drawn by a hash of their ids.

    Raises
    ------
    UserError
        Personas are not assigned yet, or there are no customers.
    """
    model, ids, frame = drawn(study, end)
    if model is None:
        raise UserError("there are no customers with events, and so nothing to explain.")
    minimum = study.config.report.minimum_cell
    return explain(model, frame, ids=ids, minimum=minimum, language=language or study.language)


@dataclass(frozen=True)
class _Scene:
    """What all tables are made from; rows in canonical order."""

    X: Array
    labels: NDArray[np.int64]
    distances: Array
    features: list[Feature]
    profile: pd.DataFrame
    model: PersonaModel
    ids: list[str]
    minimum: int
    language: str

    @property
    def codes(self) -> range:
        return range(self.model.n_personas_)

    def say(self, key: str, **values: Any) -> str:
        return messages.text(f"persona.{key}", self.language, **values)

    def least(self, n: int) -> int:
        """Fewest customers that a rule may stand on."""
        return max(self.minimum, -(-n // 100))


def _differences(scene: _Scene) -> pd.DataFrame:
    ids = [scene.ids[code] for code in scene.profile["persona"]]
    units = {feature.name: feature.unit for feature in scene.features}
    return described(scene.profile.assign(persona=ids), units)


def _rules(scene: _Scene) -> pd.DataFrame:
    dims = ["persona", "rule"]
    if len(scene.codes) < 2:
        return _nothing(dims, ["purity", "coverage"])
    X, labels = scene.X, scene.labels
    some = _spread(len(X), TREE_ROWS)
    tree = surrogate.grow(X[some], labels[some], scene.least(len(some)))
    sizes = np.bincount(labels, minlength=len(scene.codes))
    lines: list[dict[str, Any]] = []
    found = sorted(surrogate.rules(tree, X), key=lambda rule: (rule.persona, -rule.n))
    for rule in found:
        hits = int((labels[rule.inside] == rule.persona).sum())
        said = _sentence(rule, scene)
        for metric, n in (("purity", rule.n), ("coverage", int(sizes[rule.persona]))):
            rate = proportion(hits, n)._asdict()
            base = {"persona": scene.ids[rule.persona], "rule": said, "metric": metric}
            lines.append(base | rate | {"n": n, "customers": n, "hits": hits})
    for code in sorted(set(scene.codes) - {rule.persona for rule in found}):
        lines += [
            {"persona": scene.ids[code], "metric": metric, "note": "no_rule"}
            for metric in ("purity", "coverage")
        ]
    frame = pd.DataFrame(lines).assign(unit="1")
    frame["of"] = frame["metric"].map({"purity": "customers_of_rule", "coverage": "customers"})
    return estimates(frame, dims)


def _sentence(rule: surrogate.Rule, scene: _Scene) -> str:
    """Join the conditions: "share of app over 46% and orders a month up to 0.5"."""
    said = ""
    for condition in rule.conditions:
        part = _condition(condition, scene)
        said = scene.say("rule.and", first=said, second=part) if said else part
    return said or scene.say("all")


def _condition(asked: surrogate.Condition, scene: _Scene) -> str:
    feature = scene.features[asked.column]
    name, form = label(feature, scene.language), _form(feature)
    low, high = np.isfinite(asked.low), np.isfinite(asked.high)
    if LEVEL in feature.name:  # of a category: 1 or 0
        return feature.name if low else scene.say("rule.not", label=feature.name)
    if asked.missing == "all":
        return scene.say("rule.unknown", label=name)
    if not (low or high):
        return scene.say("rule.known", label=name)
    if low and high:
        said = scene.say("rule.between", label=name, low=form(asked.low), high=form(asked.high))
    elif low:
        said = scene.say("rule.over", label=name, value=form(asked.low))
    else:
        nothing = asked.high == 0 and np.nanmin(scene.X[:, asked.column]) >= 0
        said = scene.say("rule.is" if nothing else "rule.upto", label=name, value=form(asked.high))
    return scene.say("rule.or_unknown", rule=said) if asked.missing == "some" else said


def _form(feature: Feature) -> Any:
    """How a value is written beside a label that names its unit already."""
    if feature.unit != "1":
        return messages.number
    return lambda value: messages.percent(value, 0 if abs(100 * value % 1) < 1e-6 else 1)


def _accuracy(scene: _Scene) -> pd.DataFrame:
    if len(scene.codes) < 2:
        return _nothing([], ["balanced_accuracy", "chance"])
    some = _spread(len(scene.X), TREE_ROWS)
    labels = scene.labels[some]
    found = surrogate.accuracy(scene.X[some], labels, scene.least)
    rows = [
        {"metric": "balanced_accuracy"} | ({} if found is None else found._asdict()),
        {"metric": "chance", "value": 1 / len(np.unique(labels))},
    ]
    n = len(some)
    return estimates(pd.DataFrame(rows).assign(n=n, customers=n, unit="1", of="customers"), [])


def _exemplars(scene: _Scene) -> pd.DataFrame:
    """Average the nearest customers of each centre; equally near ones are all taken."""
    parts = []
    for code in scene.codes:
        own = np.flatnonzero(scene.labels == code)
        apart = scene.distances[own, code].round(9)
        reach = np.sort(apart)[min(scene.minimum, len(own)) - 1] if len(own) else 0.0
        near = scene.X[own[apart <= reach]]
        n = (~np.isnan(near)).sum(axis=0)
        total = np.nansum(near, axis=0)
        mean = np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)
        # An average of fewer than the minimum would be a description of persons.
        few = len(near) < scene.minimum or n < scene.minimum
        part = pd.DataFrame({"value": np.where(few, np.nan, mean), "n": np.where(few, 0, n)})
        part["status"] = pd.Series("suppressed", part.index).where(few & (n > 0))
        part["note"] = pd.Series("small_cell", part.index).where(few & (n > 0))
        part["feature"] = [feature.name for feature in scene.features]
        part["unit"] = [feature.unit for feature in scene.features]
        parts.append(part.assign(persona=scene.ids[code]))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.assign(metric="mean", customers=frame["n"], of="nearest_customers")
    return estimates(frame, ["persona", "feature"])


def _nearest(scene: _Scene) -> pd.DataFrame:
    dims = ["persona", "other", "feature", "move"]
    if len(scene.codes) < 2:
        return _nothing(dims, ["near_border"])
    seconds = scene.distances.copy()
    everyone = np.arange(len(seconds))
    seconds[everyone, scene.labels] = np.inf
    second = seconds.argmin(axis=1)
    own, far = scene.distances[everyone, scene.labels], seconds[everyone, second]
    near = np.divide(own, far, out=np.ones_like(own), where=far > 0).round(9) >= NEAR
    lines: list[dict[str, Any]] = []
    for code in scene.codes:
        inside = scene.labels == code
        n, hits = int(inside.sum()), int(near[inside].sum())
        other = int(np.bincount(second[inside], minlength=len(scene.codes)).argmax())
        pair = {"persona": scene.ids[code], "other": scene.ids[other]}
        rate = proportion(hits, n)._asdict() | {"n": n, "customers": n, "hits": hits}
        lines.append(pair | {"metric": "near_border", "unit": "1", "of": "customers"} | rate)
        for index, weight in _contributions(scene, code, other):
            lines += [pair | line for line in _moves(scene, code, other, index, weight)]
    return estimates(pd.DataFrame(lines), dims)


def _contributions(scene: _Scene, code: int, other: int) -> list[tuple[int, float]]:
    """The features that make most of the squared distance between two centres."""
    centers = scene.model.cluster_centers_
    squares = (centers[code] - centers[other]) ** 2
    names = [feature.name for feature in scene.features]
    parts = np.zeros(len(names))
    for column, square in zip(scene.model.prepare_.columns_, squares, strict=True):
        parts[names.index(column.removesuffix(":missing"))] += square
    most = np.argsort(-parts.round(9), kind="stable")[:TELLING]
    return [(int(i), float(parts[i] / parts.sum())) for i in most if parts[i] > 0]


def _moves(scene: _Scene, code: int, other: int, index: int, weight: float) -> list[dict[str, Any]]:
    """One feature's way from a persona to another, in its unit and as part of the distance."""
    feature = scene.features[index]
    told = scene.profile[scene.profile["feature"] == feature.name].set_index("persona")
    here, there = told.reindex([code, other]).to_dict("records")
    change = there["mean"] - here["mean"]
    known = change == change
    half = np.hypot(*(side["mean_high"] - side["mean"] for side in (here, there)))
    said = _move(scene, feature, change) if known else None
    n = int(np.nan_to_num(min(here["n"], there["n"])))
    base = {"feature": feature.name, "move": said, "n": n, "customers": n}
    size = {"value": change, "low": change - half, "high": change + half} if known else {}
    note = {} if known else {"note": "no_value"}
    return [
        base | {"metric": "difference", "unit": feature.unit or None} | size | note,
        base | {"metric": "contribution", "unit": "1", "value": weight, "of": "squared_distance"},
    ]


def _move(scene: _Scene, feature: Feature, change: float) -> str:
    size = messages.number(float(f"{abs(change):.2g}"))
    if feature.unit == "1":
        points = messages.number(round(100 * abs(change)) or float(f"{100 * abs(change):.1g}"))
        size = messages.Formatted(lambda language: scene.say("points", value=points))
    key = "higher" if change > 0 else "lower"
    return scene.say(key, label=label(feature, scene.language), value=size)


def _spread(n: int, most: int) -> NDArray[np.intp]:
    """At most so many of n rows in canonical order, evenly spread over it."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp))


def _nothing(dims: list[str], metrics: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"metric": metrics, "unit": "1", "note": "one_persona"})
    return estimates(frame.assign(**dict.fromkeys(dims, None)), dims)
