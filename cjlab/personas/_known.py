"""Facts as lines of a page: what is known of one persona, in one language."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import ibis
import pandas as pd
from ibis import _

from cjlab import messages
from cjlab.config import Authored
from cjlab.errors import UserError, did_you_mean
from cjlab.personas._facts import ALL, facts
from cjlab.personas.assign import folder_of, names
from cjlab.personas.naming import is_provisional, label, named
from cjlab.personas.sheets import Field, Item, Sheet, initial, written
from cjlab.personas.stored import features_of
from cjlab.personas.summary import profile, verdict
from cjlab.privacy import gate

QUOTES = 3
GROUPS = 3  # of one declared attribute
LINES = 5  # of one field, at most
Row = dict[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known of one persona."""

    study: Any
    persona: str
    name: str
    language: str
    provisional: bool
    table: pd.DataFrame
    quotes: list[str]
    people: Authored

    def say(self, key: str, **values: Any) -> str:
        return messages.text(f"card.{key}", self.language, **values)

    def sheet(self, kind: type[Sheet], computed: dict[str, list[Item]]) -> Any:
        """Put computed and authored lines on a page."""
        fields = tuple(self.field(key, computed.get(key, [])) for key in kind.keys)
        notes = [self.say("note", minimum=self.study.config.report.minimum_cell)]
        if any(row["metric"] == "nps" for row in self.rows("scores")):
            notes.append(self.say("trademark"))
        picture = self.people.picture or initial(self.name)
        head = (self.persona, self.name, self.study.config.name, self.language, picture)
        return kind(*head, self.provisional, fields, tuple(notes))

    def field(self, key: str, computed: list[Item]) -> Field:
        """Return a field of computed items, what people wrote after them."""
        lines = written(getattr(self.people, key, []))
        said = f"source.{key}" if computed else "" if lines else f"missing.{key}"
        source = self.say(said) if messages.has(f"card.{said}", self.language) else ""
        if not source and said.startswith("missing"):
            source = self.say("missing.authored")
        return Field(key, self.say(f"field.{key}"), (*computed, *lines), source)

    def rows(self, field: str, persona: str | None = None) -> list[Row]:
        """Return the rows of a field that hold a number."""
        table = self.table[self.table["field"] == field]
        table = table[(table["persona"] == (persona or self.persona)) & (table["status"] == "ok")]
        return cast(list[Row], table.astype(object).where(table.notna(), None).to_dict("records"))

    def everybody(self, row: Row) -> Row | None:
        """Return the same number of everybody, where other personas are in it."""
        same = ("item", "metric")
        found = [r for r in self.rows(row["field"], ALL) if all(r[k] == row[k] for k in same)]
        return found[0] if found and found[0]["n"] != row["n"] else None

    def item(self, row: Row, said: str) -> Item:
        """Turn a row into a line."""
        whole = self.everybody(row)
        base = None if whole is None else whole["value"]
        return line(row, said, self.language, base)

    def shares(self, field: str, most: int = LINES) -> list[Item]:
        """Return the largest shares."""
        found = sorted(self.rows(field), key=lambda row: (-row["value"], row["item"]))
        return [self.item(row, row["item"].replace("_", " ")) for row in found[:most]]

    def typical(self, most: int = LINES) -> list[Item]:
        """Return the touchpoints that it uses most beyond everybody."""
        rows = self.rows("touchpoints")[:most]
        called = (messages.label("touchpoint", row["item"], self.language) for row in rows)
        return [self.item(row, name) for row, name in zip(rows, called, strict=True)]

    def attributes(self, field: str) -> list[Item]:
        """Return means, medians and the largest shares of declared attributes."""
        shown: list[Item] = []
        groups: dict[str, list[Row]] = {}
        for row in self.rows(field):
            groups.setdefault(row["item"].split("\n")[0], []).append(row)
        for name, rows in sorted(groups.items()):
            human = name.replace("_", " ")
            if rows[0]["metric"] in ("mean", "median"):
                shown += [self.item(r, self.say(f"item.{r['metric']}", label=human)) for r in rows]
                continue
            for row in sorted(rows, key=lambda row: (-row["value"], row["item"]))[:GROUPS]:
                shown.append(self.item(row, f"{human}: {row['item'].partition(chr(10))[2]}"))
        return shown

    def measured(self, field: str) -> list[Item]:
        """Return every number of a field under its own name."""
        return [self.item(row, self.say(f"item.{row['item']}")) for row in self.rows(field)]

    def scores(self) -> list[Item]:
        return [self.item(row, self.score(row)) for row in self.rows("scores")]

    def score(self, row: Row) -> str:
        kind, _sign, relation = row["item"].partition("\n")
        told = messages.label("card.relation", relation, self.language)
        return self.say(f"score.{kind}", relation=told)

    def worst_step(self) -> Row | None:
        """Return the step that is left clearly more often than by the others, most of all."""
        rows = self.rows("pains")
        sure = {r["item"] for r in rows if r["metric"] == "p_adjusted" and r["value"] < 0.05}
        more = [r for r in rows if r["metric"] == "difference" and r["item"] in sure]
        worst = max(more, key=lambda row: row["value"], default=None)
        if worst is None or worst["value"] <= 0:
            return None
        return next(r for r in rows if (r["item"], r["metric"]) == (worst["item"], "dropoff"))

    def pains(self) -> list[Item]:
        worst = self.worst_step()
        if worst is None:
            return []
        step = self.study.model.display(self.language).get(worst["item"], worst["item"])
        more = next(
            row
            for row in self.rows("pains")
            if (row["item"], row["metric"]) == (worst["item"], "difference")
        )
        points = {k: 100 * more[k] for k in ("value", "low", "high")} | {"unit": "points"}
        return [
            self.item(worst, self.say("item.dropoff", step=step)),
            line(more | points, self.say("item.more"), self.language, None),
        ]

    def habits(self, most: int) -> list[Item]:
        """Return what the persona differs in most: its means beside everybody's."""
        table, _withheld = gate(profile(self.study), self.study.config.report.minimum_cell)
        features = {feature.name: feature for feature in features_of(folder_of(self.study))}
        mean, far = (table[table["metric"] == metric] for metric in ("mean", "difference"))
        far = far[(far["persona"] == self.persona) & (far["status"] == "ok")]
        # A channel that is not used is nothing done.
        rare = {name for name, one in features.items() if one.group == "channel"}
        far = far[~far["feature"].isin(rare) | (far["value"] > 0)]
        size = far.set_index("feature")["value"].abs().sort_values(ascending=False, kind="stable")
        shown = []
        for name in size.index[:most]:
            all_of_it = mean[mean["feature"] == name]
            row = all_of_it[all_of_it["persona"] == self.persona].iloc[0].to_dict()
            weights = all_of_it["n"].astype(float)
            base = None  # where one persona's mean is hidden, so is everybody's
            if weights.notna().all():
                base = float((all_of_it["value"] * weights).sum() / weights.sum())
            if row["unit"] in ("d", "money"):  # a label that says days; the study's currency
                row["unit"] = None if row["unit"] == "d" else self.study.config.currency
            said = label(named(name, features), self.language)
            shown.append(line(row, said, self.language, base))
        return shown


def known(
    study: Any, persona: str | None, language: str | None, start: Any, end: Any
) -> list[Known]:
    """Gather what is known of one persona, or of all."""
    if study.assignment is None:
        raise UserError("personas are not assigned yet; run cj.personas.frozen(study) first.")
    language = language or study.language
    called = names(study, language)
    people = study.config.personas.cards
    if unknown := people.keys() - called:
        valid = ", ".join(called) or "none"
        raise UserError(f'personas.cards: there is no persona "{min(unknown)}". Valid: {valid}.')
    if persona is not None and persona not in called:
        by_name = {name: key for key, name in called.items()}
        if persona not in by_name:
            raise UserError(f'no persona "{persona}".{did_you_mean(persona, called)}')
        persona = by_name[persona]
    if not called:
        return []
    table, said = _measured(study, study.assignment, start, end)
    jaccard = verdict(study)["jaccard"]
    return [
        Known(
            study,
            one,
            name,
            language,
            is_provisional(jaccard.get(one)),
            table,
            _worded(said.get(one, []), language),
            people.get(one, Authored()),
        )
        for one, name in called.items()
        if persona in (None, one)
    ]


@lru_cache(maxsize=4)
def _measured(study: Any, _assignment: Any, start: Any, end: Any) -> tuple[pd.DataFrame, Any]:
    """Measure once for all personas, cards and languages; another assignment is measured anew."""
    return facts(study, start, end), _quotes(study, start, end)


def line(row: Row, said: str, language: str, base: float | None) -> Item:
    """Write a number with its interval, its base and everybody's number."""
    unit = row["unit"] if isinstance(row["unit"], str) else None
    form = messages.quantity(unit)
    if unit == "points":
        form = lambda value: messages.number(value, 0)  # noqa: E731
    value, low, high = float(row["value"]), _known_limit(row["low"]), _known_limit(row["high"])
    parts: dict[str, Any] = {"n": int(row["n"])}
    shown = messages.format_value(form(value), language)
    if unit == "customers":  # a count is its own base
        return Item(said, text=shown, value=value, n=parts["n"], unit=unit)
    if low is not None and high is not None:
        scaled = messages.interval(low, high, form) if unit == "points" else None
        parts["interval"] = scaled or messages.limits(value, low, high, unit)
    said_of_it = messages.text(
        "card.basis" if low is None else "card.basis_interval", language, **parts
    )
    if base is not None:
        said_of_it = messages.text("card.base", language, text=said_of_it, value=form(base))
    return Item(said, "computed", shown, said_of_it, value, low, high, parts["n"], unit, base)


def _known_limit(limit: Any) -> float | None:
    return None if pd.isna(limit) else float(limit)


def _worded(quotes: list[str], language: str) -> list[str]:
    from cjlab.voice._quotes import worded

    return [worded(quote, language) for quote in quotes]


def _quotes(study: Any, start: Any, end: Any) -> dict[str, list[str]]:
    """A few redacted texts of each persona from customers who agreed to be quoted."""
    # Imported here: few notebooks make cards, and each would wait for all of the voice.
    from cjlab.voice import quotes

    j = study.journeys(start=start, end=end, view="customer")
    answers = j.table("responses")
    if answers is None:
        return {}
    people = j.units.filter(_.persona.notnull())
    once = people.consent.cast("string") if "consent" in people.columns else ibis.null("string")
    people = people.select("customer_id", "persona", consent=once)
    texts = answers.filter(j.within(answers.ts), answers.text.notnull())
    texts = texts.select("customer_id", "text", "language", own=texts.consent.cast("string"))
    found = texts.join(people, "customer_id").execute()
    # What an answer says of itself goes before what its customer said once.
    found["consent"] = found["own"].where(found["own"].notna(), found["consent"])
    chosen = quotes(
        found, by=["persona"], minimum=j.minimum, per_group=QUOTES, among_agreed=True
    ).table
    return {str(one): rows["quote"].to_list() for one, rows in chosen.groupby("persona")}
