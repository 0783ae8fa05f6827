"""What a quote must not give away, however it is written."""

import html
import importlib.util
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab import redaction
from cjlab.privacy import redact
from cjlab.redaction import LONGEST_READ, examine, telling
from cjlab.redaction._lists import listed

_spec = importlib.util.spec_from_file_location(
    "redaction_set", Path(__file__).with_name("redaction_set.py")
)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

HIDDEN = [
    # e-mail
    ("skriv till anna.svensson@mail.se tack", "skriv till [e-mail] tack"),
    ("a+b_c@x.co.uk, please", "[e-mail], please"),
    ("anna (at) mail.se", "[e-mail]"),
    ("anna [at] mail.com", "[e-mail]"),
    ("ANNA＠MAIL．SE", "[e-mail]"),  # full width
    ("anna\u200b@ma\u00adil.se", "[e-mail]"),  # invisible characters inside
    # links
    ("se https://shop.example/order?id=77&u=anna nu", "se [link] nu"),
    ("www.facebook.com/anna.svensson", "[link]"),
    ("mitt.foretag.se/anna", "[link]"),
    # numbers: telephone, card, account, birth date, order
    ("ring 070-123 45 67", "ring [number]"),
    ("+46 (0)70 123 45 67!", "[number]!"),
    ("kort 4111 1111 1111 1111", "kort [number]"),
    ("4111-1111-1111-1111", "[number]"),
    ("personnummer 850101-1234", "personnummer [number]"),
    ("hetu 010190-123A", "hetu [number]"),
    ("fødselsnummer 01019012345", "fødselsnummer [number]"),
    ("SE35 5000 0000 0549 1000 0003", "[number]"),
    ("٠٧٠١٢٣٤٥٦٧", "[number]"),  # digits of another script
    ("order 200-001", "order [number]"),
    # names
    ("Hej Anna Svensson, tack", "Hej [name], tack"),
    ("Dear Mr. Smith", "Dear Mr. [name]"),
    ("Hei Ola, takk for hjelpen", "Hei [name], takk for hjelpen"),
    ("Kære Søren!", "Kære [name]!"),
    ("Hyvä Matti Meikäläinen", "Hyvä [name]"),
    ("my name is Bo", "my name is [name]"),
    ("jag heter Åsa och", "jag heter [name] och"),
    ("Bra service. Mvh anna svensson", "Bra service. Mvh [name]"),
    ("Takk. Med vennlig hilsen Ola Nordmann.", "Takk. Med vennlig hilsen [name]."),
    ("Kiitos! Terveisin Matti", "Kiitos! Terveisin [name]"),
    ("Great. Best regards,\nBob", "Great. Best regards, [name]"),
    ("Med vänliga hälsningar, Eva", "Med vänliga hälsningar, [name]"),
]
# What a word before it calls a customer's, an order's, a case's: in five languages.
CALLED = {
    "customer c012 or client # 7": "customer [number] or client # [number]",
    "Orders 4711, 4712 and 4713": "Orders [number], [number] and [number]",
    "my account no. 5, invoice 881": "my account no. [number], invoice [number]",
    "customer's id: c01. booking (B77)": "customer's id: [number]. booking ([number])",
    "kund c012, ordrenr. o77": "kund [number], ordrenr. [number]",
    "Ärende 123 och medlemsnummer är 9": "Ärende [number] och medlemsnummer är [number]",
    "kunde 4711 og sak 2024/12, bestilling nr 8": (
        "kunde [number] og sak [number], bestilling nr [number]"
    ),
    "sagen 881, ordren 4711-B, kundenr.: 3": (
        "sagen [number], ordren [number], kundenr.: [number]"
    ),
    "asiakas c012, tilauksen 4711, jäsennumeroni on 12": (
        "asiakas [number], tilauksen [number], jäsennumeroni on [number]"
    ),
    "kund4711, order_100 and customer-nr7": "[number], [number] and [number]",
}
KEPT = [
    "An order 2 coffees, to order 200 more, order 100 pieces of them.",
    "Kund i 10 år, kund 2 ggr, blev kund 2019, kund 24/7 och order 10/10.",
    "I ordered a case 5 times, in case 200 people come, for order PS5 and mp3.",
    "Faktura 150 kr, lasku 1 500 euroa, account 100 %, order 12/10 klockan 14:30.",
    "Kunden är nummer 1 för er; order: 2 skjortor; ordning 100, kontor 200, saknar 300.",
    "Pakken kom dagen etter.",
    "I waited 45 minutes, 3 times; 12,50 kr too much.",
    "Hi there, it works",
    "Betalningen misslyckades gång på gång.",
    "hej hej",
    "Size 38 or 40? 100 % cotton. 2026.",
    "Open 10.00-16.00, 24/7 or 2019-2021; 10/10 10/10.",
    "It cost 12 500 kr, 1 500 000 kr or € 25000; 20000 mAh.",
    "I waited 5. 10 more came.",
    "Olen pettynyt. Niin kävi.",
    "Jag betalade med Klarna och köpte en iPhone i Göteborg.",
    "My order will be late. Will it?",
    "",
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_what_says_who_is_hidden(text, shown):
    assert redact(text) == shown


def test_identifiers_are_hidden_after_words_that_say_whose_they_are():
    assert {text: redact(text) for text in CALLED} == CALLED


def test_a_name_takes_the_digits_that_cling_to_it():
    for sign_off in ("mvh", "Regards", "Terveisin", "my name is"):
        for name in ("c012", "anna84", "C-012", "anna_84"):
            assert redact(f"Bra. {sign_off} {name}") == f"Bra. {sign_off} [name]"


def test_identifiers_that_the_study_knows_are_hidden_as_whole_words():
    others = telling(["C012", "AB-12/3", "#k77", "12", "x1", "417", "delivery"])
    assert others == {"c012", "ab-12/3", "k77"}  # no plain number, no ordinary word, none too short

    def shown(text, *own, keep=()):
        return examine(text, keep, own=own, others=others).text

    assert shown("See c012. Or AB-12/3, #K77!") == "See [number]. Or [number], #[number]!"
    assert shown("xc012, c0123 and 417 of x1 stay") == "xc012, c0123 and 417 of x1 stay"
    assert shown("I am 417, it cost 417 kr", "417") == "I am [number], it cost 417 kr"
    assert (
        shown("ask AB 12 c; delivery late", "ab 12 c", "delivery") == "ask [number]; delivery late"
    )
    assert shown("the zorb is fine", "zorb") == "the [number] is fine"
    assert shown("the zorb is fine", "zorb", keep=["zorb"]) == "the zorb is fine"
    assert examine("c012, 417", own=["417"], others=others).hits == {"id": 2}


@pytest.mark.parametrize("text", KEPT)
def test_what_says_nobody_stays(text):
    assert redact(text) == text


@given(st.text(max_size=300))
def test_any_text_becomes_one_line_without_what_cannot_be_seen(text):
    shown = redact(text)
    assert shown == " ".join(shown.split())
    assert not {unicodedata.category(c) for c in shown} & {"Cf", "Cc"}


@given(st.lists(st.sampled_from("0123456789"), min_size=6, max_size=24), st.sampled_from(" -./"))
def test_no_long_number_comes_through(digits, sign):
    assert redact("nr " + sign.join(digits)) == "nr [number]"
    assert redact("nr " + "".join(digits)) == "nr [number]"


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.",
        "1 ",
        "@",
        "hej ",
        "Hej A",
        "mvh ",
        "(at)",
        "a-",
        "ab12 ",
        "a dot ",
        "#",
        "1:",
        "Anna ",
        "a@",
        "[",
        "\0",
        "🙈",
        "\u202eא",
        "e\u0301\u0323",
        "\u0301\u0323",
        "\ufdfa",  # one sign that stands for eighteen
        "&#1",
        "1a",
    ],
)
def test_hostile_lengths_come_to_an_end(piece):
    # A pattern that backtracks would take hours.
    assert len(redact(piece * (1_000_000 // len(piece)))) <= 4 * LONGEST_READ


def test_no_more_than_the_beginning_is_read():
    read = []
    seen = redaction._names.names
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            redaction._names, "names", lambda s, keep: read.append(len(s)) or seen(s, keep)
        )
        for piece in ("word ", "\ufdfa", "&amp; ", "e" + "\u0301" * 40):
            redact(piece * (1_000_000 // len(piece)))
    assert len(read) == 4 and max(read) <= LONGEST_READ
    # Half of what is hidden may stand at the cut, and is left out with it.
    shown = redact("word " * 3997 + "ring 070-123 45 67")
    assert set(shown.removesuffix("…").split()) == {"word"} and shown.endswith("…")
    whole = "word " * 3900 + "070-123 45 67"
    assert redact(whole) == "word " * 3900 + "[number]"


def test_numbers_of_signs_that_are_none_break_nothing():
    assert redact(f"a &#{'1' * 5000}; &#{'0' * 5000}55;") == "a \ufffd 7"
    assert redact("e" + "\u0301" * 500).count("\u0301") <= 30


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("811218-9876", {"personal_number": 1}),
        ("131052-308T", {"personal_number": 1}),
        ("4111 1111 1111 1111", {"card": 1}),
        ("GB29 NWBK 6016 1331 9268 19 thanks", {"iban": 1}),
        ("8601 11 17947", {"account": 1}),
        ("5512345", {"number": 1}),
        ("a@b.se c@d.se", {"e-mail": 2}),
        ("Storgatan 5, 123 45 Stockholm", {"address": 1}),
        ("14 Baker Street", {"address": 1}),
        ("Karl Johans gate 5, 0154 Oslo", {"address": 1}),
        ("Mannerheimintie 5 A 3, 00100 Helsinki", {"address": 1}),
        ("Vesterbrogade 12, 2. th, 1620 København V", {"address": 1}),
        ("fe80::1 and 10.0.0.1", {"number": 2}),
        ("59.3293, 18.0686", {"number": 2}),
        ("insta: anna_sv or @annasv", {"handle": 2}),
        ("bilen ABC 123", {"number": 1}),
        ("order no. 123", {"number": 1}),
        ("born 15 July 1985", {"date": 1}),
        ("noll sju noll ett två tre fyra", {"number": 1}),
    ],
)
def test_what_was_found_is_counted_by_kind(text, hits):
    assert examine(text).hits == hits


def squeezed(text: str) -> str:
    """Letters and digits alone, small, so that no sign between them hides an identifier."""
    plain = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    return "".join(c for c in plain if c.isalnum())


@pytest.mark.parametrize("kind", list(made.KINDS))
def test_none_of_two_thousand_generated_identifiers_is_left(kind):
    left = []
    for language, its_kind, item, text in made.identifiers(10_000):
        if its_kind != kind:
            continue
        shown = redact(text)
        numbers = "".join(filter(str.isdigit, shown))
        if squeezed(item) in squeezed(shown) or (kind != "e-mail" and len(numbers) > 3):
            left.append((language, item, shown))
    assert left == []


def measured(language: str) -> dict[str, tuple[int, int]]:
    """Names hidden of all by where they stand, and texts without a name that stay as they are."""
    counts: dict[str, tuple[int, int]] = {}
    for where, text, words in made.named(language):
        hidden, of = counts.get(where, (0, 0))
        shown = set(re.findall(r"[\w-]+", redact(text)))
        counts[where] = hidden + sum(word not in shown for word in words), of + len(words)
    kept = sum(redact(text) == text for text in made.NAMELESS[language])
    counts["nameless texts kept"] = kept, len(made.NAMELESS[language])
    return counts


def table() -> str:
    """The figures of REDACTION.md, computed anew."""
    heads = [
        "announced",
        "whole",
        "alone",
        "opening",
        "small",
        "all",
        "precision",
        "nameless texts kept",
    ]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for language in made.NAMED:
        counts = measured(language)
        names = [counts[where] for where in heads[:5]]
        hidden, of = (sum(part) for part in zip(*names, strict=True))
        harmed = counts[heads[-1]][1] - counts[heads[-1]][0]
        cells = [f"{a}/{b}" for a, b in names] + [
            f"{hidden / of:.0%}",
            f"{hidden / (hidden + harmed):.0%}",
        ]
        lines.append(f"| {language} | {' | '.join([*cells, '{}/{}'.format(*counts[heads[-1]])])} |")
    return "\n".join(lines)


def test_the_names_of_the_measure_are_in_no_list():
    for firsts, lasts in made.UNKNOWN.values():
        for word in map(str.casefold, [*firsts, *lasts]):
            assert word not in listed("first_names") | listed("surnames") | listed("ambiguous"), (
                word
            )


def test_the_page_beside_the_module_holds_what_is_measured_now():
    page = Path(redaction.__file__).with_name("REDACTION.md").read_text(encoding="utf-8")
    assert table() in page


@pytest.mark.parametrize("language", list(made.NAMED))
def test_names_outside_the_lists_are_hidden_where_something_says_so(language):
    counts = measured(language)
    for where in ("announced", "whole", "alone"):
        hidden, of = counts[where]
        assert hidden >= 0.95 * of, where
