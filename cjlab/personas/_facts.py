"""What the data say of each persona beside everybody: one gated table for cards and maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
from ibis import _
from ibis.expr.types import Table
from scipy.special import stdtrit

from cjlab.estimates import COUNTS, NUMBERS, concat, estimates
from cjlab.journey import dropoff, dropoff_difference, observed_milestones
from cjlab.privacy import gate
from cjlab.stats import nps_interval, proportion

ALL = "*"  # stands for everybody where other rows hold a persona's id
SURE = 0.9  # confidence above which a customer's persona is called sure
LATELY = 30  # days
# No attributes to describe customers by.
NOT_TOLD = {"unit", "customer_id", "first_ts", "account_id", "consent", "persona", "customer_type"}
NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"  # with a zero in front it is a code
MANY = 100  # values of an attribute
DIMS = ["persona", "field", "item"]
DECLARED = ("demographics", "psychographics")


def facts(study: Any, start: Any = None, end: Any = None) -> pd.DataFrame:
    """Measure every persona, and everybody, in one table of estimates behind the privacy gate.

    Parameters
    ----------
    study : Study
        With a frozen assignment.
    start, end : str, date or datetime, optional
        Customers with an event in the period count, and what they did in it.

    Returns
    -------
    DataFrame
        ``persona, field, item`` · ``share``, ``mean``, ``median``, ``nps`` …; persona ``*`` is
        everybody.
    """
    j = study.journeys(start=start, end=end, view="customer")
    events = j.events.filter(j.within(j.events.ts))
    who = j.units.filter(_.persona.notnull()).semi_join(events, "unit")
    sizes = _counted(who.group_by("persona").agg(hits=_.count()).mutate(item=ibis.literal("share")))
    if not len(sizes):
        return estimates(pd.DataFrame(columns=[*DIMS, "metric"]), DIMS)
    n = sizes.set_index("persona")["hits"]
    people = sizes.assign(item="customers", value=sizes["hits"], n=sizes["hits"])
    people = people.assign(field="share", metric="customers", customers=people["n"])
    parts = [estimates(people.assign(unit="customers"), DIMS)]
    parts += [_shares("share", sizes, n[ALL]), _confidence(study)]
    parts += _attributes(who, study.config.personas.psychographics)
    for field in ("channel", "touchpoint"):
        used = events.filter(events[field].notnull()).select("unit", item=events[field]).distinct()
        labels = j.labels(field)
        hits = _counted(_hits(used.join(who.select("unit", "persona"), "unit")))
        hits["item"] = hits["item"].map(lambda code, labels=labels: labels.get(code, str(code)))
        rate = (hits["hits"] / hits["persona"].map(n).astype("float64")).rename("rate")
        everybody = rate[hits["persona"] == ALL].set_axis(hits["item"][hits["persona"] == ALL])
        # What a persona uses most beyond everybody comes first: known before a number is hidden.
        hits = hits.assign(ahead=(hits["item"].map(everybody) - rate).round(12))
        hits = hits.sort_values(["ahead", "hits", "item"], ascending=[True, False, True])
        parts.append(_shares(f"{field}s", hits.drop(columns="ahead"), hits["persona"].map(n)))
    parts += [*_value(j, who), _lately(j, events, who, n), *_scores(j, who), *_pains(study, j)]
    gated, _withheld = gate(concat(parts), j.minimum)
    return _closed(gated, j.minimum)


def _closed(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Hide what would tell a hidden number: the rest of a whole, and everybody's number."""
    values = table["item"].str.contains("\n") & table["field"].isin(DECLARED)
    for _group, rows in table[values].groupby(["persona", table["item"].str.partition("\n")[0]]):
        shown = rows[rows["status"] == "ok"].sort_values(["hits", "item"])
        while len(shown) and 0 < shown["n"].iloc[0] - shown["hits"].sum() < minimum:
            _hide(table, shown.index[:1])
            shown = shown[1:]
    sizes = table["field"] == "share"
    if (table.loc[sizes, "status"] == "suppressed").any():  # their base is the sum of all sizes
        _hide(table, table.index[sizes & (table["metric"] == "share")])
    key = table["field"] + "\n" + table["item"] + "\n" + table["metric"]
    hidden = key[table["status"] == "suppressed"]
    _hide(table, table.index[(table["persona"] == ALL) & key.isin(hidden)])
    return table


def _hide(table: pd.DataFrame, rows: Any) -> None:
    table.loc[rows, [*NUMBERS, *COUNTS]] = None
    table.loc[rows, "status"] = "suppressed"
    table.loc[rows, "note"] = "small_cell"


def _hits(table: Table) -> Table:
    return table.group_by("persona", "item").agg(hits=_.count())


def _counted(table: Table) -> pd.DataFrame:
    """Counts by persona and item, those of everybody added."""
    found = table.execute()
    return _with_all(found[["persona", "item", "hits"]], ["item"])


def _with_all(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    everybody = found.groupby(keys, as_index=False, dropna=False).sum(numeric_only=True)
    return pd.concat([found, everybody.assign(persona=ALL)], ignore_index=True)


def _shares(field: str, hits: pd.DataFrame, n: Any, metric: str = "share") -> pd.DataFrame:
    """Shares of customers with Wilson intervals."""
    base = np.broadcast_to(np.asarray(n, dtype=float), len(hits))
    rate = proportion(hits["hits"], base)._asdict()
    frame = hits.assign(field=field, metric=metric, **rate, n=base, customers=base, unit="1")
    return estimates(frame.assign(of="customers"), DIMS)


def _means(field: str, sums: pd.DataFrame, unit: str | None) -> pd.DataFrame:
    """Means over customers with t intervals, from n, total and sum of squares."""
    n = sums["n"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums["total"].to_numpy(dtype=float) / n
        spread = np.maximum(sums["squares"].to_numpy(dtype=float) / n - mean**2, 0) / (n - 1)
        # Customers who are all alike do not show how far others may be.
        half = stdtrit(np.maximum(n - 1, 1), 0.975) * np.sqrt(np.where(spread > 0, spread, np.nan))
    frame = sums[["persona", "item", "n"]].assign(
        field=field, metric="mean", value=mean, low=mean - half, high=mean + half
    )
    return estimates(frame.assign(customers=frame["n"], unit=unit, of="customers"), DIMS)


def _confidence(study: Any) -> pd.DataFrame:
    placed = pd.read_parquet(study.assignment, columns=["persona", "confidence"])
    placed = placed.assign(item="sure", hits=placed["confidence"] > SURE)
    placed = placed.assign(n=1, total=placed["confidence"], squares=placed["confidence"] ** 2)
    found = placed.groupby(["persona", "item"], as_index=False)[["n", "total", "squares", "hits"]]
    sums = _with_all(found.sum(), ["item"])
    mean = _means("confidence", sums.assign(item="certainty"), "1")
    mean[["low", "high"]] = mean[["low", "high"]].clip(0, 1)
    return concat([mean, _shares("confidence", sums[["persona", "item", "hits"]], sums["n"])])


def _attributes(who: Table, attitudes: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Declared attributes: means and medians of numbers, shares of values."""
    for name, is_number in _declared(who).items():
        field = DECLARED[name in attitudes]
        known = who.filter(who[name].notnull()).mutate(item=who[name])
        if is_number:
            number = known.item.cast("float64")
            sums = known.group_by("persona").agg(
                n=_.count(), total=number.sum(), squares=(number * number).sum()
            )
            found = sums.execute().assign(item=name)
            yield _means(field, _with_all(found, ["item"]), None)
            middle = known.group_by("persona").agg(value=number.quantile(0.5), n=_.count())
            frame = middle.execute().assign(field=field, item=name, metric="median")
            yield estimates(frame.assign(customers=frame["n"], of="customers"), DIMS)
        else:
            hits = _counted(_hits(known.mutate(item=known.item.cast("string"))))
            n = hits.groupby("persona")["hits"].transform("sum")
            # Two parts, so that a value cannot be taken for another attribute's.
            hits["item"] = name + "\n" + hits["item"].astype("str")
            yield _shares(field, hits, n)


def _declared(who: Table) -> dict[str, bool]:
    """The attributes that groups of customers can share, and whether they hold numbers only.

    Sources give numbers as text. Text of many values is a name, an address or the like.
    """
    names = [
        name
        for name, kind in who.schema().items()
        if name not in NOT_TOLD and not name.lower().endswith("_id") and not kind.is_temporal()
    ]
    if not names:
        return {}
    texts = {name: who[name].cast("string") for name in names}
    odd = {f"{name} odd": (~text.re_search(NUMBER)).sum() for name, text in texts.items()}
    many = {f"{name} many": text.nunique() for name, text in texts.items()}
    found = who.aggregate(**odd, **many).execute().iloc[0]
    numbers = {
        name: who[name].type().is_numeric() or bool(found[f"{name} odd"] == 0) for name in names
    }
    return {
        name: is_number
        for name, is_number in numbers.items()
        if is_number or found[f"{name} many"] <= MANY
    }


def _value(j: Any, who: Table) -> Iterator[pd.DataFrame]:
    """Orders and revenue of each customer, nothing for who bought nothing."""
    if j.table("orders") is None and j.model.purchase is None:
        return
    recorded = j.purchases.aggregate(n=_.count(), valued=_.value.count()).execute().iloc[0]
    if not recorded["n"]:
        return  # a study that records no purchase does not say that nobody bought
    bought = j.purchases.filter(j.within(j.purchases.ts)).group_by("unit")
    bought = bought.agg(orders=_.count(), revenue=_.value.sum().cast("float64"))
    each = (
        who.select("unit", "persona")
        .left_join(bought, "unit")
        .fill_null({"orders": 0, "revenue": 0.0})
    )
    sums = each.group_by("persona").agg(
        n=_.count(),
        bought=(_.orders > 0).sum(),
        again=(_.orders > 1).sum(),
        orders=_.orders.cast("float64").sum(),
        orders_squared=(_.orders.cast("float64") ** 2).sum(),
        revenue=_.revenue.sum(),
        revenue_squared=(_.revenue**2).sum(),
    )
    found = _with_all(sums.execute().assign(item=""), ["item"])
    for item, base in (("bought", "n"), ("again", "bought")):
        hits = found[["persona"]].assign(item=item, hits=found[item])
        yield _shares("value", hits, found[base])
    money = [("revenue", j.currency)] if recorded["n"] == recorded["valued"] else []
    for item, unit in (("orders", None), *money):
        names = {item: "total", f"{item}_squared": "squares"}
        kept = found[["persona", "n", *names]].rename(columns=names)
        yield _means("value", kept.assign(item=item), unit)


def _lately(j: Any, events: Table, who: Table, n: pd.Series) -> pd.DataFrame:
    """Who was seen in the last days of observation."""
    last = j.literal(j.observed_until) - ibis.interval(days=LATELY)
    seen = who.semi_join(events.filter(events.ts >= last), "unit")
    hits = _counted(_hits(seen.mutate(item=ibis.literal("lately"))))
    return _shares("rhythm", hits, hits["persona"].map(n).astype("float64"))


def _scores(j: Any, who: Table) -> Iterator[pd.DataFrame]:
    """NPS, CSAT and CES from each customer's latest answer, by the relation they ask about."""
    answers = j.table("responses")
    if answers is None:
        return
    answers = answers.filter(answers.kind.isin(["nps", "csat", "ces"]), j.within(answers.ts))
    # Repeated answers of a customer are no new evidence: the last one counts.
    order = ibis.window(
        group_by=["customer_id", "kind", "relation"], order_by=[_.ts.desc(), _.score]
    )
    latest = answers.mutate(rank=ibis.row_number().over(order)).filter(_.rank == 0)
    latest = latest.join(who.select("customer_id", "persona"), "customer_id")
    keys = ["persona", "kind", "relation", "scale", "score"]
    found = latest.group_by(keys).agg(hits=_.count()).execute()
    if not len(found):
        return
    top, low, valid = _boxes(found)
    found["relation"] = found["relation"].astype("str").fillna("unspecified")
    counts = found.assign(n=found["hits"] * valid, top=found["hits"] * top, low=found["hits"] * low)
    counts = counts.groupby(["persona", "kind", "relation"], as_index=False)[["n", "top", "low"]]
    counts = _with_all(counts.sum(), ["kind", "relation"])
    counts["item"] = counts["kind"] + "\n" + counts["relation"]
    is_nps = counts["kind"] == "nps"
    nps, rest = counts[is_nps], counts[~is_nps]
    score = nps_interval(nps["top"], nps["low"], nps["n"])._asdict()
    frame = nps[["persona", "item", "n"]].assign(metric="nps", unit="points", **score)
    yield estimates(frame.assign(field="scores", customers=frame["n"], of="answers"), DIMS)
    for kind, part in rest.groupby("kind"):
        hits = part[["persona", "item"]].assign(hits=part["top"])
        yield _shares("scores", hits, part["n"], metric=str(kind))


def _boxes(found: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Which answers are in the top boxes, which are detractors, and which are valid at all."""
    score = pd.to_numeric(found["score"].astype("str").str.strip(), errors="coerce")
    kind = found["kind"]
    ends = kind.map({"nps": 10.0, "csat": 5.0, "ces": 7.0}).astype("float64")
    scale = found["scale"].astype("float64").where(found["scale"].notna(), ends)
    first = (kind != "nps").astype(int)
    valid = (score % 1 == 0) & score.between(first, scale)
    # The direction of another effort scale than the second's is not known.
    valid &= (kind == "csat") | (scale == ends)
    top = valid & (score >= np.where(kind == "nps", 9, np.where(kind == "ces", 5, scale - 1)))
    return top, valid & (kind == "nps") & (score <= 6), valid


def _pains(study: Any, j: Any) -> Iterator[pd.DataFrame]:
    """Drop-off at each step, and how much more of it there is than among the others."""
    steps, _unseen = observed_milestones(j)
    if len(steps) < 2:
        return
    how = {"steps": steps, "window": study.config.report.window}
    for table in (
        dropoff(j, by="persona", **how),
        dropoff(j, **how).assign(persona=ALL),
        dropoff_difference(j, by="persona", **how),
    ):
        frame = table.rename(columns={"step": "item"}).assign(field="pains")
        known = frame["persona"].astype("str").str.fullmatch(r"P\d+|\*").fillna(False)
        yield estimates(frame[known.astype(bool)], DIMS)
