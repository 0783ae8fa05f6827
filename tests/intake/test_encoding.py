"""Bytes become letters: detected, transcoded, and what nobody can read is quarantined."""

from __future__ import annotations

import gzip

import pytest

from cjlab.sources.encoding import UNREADABLE, as_utf8, detect

NORDIC = "åse,2026-01-01,Köp på nätet\nøivind,2026-01-01,Kjøp – «ærlig»\näiti,2026-01-01,Ö\n"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
@pytest.mark.parametrize("name", ["e.csv", "e.csv.gz"])
def test_encodings_are_found(bench, encoding: str, name: str) -> None:
    content = (bench.HEAD + NORDIC).encode(encoding)
    study = bench.events(gzip.compress(content) if name.endswith("gz") else content, name=name)
    assert list(bench.accepted(study)["touchpoint"]) == ["Köp på nätet", "Kjøp – «ærlig»", "Ö"]
    assert bench.ids(study) == ["åse", "øivind", "äiti"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp850", "mac_roman", "iso8859-15"])
@pytest.mark.parametrize("word", ["å", "Åsa köper", "Smørrebrød på Ærø", "hyvää yötä", "Älg på ö"])
def test_short_nordic_texts_in_legacy_encodings(bench, encoding: str, word: str) -> None:
    try:
        content = (bench.HEAD + f"{word},2026-01-01,x\n").encode(encoding)
    except UnicodeEncodeError:
        pytest.skip(f"{encoding} has no such letter")
    assert bench.ids(bench.events(content)) == [word]


@pytest.mark.parametrize("encoding", ["cp1250", "koi8-r", "shift_jis", "iso8859-7", "cp1252"])
def test_a_declared_encoding_is_believed(bench, encoding: str) -> None:
    word = {
        "cp1250": "žluťoučký",
        "koi8-r": "привет",
        "shift_jis": "東京",
        "iso8859-7": "καφές",
    }.get(encoding, "œuf")
    content = (bench.HEAD + f"{word},2026-01-01,x\n").encode(encoding)
    assert bench.ids(bench.events(content, encoding=encoding)) == [word]


@pytest.mark.parametrize("encoding", ["utf-9", "rot13", "zip", "hex", ""])
def test_no_such_encoding(bench, encoding: str) -> None:
    if encoding:
        bench.fails(
            bench.events("a,2026-01-01,x\n", encoding=encoding), f'no encoding "{encoding}"'
        )
    else:
        assert bench.ids(bench.events("a,2026-01-01,x\n", encoding="")) == ["a"]


def test_stray_bytes_quarantine_their_rows_only(bench) -> None:
    good = (bench.HEAD + "å,2026-01-01,ö\nä,2026-01-02,x\n").encode()
    study = bench.events(good + b"\xff\xe5,2026-01-01,x\nb,2026-01-01,\xe5\nc,2026-01-01,x\n")
    assert bench.ids(study) == ["å", "ä", "c"]
    assert bench.rules(study) == [
        (3, "unreadable_bytes", "customer_id", UNREADABLE * 2),
        (4, "unreadable_bytes", "touchpoint", UNREADABLE),
    ]


def test_a_declared_encoding_that_does_not_fit(bench) -> None:
    content = (bench.HEAD + "å,2026-01-01,x\na,2026-01-01,x\n").encode("latin-1")
    study = bench.events(content, encoding="utf-8")
    assert bench.ids(study) == ["a"]
    assert [rule for _, rule, _, _ in bench.rules(study)] == ["unreadable_bytes"]


def test_unreadable_bytes_elsewhere_cost_no_row(bench) -> None:
    content = b"customer_id,ts,touchpoint,note\na,2026-01-01,\xc3\xa5,\xc3\xa5\xff\n"
    assert bench.ids(bench.events(content)) == ["a"]


def test_mojibake_is_reported_and_kept(bench) -> None:
    broken = "Köp på nätet".encode().decode("cp1252")
    study = bench.events(
        f"a,2026-01-01,{broken}\nb,2026-01-01,Köp\nc,2026-01-01,k?pa\nd,2026-01-01,Â\n"
    )
    assert bench.notes(study) == {"mojibake": 1, "lost_letter": 1}
    assert bench.accepted(study)["touchpoint"][0] == broken


def test_a_letter_split_between_chunks(bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from cjlab.sources import encoding

    monkeypatch.setattr(encoding, "_CHUNK", 5)
    for codec in ("utf-8", "utf-16", "utf-32"):
        path = bench.folder / f"{codec}.csv"
        path.write_bytes(("a;" + "åäö€😀" * 5).encode(codec))
        found = "utf-8" if codec == "utf-8" else codec
        assert detect(path) == found
        folder = bench.folder / f"to-{codec}"
        folder.mkdir()
        copy = as_utf8(path, found, folder)
        assert copy.read_text(encoding="utf-8") == "a;" + "åäö€😀" * 5
