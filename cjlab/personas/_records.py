"""What orders, survey answers and support tickets say of a customer.

A table that has nothing in the span gives no features; where it has some, who is not in it has
none of what is counted, which is a true zero, and nothing that a mean could be taken of.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeAlias

import numpy as np
from ibis import _
from ibis.expr.types import Table

from cjlab.personas._catalogue import CATALOGUE
from cjlab.personas._span import MONTH, Array, Found, Span, rate, ratio

YEAR = 365.0  # days
# By feature: what must not be all zero for it to be there, and its values.
Values: TypeAlias = dict[str, tuple[Array, Array]]
SCORE = r"^\s*(10|[0-9])(\.0+)?\s*$"


def measured(span: Span, tenure: Array, there: Collection[str] | None = None) -> Found:
    """Measure what the study has rows for, or what is `there`; `tenure` is in days."""
    values = {**_orders(span, tenure), **_survey(span, tenure), **_support(span, tenure)}
    if there is None:
        there = [name for name, (base, _) in values.items() if base.any()]
    return {CATALOGUE[name]: array for name, (_, array) in values.items() if name in there}


def present(span: Span) -> list[str]:
    """Name what the study has rows for: some customers alone may have none, which is a zero."""
    return [feature.name for feature in measured(span, np.ones(len(span.ids)))]


def _rows(span: Span, name: str, ts: str = "ts") -> Table | None:
    table = span.j.table(name)
    return None if table is None else table.filter(span.dated(table[ts]))


def _orders(span: Span, tenure: Array) -> Values:
    orders = _rows(span, "orders")
    if orders is None:
        return {}
    bought = orders.value > 0
    sums = {
        "orders": orders.count(where=bought),
        "returns": orders.count(where=orders.value < 0),
        "value": _money(orders.value, bought),
    }
    for name in ("quantity", "margin", "discount"):
        # What a surcharge would be is no discount.
        known = bought & (orders.discount >= 0 if name == "discount" else orders[name].notnull())
        sums[f"{name}_orders"] = orders.count(where=known)
        sums[f"{name}_value"] = _money(orders.value, known)
        sums[name] = _money(orders[name], known)
    found = span.collect(orders.group_by("customer_id").aggregate(**sums))
    n, returns, discount = found["orders"], found["returns"], found["discount"]
    return {
        "orders": (n, rate(n, tenure, MONTH)),
        "monetary": (n, ratio(found["value"], n)),
        "return_share": (returns, np.where(n > 0, ratio(returns, n + returns), np.nan)),
        "discount_share": (discount, _share(discount, found["discount_value"] + discount)),
        "items_per_order": (found["quantity"], ratio(found["quantity"], found["quantity_orders"])),
        "margin_share": (found["margin"], _share(found["margin"], found["margin_value"])),
    }


def _money(amount: Any, where: Any) -> Any:
    """Money is added exactly; only the sum becomes a float."""
    return amount.sum(where=where).cast("float64")


def _share(part: Array, whole: Array) -> Array:
    return ratio(part, whole, least=1e-9)


def _survey(span: Span, tenure: Array) -> Values:
    responses = span.j.table("responses")
    if responses is None:
        return {}
    responses = responses.filter(_.customer_id.notnull()).select(*responses.columns)
    answered = responses.score.notnull() | responses.text.notnull()
    dated = span.dated(responses.ts)
    # An answer of unknown date may lie after the end: neither it nor its invitation counts.
    invited = span.dated(responses.invited_ts) & ~(answered & responses.ts.isnull())
    columns = span.collect(
        responses.group_by("customer_id").aggregate(
            answers=responses.count(where=answered & dated),
            invited=responses.count(where=invited),
            in_vain=responses.count(where=invited & ~answered),
            replied=responses.count(where=invited & answered & dated),
        )
    )
    answers, replied, invited = (columns[name] for name in ("answers", "replied", "invited"))
    last = _last_score(span, responses.filter(dated & (responses.kind == "nps")))
    return {
        "answers": (answers, rate(answers, tenure, YEAR)),
        # An export that holds the answers only cannot tell who was asked in vain.
        "answer_share": (columns["in_vain"], ratio(replied, invited)),
        "last_score": (np.isfinite(last), last),
    }


def _last_score(span: Span, answers: Table) -> Array:
    """The last valid answer; of several at one instant their mean."""
    answers = answers.filter(answers.score.re_search(SCORE))
    score = answers.score.re_extract(SCORE, 1).cast("int64")
    answers = answers.select("customer_id", "ts", score=score)
    last = answers.group_by("customer_id").aggregate(ts=_.ts.max())
    last = answers.join(last, ["customer_id", "ts"])
    columns = span.collect(
        last.group_by("customer_id").aggregate(n=_.count(), total=_.score.sum().cast("float64"))
    )
    return ratio(columns["total"], columns["n"])


def _support(span: Span, tenure: Array) -> Values:
    tickets = _rows(span, "tickets", "opened")
    if tickets is None:
        return {}
    n = span.collect(tickets.group_by("customer_id").aggregate(n=_.count()))["n"]
    return {"tickets": (n, rate(n, tenure, YEAR))}
