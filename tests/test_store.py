"""The prepared store against a loop over each customer's events."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab import coding, intake, store, windows
from cjlab.config import Source
from cjlab.engine import connect
from cjlab.errors import UserError
from cjlab.schema import EVENTS, ORDERS
from cjlab.sources.base import Raw
from cjlab.stages import StageModel
from cjlab.touchpoints import Catalogue

STAGES = ["see", "try", "buy"]
MODEL = StageModel.from_config([{"id": s, "purchase": s == "buy"} for s in STAGES])
ZERO = pd.Timestamp("2026-03-29 00:30")
FEW = settings(max_examples=20)
PLAIN = [
    *("step", "session", "spell", "ts", "seq", "next_ts", "next_stage_ts", "after_touchpoint"),
    *("after_channel", "next_channel_ts"),
]
COLUMNS = ["customer_id", "ts", "touchpoint", "stage", "channel", "device", "seq", "value"]


class Names:
    """Touchpoints keep their names; ``shop_buy`` is a stage by its name alone."""

    def resolve(self, names: list[str]) -> pd.DataFrame:
        frame = pd.DataFrame({"name": names, "touchpoint": names}, dtype="str")
        frame["stage"] = ["buy" if name == "shop_buy" else None for name in names]
        return frame.assign(channel=None, phase=None, line=None, owner=None)


def built(
    *parts: pd.DataFrame,
    orders: pd.DataFrame | None = None,
    names=None,
    model=MODEL,
    place: Path | None = None,
    **options,
) -> duckdb.DuckDBPyConnection:
    """Take frames through intake as so many sources, and build the store."""
    con = connect(place and place / "store.duckdb", spill=place and place / "spill")
    tables = [(EVENTS, list(parts))] + ([(ORDERS, [orders])] if orders is not None else [])
    for table, frames in tables:
        sources = []
        for number, frame in enumerate(frames):
            label = f"{table.name}{number}"
            con.register("given", pa.Table.from_pandas(frame, preserve_index=False))
            con.execute(
                f"CREATE TABLE {label} AS SELECT *, '{label}' AS _file, "
                "row_number() OVER () AS _row FROM given"
            )
            kinds = {r[0]: r[1] for r in con.execute("DESCRIBE given").fetchall()}
            con.unregister("given")
            declared = Source(path=label, reject_limit=1.0)
            sources.append((declared, Raw(label, label, kinds, [])))
        if sources:
            intake.check_table(con, table, sources, zone="UTC")
    store.build(con, model, names or Names(), **options)
    return con


def events_of(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The event table with ids, names and channels in words, in the order it is stored."""
    names = {
        kind: f"(SELECT label FROM label WHERE kind = '{kind}' AND code = event.{kind})"
        for kind in ("touchpoint", "channel", "device")
    }
    words = ", ".join(f"{sql} AS {kind}_name" for kind, sql in names.items())
    later = "(SELECT label FROM label WHERE kind = '{0}' AND code = event.next_{0}) AS after_{0}"
    return con.execute(
        f"SELECT event.*, customer_id, {words}, {later.format('touchpoint')}, "
        f"{later.format('channel')} "
        "FROM event JOIN unit USING (unit) ORDER BY event.rowid"
    ).df()


def frame_of(rows: list[tuple]) -> pd.DataFrame:
    """A frame of (id, minutes, touchpoint, stage, channel, device, seq, value)."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    minutes = pd.to_timedelta(frame["ts"].astype("float64"), unit="min")
    frame["ts"] = (ZERO + minutes).dt.round("us")
    frame["seq"] = frame["seq"].astype("Int64")
    frame["value"] = frame["value"].astype("float64")
    texts = ["customer_id", "touchpoint", "stage", "channel", "device"]
    return frame.astype(dict.fromkeys(texts, "str"))


ROWS = st.tuples(
    st.sampled_from(["007", "7", "null", "NA", "Åsa", "A\u030asa"]),
    st.sampled_from([0, 15, 30, 45, 45 + 1 / 60e6, 75, 90]),
    st.sampled_from(["page", "shop_buy", "call"]),
    st.sampled_from([*STAGES, None, "other"]),
    st.sampled_from(["web", "store", None]),
    st.sampled_from(["pc", None]),
    st.sampled_from([1, 2, None]),
    st.sampled_from([1.5, None]),
)
FRAMES = st.lists(ROWS, min_size=1, max_size=24).map(frame_of)


def stage_of(row: dict) -> str | None:
    """A source column, else what the touchpoint's name says."""
    if row["stage"] in STAGES:
        return row["stage"]
    return "buy" if row["touchpoint"] == "shop_buy" else None


def by_hand(frame: pd.DataFrame, ties: str) -> dict[str, list[dict]]:
    """Each customer's events in order, with every column that needs a look around."""
    journeys: dict[str, list[dict]] = {}
    seen = set()
    for number, record in enumerate(frame.to_dict("records")):
        row = {k: None if pd.isna(v) else v for k, v in record.items()}
        if (key := tuple(row.values())) in seen:
            continue
        seen.add(key)
        journeys.setdefault(row["customer_id"], []).append(
            {**row, "stage": stage_of(row), "row": number}
        )
    for events in journeys.values():
        events.sort(key=lambda e: place(e, ties))
        session, spell, before, mapped = -1, -1, None, None
        for step, e in enumerate(events):
            if before is None or e["ts"] - before > pd.Timedelta(30, "min"):
                session += 1
            before = e["ts"]
            e |= {"step": step, "session": session, "spell": None, "prev_stage": None}
            if e["stage"] is not None:
                spell += e["stage"] != mapped
                e |= {"spell": spell, "prev_stage": mapped}
                mapped = e["stage"]
            after = events[step + 1 :]
            e["after_touchpoint"] = after[0]["touchpoint"] if after else None
            e["next_ts"] = after[0]["ts"] if after else None
            later = [n for n in after if n["stage"] is not None and e["stage"] is not None]
            e["next_stage"] = later[0]["stage"] if later else None
            e["next_stage_ts"] = later[0]["ts"] if later else None
            heard = [n for n in after if n["channel"] is not None]
            e["after_channel"] = heard[0]["channel"] if heard else None
            e["next_channel_ts"] = heard[0]["ts"] if heard else None
    return journeys


def place(e: dict, ties: str) -> tuple:
    """Time, then seq, then the declared stage order and content, or the row."""
    head = (e["ts"], e["seq"] is None, e["seq"] or 0)
    if ties == "row":
        return (*head, e["row"])
    stage = STAGES.index(e["stage"]) if e["stage"] else len(STAGES)
    rest = [(e[c] is None, e[c] or "") for c in ("channel", "device", "value")]
    return (*head, stage, e["touchpoint"], *rest)


def compare(con: duckdb.DuckDBPyConnection, journeys: dict[str, list[dict]]) -> None:
    table = events_of(con)
    assert len(table) == sum(len(events) for events in journeys.values())
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    # Units are numbered in the order of their ids, and stored by unit and step.
    assert [(r["unit"], r["step"]) for r in records] == [
        (unit, step)
        for unit, who in enumerate(sorted(journeys))
        for step in range(len(journeys[who]))
    ]
    for r in records:
        e = journeys[r["customer_id"]][r["step"]]
        assert r["customer"] == r["unit"]
        for column in PLAIN:
            assert r[column] == e[column], (r["customer_id"], e["step"], column)
        for column in ("stage", "prev_stage", "next_stage"):
            code = None if e[column] is None else STAGES.index(e[column])
            assert r[column] == code, (r["customer_id"], e["step"], column)
        for column in ("touchpoint", "channel", "device"):
            assert r[f"{column}_name"] == e[column]
        assert (None if r["value"] is None else float(r["value"])) == e["value"]
    units = con.execute("SELECT * FROM unit ORDER BY unit").df()
    for r in units.astype(object).where(units.notna(), None).to_dict("records"):
        own = journeys[r["customer_id"]]
        buys = [e["step"] for e in own if e["stage"] == "buy"]
        assert r["purchase_step"] == (buys[0] if buys else None)
        assert (r["first_ts"], r["last_ts"], r["events"]) == (own[0]["ts"], own[-1]["ts"], len(own))


@FEW
@given(FRAMES, st.sampled_from(["stage", "row"]))
def test_every_column_equals_the_loop(frame, ties) -> None:
    compare(built(frame, ties=ties), by_hand(frame, ties))


@FEW
@given(FRAMES, st.data())
def test_row_order_split_files_and_copies_change_nothing(frame, data) -> None:
    expected = events_of(built(frame))
    rows = data.draw(st.permutations(range(len(frame))))
    cut = data.draw(st.integers(1, len(frame)))
    # The second file begins with a line of the first.
    parts = [frame.iloc[rows[:cut]], frame.iloc[[rows[0], *rows[cut:]]]]
    pd.testing.assert_frame_equal(events_of(built(*parts)), expected)


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize("minutes", [[0, 15, 30, 45, 75, 90], range(0, 30_000_000, 7)])
def test_many_events_equal_the_loop(monkeypatch, tmp_path, gaps: bool, minutes) -> None:
    """With and without events that lack a stage or channel, and with and without ties.

    In a file, ranges of units lie in files of their own while the store is built.
    """
    monkeypatch.setattr(coding, "_PARTS_IN_MEMORY", 2)
    monkeypatch.setattr(windows, "_EVENTS_AT_ONCE", 500)  # several ranges of units
    rng = random.Random(4)
    stages = [*STAGES, None, "other"] if gaps else STAGES
    channels = ["web", None] if gaps else ["web", "store"]
    rows = []
    for n in range(3000):
        head = (f"c{rng.randrange(300)}", rng.choice(minutes), rng.choice(["page", "call"]))
        tail = (rng.choice(stages), rng.choice(channels), None, rng.choice([1, None]), n)
        rows.append((*head, *tail))
    frame = frame_of(rows)
    for ties in ("stage", "row"):
        compare(built(frame, ties=ties), by_hand(frame, ties))
        (tmp_path / ties).mkdir()
        con = built(frame, ties=ties, place=tmp_path / ties)
        assert len(list((tmp_path / ties / "spill" / "met").iterdir())) == 6
        compare(con, by_hand(frame, ties))
        con.close()


def simple(*rows: tuple) -> pd.DataFrame:
    """(id, minutes, stage)."""
    return frame_of([(who, at, "page", stage, None, None, None, None) for who, at, stage in rows])


@pytest.mark.parametrize(("micro", "sessions"), [(-1, 1), (0, 1), (1, 2)])
def test_a_gap_of_exactly_thirty_minutes_is_one_session(micro, sessions) -> None:
    frame = simple(("x", 0, "see"), ("x", 30, "see"))
    frame.loc[1, "ts"] += pd.Timedelta(micro, "us")
    assert events_of(built(frame))["session"].nunique() == sessions


def test_a_session_is_not_split_at_midnight() -> None:
    frame = simple(("x", -40, "see"), ("x", -25, "see"))
    assert frame["ts"].dt.date.nunique() == 2
    assert events_of(built(frame))["session"].tolist() == [0, 0]


def test_codes_do_not_depend_on_the_rows_order() -> None:
    frame = frame_of(
        [
            (who, n, tp, "see", ch, None, None, None)
            for n, (who, tp, ch) in enumerate(
                [("b", "z", "web"), ("a", "y", "app"), ("c", "x", None)]
            )
        ]
    )
    labels = "SELECT * FROM label ORDER BY kind, code"
    left, right = built(frame), built(frame.iloc[::-1])
    assert left.execute(labels).fetchall() == right.execute(labels).fetchall()
    assert left.execute(labels).fetchall()[:2] == [("channel", 0, "app"), ("channel", 1, "web")]


def test_no_name_is_an_enum_and_codes_are_small() -> None:
    con = built(simple(("x", 0, "see")))
    kinds = {row[0]: row[1] for row in con.execute("DESCRIBE event").fetchall()}
    assert kinds["unit"] == kinds["step"] == kinds["touchpoint"] == kinds["session"] == "INTEGER"
    assert kinds["stage"] == kinds["prev_stage"] == kinds["next_stage"] == "SMALLINT"
    assert kinds["customer"] == kinds["next_channel"] == "INTEGER" and kinds["seq"] == "BIGINT"
    assert kinds["ts"] == "TIMESTAMP" and kinds["value"] == kinds["cost"] == "DECIMAL(18,4)"
    assert not [kind for kind in kinds.values() if kind.startswith("ENUM")]


def test_a_stage_may_be_said_by_its_label_or_as_an_atom() -> None:
    model = StageModel.from_config("no5", "nb")
    label = model.label("evaluation", "nb")
    rows = [("see", "awareness"), ("x", label), ("y", "interest"), ("z", "loyalty"), ("q", "??")]
    frame = simple(*((who, n, stage) for n, (who, stage) in enumerate(rows)))
    con = built(frame, model=model, names=Catalogue.for_model(model))
    codes = events_of(con).set_index("customer_id")["stage"]
    assert [codes[who] for who in ("see", "x", "y", "z")] == [0, 1, 1, 4]
    assert pd.isna(codes["q"])
    assert con.execute("SELECT * FROM stage_note").fetchall() == [("??", 1)]


ORDERS_FRAME = pd.DataFrame(
    {
        "customer_id": ["x", "x", "y", "y"],
        "ts": [ZERO + pd.Timedelta(n, "min") for n in (5, 3, 7, 9)],
        "value": [10.1, 0.2, 5.0, -5.0],
        "order_id": ["1", "1", "1", "2"],
    }
)


def test_lines_of_an_order_are_one_event_and_a_negative_total_is_a_return() -> None:
    con = built(simple(("x", 0, "see")), orders=ORDERS_FRAME, names=Catalogue.for_model(MODEL))
    orders = con.execute("SELECT customer_id, order_id, ts, value, lines FROM orders").fetchall()
    assert [(who, order, float(value), lines) for who, order, _ts, value, lines in orders] == [
        ("x", "1", 10.3, 2),
        ("y", "1", 5.0, 1),
        ("y", "2", -5.0, 1),
    ]
    assert orders[0][2] == ZERO + pd.Timedelta(3, "min")
    names = events_of(con)[["customer_id", "touchpoint_name"]].to_numpy().tolist()
    assert names == [["x", "page"], ["x", "order"], ["y", "order"], ["y", "return"]]
    alone = built(simple(("x", 0, "see")), orders=ORDERS_FRAME, derive=False)
    assert len(events_of(alone)) == 1


def test_orders_alone_make_journeys_and_nothing_at_all_makes_none() -> None:
    assert len(events_of(built(orders=ORDERS_FRAME))) == 3
    con = built()
    assert events_of(con).empty
    assert con.execute("SELECT count(*) FROM unit").fetchone() == (0,)


@FEW
@given(FRAMES, st.data())
def test_a_cost_and_further_columns_pass_and_rows_alike_but_for_them_have_an_order(
    frame, data
) -> None:
    frame = frame.assign(cost=[n / 4 for n in range(len(frame))], ts=ZERO)
    rows = data.draw(st.permutations(range(len(frame))))
    left, right = events_of(built(frame)), events_of(built(frame.iloc[rows]))
    pd.testing.assert_frame_equal(left, right)
    assert sorted(left["cost"]) == sorted(frame["cost"])
    assert windows.order("customer", "stage", ("x",))[-2:] == ["cost", "x"]


def test_the_rows_order_counts_files_before_lines_and_events_before_orders() -> None:
    frames = [
        frame_of([("x", 5, name, None, None, None, None, None) for name in names])
        for names in (["z", "y"], ["a"])
    ]
    orders = ORDERS_FRAME.iloc[:1]
    found = events_of(built(*frames, orders=orders, ties="row"))
    assert found["touchpoint_name"].tolist() == ["z", "y", "a", "order"]


def test_ties_must_be_known() -> None:
    with pytest.raises(UserError, match=r'^ties is "rows"\. Did you mean "row"\?$'):
        built(simple(("x", 0, "see")), ties="rows")
