"""The tone of texts beside a plain count, and which reader is taken."""

from __future__ import annotations

import pandas as pd
import pytest

from cjlab import privacy
from cjlab.errors import UserError
from cjlab.stats import proportion
from cjlab.voice import Feelings, sentiment, tone

GLAD, BAD = "Very friendly staff, thank you!", "Terrible, rude and slow. Never again."


def answers(glad: int, bad: int, stage: str = "intent") -> pd.DataFrame:
    texts = [GLAD] * glad + [BAD] * bad + ["?"] * 3
    return pd.DataFrame({"text": texts, "language": "en", "stage": stage})


def test_it_is_the_glad_less_the_unhappy_of_those_that_can_be_told() -> None:
    frame = pd.concat([answers(30, 10), answers(2, 28, "purchase")], ignore_index=True)
    read = sentiment(frame["text"], "en", model="light")["sentiment"]
    found = tone(frame, by="stage", model="light").set_index("stage")
    for stage, group in frame.groupby("stage"):
        told = read[group.index].dropna()
        glad, n = int((told == "positive").sum()), len(told)
        row = found.loc[str(stage)]
        low, high = proportion(glad, n)[1:]
        assert (row["n"], row["hits"]) == (n, min(glad, n - glad)) and n == len(group) - 3
        assert row[["value", "low", "high"]].tolist() == pytest.approx(
            [2 * glad / n - 1, 2 * float(low) - 1, 2 * float(high) - 1]
        )
    assert found["metric"].unique().tolist() == ["sentiment"]


def test_the_fewer_side_is_a_small_cell() -> None:
    gated, withheld = privacy.gate(tone(answers(30, 4), model="light"), minimum=10)
    assert gated["status"].tolist() == ["suppressed"] and withheld
    everyone, _ = privacy.gate(tone(answers(30, 0), model="light"), minimum=10)
    assert everyone["value"].tolist() == [1.0], "nobody is not few"


def test_nothing_that_can_be_told_is_not_zero() -> None:
    row = tone(answers(0, 0), model="light").iloc[0]
    assert pd.isna(row["value"]) and row["status"] == "not_estimable" and row["n"] == 0
    with pytest.raises(UserError, match="shop"):
        tone(answers(1, 1), by="shop", model="light")


def test_many_different_texts_are_read_by_the_light_model(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def note(texts: object, languages: object, *, model: str, cache: object) -> pd.DataFrame:
        taken.append(model)
        return sentiment(pd.Series([GLAD]), "en", model="light")

    monkeypatch.setattr("cjlab.voice._feelings.sentiment", note)
    for most, model in ((1, "auto"), (2, "auto"), (1, "embedding"), (None, "auto")):
        Feelings(model, most=most).scores(pd.Series([GLAD, BAD]))  # type: ignore[arg-type]
    assert taken == ["light", "auto", "embedding", "auto"]
