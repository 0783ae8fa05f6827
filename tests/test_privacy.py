"""Nothing small leaves: the gate, pseudonyms and text cells."""

import hashlib
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab.errors import UserError
from cjlab.estimates import COUNTS, NUMBERS, estimates
from cjlab.privacy import escape_formula, gate, load_key, pseudonym

KEY = b"a key for the tests only"


@st.composite
def tables(draw):
    rows = []
    for i in range(draw(st.integers(0, 12))):
        n = draw(st.integers(0, 40))
        customers = draw(st.none() | st.integers(0, n))
        hits = draw(st.none() | st.integers(0, n if customers is None else customers))
        unit = draw(st.sampled_from(["1", "customers", "d"]))
        value = draw(st.none() | st.integers(0, 40))
        rows.append({"i": i, "metric": "m", "value": value, "n": n, "customers": customers,
                     "hits": hits, "unit": unit, "low": value, "high": value})  # fmt: skip
    columns = ["i", "metric", "value", "n", "customers", "hits", "unit", "low", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    return estimates(frame, ["i"])


def table(**cells):
    row = {"step": ["intent"], "metric": ["m"], "value": [0.5], "n": [100], **cells}
    return estimates(pd.DataFrame(row), ["step"])


@given(tables(), st.sampled_from([5, 7, 10]))
def test_no_small_number_is_published(before, minimum):
    gated, withheld = gate(before, minimum)
    small = set(range(1, minimum))
    for row in gated.to_dict("records"):
        shown = {name: row[name] for name in COUNTS if not pd.isna(row[name])}
        base = shown.get("customers", shown.get("n"))
        assert base not in small
        assert shown.get("hits") not in small
        if row["unit"] == "customers":
            assert row["value"] not in small
        if base == 0 and row["status"] == "ok":
            assert row["value"] == 0
    hidden = gated[gated["status"] == "suppressed"]
    assert hidden[[*NUMBERS, *COUNTS]].isna().all(axis=None)
    assert (hidden["note"] == "small_cell").all()
    assert [row["dims"]["i"] for row in withheld] == hidden["i"].tolist()


@given(tables())
def test_gate_keeps_rows_and_is_idempotent(before):
    copy = before.copy(deep=True)
    gated, _ = gate(before)
    pd.testing.assert_frame_equal(before, copy)
    keep = ["i", "metric", "unit", "of"]
    pd.testing.assert_frame_equal(gated[keep], before[keep])
    again, more = gate(gated)
    pd.testing.assert_frame_equal(again, gated)
    assert more == []
    assert gated.attrs == before.attrs
    shown = gated["status"] != "suppressed"
    pd.testing.assert_frame_equal(gated[shown], before[shown])


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"customers": [9]}, "small_base"),
        ({"customers": [None], "n": [9]}, "small_base"),
        ({"customers": [3], "value": [None]}, "small_base"),
        ({"customers": [0], "n": [4]}, "small_base"),
        ({"customers": [100], "hits": [1]}, "small_count"),
        ({"customers": [100], "hits": [9]}, "small_count"),
        ({"customers": [100], "value": [3], "unit": ["customers"]}, "small_count"),
        ({"customers": [10]}, None),
        ({"customers": [10], "n": [4]}, None),
        ({"customers": [None], "n": [10]}, None),
        ({"customers": [100], "hits": [0]}, None),
        ({"customers": [100], "hits": [10]}, None),
        ({"customers": [100], "value": [3], "unit": ["d"]}, None),
        ({"customers": [0], "n": [0], "value": [None]}, None),
    ],
)
def test_what_is_small(cells, reason):
    before = table(**cells)
    gated, withheld = gate(before)
    assert [row["reason"] for row in withheld] == ([reason] if reason else [])
    if reason is None:
        pd.testing.assert_frame_equal(gated, before)
    else:
        assert gated.loc[0, ["status", "note"]].tolist() == ["suppressed", "small_cell"]
        assert gated.loc[0, "step"] == "intent"


def test_withheld_is_json_safe_and_shows_no_number():
    rows = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-01-31", None]),
            "k": pd.array([4711, None], dtype="Int64"),
            "f": [0.5, np.nan],
            "metric": "m",
            "value": 0.123,
            "n": 7,
        }
    )
    _, withheld = gate(estimates(rows, ["day", "k", "f"]))
    text = json.dumps(withheld, allow_nan=False)
    assert json.loads(text)[0]["dims"] == {"day": "2026-01-31 00:00:00", "k": 4711, "f": 0.5}
    assert withheld[1]["dims"] == {"day": None, "k": None, "f": None}
    assert "0.123" not in text and "7" not in text.replace("4711", "")


@pytest.mark.parametrize("minimum", [4, 0, -1, 9.5, True, "10", None])
def test_a_minimum_that_protects_nobody_is_refused(minimum):
    with pytest.raises(UserError, match="minimum cell"):
        gate(table(), minimum)


def test_five_is_allowed_when_asked_for():
    before = table(customers=[5])
    assert gate(before, 5)[1] == []
    assert len(gate(before)[1]) == 1


def test_ids_and_other_frames_are_refused():
    rows = pd.DataFrame({"customer_id": ["a"], "metric": ["m"]})
    with pytest.raises(UserError, match="customer_id"):
        gate(estimates(rows, ["customer_id"]))
    with pytest.raises(UserError, match="not a table of estimates"):
        gate(rows)


def test_pseudonym_is_keyed_blake2b_and_tells_ids_apart():
    expected = hashlib.blake2b(b"007", key=KEY, digest_size=16).hexdigest()
    assert pseudonym("007", KEY) == expected
    assert pseudonym("007", KEY + b"!") != expected
    # NFC and NFD are two ids; a lone surrogate from a broken file is no crash.
    assert len({pseudonym(name, KEY) for name in ("\u00e9", "e\u0301", "7", "007", "\udc80")}) == 5


def test_long_keys_are_not_cut_and_short_ones_refused():
    assert pseudonym("a", b"k" * 64 + b"1") != pseudonym("a", b"k" * 64 + b"2")
    with pytest.raises(UserError, match="16 bytes or more, got 3"):
        pseudonym("a", b"abc")


def test_key_from_the_environment_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("CJLAB_KEY", "from the environment \n")
    assert load_key(tmp_path / "key") == b"from the environment"
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("CJLAB_KEY", "short")
    with pytest.raises(UserError, match="CJLAB_KEY holds 5 bytes"):
        load_key()


def test_key_file_is_made_once_and_for_its_owner_only(monkeypatch, tmp_path):
    monkeypatch.delenv("CJLAB_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(), range(8)))
    file = tmp_path / ".config" / "cjlab" / "key"
    assert len(keys) == 1 and len(next(iter(keys))) == 64
    assert [path.name for path in file.parent.iterdir()] == ["key"]
    assert load_key() in keys
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        file.chmod(0o644)
        with pytest.raises(UserError, match="chmod 600"):
            load_key()


def test_an_empty_key_file_is_refused(monkeypatch, tmp_path):
    monkeypatch.delenv("CJLAB_KEY", raising=False)
    file = tmp_path / "key"
    file.touch(mode=0o600)
    with pytest.raises(UserError, match="holds 0 bytes"):
        load_key(file)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_formulas_are_defused(start):
    assert escape_formula(f"{start}1+1") == f"'{start}1+1"


@given(st.text())
def test_escaping_only_ever_adds_the_apostrophe(text):
    escaped = escape_formula(text)
    assert escaped in (text, f"'{text}")
    assert not escaped.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert escape_formula(escaped) == escaped
