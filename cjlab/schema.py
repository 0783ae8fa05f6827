"""The five canonical tables: their columns, kinds and units.

Every reader ends here and every metric starts here. Times are instants stored in UTC,
money is ``DECIMAL(18, 4)`` in the study's currency, ids are text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "time", "money", "number", "integer", "flag"]

MONEY = "DECIMAL(18,4)"
_STORED = {"time": "TIMESTAMP", "money": MONEY, "number": "DOUBLE", "integer": "BIGINT"}


@dataclass(frozen=True)
class Column:
    """One canonical column: its name, kind, whether a row needs it, and what it holds."""

    name: str
    kind: Kind
    required: bool = False
    meaning: str = ""

    @property
    def null(self) -> str:
        """SQL of the column where no source has it."""
        return f'CAST(NULL AS {_STORED.get(self.kind, "VARCHAR")}) AS "{self.name}"'


@dataclass(frozen=True)
class Table:
    """One canonical table; ``open`` tables keep columns that the schema does not name."""

    name: str
    columns: tuple[Column, ...]
    open: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The canonical column names, required ones first."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The columns without which a row cannot be used."""
        return tuple(column.name for column in self.columns if column.required)

    def column(self, name: str) -> Column | None:
        """Return the column called ``name``, or None where the table is open to it."""
        return next((column for column in self.columns if column.name == name), None)


EVENTS = Table(
    "events",
    (
        Column("customer_id", "id", True, "who"),
        Column("ts", "time", True, "when"),
        Column("touchpoint", "text", True, "the moment of contact, as the source calls it"),
        Column("channel", "text", meaning="web, app, store, e-mail, phone …"),
        Column("account_id", "id", meaning="the account a customer belongs to (B2B)"),
        Column("value", "money", meaning="revenue in the study's currency"),
        Column("cost", "money", meaning="cost in the study's currency"),
        Column("device", "text"),
        Column("role", "text", meaning="the person's part in a decision (B2B)"),
        Column("source", "text", meaning="the system the event comes from"),
        Column("stage", "text", meaning="stage id where the source knows it"),
        Column("seq", "integer", meaning="order within one instant"),
    ),
)
ORDERS = Table(
    "orders",
    (
        Column("customer_id", "id", True),
        Column("ts", "time", True),
        Column("value", "money", True, "line or order total; negative for a return"),
        Column("order_id", "id"),
        Column("currency", "text"),
        Column("quantity", "number"),
        Column("margin", "money"),
        Column("discount", "money", meaning="what was taken off to get to the value"),
    ),
)
CUSTOMERS = Table("customers", (Column("customer_id", "id", True),), open=True)
RESPONSES = Table(
    "responses",
    (
        Column("kind", "text", True, "nps, csat, ces, kano, churn or open"),
        Column("score", "text", meaning="the answer as given; scored by cjlab.voice"),
        Column("text", "text"),
        Column("customer_id", "id"),
        Column("ts", "time"),
        Column("scale", "integer"),
        Column("touchpoint", "text"),
        Column("wave", "text"),
        Column("channel", "text"),
        Column("invited_ts", "time"),
        Column("language", "text"),
        Column("relation", "text", meaning="transactional or relational"),
        Column("consent", "text", meaning="whether the text may be quoted, where the source says"),
        Column("question", "text", meaning="which question of a survey, such as functional_1"),
        Column("respondent", "id", meaning="one filled-in survey; joins answers of nobody known"),
    ),
)
TICKETS = Table(
    "tickets",
    (
        Column("customer_id", "id", True),
        Column("opened", "time", True),
        Column("first_reply", "time"),
        Column("solved", "time"),
        Column("channel", "text"),
        Column("topic", "text"),
    ),
)
# Of no metric but a day in the life: it stands beside the canonical tables.
DIARY = Table(
    "diary",
    (
        Column("person_id", "id", True, "who writes"),
        Column("ts", "time", True, "when, with the time of day"),
        Column("activity", "text", True, "what is being done; empty: a prompt without an answer"),
        Column("place", "text"),
        Column("touchpoint", "text"),
        Column("channel", "text"),
        Column("brand", "text", meaning="whether there is contact with the brand, yes or no"),
        Column("feeling", "number", meaning="on the scale that the study names"),
        Column("thought", "text"),
        Column("minutes", "number", meaning="how long it takes"),
        Column("consent", "text", meaning="whether the thought may be quoted"),
        Column("language", "text", meaning="of the thought"),
    ),
)
TABLES: dict[str, Table] = {
    table.name: table for table in (EVENTS, ORDERS, CUSTOMERS, RESPONSES, TICKETS)
}
RESPONSE_KINDS = ("nps", "csat", "ces", "kano", "churn", "open")
