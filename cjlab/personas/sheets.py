"""One page about a persona: fields of items, each computed, authored or missing; four formats."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from jinja2 import Environment, PackageLoader, StrictUndefined

from cjlab import messages
from cjlab.config import read_card
from cjlab.errors import UserError, did_you_mean

SCHEMA = 1  # of the JSON; a new one where a key changes its meaning
FORMATS = ("html", "json", "pdf", "png")


@dataclass(frozen=True)
class Item:
    """One line of a field.

    Parameters
    ----------
    label : str
        What is measured, or what somebody wrote.
    origin : {"computed", "authored"}
        Where it comes from.
    text : str
        The number in words; empty where there is none.
    basis : str
        Its interval and base in words, and the same number of everybody.
    value, low, high : float or None
        The number and its 95% interval; null where it is withheld or has none.
    n : int or None
        Its base.
    unit : str or None
        ``1`` a share, ``points``, a currency.
    base : float or None
        The same number of everybody.
    """

    label: str
    origin: Literal["computed", "authored"] = "computed"
    text: str = ""
    basis: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str | None = None
    base: float | None = None


@dataclass(frozen=True)
class Field:
    """One part of a sheet.

    Parameters
    ----------
    key : str
        Stable name, such as ``channels``.
    label : str
        Its head, in the sheet's language.
    items : tuple of Item
        What is known; none where it is missing.
    source : str
        What the computed items come from, or why there are none.
    """

    key: str
    label: str
    items: tuple[Item, ...]
    source: str

    @property
    def origin(self) -> str:
        """``computed``, ``authored``, both with a plus, or ``missing``."""
        found = sorted({item.origin for item in self.items}, reverse=True)
        return "+".join(found) or "missing"


@dataclass(frozen=True)
class Sheet:
    """A page about one persona.

    Parameters
    ----------
    persona : str
        Its id, such as ``P1``; empty for an authored persona.
    name : str
        Its name; it may hold customers' strings.
    study : str
        The study's name; empty for an authored persona.
    language : str
        Language of labels and texts.
    picture : str
        Initials, drawn in place of a picture.
    provisional : bool
        Whether the persona is found again too seldom to be relied on.
    fields : tuple of Field
        In the order to show them.
    notes : tuple of str
        What the page has to say of its numbers.
    """

    kind: ClassVar[str] = "sheet"
    keys: ClassVar[tuple[str, ...]] = ()

    persona: str
    name: str
    study: str
    language: str
    picture: str
    provisional: bool
    fields: tuple[Field, ...]
    notes: tuple[str, ...] = ()

    def __getitem__(self, key: str) -> Field:
        """Return a field by its key."""
        found = {field.key: field for field in self.fields}
        if key not in found:
            raise UserError(f'no field "{key}".{did_you_mean(key, found)}')
        return found[key]

    def as_dict(self) -> dict[str, Any]:
        """Return what the JSON holds: plain values under stable keys.

        Returns
        -------
        dict
            ``schema, kind, persona, name, study, language, picture, provisional, notes`` and
            ``fields``: a list of ``key, label, origin, source, items``.
        """
        whole: dict[str, Any] = {"schema": SCHEMA, "kind": self.kind, **asdict(self)}
        for shown, field in zip(whole["fields"], self.fields, strict=True):
            shown["origin"] = field.origin
        return whole

    def write(self, path: str | Path) -> Path:
        """Write the page to a file; the suffix says in which format.

        Parameters
        ----------
        path : str or Path
            Ends in ``.html`` (stands alone, no script), ``.json``, ``.pdf`` or ``.png`` (one
            page, A4).

        Returns
        -------
        Path
            The file.

        Raises
        ------
        UserError
            For another suffix.
        """
        path = Path(path)
        form = path.suffix.lower().removeprefix(".")
        if form == "html":
            path.write_text(self._html("sheet.html.j2"), encoding="utf-8")
        elif form == "json":
            text = json.dumps(self.as_dict(), ensure_ascii=False, indent=1, allow_nan=False)
            path.write_text(text + "\n", encoding="utf-8")
        elif form in FORMATS:
            from cjlab.personas._page import draw  # matplotlib, which only drawings need

            draw(self, path)
        else:
            hint = did_you_mean(form, FORMATS)
            raise UserError(f'a sheet cannot be written as "{path.suffix}".{hint}')
        return path

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read what `write` wrote as JSON, or a persona that somebody wrote as YAML.

        Parameters
        ----------
        path : str or Path
            ``.json``, or ``.yaml`` with ``name``, ``language`` and lists of lines: ``goals,
            needs, motivations, pains, gains, challenges, demographics, psychographics,
            channels, thinks``.

        Returns
        -------
        Sheet
            The card or map; every field of an authored one is authored or missing.

        Raises
        ------
        UserError
            One line that names the file, the key and what would be right.
        """
        path = Path(path)
        if path.suffix.lower() != ".json":
            written = read_card(path)
            lines = written.model_dump(exclude={"name", "language", "picture"})
            fields = cls.authored(lines, written.language)
            picture = written.picture or initial(written.name)
            return cls("", written.name, "", written.language, picture, False, fields)
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            if (said.pop("schema"), said.pop("kind")) != (SCHEMA, cls.kind):
                raise KeyError("kind")
            for field in said["fields"]:
                field.pop("origin")
                field["items"] = tuple(Item(**item) for item in field["items"])
            said["fields"] = tuple(Field(**field) for field in said["fields"])
            return cls(**said | {"notes": tuple(said["notes"])})
        except FileNotFoundError:
            raise UserError(f"no persona file at {path}.") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{path.name}: is no {cls.kind} that cjlab wrote.") from None

    @classmethod
    def authored(cls, lines: dict[str, list[str]], language: str) -> tuple[Field, ...]:
        """Return the fields of a persona that somebody wrote: authored or missing."""
        missing = messages.text("card.missing.invented", language)
        return tuple(
            Field(
                key,
                messages.text(f"card.field.{key}", language),
                written(lines.get(key, [])),
                "" if lines.get(key) else missing,
            )
            for key in cls.keys
        )

    def say(self, key: str, **values: Any) -> str:
        """Return a message of the page in its language."""
        return messages.text(f"card.{key}", self.language, **values)

    def _repr_html_(self) -> str:
        return self._html("body.html.j2")

    def _html(self, template: str) -> str:
        return _templates().get_template(template).render(sheet=self)


def written(lines: list[str]) -> tuple[Item, ...]:
    """Return authored lines as items."""
    return tuple(Item(line, "authored") for line in lines)


def initial(name: str) -> str:
    """Return the first letter of a name, for the picture's place.

    Examples
    --------
    >>> initial("mostly app"), initial("<b>"), initial("")
    ('M', 'B', '?')
    """
    return next((letter.upper()[:1] for letter in name if letter.isalnum()), "?")


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("cjlab.personas"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
