"""What a table says, in one sentence: titles of figures and texts for those who do not see them.

Each function takes what ``show`` returned and composes its sentence from the message catalogue.
A number that was withheld or cannot be estimated is never guessed around: the sentence says so.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any

import pandas as pd

from cjlab import messages, quality
from cjlab.journey.base import parse_duration
from cjlab.report.context import Context, headline
from cjlab.stats import adjust
from cjlab.study import Study

Labels = Mapping[str, str]
_PERSONAS = {
    "provisional": "personas_provisional",
    "continuum": "personas_continuum",
    "too_few_customers": "personas_untested",
}


def _say(key: str, **values: Any) -> str:
    return messages.text(f"finding.{key}", Context.current().language, **values)


def _known(gated: pd.DataFrame, metric: str) -> pd.DataFrame:
    return gated[(gated["metric"] == metric) & (gated["status"] == "ok")]


def _nobody(gated: pd.DataFrame, metric: str) -> bool:
    """Whether a funnel has no entrant at all, which is another thing than too few to show."""
    rows = gated[gated["metric"] == metric]
    return bool((rows["status"] == "not_estimable").all() and (rows["n"].fillna(0) == 0).all())


def steps(unseen: list[str], labels: Labels) -> str:
    """Say which milestones no touchpoint leads to, and that the funnel goes on without them."""
    if not unseen:
        return _say("steps_all")
    return _say("steps_missing", stages=", ".join(_name(stage, labels) for stage in unseen))


def followed(gated: pd.DataFrame, window: str) -> str:
    """Say how many of those who started could be followed for the whole window."""
    whole = gated[(gated["metric"] == "km_conversion") & (gated["step"] == gated["step"].iloc[0])]
    counted = gated[(gated["metric"] == "reached") & (gated["step"] == gated["step"].iloc[0])]
    everyone, mature = whole["n"].iloc[0], counted["value"].iloc[0]
    if pd.isna(everyone) or pd.isna(mature):
        return _say("followed_unknown", window=_long(window))
    return _say("followed", n=int(everyone), mature=int(mature), window=_long(window))


def _apart(one: pd.Series, other: pd.Series) -> bool:
    """Whether two intervals leave a gap between them: a plain and cautious test."""
    return bool(one["low"] > other["high"] or other["low"] > one["high"])


def intake(checked: pd.DataFrame) -> str:
    """Say how much of what came in is used, and why most of the rest is not."""
    rows = checked.loc[checked["effect"] == "in", "rows"].sum()
    used = checked.loc[checked["effect"] == "accepted", "rows"].sum()
    lost = checked[checked["effect"].isin(["rejected", "dropped"])]
    if lost.empty:
        return _say("intake_all", rows=int(rows))
    reasons = lost.groupby("rule")["rows"].sum()
    reason = messages.label("rule", str(reasons.idxmax()), Context.current().language)
    share = messages.percent(used / rows)
    return _say("intake", used=int(used), rows=int(rows), share=share, reason=reason,
                number=int(reasons.max()))  # fmt: skip


def coverage(found: pd.DataFrame) -> str:
    """Say which share of the events stands in a stage, and what is missing most."""
    total = found["events"].sum()
    unmapped = found[found["stage"].isna()].sort_values("events", ascending=False)
    if not len(unmapped):
        return _say("coverage_all", events=int(total))
    share = messages.percent(1 - unmapped["events"].sum() / total)
    first = unmapped.iloc[0]
    return _say(
        "coverage", share=share, touchpoint=first["touchpoint"], events=int(first["events"])
    )


def touchpoints(study: Study) -> pd.DataFrame:
    """Return the touchpoints as a report may show them; see `cjlab.quality.published`."""
    minimum = Context.current().minimum
    names = [_say(key, minimum=minimum) for key in ("rare_mapped", "rare_unmapped")]
    return quality.published(study, minimum, *names)


def unused(study: Study, start: Any, end: Any) -> pd.DataFrame:
    """Return the catalogue's touchpoints that nobody met in the period: names of no customer's."""
    found = quality.touchpoints(study, start, end)
    return found.loc[found["status"] == "unused", ["touchpoint", "stage", "channel", "owner"]]


def funnel(gated: pd.DataFrame, labels: Labels, window: str) -> str:
    """Say how many of those who start reach the last step."""
    steps = list(dict.fromkeys(gated["step"]))
    row = _known(gated, "from_first")
    row = row[row["step"] == steps[-1]]
    if _nobody(gated, "from_first"):
        return _say("nobody_starts", first=_name(steps[0], labels))
    if row.empty or pd.isna(row["n"].iloc[0]):
        return _say("too_few")
    last = row.iloc[0]
    said = {"first": _name(steps[0], labels), "last": _name(steps[-1], labels)}
    limits = messages.interval(last["low"], last["high"], messages.percent)
    share, n = messages.percent(last["value"]), int(last["n"])
    return _say("funnel", share=share, n=n, interval=limits, window=_long(window), **said)


def dropoff(gated: pd.DataFrame, labels: Labels) -> str:
    """Say after which step most customers are lost, and whether it clearly is that one."""
    rows = _known(gated, "dropoff").sort_values("value", ascending=False)
    if _nobody(gated, "dropoff"):
        return _say("nobody_starts", first=_name(gated["step"].iloc[0], labels))
    if rows.empty:
        return _say("too_few")
    worst = rows.iloc[0]
    said: dict[str, Any] = {
        "step": _name(worst["step"], labels),
        "share": messages.percent(worst["value"]),
        "n": int(worst["n"]),
    }
    if len(rows) > 1 and not _apart(worst, rows.iloc[1]):
        return _say("dropoff_unclear", **said, other=_name(rows.iloc[1]["step"], labels))
    return _say("dropoff", **said)


def time_in_stage(gated: pd.DataFrame, labels: Labels) -> str:
    """Say where customers stay longest."""
    rows = _known(gated, "median").sort_values("value", ascending=False)
    reached = rows["stage"]
    open_ended = gated[
        (gated["metric"] == "median")
        & (gated["note"] == "not_reached")
        & ~gated["stage"].isin(reached)
    ]
    if len(open_ended):
        names = ", ".join(_name(stage, labels) for stage in open_ended["stage"])
        return _say("time_open", stages=names)
    if rows.empty:
        return _say("too_few")
    longest = rows.iloc[0]
    said: dict[str, Any] = {
        "stage": _name(longest["stage"], labels),
        "days": messages.days(longest["value"]),
        "n": int(longest["n"]),
    }
    if len(rows) > 1 and not _apart(longest, rows.iloc[1]):
        return _say("time_unclear", **said, other=_name(rows.iloc[1]["stage"], labels))
    return _say("time", **said)


def transitions(gated: pd.DataFrame, labels: Labels, order: list[str]) -> str:
    """Say which step back customers take most often."""
    rows = _known(gated, "probability")
    rank = {stage: place for place, stage in enumerate(order)}
    back = rows[
        [rank.get(b, -1) < rank.get(a, -1) for a, b in zip(rows["from"], rows["to"], strict=True)]
    ]
    hidden = gated[gated["status"] == "suppressed"]
    if back.empty and (rows.empty or (hidden["to"].map(rank) < hidden["from"].map(rank)).any()):
        return _say("too_few")
    if back.empty:
        return _say("forward_only")
    most = back.sort_values(["hits", "value"], ascending=False).iloc[0]
    return _say("back", origin=_name(most["from"], labels), target=_name(most["to"], labels),
                share=messages.percent(most["value"]), n=int(most["n"]))  # fmt: skip


def views(customer: pd.DataFrame, buying: pd.DataFrame, labels: Labels) -> str:
    """Set the whole customer journey beside the one that ends at the first purchase."""
    ends = []
    for gated in (customer, buying):
        rows = gated[gated["metric"] == "from_first"]
        ends.append(rows[rows["step"] == list(gated["step"])[-1]].iloc[0])
    whole, first = ends
    if _nobody(customer, "from_first"):
        return _say("nobody_starts", first=_name(customer["step"].iloc[0], labels))
    if first["status"] == "not_estimable" and first["n"] == 0:
        return _say("views_none")
    if any(row["status"] != "ok" for row in ends):
        return _say("too_few")
    return _say("views", last=_name(whole["step"], labels), n=int(whole["n"]),
                customer=messages.percent(whole["value"]), m=int(first["n"]),
                buying=messages.percent(first["value"]))  # fmt: skip


def personas(sizes: pd.DataFrame, names: Labels, verdict: Mapping[str, Any]) -> str:
    """Say how many personas there are, or that there are none."""
    if len(names) < 2:
        return _say(f"verdict_{verdict['verdict']}")
    rows = _known(sizes, "share").sort_values("value", ascending=False)
    if rows.empty:
        return _say("too_few")
    largest = rows.iloc[0]
    key = _PERSONAS.get(str(verdict["verdict"]), "personas")
    return _say(key, count=len(names), name=_name(largest["persona"], names),
                share=messages.percent(largest["value"]), n=int(largest["n"]))  # fmt: skip


def persona_gap(
    gated: pd.DataFrame,
    names: Labels,
    labels: Labels,
    metric: str,
    touched: Collection[str] = (),
) -> str:
    """Say at which step two personas differ most, and whether by more than chance.

    Nothing is tested where ``metric`` is among the ``touched``, see `cjlab.personas.touched`.

    Every pair of personas is compared at every step (pooled two-sample test of the shares that
    ``metric`` gives, Benjamini–Hochberg over all of them at .05); the largest difference that
    holds is told.
    """
    if gated["persona"].nunique() < 2:
        return _say("no_profile")
    if ("funnel" if metric == "from_first" else metric) in touched:
        return _say("gap_touched")
    rows = _known(gated, metric)
    # At the first step all are there by definition, which is no comparison.
    rows = rows[rows.groupby("step")["value"].transform("nunique") > 1]
    pairs = [
        pair
        for _, step in rows.sort_values("value").groupby("step")
        for pair in combinations(step.to_dict("records"), 2)
    ]
    held = adjust([_chance(low, high) for low, high in pairs]) <= 0.05
    found = [pair for pair, holds in zip(pairs, held, strict=True) if holds]
    if not found:
        hidden = (gated["metric"] == metric) & (gated["status"] == "suppressed")
        if hidden.any() and not pairs:
            return _say("gap_hidden")
        return _say("no_gap", comparisons=len(pairs))
    low, high = max(found, key=lambda pair: pair[1]["value"] - pair[0]["value"])
    return _say(f"gap_{metric}", step=_name(low["step"], labels), comparisons=len(pairs),
                low_name=_name(low["persona"], names), low=messages.percent(low["value"]),
                high_name=_name(high["persona"], names),
                high=messages.percent(high["value"]))  # fmt: skip


def _chance(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> float:
    """p of two shares being equal, by the pooled z-test."""
    base = 1 / one["n"] + 1 / other["n"]
    pooled = (one["hits"] + other["hits"]) / (one["n"] + other["n"])
    spread = math.sqrt(pooled * (1 - pooled) * base)
    return math.erfc(abs(one["value"] - other["value"]) / spread / math.sqrt(2)) if spread else 1.0


def curve(verdict: Mapping[str, Any]) -> str:
    """Say what the search for groups came to."""
    if verdict["verdict"] == "too_few_customers":
        return _say("curve_too_few_customers")  # how few is nobody's business
    return _say(f"curve_{verdict['verdict']}", tested=int(verdict["tested"]),
                p=messages.number(verdict["p_value"], 3))  # fmt: skip


def profile(gated: pd.DataFrame, words: Labels) -> str:
    """Say what tells the personas apart most."""
    rows = _known(gated, "difference")
    if rows.empty or rows["persona"].nunique() < 2:
        return _say("no_profile")
    most = rows.iloc[int(rows["value"].abs().argmax())]
    key = "profile_high" if most["value"] > 0 else "profile_low"
    return _say(key, name=_name(most["persona"], words), feature=_name(most["feature"], words),
                size=messages.number(abs(most["value"]), 1))  # fmt: skip


def persona_rules(accuracy: pd.DataFrame) -> str:
    """Say how well simple rules tell the personas apart, beside what guessing would."""
    found = _known(accuracy, "balanced_accuracy")["value"]
    if found.empty:
        return _say("persona_no_rules")
    chance = messages.percent(_known(accuracy, "chance")["value"].iloc[0])
    return _say("persona_rules", share=messages.percent(found.iloc[0]), chance=chance)


def persona_moves(gated: pd.DataFrame, names: Labels) -> str:
    """Say which persona kept the fewest of its customers."""
    rows = _known(gated, "share")
    rows = rows[rows["from"] == rows["to"]]
    if rows.empty:
        return _say("too_few")
    least = rows.iloc[int(rows["value"].argmin())]
    return _say("persona_moves", name=_name(least["from"], names), n=int(least["n"]),
                share=messages.percent(least["value"]))  # fmt: skip


def persona_drift(gated: pd.DataFrame) -> str:
    """Say whether the personas changed by more than random halves of the customers differ.

    Three overall distances are judged, by Holm at .05: sizes first, for they are the news.
    """
    rows = gated[(gated["metric"] == "p") & (gated["name"] == "(all)")].set_index("measure")
    p = rows["value"].reindex(["size", "centre", "feature"])
    if p.isna().all():
        return _say("drift_unknown")
    size, *others = adjust(p.to_numpy("float64"), "holm") <= 0.05
    return _say("drift_sizes" if size else "drift_behaviour" if any(others) else "drift_none")


def headline_funnel(reached: pd.DataFrame, labels: Labels, window: str) -> None:
    """Put the conversion from first to last step on the report's first page."""
    steps = list(dict.fromkeys(reached["step"]))
    chosen = {"step": steps[-1], "metric": "from_first"}
    headline("headline.funnel", reached, chosen, first=_name(steps[0], labels),
             last=_name(steps[-1], labels), window=_long(window))  # fmt: skip


def headline_dropoff(lost: pd.DataFrame, labels: Labels) -> None:
    """Put the largest drop-off on the report's first page, where one can be given."""
    rows = _known(lost, "dropoff")
    if len(rows):
        worst = rows.iloc[int(rows["value"].argmax())]
        chosen = {"step": worst["step"], "metric": "dropoff"}
        headline("headline.dropoff", lost, chosen, step=_name(worst["step"], labels))


def headline_personas(sizes: pd.DataFrame, names: Labels, verdict: Mapping[str, Any]) -> None:
    """Put the largest persona on the report's first page, where there are several."""
    rows = _known(sizes, "share")
    if len(names) > 1 and len(rows):
        largest = rows.iloc[int(rows["value"].argmax())]
        chosen = {"persona": largest["persona"], "metric": "share"}
        key = _PERSONAS.get(str(verdict["verdict"]), "personas")
        headline(f"headline.{key}", sizes, chosen, name=_name(largest["persona"], names))


def _long(window: str) -> messages.Formatted:
    """Write a window such as ``30D`` in words."""
    return messages.days((parse_duration(window, "window") or 0) / 86_400_000_000)


def rule_words() -> dict[str, str]:
    """Return the intake's rules and effects in words, as labels for its table."""
    return words("rule", "effect")


def words(*kinds: str) -> dict[str, str]:
    """Return the ids of some kinds (``state``, ``model``, ``segment`` …) in words, as labels."""
    language = Context.current().language
    starts = tuple(f"{kind}." for kind in kinds)
    known = [key for key in iter(messages.keys()) if key.startswith(starts)]
    return {key.split(".", 1)[1]: messages.text(key, language) for key in known}


def places(study: Study) -> dict[str, str]:
    """Return the touchpoints of a study's catalogue in words, and what stands where there is none.

    One that the message catalogue does not know is called by its id, its first letter a capital.
    """
    language = Context.current().language
    ids = study.catalogue().rules["touchpoint"].dropna().unique()
    named = {one: messages.label("touchpoint", one, language) for one in map(str, ids)}
    found = {one: name[:1].upper() + name[1:] for one, name in named.items()}
    # Ratings are named by what they rate and how.
    kinds = ("NPS", "CSAT", "CES")
    found |= {f"{one} ({kind})": f"{found[one]} ({kind})" for one in named for kind in kinds}
    return found | {f"({key.replace('_', ' ')})": said for key, said in words("group").items()}


def _name(key: Any, labels: Labels) -> str:
    return str(labels.get(str(key), key))
