"""Stores of sessions and of accounts against a loop over the same events."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab import prepare, store
from cjlab.config import Engine
from cjlab.engine import connect
from cjlab.errors import UserError

NAME = "tests_test_store"
if NAME not in sys.modules:
    spec = importlib.util.spec_from_file_location(NAME, Path(__file__).parent / "test_store.py")
    assert spec is not None and spec.loader is not None
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])
base = sys.modules[NAME]

SAID = ("stage", "touchpoint", "channel", "device", "role", "source")
FIRM = st.sampled_from(["b", "a", "\u00c5", None])
FEW = settings(max_examples=15)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Events of customers that share accounts, or have none, many at one instant."""
    rows = draw(st.lists(st.tuples(base.ROWS, FIRM), min_size=1, max_size=24))
    frame = base.frame_of([row for row, _ in rows])
    return frame.assign(account_id=pd.Series([firm for _, firm in rows], dtype="str"))


def grouped(con: duckdb.DuckDBPyConnection, unit: str, ties: str = "stage") -> pd.DataFrame:
    """Regroup in a database beside the customers' store; return the new events."""
    con.execute("ATTACH ':memory:' AS other")
    con.execute("USE other")
    store.regroup(con, unit, base.MODEL, ties=ties, source="memory")
    found = con.execute("SELECT * FROM event ORDER BY event.rowid").df()
    return found.astype(object).where(found.notna(), None)


def events_of(con: duckdb.DuckDBPyConnection) -> list[dict]:
    frame = con.execute("SELECT * FROM memory.event").df()
    return frame.astype(object).where(frame.notna(), None).to_dict("records")


def around(journey: list[dict]) -> list[dict]:
    """Every window over one journey, in plain loops."""
    session, spell, mapped, found = -1, -1, None, []
    for step, e in enumerate(journey):
        if not step or e["ts"] - journey[step - 1]["ts"] > pd.Timedelta(30, "min"):
            session += 1
        staged = e["stage"] is not None
        spell += staged and e["stage"] != mapped
        after = journey[step + 1 :]
        later = [n for n in after if staged and n["stage"] is not None][:1]
        heard = [n for n in after if n["channel"] is not None][:1]
        found.append(
            {
                **{c: e[c] for c in ("customer", "ts", "seq", "value", "cost", "account", *SAID)},
                **{"step": step, "session": session, "spell": spell if staged else None},
                "prev_stage": mapped if staged else None,
                "next_stage": later[0]["stage"] if later else None,
                "next_stage_ts": later[0]["ts"] if later else None,
                "next_touchpoint": after[0]["touchpoint"] if after else None,
                "next_ts": after[0]["ts"] if after else None,
                "next_channel": heard[0]["channel"] if heard else None,
                "next_channel_ts": heard[0]["ts"] if heard else None,
            }
        )
        mapped = e["stage"] if staged else mapped
    return found


def expected(journeys: list[list[dict]]) -> list[dict]:
    return [{"unit": n, **e} for n, journey in enumerate(journeys) for e in around(journey)]


def last(*values: object) -> tuple:
    """A sort key with nulls last."""
    return tuple((value is None, 0 if value is None else value) for value in values)


@FEW
@given(frames(), st.sampled_from(["stage", "row"]))
def test_sessions_are_journeys_of_their_own(frame, ties) -> None:
    con = base.built(frame, ties=ties)
    parts: dict[tuple, list[dict]] = {}
    for e in sorted(events_of(con), key=lambda e: (e["customer"], e["step"])):
        parts.setdefault((e["customer"], e["session"]), []).append(e)
    found = grouped(con, "session", ties)
    wanted = expected([parts[key] for key in sorted(parts)])
    assert found[list(wanted[0])].to_dict("records") == wanted
    named = con.execute("SELECT customer, session, customer_id FROM unit ORDER BY unit").fetchall()
    who = dict(con.execute("SELECT unit, customer_id FROM memory.unit").fetchall())
    assert named == [(c, s, who[c]) for c, s in sorted(parts)]
    assert con.execute("SELECT * FROM member ORDER BY unit").fetchall() == [
        (n, c) for n, (c, _) in enumerate(sorted(parts))
    ]
    assert con.execute("SELECT * FROM customer ORDER BY customer").fetchall() == sorted(who.items())
    assert con.execute("SELECT * FROM unit_note").fetchall() == []


@FEW
@given(frames(), st.sampled_from(["stage", "row"]))
def test_an_account_has_the_events_of_all_its_customers(frame, ties) -> None:
    con = base.built(frame, ties=ties)
    events = events_of(con)
    said = SAID if ties == "stage" else ()
    parts: dict[int, list[dict]] = {}
    for e in events:
        if e["account"] is not None:
            parts.setdefault(e["account"], []).append(e)
    for own in parts.values():
        own.sort(
            key=lambda e: last(e["ts"], e["seq"], *(e[c] for c in said), e["customer"], e["step"])
        )
    found = grouped(con, "account", ties)
    wanted = expected([parts[code] for code in sorted(parts)])
    assert found[list(wanted[0]) if wanted else []].to_dict("records") == wanted
    labels = dict(con.execute("SELECT code, label FROM label WHERE kind = 'account_id'").fetchall())
    assert list(labels.values()) == sorted(set(frame["account_id"].dropna()))
    named = con.execute(
        "SELECT unit, account_id, customer_id, events, first_ts, last_ts, purchase_step FROM unit"
    ).fetchall()
    buy = base.STAGES.index("buy")
    assert named == [
        (
            *(code, labels[code], labels[code], len(own), own[0]["ts"], own[-1]["ts"]),
            next((n for n, e in enumerate(own) if e["stage"] == buy), None),
        )
        for code, own in sorted(parts.items())
    ]
    members = {(code, e["customer"]) for code, own in parts.items() for e in own}
    assert con.execute("SELECT * FROM member").fetchall() == sorted(members)
    left = [e for e in events if e["account"] is None]
    note = [("no_account", len(left), len({e["customer"] for e in left}))] if left else []
    assert con.execute("SELECT * FROM unit_note").fetchall() == note


@FEW
@given(frames(), st.data(), st.sampled_from(["session", "account"]))
def test_neither_row_order_nor_files_matter(frame, data, unit) -> None:
    whole = grouped(base.built(frame), unit)
    rows = data.draw(st.permutations(range(len(frame))))
    cut = data.draw(st.integers(1, len(frame)))
    parts = [part for part in (frame.iloc[rows[:cut]], frame.iloc[rows[cut:]]) if len(part)]
    pd.testing.assert_frame_equal(grouped(base.built(*parts), unit), whole)


def test_the_other_tables_come_along() -> None:
    con = base.built(base.simple(("x", 0, "see")), orders=base.ORDERS_FRAME)
    grouped(con, "session")
    rows = con.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'other'")
    tables = {row[0] for row in rows.fetchall()}
    assert tables == {
        *("event", "unit", "member", "customer", "unit_note"),
        *("label", "touchpoint", "orders", "stage_note"),
    }
    for table in ("label", "touchpoint", "orders", "stage_note"):
        here, there = (
            con.execute(f"SELECT * FROM {place}.{table} ORDER BY ALL").fetchall()
            for place in ("other", "memory")
        )
        assert here == there
    assert con.execute("SELECT count(*) FROM orders").fetchone() == (3,)


def test_a_unit_must_be_known() -> None:
    con = base.built(base.simple(("x", 0, "see")))
    with pytest.raises(UserError, match=r'^unit is "acount"\. Did you mean "account"\?$'):
        store.regroup(con, "acount", base.MODEL, source="memory")


def test_the_unit_store_is_built_once_beside_the_customers(tmp_path) -> None:
    (tmp_path / "store" / "key").mkdir(parents=True)
    database = tmp_path / "store" / "key" / "store.duckdb"
    con = base.built(base.simple(("x", 0, "see"), ("x", 60, "buy"), ("y", 0, "see")))
    con.execute(f"ATTACH '{database}' AS file")
    con.execute("COPY FROM DATABASE memory TO file")
    con.close()
    told: list[str] = []
    for _ in range(2):
        place = prepare.build_unit_store(
            tmp_path, database, "session", base.MODEL, engine=Engine(), progress=told.append
        )
    assert told == ["preparing the journeys by session"]
    assert place == tmp_path / "store" / "key-session" / "store.duckdb"
    with connect(place, read_only=True) as con:
        counts = con.execute("SELECT count(*), count(DISTINCT customer) FROM unit").fetchone()
    assert counts == (3, 2)
    place.unlink()
    with pytest.raises(Exception, match="is not whole; remove it and run again"):
        prepare.build_unit_store(
            tmp_path, database, "session", base.MODEL, engine=Engine(), progress=told.append
        )
