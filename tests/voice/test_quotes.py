"""Quotes: only with consent, from enough customers, without who wrote them, in any row order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cjlab.errors import UserError
from cjlab.report import verify
from cjlab.report.context import Context
from cjlab.report.quoting import quotes as publish
from cjlab.voice import Quotes, quotes

HOSTILE = [
    "<script>document.title = 'run'</script> says the very first customer",
    "=HYPERLINK(A1) was all that the page showed to me",
    "\u202eesrever ni nettirw saw egassem eht\u202c and so on",
    "It is \0 broken \ud800 and odd, but nothing falls over 🙈🙈",
    "<img src=x onerror=alert(1)> is not a picture of a shoe",
    "{{ 7 * 7 }} and $\\frac{1}{0}$ stay as they were written",
]


def texts(count: int, **more: Any) -> pd.DataFrame:
    """Return as many different texts of as many customers."""
    rows = {
        "text": [
            f"The parcel with the {word * 3} came late" for word in map(chr, range(97, 97 + count))
        ],
        "customer_id": [f"C{i}" for i in range(count)],
        "consent": True,
        "theme": "delivery",
        "language": "en",
    }
    columns = {
        name: pd.Series(values, index=range(count), dtype=object)
        for name, values in {**rows, **more}.items()
    }
    return pd.DataFrame(columns)


def reasons(found: Quotes) -> dict[str, int]:
    return dict(found.withheld.itertuples(index=False, name=None))


@pytest.mark.parametrize("yes", [True, 1, 1.0, "yes", "Ja", " kyllä ", "TRUE", np.True_])
def test_a_yes_in_any_language_is_a_yes(yes):
    assert len(quotes(texts(10, consent=yes)).table) == 3


@pytest.mark.parametrize("no", [False, 0, "no", "nej", "ei", "maybe", None, np.nan, pd.NA, ""])
def test_what_is_no_yes_is_a_no(no):
    found = quotes(texts(10, consent=pd.Series([no] * 10, dtype=object)))
    assert found.table.empty and reasons(found) == {"no_consent": 10}


def test_who_said_no_once_is_not_quoted():
    frame = pd.concat([texts(12), texts(12, consent="no", text="An earlier answer of mine")])
    assert quotes(frame).table.empty


@pytest.mark.parametrize(("customers", "shown"), [(9, 0), (10, 3), (11, 3)])
def test_a_group_hides_each_of_its_customers(customers, shown):
    assert len(quotes(texts(customers)).table) == shown


def test_ten_texts_of_one_customer_are_one_customer():
    found = quotes(texts(10, customer_id="C1"))
    assert found.table.empty and reasons(found) == {"small_group": 10}


def test_customers_without_consent_count_for_the_group_and_are_not_quoted():
    consent = [True, *[False] * 9]
    found = quotes(texts(10, consent=consent))
    assert found.table["quote"].to_list() == ["The parcel with the aaa came late"]
    assert found.table["customers"].to_list() == [10]
    assert reasons(found) == {"no_consent": 9}
    assert quotes(texts(10, consent=consent), among_agreed=True).table.empty
    half = quotes(texts(20, consent=[True] * 10 + [False] * 10), among_agreed=True).table
    assert half["customers"].to_list() == [10] * 3


def test_nothing_vanishes():
    frame = pd.concat(
        [
            texts(14),
            texts(3, text=None),
            texts(2, customer_id=None),
            texts(4, consent=None, customer_id=["D", "E", "F", "G"]),
            texts(5, theme="rare"),
            texts(6, theme=None),
        ]
    )
    found = quotes(frame)
    assert len(found.table) + found.withheld["texts"].sum() == len(frame)
    assert reasons(found) == {
        "no_text": 3, "no_customer": 2, "no_consent": 4, "small_group": 11, "over_the_limit": 11,
    }  # fmt: skip


def test_the_order_of_the_rows_cannot_matter():
    frame = pd.concat([texts(20), texts(20, theme="price"), texts(20, theme=None)])
    vectors = np.random.default_rng(0).normal(size=(len(frame), 8))
    order = np.random.default_rng(1).permutation(len(frame))
    for by_likeness in (False, True):
        one = quotes(frame, vectors=vectors if by_likeness else None)
        other = quotes(frame.iloc[order], vectors=vectors[order] if by_likeness else None)
        pd.testing.assert_frame_equal(one.table, other.table)
        pd.testing.assert_frame_equal(one.withheld, other.withheld)


def test_quotes_are_those_nearest_to_the_middle_of_their_group():
    frame = texts(12)
    angles = np.linspace(0, 1.1, 12)
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    middle = vectors.mean(axis=0)
    near = sorted(frame["text"], key=lambda text: -(vectors[frame["text"].eq(text)] @ middle)[0])
    assert set(quotes(frame, vectors=vectors, per_group=4).table["quote"]) == set(near[:4])


def test_no_customer_is_quoted_twice_and_nothing_is_said_twice():
    frame = pd.concat([texts(12), texts(12, theme="price"), texts(12, theme="staff")])
    found = quotes(frame, per_group=12)
    assert len(found.table) == 12 and found.table["quote"].is_unique
    same = quotes(texts(12, text="It came on time, and whole."), per_group=12)
    assert len(same.table) == 1 and reasons(same) == {"repeated": 11}


def test_what_says_who_is_taken_out_and_too_much_of_it_drops_the_text():
    found = quotes(texts(10, text="Ring mig på 070-123 45 67 om paketet. Mvh anna svensson"))
    assert found.table["quote"].to_list() == ["Ring mig på [number] om paketet. Mvh [name]"]
    full = "Anna Berg 0701234567 a@b.se Storgatan 5 and Bo Ek, order no. 5512345"
    assert reasons(quotes(texts(10, text=full))) == {"too_much_redacted": 10}
    assert reasons(quotes(texts(10, text="Hi!"))) == {"too_short": 10}
    assert reasons(quotes(texts(10, text="🙈 " * 40))) == {"too_short": 10}


def test_no_id_of_the_study_is_quoted():
    frame = texts(12, customer_id=[f"{700 + i}" for i in range(12)], account_id="acme-7", theme="a")
    frame["text"] = [
        f"It cost {700 + i} kr, and my number {700 + i} or {701 + i} for ACME-7 is {c * 3}"
        for i, c in enumerate("abcdefghijkl")
    ]
    shown = quotes(frame, per_group=12).table["quote"]
    # Another's plain number may count anything; the writer's own is hidden where it is no price.
    assert set(shown) == {
        f"It cost {700 + i} kr, and my number [number] or {701 + i} for [number] is {c * 3}"
        for i, c in enumerate("abcdefghijkl")
    }


def test_a_long_text_is_cut_at_a_sentence_and_no_number_is_cut_in_two():
    text = "The first sentence says enough of it. " + "and so on " * 200
    assert quotes(texts(10, text=text), longest=60).table["quote"][0] == text[:37]
    text = "word " * 46 + "070-123 45 67 and more"
    quote = quotes(texts(10, text=text)).table["quote"][0]
    assert len(quote) <= 240 and quote.endswith("…") and not any(map(str.isdigit, quote))


def test_words_that_customers_write_small_are_no_names():
    frame = texts(12, text=[f"I think the Zorbler is {w} enough" for w in "abcdefghijkl"])
    assert "[name]" in quotes(frame).table["quote"][0]
    frame["text"] = [
        f"I think the {'Z' if i < 1 else 'z'}orbler is fine, and {i}" for i in range(12)
    ]
    assert not quotes(frame, per_group=12).table["quote"].str.contains("name").any()


def test_no_group_at_all_is_one_group():
    assert len(quotes(texts(10).drop(columns="theme")).table) == 3
    assert quotes(texts(0)).table.empty and quotes(texts(0).drop(columns="theme")).table.empty


@pytest.mark.parametrize("text", [*HOSTILE, "a" * 1_000_000, "hej@ " * 200_000])
def test_hostile_texts_crash_nothing(text):
    found = quotes(texts(10, text=text))
    assert len(found.table) <= 1 and all(len(quote) <= 240 for quote in found.table["quote"])
    found.table["quote"].str.encode("utf-8")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"by": ["persna"]}, 'no column "persna"'),
        ({"by": "customer_id"}, "ids never enter"),
        ({"minimum": 4}, "minimum must be 5"),
        ({"per_group": 0}, "per_group"),
        ({"shortest": 50, "longest": 20}, "shortest"),
        ({"vectors": np.zeros((3, 2))}, "3 vectors for 10 rows"),
    ],
)
def test_mistakes_are_told_in_one_line(wrong, says):
    with pytest.raises(UserError, match=says):
        quotes(texts(10), **wrong)
    with pytest.raises(UserError, match='no column "consent"'):
        quotes(texts(10).drop(columns="consent"))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in Context(tmp_path, None, "01", 10, "sv").environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


def test_a_page_gets_the_quotes_and_a_file_without_ids(stage: Path):
    chosen = quotes(texts(12, text=[f"Tack Anna, {w * 8} {w} kom fram" for w in "abcdefghijkl"]))
    shown = publish("voices", chosen, caption="Röster")
    written = json.loads((stage / "tables" / "voices.json").read_text(encoding="utf-8"))
    assert written["columns"] == ["theme", "quote", "language", "customers"]
    assert [row["quote"] for row in written["rows"]] == shown["quote"].to_list()
    assert written["withheld"] == {"over_the_limit": 9}
    record = json.loads((stage / "records.jsonl").read_text(encoding="utf-8"))
    assert (record["kind"], record["quotes"], record["minimum"]) == ("quotes", 3, 10)
    assert "C1" not in json.dumps(written) and "quotes" in verify.KINDS


def test_the_report_s_own_minimum_holds_too(stage: Path, monkeypatch: pytest.MonkeyPatch):
    chosen = quotes(texts(6), minimum=5)
    assert len(chosen.table) == 3
    assert publish("few", chosen).empty
    with pytest.raises(UserError, match=r"give what cjlab\.voice\.quotes returned"):
        publish("raw", chosen.table)


@pytest.mark.needs("browser")
def test_a_hostile_quote_runs_nowhere(browser: Any, tmp_path: Path):
    from cjlab.report.cells import Wording
    from cjlab.report.quoting import _groups
    from cjlab.report.render import render

    rows = pd.concat([texts(10, text=text, theme=text.replace("\0", "")) for text in HOSTILE])
    rows["customer_id"] = range(len(rows))
    found = quotes(rows, keep=["script", "document", "title"])
    assert len(found.table) >= 4
    groups = _groups(found.table, found.by, Wording("en"))
    page_file = tmp_path / "page.html"
    html = render(
        "quotes.html.j2", "en", caption=HOSTILE[0], groups=groups, withheld=[], file="q.json"
    )
    page_file.write_text(
        f"<!doctype html><title>still</title>{html}", encoding="utf-8", errors="replace"
    )
    page = browser.new_page()
    wrong: list[str] = []
    page.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))
    page.goto(page_file.as_uri())
    assert page.title() == "still" and wrong == []
    assert page.locator("blockquote").count() == len(found.table)
    assert page.locator("script, img").count() == 0
