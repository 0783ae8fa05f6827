"""Maps that hypothesis makes: every field, any letters, cells in any place."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from cjlab.maps import Card, Column, JourneyMap, Lane, Number

# Halves of letters are no text; everything else may be typed or pasted.
LETTERS = st.characters(exclude_categories=["Cs"])
ODD = ["=1+1", "'=1+1", "'", "''", "-5", "@x", "\t=x", "007", "1e3", "yes", "_x0041_", "2026-02-30"]
ODD += [
    "a\r\nb\rc\n",
    " spaces ",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x00\x07",
    "a;b,c",
    '"',
    "# x",
    "all",
]
ODD += ["- x", "x: y", "0o7", "null", "~", "|", "\ufffe", "'tis", "true", "1_000", "<<", "!!x"]
TEXTS = st.sampled_from(ODD) | st.text(LETTERS, min_size=1, max_size=12)
MAYBE = st.none() | st.text(LETTERS, max_size=8) | st.sampled_from(ODD)
IDS = st.sampled_from(["pains", "a b", "=x", "Köp", "1", "no", "'q", "measures", "null", "x:y"])
# Beyond these the words of the grid fail, not the sheets.
FLOATS = st.floats(-1e12, 1e12)
DATES = st.none() | st.dates(date(1970, 1, 1), date(2100, 1, 1))
COUNTS = st.integers(0, 10**12)
NUMBERS = st.builds(
    Number,
    metric=TEXTS,
    value=st.none() | FLOATS,
    low=st.none() | FLOATS,
    high=st.none() | FLOATS,
    n=COUNTS,
    customers=st.none() | COUNTS,
    hits=st.none() | COUNTS,
    unit=MAYBE,
    of=MAYBE,
    status=st.sampled_from(["ok", "not_estimable", "not_yet_observed", "suppressed"]),
    note=MAYBE,
    call=TEXTS,
    where=st.dictionaries(TEXTS, TEXTS, max_size=2),
    source=TEXTS,
    period=st.text(LETTERS, max_size=6),
)
FIVE = st.none() | st.integers(1, 5)


@st.composite
def cards(draw) -> Card:
    computed = draw(st.booleans())
    image = draw(MAYBE)
    said = {
        "origin": "computed" if computed else "authored",
        "numbers": tuple(draw(st.lists(NUMBERS, max_size=2))) if computed else (),
        "tone": draw(st.sampled_from([None, "pain", "gain"])),
        "status": draw(st.sampled_from([None, "planned", "started", "done", "dropped"])),
        "weakest": draw(st.booleans()),
        "optional": draw(st.booleans()),
        "level": draw(st.none() | st.floats(-1, 1)),
        "image": image,
        "alt": draw(TEXTS) if image else draw(MAYBE),
    }
    free = {name: draw(MAYBE) for name in ("by", "owner", "kpi", "touchpoint")}
    days = {name: draw(DATES) for name in ("written", "due", "since")}
    five = {name: draw(FIVE) for name in ("effort", "impact")}
    return Card(text=draw(TEXTS), **said, **free, **days, **five)


@st.composite
def maps(draw) -> JourneyMap:
    stages = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    lanes = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
    rows = [
        Lane(
            id=lane,
            label=draw(MAYBE) or "",
            kind=draw(st.sampled_from(["cards", "curve", "whole"])),
            line=draw(st.sampled_from([None, "interaction", "visibility", "internal"])),
            owner=draw(MAYBE),
        )
        for lane in lanes
    ]
    cells: dict[str, dict[str, tuple[Card, ...]]] = {}
    for lane in rows:
        for stage in ["all"] if lane.kind == "whole" else stages:
            if draw(st.booleans()):
                some = draw(st.lists(cards(), min_size=1, max_size=2))
                cells.setdefault(lane.id, {})[stage] = tuple(some)
    return JourneyMap(
        template=draw(st.sampled_from(["current", "day", "future", "blueprint"])),
        title=draw(TEXTS),
        study=draw(MAYBE) or "",
        goal=draw(MAYBE),
        language=draw(st.sampled_from(["en", "sv", "nb", "da", "fi"])),
        persona=draw(MAYBE),
        persona_name=draw(MAYBE),
        period=draw(MAYBE) or "",
        start=draw(MAYBE),
        end=draw(MAYBE),
        stage_model=draw(TEXTS),
        minimum=draw(st.integers(5, 50)),
        made=draw(DATES),
        columns=[Column(id=stage, label=draw(MAYBE) or "") for stage in stages],
        lanes=rows,
        cards=cells,
        notes=tuple(draw(st.lists(TEXTS, max_size=2))),
    )
