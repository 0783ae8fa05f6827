"""The channel mix: which share of a customer's events is in each channel, and online."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ibis import _
from ibis.expr.types import Table

from cjlab.personas._catalogue import CATALOGUE, Feature
from cjlab.personas._span import Array, Found, Span, ratio

FEW = 0.03  # channels used by fewer of the customers are pooled as "other"
MOST = 8  # channels with a share of their own
LOOKED_AT = 32  # the channels with the most events are candidates for one
OTHER = "other channels"
SHARE, ONLINE = CATALOGUE["share_{name}"], CATALOGUE["online_share"]


@dataclass(frozen=True)
class Mix:
    """Which channels are counted, and what becomes of the counts.

    Parameters
    ----------
    codes : dict of str to int
        The channels that are counted, by name.
    like : sequence of Feature or None
        The shares of a stored model.
    lines : dict of str to list of int
        Codes of the touchpoints whose line is known, and of those online.
    minimum : int
        Smallest group that may be named.
    """

    codes: dict[str, int]
    like: Sequence[Feature] | None
    lines: dict[str, list[int]]
    minimum: int

    @classmethod
    def of(cls, span: Span, like: Sequence[Feature] | None) -> Mix:
        """Look up what there is to count."""
        labels = span.j.labels("channel")
        used = span.events.filter(_.channel.notnull()).group_by("channel").aggregate(n=_.count())
        rows = used.execute()
        rows["label"] = rows["channel"].map(labels)
        rows = rows.sort_values(["n", "label"], ascending=[False, True])
        codes = dict(zip(rows["label"], rows["channel"], strict=True))
        if like is None:
            codes = dict(list(codes.items())[:LOOKED_AT]) if len(codes) > 1 else {}
        else:
            shares = [feature for feature in like if feature.name != ONLINE.name]
            named = {feature.label for feature in shares}
            codes = {label: code for label, code in codes.items() if _share(label).label in named}
            like = shares
        return cls(codes, like, _lines(span), span.j.minimum)

    def sums(self, events: Table) -> dict[str, Any]:
        """Return the aggregates to run over the events of each customer."""
        sums = {f"channel_{code}": events.count(where=events.channel == code)
                for code in self.codes.values()}  # fmt: skip
        for name, codes in self.lines.items():
            sums[name] = events.count(where=events.touchpoint.isin(codes))
        return {"in_channels": events.channel.count(), **sums}

    def shares(self, counts: dict[str, Array]) -> Found:
        """Turn the counts into shares."""
        total = counts["in_channels"]
        own = {label: counts[f"channel_{code}"] for label, code in self.codes.items()}
        named = self._pooled(own, counts) if self.like is None else self._alike(own, total)
        found = {feature: ratio(count, total) for feature, count in named.items()}
        if self.lines:
            found[ONLINE] = ratio(counts["online"], counts["known"])
        return found

    def _pooled(self, own: dict[str, Array], counts: dict[str, Array]) -> Found:
        """Keep the channels that enough customers use, and pool the rest."""
        total = counts["in_channels"]
        users = {label: np.count_nonzero(count) for label, count in own.items()}
        # A share of a channel that few use would tell how few they are, by its name.
        least = max(FEW * np.count_nonzero(counts["events"]), self.minimum)
        common = [label for label in sorted(own, key=lambda label: (-users[label], label))
                  if users[label] >= least][:MOST]  # fmt: skip
        rest = total - sum(own[label] for label in common)
        if 0 < np.count_nonzero(rest) < self.minimum and common:
            rest = rest + own[common.pop()]  # so that the pool stands for enough customers too
        pairs = [(label, own[label]) for label in common]
        if own and rest.any():
            pairs.append((OTHER, rest))
        shares: Found = {}
        for label, count in pairs:
            feature = _share(label)
            while feature.name in {other.name for other in shares}:
                feature = replace(feature, name=feature.name + "_2")
            shares[feature] = count
        return shares

    def _alike(self, own: dict[str, Array], total: Array) -> Found:
        """Count the channels of a stored model, whatever is in use now."""
        by_label = {_share(label).label: count for label, count in own.items()}
        by_label[_share(OTHER).label] = total - sum(own.values(), np.zeros(1))
        nobody = np.zeros(len(total))
        return {feature: by_label.get(feature.label, nobody) for feature in self.like or ()}


def _share(label: str) -> Feature:
    return SHARE.of(re.sub(r"\W+", "_", label.lower()).strip("_") or "channel", label)


def _lines(span: Span) -> dict[str, list[int]]:
    touchpoint = span.j.table("touchpoint")
    if touchpoint is None:
        return {}
    rows = touchpoint.filter(_.line.notnull()).select("code", "line").execute()
    online = rows.loc[rows["line"] == "online", "code"]
    return {"known": rows["code"].tolist(), "online": online.tolist()} if len(rows) else {}
