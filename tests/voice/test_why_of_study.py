"""Reasons and Kano of a study: the rows of their kinds, as the frame of these rows says."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
import yaml
from voice_small import make

from cjlab import ask
from cjlab.errors import UserError
from cjlab.study import open_study
from cjlab.voice import kano, reasons, survey

DAY = "2026-01-15T10:00:00Z"


def test_reasons_of_a_study_are_those_of_its_rows(tmp_path) -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"score": rng.choice(["price", " late ", "late;price", None], 90)})
    frame["customer_id"] = [f"c{k}" if k < 30 else None for k in rng.integers(0, 40, 90)]
    frame["channel"] = rng.choice(["web", "shop"], 90)
    frame["relation"] = rng.choice(["relational", "transactional"], 90)
    months = rng.integers(1, 4, 90)
    frame["ts"] = [f"2026-0{m}-15T{k // 60:02d}:{k % 60:02d}:00Z" for k, m in enumerate(months)]
    other = frame.assign(kind="nps", score="9")
    study = make(tmp_path, {"responses": pd.concat([frame.assign(kind="churn"), other])})
    found = reasons(study, "channel", separator=";")
    # Customers who left and lost sales are no one question.
    pd.testing.assert_frame_equal(
        found, reasons(frame.rename(columns={"score": "reason"}), "channel", separator=";")
    )
    assert found.attrs["unanswered"] == frame["score"].isna().sum() > 0
    february = frame[frame["ts"].str.contains("-02-") & frame["score"].notna()]
    cut = {"separator": ";", "pool": "relation", "start": "2026-02-01", "end": "2026-03-01"}
    some = reasons(study, **cut, minimum=1)
    shares = some.set_index("reason")["value"].to_dict()
    assert shares == pytest.approx(
        {name: february["score"].str.contains(name).mean() for name in ("price", "late")}
    )
    # What fewer than the study's minimum gave is not named.
    pooled = reasons(study, **cut).set_index("reason")["value"]
    assert pooled.to_dict() == {"late": shares["late"], "(other)": shares["price"]}
    months = reasons(study, ["month"], pool="relation")
    over = months["report_period"] < "2026-03"
    assert (months.loc[~over, "status"] == "not_yet_observed").all() and over.any()
    how = {"settings": ["separator=;"], "period": "all", "private": True}
    pd.testing.assert_frame_equal(ask.answer(study, "reasons", by=["channel"], **how), found)
    with pytest.raises(UserError, match='reasons: no option "value"'):
        ask.answer(study, "reasons", settings=["value=lost"], period="all")
    with pytest.raises(UserError, match="hold no value lost"):
        reasons(study, value="lost")
    with pytest.raises(UserError, match='kano: the study has no responses of kind "kano"'):
        kano(study)
    with pytest.raises(UserError, match="reasons: a period needs a study"):
        reasons(frame, start="2026-02-01")


KANO_LINES = {
    "functional_1": [1, 1, 1, 2, 3, 5, "", 1],
    "dysfunctional_1": [3, 5, 5, 5, 3, 1, 5, "?"],
    "functional_2": [2, 2, 1, 1, 1, 3, 3, 3],
    "dysfunctional_2": [5, 5, 5, 5, 2, 3, 3, ""],
}


@pytest.mark.parametrize("known", [True, False])
def test_kano_of_a_survey_is_that_of_its_pairs(tmp_path, known: bool) -> None:
    """The kit's own survey, exported with one row a respondent, who may be nobody known."""
    asked = survey("kano", product="the app", feature=["dark mode", "export"])
    # The tool calls its columns otherwise.
    heads = {question.id: f"Q{place}" for place, question in enumerate(asked.questions)}
    labels = asked.questions[0].scale.labels
    with open(tmp_path / "kano.csv", "w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(["who", "when", "comment", *heads.values()])
        for row in range(8):
            said = {heads[name]: labels.get(v[row], v[row]) for name, v in KANO_LINES.items()}
            cells = [said.get(head, "") for head in heads.values()]
            lines.writerow([f"c{row}" if known else "", DAY, f"note {row}", *cells])
    source = asked.mapping(heads) | {"path": "kano.csv", "constants": {"channel": "web"}}
    source["columns"] |= {"customer_id": "who", "ts": "when"}
    text = yaml.safe_dump({"name": "k", "timezone": "UTC", "sources": {"responses": source}})
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    study = open_study(tmp_path)
    found = kano(study, by="channel")
    pairs = pd.DataFrame(
        [
            {"feature": str(k), "channel": "web", "customer_id": f"c{row}"}
            | {side: KANO_LINES[f"{side}_{k}"][row] for side in ("functional", "dysfunctional")}
            for k in (1, 2)
            for row in range(8)
        ]
    )
    pd.testing.assert_frame_equal(found, kano(pairs, by="channel"))
    value = found.set_index(["feature", "metric"])["value"]
    assert value["1", "one_dimensional"] == pytest.approx(2 / 6) and value["1", "invalid"] == 2
    assert value["2", "must_be"] == pytest.approx(2 / 7) and value["2", "invalid"] == 1
    together = kano(study, pool="feature").set_index("metric")
    assert together.loc["attractive", ["n", "customers"]].tolist() == [13, 7]
    assert kano(study, start="2026-02-01")["n"].sum() == 0
    with pytest.raises(UserError, match=r"no question begins with .q.*functional_1, functional_2"):
        kano(study, functional="q")


def test_a_pair_is_what_one_customer_said_of_one_feature_in_turn(tmp_path) -> None:
    """Exports with a line an answer; "with" is how "without" begins too."""
    lines = [
        ("a", 1, "with: chat", 1, "1"), ("a", 2, "without: chat", 5, "1"),
        ("a", 3, "with: chat", 3, "1"), ("a", 4, "without: chat", 3, "1"),
        ("a", 5, "With chat?", 1, "2"), ("b", 1, "without chat", 5, "2"),
        ("b", 2, "withdrawal", 1, "2"), (None, 1, "with chat", 1, "2"),
        (None, 1, "without chat", 5, "2"),
    ]  # fmt: skip
    frame = pd.DataFrame(lines, columns=["customer_id", "ts", "question", "score", "wave"])
    frame["ts"] = "2026-01-0" + frame["ts"].astype("str") + "T10:00:00Z"
    study = make(tmp_path, {"responses": frame[::-1].assign(kind="kano")})
    found = kano(study, functional="with", dysfunctional="without").set_index(["wave", "metric"])
    assert set(found["feature"]) == {"chat"}
    first = found.loc["1", "value"]
    assert first[["one_dimensional", "indifferent", "invalid"]].tolist() == [0.5, 0.5, 0]
    # Of the others none has its other half; who is nobody known is not the one who is either.
    assert found.loc[("2", "invalid"), ["value", "n"]].tolist() == [4, 4]
