"""The words of the samples: study files, header-only tables, and what a README must say."""

from __future__ import annotations

from typing import Final

from cjlab.samples.truth import (
    LEAST_EVENTS,
    PAIN_CSAT_MEAN,
    PAIN_DATE,
    PAIN_PERSONA,
    PERSONAS,
    STAGES,
    conversion,
    transition_matrix,
)

_RETAIL = """\
name: Nordic outdoor shop
goal: Fewer lost customers between cart and payment
scope: Private customers in Sweden, Norway, Denmark and Finland; web shop, app, stores and calls
question: Where, when and for whom do we lose orders, and what changed this quarter?
owner: CX team
review_date: 2026-12-31
timezone: Europe/Stockholm
language: en
currency: SEK
stages: sm9
observed_until: 2026-10-01        # the export ends with September
sources:
  events:
    - path: events_web.csv.gz     # web shop, app, e-mail, telephone
    - path: events_store.csv      # tills and staff in the stores
      delimiter: ";"
      encoding: cp1252
      decimal: ","
      timezone: Europe/Stockholm
      time_format: "%Y-%m-%d %H:%M:%S"
      columns: {customer_id: kundnr, ts: tidpunkt, touchpoint: händelse, value: värde}
  orders: {path: orders.csv}
  customers: {path: customers.csv}
  responses: {path: responses.csv}
  tickets: {path: tickets.csv}
touchpoints: touchpoints.csv
personas: {features: auto, n_personas: auto}
report: {period: quarter, compare: previous, minimum_cell: 10}
"""

_EMPTY = """\
# A study is this one file beside the data it names. Fill it in, then run: cjlab check study.yaml
name: My study                    # what the report is called
goal:                             # the change you want, in one line; it opens the report
scope:                            # whose journey: market, product, channels
question:                         # what the reader should be able to decide
owner:                            # the team that answers for the journey
timezone: Europe/Stockholm        # days, weeks and quarters are cut on this clock
language: en                      # en, sv, nb, da or fi
currency: SEK
stages: sm9                       # a built-in model, or a list of {id, label}
# observed_until: 2026-10-01      # where the export ends, if that is not its last row
sources:                          # one of events, orders or responses is enough
  events: {path: events.csv}      # other headings? columns: {customer_id: user, ts: event_time}
  orders: {path: orders.csv}
  customers: {path: customers.csv}    # any further column becomes an attribute
  responses: {path: responses.csv}
  tickets: {path: tickets.csv}
touchpoints: touchpoints.csv      # what your systems call things -> touchpoint and stage
personas: {features: auto, n_personas: auto}
report: {period: quarter, compare: previous, minimum_cell: 10}
"""

EMPTY: Final[dict[str, str]] = {
    "study.yaml": _EMPTY,
    "events.csv": "customer_id,ts,touchpoint,channel,device,value\n",
    "orders.csv": "customer_id,order_id,ts,value,currency,quantity\n",
    "customers.csv": "customer_id,age_band,country,segment,consent,account_id\n",
    "responses.csv": "kind,score,text,customer_id,ts,scale,touchpoint,wave,channel,"
    "invited_ts,language,relation\n",
    "tickets.csv": "customer_id,opened,first_reply,solved,channel,topic\n",
    "touchpoints.csv": "pattern,match,touchpoint,stage,channel,phase,line,owner\n"
    "order,exact,order,purchase,,during,,\n"
    "return,exact,return,post_purchase,,after,,\n",
}

HABITS: Final = {
    "app_evening": "the app, evenings, often, small baskets",
    "web_planner": "the web shop, noon on weekdays, larger baskets",
    "store_weekend": "the stores, weekends, middling baskets",
    "mail_and_phone": "e-mail and telephone, weekday mornings, seldom, largest baskets",
}


def study_yaml() -> str:
    """Return the retail sample's study file."""
    return _RETAIL


def truth_table() -> str:
    """Return the planted personas and conversions as a Markdown table."""
    lines = [
        "| persona | share | habits | intent → purchase, per event | per run "
        "| per run from the pain on |",
        "|---|---|---|---|---|---|",
    ]
    at = STAGES.index("intent")
    for p in PERSONAS:
        event = transition_matrix(p.name)[at, at + 1]
        before, after = (conversion(p.name, "intent", after=late) for late in (False, True))
        lines.append(
            f"| {p.name} | {p.share:.0%} | {HABITS[p.name]} | {event:.0%} | {before:.1%} "
            f"| {after:.1%} |"
        )
    return "\n".join(lines)


def readme(seed: int, rows: dict[str, int]) -> str:
    """Return the README of a generated study: its files, and the truth planted in it."""
    files = "\n".join(f"| {name} | {count:,} |" for name, count in rows.items())
    at, to = STAGES.index("intent"), STAGES.index("purchase")
    before, after = (transition_matrix(PAIN_PERSONA, after=late)[at, to] for late in (False, True))
    glad, sad = PAIN_CSAT_MEAN
    return f"""# Nordic outdoor shop: an invented study

Generated by `cjlab new retail` with seed {seed}; no real person or shop. Licence: CC0 1.0.
Twelve months, 2025-10-01 to 2026-09-30 in Europe/Stockholm, stage model sm9, money in SEK.

| file | rows |
|---|---|
{files}

`truth.csv` is **not an input**: it tells which persona each customer was drawn from, so that a
method can be marked. No other file holds the persona.

## The planted truth

{truth_table()}

A run is an unbroken sequence of events in one stage. The next stage depends on the present
stage and the persona only; the rows are in `cjlab.samples.truth.transition_matrix`. Orders and
returns are events of that process and stand in `orders.csv` alone. Every customer has at least
{LEAST_EVENTS} events besides orders, and everyone looks into the web shop at times.

**The pain.** From {PAIN_DATE} the payment page fails for `{PAIN_PERSONA}` only: the chance that
an intent event is followed by an order falls from {before:.0%} to {after:.0%}, `payment_error`
becomes frequent, and the mean satisfaction at `payment` falls from {glad} to {sad} of 5 (before
rounding to whole scores). Who met an error within 60 days also gives a lower relational NPS.
Nothing else changes with time.

## The planted mess

About 0.5 % exact duplicates, some rows without a customer, some with times that cannot be read
and one in the hour that the clock skipped (all are copies: the good rows are complete); an
unmapped touchpoint (`ar_viewer`); ids with leading zeros; two impossible NPS scores; one
wrongly decoded text; stores in a semicolon file, cp1252, decimal commas, local times.
"""
