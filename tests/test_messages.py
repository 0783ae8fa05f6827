"""Messages: every key is whole, values fit, and numbers read as the language writes them."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cjlab import messages
from cjlab.errors import UserError

REPO = Path(__file__).parents[1]


def test_each_english_message_is_there_and_well_formed() -> None:
    found = list(messages.keys())
    assert len(found) == len(set(found)) > 50
    for key in found:
        assert re.fullmatch(r"[a-z]+(\.[a-zA-Z0-9_ -]+)+", key), key
        forms = messages._entry(key, "en")
        assert forms, key
        for form in (forms,) if isinstance(forms, str) else forms:
            for _, name, spec, conversion in string.Formatter().parse(form):
                assert name is None or (name.isidentifier() and not spec and not conversion), key


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_no_key_is_told_twice(language: str) -> None:
    """A room may keep its words in a file of its own; the last file must not win silently."""
    files = sorted((REPO / "cjlab" / "locale" / language / "LC_MESSAGES").glob("*.po"))
    told = re.findall(r'^msgid "(.+)"', "\n".join(map(Path.read_text, files)), re.M)
    assert told and max(Counter(told).values()) == 1


def test_templates_use_only_keys_that_are_there() -> None:
    used = set()
    for path in (REPO / "cjlab" / "report").rglob("*"):
        if path.suffix in (".py", ".j2"):
            used |= set(re.findall(r'(?:\b_|messages\.text)\(\s*"([a-z.A-Z_]+)"', path.read_text()))
    assert len(used) > 20
    whole = {key for key in used if "." in key and not key.endswith(".")}
    assert {key for key in whole if not messages.has(key)} == set()


def test_values_must_be_those_the_message_names() -> None:
    assert messages.text("cell.small", minimum=10) == "< 10"
    with pytest.raises(UserError, match=r'"cell.small" needs a value for minimum'):
        messages.text("cell.small")
    with pytest.raises(UserError, match=r'has no place "minimun". Did you mean "minimum"'):
        messages.text("cell.small", minimum=1, minimun=2)
    with pytest.raises(UserError, match=r'no message "cell.smal". Did you mean "cell.small"'):
        messages.text("cell.smal")
    with pytest.raises(UserError, match=r'no language "xx"'):
        messages.text("cell.small", "xx", minimum=1)


def test_values_are_not_templates() -> None:
    assert messages.text("page.next", title="{x.__class__}") == "Next: {x.__class__}"


def test_plurals_follow_the_count() -> None:
    assert messages.text("privacy.withheld", count=1).startswith("1 number is")
    assert messages.text("privacy.withheld", count=1204).startswith("1,204 numbers are")


def test_a_missing_translation_is_english_with_local_numbers() -> None:
    assert messages.own("plot.events", "fi") is None
    shown = messages.text("plot.events", "da", n=1204, share=messages.percent(0.5))
    assert shown == "1.204 events · 50,0\xa0%"


@pytest.mark.parametrize(
    ("value", "english", "finnish"),
    [
        (0, "0", "0"),
        (1204, "1,204", "1\xa0204"),
        (-0.5, "-0.5", "−0,5"),
        (0.00012345, "0.000123", "0,000123"),
        (123456.7, "123,457", "123\xa0457"),
        (np.int64(5), "5", "5"),
        (np.float64(2.5), "2.5", "2,5"),
        (float("nan"), "–", "–"),
        (None, "–", "–"),
        (pd.NA, "–", "–"),
        (pd.NaT, "–", "–"),
        (float("inf"), "∞", "∞"),
        (True, "yes", "kyllä"),
        (np.bool_(False), "no", "ei"),
        ("<b>", "<b>", "<b>"),
        (date(2026, 11, 22), "Nov 22, 2026", "22.11.2026"),
        (datetime(2026, 11, 2, 20, 15), "Nov 2, 2026, 8:15:00\u202fPM", "2.11.2026 20.15.00"),
    ],
)  # fmt: skip
def test_plain_values(value: object, english: str, finnish: str) -> None:
    assert messages.format_value(value, "en") == english
    assert messages.format_value(value, "fi") == finnish


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (messages.percent(0.4125, 0), "41\xa0%"),
        (messages.percent(1.0), "100,0\xa0%"),
        (messages.percent(float("nan")), "–"),
        (messages.days(0), "0 dygn"),
        (messages.days(0.5 / 24), "30 minuter"),
        (messages.days(150.4), "150 dygn"),
        (messages.money(12.5, "SEK"), "12,50\xa0kr"),
        (messages.interval(1, None), "1–nås inte"),
        (messages.day(date(2026, 7, 1)), "1 juli 2026"),
    ],
)
def test_formats_in_swedish(form: messages.Formatted, shown: str) -> None:
    assert form("sv") == shown


@pytest.mark.parametrize("language", [name for name in messages.LANGUAGES if name != "en"])
def test_translations_have_the_same_places_and_page_06_is_whole(language: str) -> None:
    for key in list(messages.keys()):
        if forms := messages._entry(key, language):
            english = set().union(*map(messages._places, messages._entry(key, "en")))
            assert set().union(*map(messages._places, forms)) == english, key
    page = REPO / "notebooks" / "06_voice_of_customer.ipynb"
    start = f"notebook.{page.stem}."
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    prose = {cell["id"] for cell in cells if cell["cell_type"] == "markdown"}
    code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    shown = set(re.findall(r'(?:show|quotes)\(\s*"(\w+)"', code))
    drawn = set(re.findall(r'figure\(\s*"(\w+)"', code))
    assert len(prose) > 10 and len(shown) > 10 and len(drawn) > 5
    wanted = prose | {f"caption.{name}" for name in shown} | {f"alt.{name}" for name in drawn}
    assert {name for name in wanted if messages.own(start + name, language) is None} == set()
    # A title that is no sentence of the catalogue needs its own.
    assert set(re.findall(r'"(\w+)",[^)]*?title="', code)) == {"themes_by_stage"}
    assert messages.own(start + "title.themes_by_stage", language)
    # A key that no cell, table or figure has would never be shown.
    known = wanted | {f"{kind}.{name}" for kind in ("figure", "title") for name in drawn}
    told = {str(m.id) for m in messages._catalogue(language) if str(m.id).startswith("notebook.")}
    assert told <= {start + name for name in known}
