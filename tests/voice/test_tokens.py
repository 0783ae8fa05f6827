"""What normalising and tokenising must keep, and what they must survive."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab.voice._tokens import (
    LANGUAGES,
    LONGEST,
    clauses,
    clean,
    foreign_words,
    negations,
    normalise,
    stop_words,
    tokens,
)


def garbled(text: str) -> str:
    """Read UTF-8 as Windows-1252, as a wrong import does; what it lacks becomes a control."""
    undefined = b"\x81\x8d\x8f\x90\x9d"
    return "".join(
        bytes([byte]).decode("latin-1" if byte in undefined else "cp1252")
        for byte in text.encode("utf-8")
    )


@pytest.mark.parametrize(
    "text", ["Väldigt bra kök", "Søde folk på øen", "Don’t – “ever”", "Hyvää työtä"]
)
def test_mojibake_that_proves_itself_is_repaired(text: str) -> None:
    assert clean(garbled(text)) == (text, ("repaired",))


def test_mojibake_that_proves_nothing_is_left_alone() -> None:
    assert clean("BlÃ¥tt Ãž och \ufffd") == ("BlÃ¥tt Ãž och \ufffd", ("mojibake",))
    assert clean("Âme, já, à la Ångström").notes == ()


def test_right_and_garbled_letters_may_stand_together() -> None:
    assert normalise("För " + garbled("långsamt")) == "För långsamt"


def test_invisible_characters_go() -> None:
    assert normalise("bra\u200b\u202e\u0000 \ufeffkö\u00adp\ud800\t\nnu") == "bra köp nu"
    assert normalise("ko\u0308p") == "köp"


@pytest.mark.parametrize("nothing", [None, float("nan"), 3, "", " \u200f\n"])
def test_no_text_is_an_empty_text(nothing: object) -> None:
    assert clean(nothing) == ("", ())


def test_a_long_text_is_cut_and_says_so() -> None:
    text, notes = clean("ord " * 300_000)
    assert len(text) <= LONGEST and notes == ("cut",)


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert unicodedata.is_normalized("NFC", once)
    assert normalise(once) == once
    once.encode("utf-8")  # half a character would raise


def test_words_without_links_addresses_and_numbers() -> None:
    text = "Don’t e-post jane@x.se 24/7, se www.x.se/bra ÅÄÖ!"
    assert tokens(text) == ["don't", "e-post", "se", "åäö"]
    assert clauses("Bra. Inte dyrt, men sent!") == [["bra"], ["inte", "dyrt"], ["men", "sent"]]


@given(st.lists(st.sampled_from(["a", "@", ".", "b", " ", "a@b.c", "www.", "http://", "-"])))
def test_addresses_and_links_are_what_one_pattern_says(parts: list[str]) -> None:
    text = "".join(parts)
    said = re.sub(r"(?i)(?:https?://|www\.)\S+|\S+@\S+\.\w+", " ", text)
    assert tokens(text) == re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", said)


def test_hostile_texts_come_to_an_end() -> None:
    # The one pattern would take days, and sorting so many marks a minute.
    assert tokens(normalise("a@" * 500_000)) == ["a"] * (LONGEST // 2)
    assert tokens(normalise("a@a.a" * 200_000)) == []
    assert len(normalise("e\u0301\u0323" + "\u0301\u0323" * 500_000)) <= 31


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_its_lists(code: str) -> None:
    """Negations carry what a text says: no list of stop words may swallow them."""
    assert len(stop_words(code)) > 80 and len(negations(code)) > 6
    assert not stop_words(code) & negations(code)
    assert all(word == normalise(word).lower() for word in stop_words(code) | negations(code))


def test_an_unknown_language_has_none() -> None:
    assert stop_words("de") == negations(None) == stop_words("other") == frozenset()
    assert "nicht" in foreign_words()
