"""Delimited text: every record is counted, each refused one with its true row number."""

from __future__ import annotations

import csv
import gzip
import io
import random

import pytest

GOOD = "k,2026-01-01,x\n"


def ragged(bench, study) -> list[tuple]:
    return [(row, value) for row, rule, _, value in bench.rules(study) if rule == "ragged_line"]


@pytest.mark.parametrize(
    ("sign", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "|")]
)
def test_the_delimiter_is_found(bench, sign: str, name: str) -> None:
    rows = [["customer_id", "ts", "touchpoint", "note"], ["1", "2026-01-01", "a", "x, y; z | w"]]
    text = io.StringIO()
    csv.writer(text, delimiter=sign).writerows(rows * 1)
    study = bench.study({"e.csv": text.getvalue()})
    assert bench.ids(study) == ["1"]
    assert study.intake.sources[0].read_as == f"e.csv: utf-8, delimiter {name}"


def test_a_declared_delimiter_wins(bench) -> None:
    study = bench.study(
        {"e.csv": "customer_id~ts~touchpoint\n1,5~2026-01-01~a,b\n"},
        {"events": {"path": "e.csv", "delimiter": "~"}},
    )
    assert bench.ids(study) == ["1,5"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(bench, end: str) -> None:
    text = (bench.HEAD + "a,2026-01-01,x\nb,2026-01-01,y").replace("\n", end)
    study = bench.events(text.encode())
    assert list(bench.accepted(study)["touchpoint"]) == ["x", "y"]


def test_rows_are_numbered_as_records(bench) -> None:
    """Blank lines are no records; a quoted value may hold line breaks; the header is not a row."""
    body = (
        '0,2026-01-01,"a\nb"\n\n'  # 1
        "1,2026-01-01\n"  # 2
        "2,2026-01-01,x,y\n"  # 3
        '3,2026-01-01,"c""d"\n'  # 4
        "\n\n"
        "4\n"  # 5
        ",2026-01-01,z\n"  # 6
        "5,2026-01-01,z\n"  # 7
    )
    for end in ("\n", "\r\n"):
        study = bench.events((bench.HEAD + body).replace("\n", end).encode(), reject_limit=1)
        assert ragged(bench, study) == [
            (2, "2 values, the header has 3"),
            (3, "4 values, the header has 3"),
            (5, "1 values, the header has 3"),
        ]
        accepted = bench.accepted(study)
        assert list(accepted["_row"]) == [1, 4, 7]
        assert list(accepted["touchpoint"]) == [f"a{end}b", 'c"d', "z"]
        assert bench.rules(study)[-1][:2] == (6, "missing")


def test_blank_lines_before_the_header(bench) -> None:
    assert bench.ids(bench.events(f"\n\r\n{bench.HEAD}\n{GOOD}".encode())) == ["k"]


def test_names_are_trimmed_and_nameless_columns_kept_apart(bench) -> None:
    study = bench.events(b" customer_id , ts,touchpoint ,,\n1,2026-01-01,x,5,6\n")
    assert bench.ids(study) == ["1"]


def test_a_header_may_hold_a_line_break(bench) -> None:
    study = bench.events(
        b'customer_id,ts,touchpoint,"odd\nname"\n1,2026-01-01,x,5\n2,2026-01-01,x\n'
    )
    assert (bench.ids(study), ragged(bench, study)) == (["1"], [(2, "3 values, the header has 4")])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty (0 bytes)"),
        (b"  \n \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"customer_id,ts,touchpoint,ts\n1,2,3,4\n", '"ts" twice (columns 2 and 4)'),
        (b"customer_id,ts,touchpoint,TS\n1,2,3,4\n", "twice (columns 2 and 4)"),
        (b"customer,ts,touchpoint\n1,2,3\n", 'no column "customer_id"'),
        (b"customer_ids,ts,touchpoint\n1,2,3\n", 'Did you mean "customer_ids"?'),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "no column"),
        (b"PK\x03\x04" + bytes(range(256)), "zip or Excel"),
        (b"PAR1" + bytes(range(256)), "format: parquet"),
        (gzip.compress(b"customer_id,ts,touchpoint\n", mtime=0), "gzip"),
        (b"\x7fELF" + b"\1\0\2" * 200, "e.csv"),
    ],
)
def test_files_that_cannot_be_used(bench, content: bytes, said: str) -> None:
    bench.fails(bench.events(content), "e.csv", said)


def test_a_header_alone(bench) -> None:
    bench.fails(bench.events(bench.HEAD.encode()), "no source has a single row")
    both = bench.study(
        {"a.csv": bench.HEAD, "b.csv": bench.HEAD + GOOD},
        {"events": [{"path": "a.csv"}, {"path": "b.csv"}]},
    )
    assert [(s.source, s.rows_in, s.accepted) for s in both.intake.sources] == [
        ("a.csv", 0, 0),
        ("b.csv", 1, 1),
    ]
    for header in (bench.HEAD[:-1], bench.HEAD + "\n\n"):
        glob = bench.study(
            {"a.csv": header, "b.csv": bench.HEAD + GOOD}, {"events": {"path": "*.csv"}}
        )
        assert bench.ids(glob) == ["k"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('1,2026-01-01,"x\n2,2026-01-01,y\n3,2026-01-01,z\n', 2),
        ('0,2026-01-01,a\n1,2026-01-01,"x\n2,2026-01-01,y\n3,2026-01-01,"z"\n', 3),
        ('0,2026-01-01,a\n"1,2026-01-01,x\n2,2026-01-01,"y\n', 3),
        ('0,2026-01-01,"a"\n1,2026-01-01,"', 3),
        ('0,2026-01-01,5" pipe\n1,2026-01-01,"open\n', 3),
    ],
)
def test_a_quote_that_is_never_closed_swallows_nothing(bench, body: str, line: int) -> None:
    bench.fails(bench.events(body), "e.csv", f"begins on line {line} is never closed")
    packed = bench.events(gzip.compress((bench.HEAD + body).encode()), name="e.csv.gz")
    bench.fails(packed, f"line {line}")


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('5" pipe', '5" pipe'),
        ('say "hi"', 'say "hi"'),
        ('"a ""b"" c"', 'a "b" c'),
        ('""', None),
        ('"two\nlines, one value"', "two\nlines, one value"),
        ('""""', '"'),
        ("it's", "it's"),
    ],
)
def test_quotes_that_are_well(bench, cell: str, read: str | None) -> None:
    study = bench.events(f"a,2026-01-01,{cell}\n" + GOOD)
    if read is None:
        assert bench.rules(study)[0][1:3] == ("missing", "touchpoint")
    else:
        assert list(bench.accepted(study)["touchpoint"]) == [read, "x"]


def test_quotes_across_the_blocks_of_the_check(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the block size, the fast check and Python's csv agree that a file is well."""
    from cjlab.errors import UserError
    from cjlab.sources import quotes

    rng = random.Random(7)
    path = bench.folder / "q.csv"
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr(quotes, "_BLOCK", size)
        for _ in range(25):
            rows = [
                ["".join(rng.choices('ab",\n', k=rng.randint(0, 5))) for _ in "ab"] for _ in "abc"
            ]
            text = io.StringIO()
            csv.writer(text, quoting=rng.choice([0, 1])).writerows(rows)
            path.write_bytes(text.getvalue().encode())
            quotes.check(path, "q.csv", ",")
            assert quotes._all_in_pairs(path, ord(","))
            path.write_bytes(text.getvalue().encode() + b'"open,\n')
            with pytest.raises(UserError):
                quotes.check(path, "q.csv", ",")


def test_row_numbers_hold_across_the_blocks_of_a_large_file(bench) -> None:
    """More than 20 MB, read 8 MB at a time, with ragged lines and line breaks in values."""
    rng = random.Random(1)
    lines, bad, empty = [bench.HEAD], [], []
    filler = "y" * 300
    for row in range(1, 70_001):
        draw = rng.random()
        if draw < 0.001:
            bad.append(row)
            lines.append(f"{row},2026-01-01\n")
        elif draw < 0.002:
            empty.append(row)
            lines.append(f",2026-01-01,{filler}\n")
        elif draw < 0.01:
            lines.append(f'{row},2026-01-01,"{filler}\n{row}"\n\n')
        else:
            lines.append(f"{row},2026-01-01,{filler}\n")
    text = "".join(lines).encode()
    assert len(text) > 20 << 20
    assert len(bad) > 40
    study = bench.events(text)
    source = study.intake.sources[0]
    assert (source.rows_in, source.rejected) == (70_000, len(bad) + len(empty))
    refused = bench.refused(study)
    assert list(refused.loc[refused["rule"] == "ragged_line", "row"]) == bad
    assert list(refused.loc[refused["rule"] == "missing", "row"]) == empty
    accepted = bench.accepted(study)
    assert (accepted["customer_id"].astype(int) == accepted["_row"]).all()


def test_a_cell_of_a_megabyte(bench) -> None:
    study = bench.events(f'a,2026-01-01,"{"z" * (1 << 20)}"\n{GOOD}')
    assert [len(t) for t in bench.accepted(study)["touchpoint"]] == [1 << 20, 1]


def test_packed_files(bench) -> None:
    packed = gzip.compress((bench.HEAD + "a,2026-01-01,x\n" * 1 + GOOD).encode())
    for name in ("e.csv.gz", "E.CSV.GZ"):
        assert bench.ids(bench.events(packed, name=name)) == ["a", "k"]
    long = gzip.compress((bench.HEAD + "".join(f"{i},2026-01-01,x\n" for i in range(900))).encode())
    for broken in (b"hello,1\n", long[:-50], long[:60] + b"\xff\xff\xff\xff" + long[64:]):
        bench.fails(bench.events(broken, name="e.csv.gz"), "e.csv.gz", "cannot be read")


def test_paths(bench) -> None:
    bench.fails(bench.study({"events.csv": GOOD}, {"events": {"path": "event.csv"}}), "events.csv")
    bench.fails(bench.study({"d.csv/x": GOOD}, {"events": {"path": "d.csv"}}), "no file at d.csv")
    bench.fails(bench.study({"a.csv": GOOD}, {"events": {"path": "*.tsv"}}), "no file at *.tsv")
    bench.fails(bench.study({"a.dat": GOOD}, {"events": {"path": "a.dat"}}), "format: csv")
    bench.fails(
        bench.study({"a.csv": GOOD}, {"events": {"path": "${CJLAB_NOPE}/a.csv"}}), "CJLAB_NOPE"
    )
    bench.fails(bench.study({"a.csv": GOOD}, {"events": {"path": "no/where.csv"}}), "no/where.csv")


def test_files_of_one_glob_may_differ_in_columns(bench) -> None:
    study = bench.study(
        {
            "d/a.csv": bench.HEAD + "1,2026-01-01,x\n",
            "d/b.csv": "touchpoint;channel;ts;customer_id\ny;web;2026-01-02;2\n",
        },
        {"events": {"path": "d/*.csv"}},
    )
    accepted = bench.accepted(study)
    assert accepted[["customer_id", "touchpoint", "_file"]].values.tolist() == [
        ["1", "x", "a.csv"],
        ["2", "y", "b.csv"],
    ]
    assert accepted["channel"].isna().tolist() == [True, False]
    assert study.intake.sources[0].files == 2
