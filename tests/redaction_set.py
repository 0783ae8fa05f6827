"""Generated texts with identifiers and names in them, seeded: what `redact` is measured on.

The names here stand in none of the lists that come with cjlab; a test holds them apart.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

FRAMES = {
    "en": [
        "Please call me, {} is mine.",
        "My details: {}",
        "({}) please answer",
        "I wrote {} twice\nand waited",
    ],
    "sv": [
        "Hör av er, {} är mitt.",
        "Mina uppgifter: {}",
        "({}) svara gärna",
        "Jag skrev {} två gånger\noch väntade",
    ],
    "nb": [
        "Ta kontakt, {} er mitt.",
        "Mine opplysninger: {}",
        "({}) svar gjerne",
        "Jeg skrev {} to ganger\nog ventet",
    ],
    "da": [
        "Kontakt mig, {} er mit.",
        "Mine oplysninger: {}",
        "({}) svar gerne",
        "Jeg skrev {} to gange\nog ventede",
    ],
    "fi": [
        "Ottakaa yhteyttä, {} on minun.",
        "Tietoni: {}",
        "({}) vastatkaa",
        "Kirjoitin {} kahdesti\nja odotin",
    ],
}


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices(string.digits, k=count))


def grouped(rng: random.Random, text: str, *sizes: int) -> str:
    """Write digits in groups, with one of the signs that people put between them."""
    sign = rng.choice([" ", "-", "", ".", "\u00a0", "\u2011", " - ", "/"])
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return sign.join([*parts, text[at:]] if text[at:] else parts)


def luhn(body: str) -> str:
    total = sum(sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(body[::-1]))
    return body + str(-total % 10)


def born(rng: random.Random) -> tuple[str, str, str]:
    return f"{rng.randint(1, 28):02}", f"{rng.randint(1, 12):02}", f"{rng.randint(0, 99):02}"


def mail(rng: random.Random) -> str:
    local = rng.choice(["anna.berg", "bo", "øyvind_å", "a+shop", "info-77", "x.y.z", "Mäkinen"])
    at = rng.choice(
        [
            "@",
            "@",
            " @ ",
            " (at) ",
            "[at]",
            " at ",
            "(a)",
            "＠",
            "\u200b@",
            " snabel-a ",
            " krøllalfa ",
            " ät ",
        ]
    )
    site = rng.choice(["mail", "firma-nord", "gmail", "søppel"])
    dotted = at in ("@", "＠", "\u200b@", " @ ")
    dot = "." if dotted else rng.choice([".", " dot ", " punktum ", " piste ", " (punkt) "])
    return (
        f"{local}{rng.randint(1, 99)}{at}{site}{dot}{rng.choice(['com', 'se', 'no', 'dk', 'fi'])}"
    )


def phone(rng: random.Random) -> str:
    n = digits(rng, 8)
    return rng.choice(
        [
            lambda: grouped(rng, "07" + n, 3, 3, 2),
            lambda: "+46 (0)" + grouped(rng, "70" + n[:7], 2, 3, 2),
            lambda: "0046" + grouped(rng, "70" + n[:7], 2, 3),
            lambda: "+47 " + grouped(rng, "9" + n[:7], 3, 2),
            lambda: grouped(rng, "4" + n[:7], 2, 2, 2),
            lambda: "(+45) " + grouped(rng, "2" + n[:7], 2, 2, 2),
            lambda: "+358 " + grouped(rng, "40" + n[:7], 2, 3),
            lambda: "(020) " + grouped(rng, n, 4),
            lambda: "+44 7" + grouped(rng, n + "1", 3, 3),
            lambda: f"({n[:3]}) 555-{n[4:]}",
            lambda: "+1-" + grouped(rng, n + "55", 3, 3),
            lambda: "\u200b".join("070" + n[:7]),
            lambda: "".join(chr(0xFF10 + int(d)) for d in "070" + n[:7]),
            lambda: "070&nbsp;" + n[:3] + "&nbsp;" + n[3:7],
            lambda: "070\n" + n[:3] + "\n" + n[3:7],
        ]
    )()


def personal(rng: random.Random) -> str:
    day, month, year = born(rng)
    serial = digits(rng, 3)
    swedish = luhn(f"{year}{month}{day}{serial}")
    ordination = luhn(f"{year}{month}{int(day) + 60}{serial}")
    signs = "0123456789ABCDEFHJKLMNPRSTUVWXY"
    check = signs[int(f"{day}{month}{year}{serial}") % 31]
    return rng.choice(
        [
            f"{swedish[:6]}{rng.choice('-+')}{swedish[6:]}",
            f"19{swedish[:6]}-{swedish[6:]}",
            f"20{swedish}",
            f"{ordination[:6]}-{ordination[6:]}",
            norwegian(rng, day, month, year, rng.choice([0, 40])),
            f"{day}{month}{year}-{serial}{digits(rng, 1)}",
            f"{day}{month}{year} {serial}{digits(rng, 1)}",
            f"{day}{month}{year}{rng.choice('-+ABCDEFYXWVU')}{serial}{check}",
            f"{day}{month}{year}{rng.choice('-A')}{serial}{check}".lower(),
            f"QQ {day} {month} {year} C",
            f"AB{day}{month}{year}D",
            f"{serial}-{day}-{digits(rng, 4)}",
        ]
    )


def norwegian(rng: random.Random, day: str, month: str, year: str, more: int) -> str:
    while True:
        nine = f"{int(day) + more:02}{month}{year}{digits(rng, 3)}"
        first = (
            -sum(int(d) * w for d, w in zip(nine, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=True)) % 11
        )
        ten = f"{nine}{first}"
        if first < 10:
            last = (
                -sum(int(d) * w for d, w in zip(ten, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True))
                % 11
            )
            if last < 10:
                return rng.choice([f"{ten}{last}", f"{ten[:6]} {ten[6:]}{last}"])


def card(rng: random.Random) -> str:
    number = luhn("4" + digits(rng, rng.choice([11, 14, 14, 14, 17])))
    return grouped(rng, number, 4, 4, 4)


def iban(rng: random.Random) -> str:
    country, body = rng.choice(
        [
            ("SE", digits(rng, 20)),
            ("NO", digits(rng, 11)),
            ("DK", digits(rng, 14)),
            ("FI", digits(rng, 14)),
            ("GB", "NWBK" + digits(rng, 14)),
            ("DE", digits(rng, 18)),
            ("NL", "ABNA" + digits(rng, 10)),
        ]
    )
    number = int("".join(str(int(c, 36)) for c in f"{body}{country}00"))
    whole = f"{country}{98 - number % 97:02}{body}"
    spaced = " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))
    return rng.choice([whole, spaced, spaced.lower(), spaced.replace(" ", "-")])


KINDS: dict[str, Callable[[random.Random], str]] = {
    "e-mail": mail,
    "phone": phone,
    "personal number": personal,
    "card": card,
    "iban": iban,
}


def identifiers(count: int, seed: int = 5) -> Iterator[tuple[str, str, str, str]]:
    """Yield language, kind, the identifier and the text that holds it."""
    rng = random.Random(seed)
    for i in range(count):
        kind, language = list(KINDS)[i % 5], list(FRAMES)[i // 5 % 5]
        item = KINDS[kind](rng)
        yield language, kind, item, rng.choice(FRAMES[language]).format(item)


# In no list: rare, foreign and made-up names.
UNKNOWN = {
    "sv": (
        ["Zuleika", "Botvid", "Ingalill", "Embrik", "Tindra", "Sixtus", "Kajsalisa", "Ragnvi"],
        ["Qvarnfors", "Tegelskog", "Bielke", "Oxenstierna", "Rosenquint", "Snöbohm"],
    ),
    "nb": (
        ["Torgrim", "Ragnfrid", "Olaisen", "Brynjulf", "Magnvor", "Thorolf", "Zarina", "Eldbjørg"],
        ["Kvernbekk", "Skarpnes", "Ulriksrud", "Tjomsaas", "Bratteli", "Grindheim"],
    ),
    "da": (
        ["Thyge", "Ingeborgine", "Ejlif", "Abelone", "Zenia", "Hjarne", "Bertel", "Mathea"],
        ["Krabbedam", "Trolle", "Bagger", "Grumstrup", "Fuglsang", "Tvede"],
    ),
    "fi": (
        ["Aukusti", "Hilppa", "Eedla", "Tahvo", "Iivari", "Zaida", "Kustaava", "Eljas"],
        ["Kurkela", "Huhtiniitty", "Wegelius", "Tervapää", "Paasilinna", "Ruokokoski"],
    ),
    "en": (
        ["Ozias", "Thandeka", "Zebulon", "Ottilie", "Ignatius", "Saoirse", "Peregrine", "Xanthe"],
        ["Pemberley", "Okonkwo", "Featherstonhaugh", "Trelawney", "Wojcik", "Abernathy"],
    ),
}

# Each with where its name stands: announced, in a sentence with both names, alone in a sentence,
# opening one, written small.
NAMED = {
    "sv": [
        ("announced", "Hej {f}, paketet kom fram."),
        ("announced", "Jag heter {f} {l} och väntar."),
        ("announced", "Det gick bra. Mvh {f}"),
        ("announced", "Tack {f} för hjälpen!"),
        ("whole", "Jag pratade med {f} {l} i kassan."),
        ("whole", "{f} {l} hjälpte mig snabbt."),
        ("alone", "Det var {f} som löste det."),
        ("alone", "Säg till kollegan {f} att det fungerade."),
        ("opening", "{f} var trevlig mot oss."),
        ("opening", "{f} gav mig rabatt."),
        ("small", "bra jobbat av {s} i butiken."),
    ],
    "nb": [
        ("announced", "Hei {f}, pakken kom fram."),
        ("announced", "Jeg heter {f} {l} og venter."),
        ("announced", "Det gikk bra. Hilsen {f}"),
        ("announced", "Takk {f} for hjelpen!"),
        ("whole", "Jeg snakket med {f} {l} i kassen."),
        ("whole", "{f} {l} hjalp meg raskt."),
        ("alone", "Det var {f} som løste det."),
        ("alone", "Si til kollegaen {f} at det fungerte."),
        ("opening", "{f} var hyggelig mot oss."),
        ("opening", "{f} ga meg rabatt."),
        ("small", "bra jobba av {s} i butikken."),
    ],
    "da": [
        ("announced", "Hej {f}, pakken kom frem."),
        ("announced", "Jeg hedder {f} {l} og venter."),
        ("announced", "Det gik fint. Venlig hilsen {f}"),
        ("announced", "Tak {f} for hjælpen!"),
        ("whole", "Jeg talte med {f} {l} i kassen."),
        ("whole", "{f} {l} hjalp mig hurtigt."),
        ("alone", "Det var {f} der løste det."),
        ("alone", "Sig til kollegaen {f} at det virkede."),
        ("opening", "{f} var venlig mod os."),
        ("opening", "{f} gav mig rabat."),
        ("small", "flot klaret af {s} i butikken."),
    ],
    "fi": [
        ("announced", "Hei {f}, paketti tuli perille."),
        ("announced", "Nimeni on {f} {l} ja odotan."),
        ("announced", "Kaikki sujui hyvin. Terveisin {f}"),
        ("announced", "Kiitos {f} avusta!"),
        ("whole", "Puhuin kassalla {f} {l} kanssa."),
        ("whole", "{f} {l} auttoi minua nopeasti."),
        ("alone", "Silloin {f} ratkaisi asian."),
        ("alone", "Sanokaa että {f} teki hyvää työtä."),
        ("opening", "{f} oli ystävällinen meille."),
        ("opening", "{f} antoi minulle alennuksen."),
        ("small", "hyvää työtä teki {s} kaupassa."),
    ],
    "en": [
        ("announced", "Hi {f}, the parcel arrived."),
        ("announced", "My name is {f} {l} and I wait."),
        ("announced", "It went well. Regards {f}"),
        ("announced", "Thanks {f} for the help!"),
        ("whole", "I talked with {f} {l} at the till."),
        ("whole", "{f} {l} helped me quickly."),
        ("alone", "It was {f} who solved it."),
        ("alone", "Tell my colleague {f} that it worked."),
        ("opening", "{f} was kind to us."),
        ("opening", "{f} gave me a discount."),
        ("small", "well done by {s} in the shop."),
    ],
}

# What looks like a name and is none: places, brands, products, plain words.
NAMELESS = {
    "sv": [
        "Paketet från Zalando kom till Göteborg.",
        "Jag betalade med Klarna och Swish.",
        "Kundtjänst svarade i måndags.",
        "Appen för iPhone och Android är bra.",
        "Postnord i Malmö tappade lådan.",
        "Jag köpte en Kajakex i butiken.",
        "Leveransen tog 2 dagar och kostade 150 kr.",
        "Betalningen gick bra, 10/10!",
        "Bra Service och Snabb leverans.",
        "Vi reste till Norge i Juli.",
    ],
    "nb": [
        "Pakken fra Zalando kom til Bergen.",
        "Jeg betalte med Vipps og Klarna.",
        "Kundeservice svarte på mandag.",
        "Appen for iPhone og Android er bra.",
        "Posten i Trondheim mistet esken.",
        "Jeg kjøpte en Kajakex i butikken.",
        "Leveringen tok 2 dager og kostet 150 kr.",
        "Betalingen gikk bra, 10/10!",
        "Bra Service og Rask levering.",
        "Vi reiste til Sverige i Juli.",
    ],
    "da": [
        "Pakken fra Zalando kom til Aarhus.",
        "Jeg betalte med MobilePay og Klarna.",
        "Kundeservice svarede om mandagen.",
        "Appen til iPhone og Android er god.",
        "PostNord i Odense tabte kassen.",
        "Jeg købte en Kajakex i butikken.",
        "Leveringen tog 2 dage og kostede 150 kr.",
        "Betalingen gik godt, 10/10!",
        "God Service og Hurtig levering.",
        "Vi rejste til Norge i Juli.",
    ],
    "fi": [
        "Paketti Zalandosta tuli Tampereelle.",
        "Maksoin Klarnalla ja MobilePaylla.",
        "Asiakaspalvelu vastasi maanantaina.",
        "Sovellus iPhonelle ja Androidille on hyvä.",
        "Posti Turussa hukkasi laatikon.",
        "Ostin Kajakexin kaupasta.",
        "Toimitus kesti 2 päivää ja maksoi 15 euroa.",
        "Maksu onnistui, 10/10!",
        "Hyvä Palvelu ja nopea toimitus.",
        "Matkustimme Norjaan heinäkuussa.",
    ],
    "en": [
        "The parcel from Amazon came to London.",
        "I paid with Klarna and PayPal.",
        "Customer Service answered on Monday.",
        "The app for iPhone and Android is good.",
        "Royal Mail in Leeds lost the box.",
        "I bought a Kajakex in the shop.",
        "Delivery took 2 days and cost 15 pounds.",
        "Payment went well, 10/10!",
        "Great Service and Quick Delivery.",
        "We went to Norway in July.",
    ],
}


def named(language: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield where, the text and the words of its name: every name in every place."""
    firsts, lasts = UNKNOWN[language]
    for where, frame in NAMED[language]:
        for i, first in enumerate(firsts):
            last = lasts[i % len(lasts)]
            used = [
                word
                for word, place in ((first, "{f}"), (last, "{l}"), (first.lower(), "{s}"))
                if place in frame
            ]
            yield where, frame.format(f=first, l=last, s=first.lower()), used
