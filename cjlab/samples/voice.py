"""What the invented customers answer, write and ask: responses and tickets."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from cjlab.samples.retail import DAY, END, PAIN_SECOND, PAINED, Floats, World
from cjlab.samples.truth import PAIN_CSAT_MEAN, read


class Ask(NamedTuple):
    """One automatic survey: after which touchpoint, how often answered, and the mean answer."""

    kind: str
    touchpoint: str
    rate: float
    mean: float
    spread: float
    low: int
    high: int
    topic: str


_VOICE = read("voice.yaml")
ASKS: Final = [Ask(**survey) for survey in _VOICE["surveys"]]
PHRASES: Final = _VOICE["phrases"]
LANGUAGES: Final = {"SE": "sv", "NO": "nb", "DK": "da", "FI": "fi"}
WAVES: Final = {"2025Q4": 75, "2026Q1": 165, "2026Q2": 255, "2026Q3": 345}
WAVE_RATE: Final = 0.12
TOPICS: Final = ("delivery", "return", "size", "account", "other")


def responses(rng: np.random.Generator, world: World, customers: pd.DataFrame) -> pd.DataFrame:
    """Return one row an answer; `second` and `invited` count local seconds from the first day."""
    log = world.log
    parts = []
    for ask in ASKS:
        at = log[(log["name"] == ask.touchpoint) & (rng.random(len(log)) < ask.rate)]
        mean = np.full(len(at), ask.mean)
        if ask.touchpoint == "payment":
            failing = (world.persona[at["who"]] == PAINED) & (at["second"] >= PAIN_SECOND)
            mean[failing.to_numpy()] = PAIN_CSAT_MEAN[1]
        invited = at["second"].to_numpy() + 3600
        parts.append(_answers(rng, at["who"].to_numpy(), invited, mean, ask, "transactional"))
    errors = log[log["name"] == "payment_error"]
    for wave, day in WAVES.items():
        who = np.flatnonzero(rng.random(len(world.ids)) < WAVE_RATE)
        recent = errors["second"].between((day - 60) * DAY, day * DAY)
        mean = np.where(np.isin(who, errors["who"][recent]), 6.6, 8.1)
        invited = np.full(len(who), day * DAY + 9 * 3600)
        ask = Ask("nps", "", WAVE_RATE, 8.1, 1.8, 0, 10, "general")
        parts.append(_answers(rng, who, invited, mean, ask, "relational").assign(wave=wave))
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["second"] < END].sort_values(["second", "who"], ignore_index=True)
    home = customers["country"].map(LANGUAGES).to_numpy(dtype=object)[frame["who"]]
    frame["language"] = np.where(rng.random(len(frame)) < 0.06, "en", home)
    frame["text"] = _texts(rng, frame)
    return _blemish(frame)


def _answers(
    rng: np.random.Generator,
    who: np.ndarray,
    invited: np.ndarray,
    mean: Floats,
    ask: Ask,
    relation: str,
) -> pd.DataFrame:
    """Score one survey: rounded normal scores, most answers within a day of the invitation."""
    score = np.rint(mean + ask.spread * rng.standard_normal(len(who)))
    wait = 7200 * np.exp(1.1 * rng.standard_normal(len(who)))
    happy = np.clip(score, ask.low, ask.high) >= ask.low + 0.7 * (ask.high - ask.low)
    return pd.DataFrame(
        {
            "who": who,
            "second": invited + wait.astype(np.int64) + 1,
            "invited": invited,
            "kind": ask.kind,
            "score": np.clip(score, ask.low, ask.high).astype(int).astype(object),
            "scale": str(ask.high),
            "touchpoint": ask.touchpoint,
            "wave": "",
            "channel": np.where(rng.random(len(who)) < 0.7, "email", "sms"),
            "relation": relation,
            "topic": ask.topic,
            "glad": happy,
        }
    )


def _texts(rng: np.random.Generator, frame: pd.DataFrame) -> list[str]:
    """Write a sentence or two where the customer bothered to."""
    writes, both = rng.random(len(frame)) < 0.45, rng.random(len(frame)) < 0.4
    choice = (2 * rng.random((len(frame), 2))).astype(int)
    texts = []
    columns = zip(frame["language"], frame["topic"], frame["glad"], strict=True)
    for row, (language, topic, glad) in enumerate(columns):
        mood = "glad" if glad else "sad"
        words = [PHRASES[language][topic][mood][choice[row, 0]]]
        if both[row] and topic != "general":
            words.append(PHRASES[language]["general"][mood][choice[row, 1]])
        texts.append(" ".join(words) if writes[row] else "")
    return texts


def _blemish(frame: pd.DataFrame) -> pd.DataFrame:
    """Add what exports bring: impossible scores, a text without a score, wrongly decoded text."""
    nps = frame.index[frame["kind"] == "nps"]
    frame.loc[nps[[len(nps) // 3, 2 * len(nps) // 3]], "score"] = 11
    written = frame.index[frame["text"] != ""]
    frame.loc[written[::60], ["kind", "score", "scale"]] = ["open", "", ""]
    swedish = frame.index[frame["text"].str.contains("[åäö]") & (frame["language"] == "sv")]
    row = swedish[len(swedish) // 2]
    frame.loc[row, "text"] = frame.loc[row, "text"].encode("utf-8").decode("latin-1")
    return frame


def tickets(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """Return one row a support case; a case without `solved` is open, -1 marks what is absent."""
    log = world.log
    asks = (log["name"] == "call/support") & (rng.random(len(log)) < 0.6)
    fails = (log["name"] == "payment_error") & (rng.random(len(log)) < 0.2)
    writes = (log["name"] == "track_delivery") & (rng.random(len(log)) < 0.06)
    at = log[asks | fails | writes]
    topic = np.array(TOPICS, dtype=object)[(rng.random(len(at)) * len(TOPICS)).astype(int)]
    opened = at["second"].to_numpy() + 600
    reply = opened + (5 * 3600 * np.exp(0.9 * rng.standard_normal(len(at)))).astype(np.int64)
    solved = reply + (1.5 * DAY * np.exp(0.8 * rng.standard_normal(len(at)))).astype(np.int64)
    open_still = (rng.random(len(at)) < 0.05) | (solved >= END)
    return pd.DataFrame(
        {
            "who": at["who"],
            "opened": opened,
            "first_reply": np.where(reply < END, reply, -1),
            "solved": np.where(open_still, -1, solved),
            "channel": np.where(asks[at.index], "call", "email"),
            "topic": np.where(fails[at.index], "payment", topic),
        }
    )[opened < END].reset_index(drop=True)
