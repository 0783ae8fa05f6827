"""Who the journeys belong to: the chosen units with their attributes, and what they bought."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ibis
from ibis import _
from ibis.expr.types import Table

from cjlab.errors import UserError
from cjlab.journey import _segments

if TYPE_CHECKING:
    from cjlab.journey.base import Journeys


def chosen(j: Journeys) -> Table:
    """Return the units that have begun and that ``where`` chooses; see Journeys.units."""
    unit = j.con.table("unit")
    ids = [name for name in ("account_id", "session", "customer") if name in unit.columns]
    unit = unit.select("unit", "customer_id", *ids, "first_ts")
    unit = unit.filter(unit.first_ts < j.literal(j.observed_until))
    declared = _declared(j)
    if declared is not None:
        key = "unit" if j.unit == "account" else "customer_id"
        unit = unit.left_join(declared, key).drop(f"{key}_right")
    if "customer_type" not in unit.columns:
        unit = unit.mutate(customer_type=_customer_type(j, unit))
    return unit if j.where is None else _filtered(j, unit)


def _declared(j: Journeys) -> Table | None:
    """Attributes and personas by customer, or by account."""
    customers, assigned = j.table("customers"), j.table("persona")
    if customers is not None:
        clash = {*_segments.HIDDEN, *(["persona"] if assigned is not None else [])}
        customers = customers.drop(*(clash & set(customers.columns) - {"customer_id"}))
    if assigned is not None:
        assigned = assigned.select("customer_id", "persona")
    if customers is not None and assigned is not None:
        customers = customers.outer_join(assigned, "customer_id")
        whoever = customers.customer_id.fill_null(customers.customer_id_right)
        customers = customers.mutate(customer_id=whoever).drop("customer_id_right")
    found = assigned if customers is None else customers
    return _shared(j, found) if found is not None and j.unit == "account" else found


def members(j: Journeys) -> Table:
    """Return who was seen in a journey: unit, customer, one row for each customer of a unit.

    Whoever joins an account at or after ``observed_until``, or in the buying view after its
    first purchase, is nobody of it yet.
    """
    if j.unit == "session":
        return j.con.table("member").select("unit", "customer")
    event = j.con.table("event")
    event = event.filter(event.ts < j.literal(j.observed_until))
    if j.view == "buying":
        event = until_purchase(j, event)
    return event.select("unit", "customer").distinct()


def _shared(j: Journeys, customers: Table) -> Table | None:
    """An account has an attribute where all its customers share it."""
    names = sorted(set(customers.columns) - {"customer_id"})
    customers = _segments.in_words(j, customers, names)
    member = members(j).join(j.con.table("customer"), "customer")
    member = member.select("unit", "customer_id").left_join(customers, "customer_id")
    fields = {}
    for name in names:
        value = member[name].fill_null(_segments.UNKNOWN)
        fields[name] = (value.nunique() > 1).ifelse("(several)", value.max())
    return member.group_by("unit").aggregate(**fields) if fields else None


def _customer_type(j: Journeys, unit: Table) -> Any:
    """Whether a customer came for the first time inside the period, or had before."""
    if j.start is None:
        return ibis.literal("new")
    first = unit.first_ts
    if j.unit == "session":
        first = first.min().over(ibis.window(group_by="customer_id"))
    return (first < j.literal(j.start)).ifelse("returning", "new")


def _filtered(j: Journeys, unit: Table) -> Table:
    if not isinstance(j.where, Mapping):
        try:
            return unit.filter(j.where)
        except Exception as error:  # whatever a predicate of the caller's may raise
            valid = ", ".join(c for c in unit.columns if c not in _segments.HIDDEN) or "none"
            line = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"where: {line}. Attributes of customers: {valid}.") from None
    for column, wanted in j.where.items():
        _segments.check_attribute(column, unit.columns, "where")
        several = not isinstance(wanted, str) and hasattr(wanted, "__iter__")
        values = list(wanted) if several else [wanted]
        kind = unit[column].type()
        if any(isinstance(value, str) != kind.is_string() for value in values):
            shown = ", ".join(map(repr, values))
            raise UserError(f"where: {column} is {kind}, and cannot be compared with {shown}.")
        unit = unit.filter(unit[column].isin(values))
    return unit


def until_purchase(j: Journeys, event: Table) -> Table:
    """Cut journeys at their first purchase; add its step and that of the last channel by then."""
    cut = j.con.table("unit").select("unit", "purchase_step")
    event = event.left_join(cut, "unit").drop("unit_right")
    event = event.filter(event.purchase_step.isnull() | (event.step <= event.purchase_step))
    last = event.group_by("unit").aggregate(last_channel_step=_.step.max(where=_.channel.notnull()))
    return event.left_join(last, "unit").drop("unit_right")


def purchases(j: Journeys) -> Table:
    """Return what the chosen units bought; see Journeys.purchases."""
    orders = j.table("orders")
    whole = j.unit == "customer" and j.view == "customer"
    if whole and orders is not None and orders.count().execute():
        bought = orders.filter(orders.value >= 0, orders.ts < j.literal(j.observed_until))
        bought = bought.join(j.units.select("unit", "customer_id"), "customer_id")
        return bought.select("unit", "ts", "value", customer=bought.unit)
    codes = {name: code for code, name in j.labels("source").items()}
    event = j.events
    if "orders" in codes:
        bought = event.filter(event.source == codes["orders"], event.value >= 0)
    elif j.model.purchase is None:
        raise UserError(
            "the study has no orders, and no stage of its model is the purchase; add orders "
            "under sources, or flag a stage with purchase: true."
        )
    else:
        kept = event.value.isnull() | (event.value >= 0)
        bought = event.filter(event.stage == j.model.codes[j.model.purchase], kept)
    return bought.select("unit", "customer", "step", "ts", "value")
