"""What customers of the invented shop write, by language, topic and mood (all authored here)."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = {"SE": "sv", "NO": "nb", "DK": "da", "FI": "fi"}
# language -> topic -> (glad phrases, sad phrases)
PHRASES: Final[dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]]] = {
    "sv": {
        "payment": (("Det gick snabbt att betala.", "Betalningen fungerade utan problem."),
                    ("Betalningen misslyckades gång på gång.",
                     "Betalsidan hängde sig och jag gav upp.")),
        "delivery": (("Paketet kom dagen efter.", "Leveransen var snabbare än utlovat."),
                     ("Paketet kom en vecka för sent.", "Ingen visste var leveransen var.")),
        "staff": (("Kunnig personal som tog sig tid.", "Jag fick riktigt bra hjälp."),
                  ("Svårt att få hjälp.", "Jag fick vänta länge på svar.")),
        "range": (("Bra bilder och tydliga mått.", "Lätt att hitta rätt jacka."),
                  ("Storlekarna stämmer inte.", "Svårt att hitta bland kängorna.")),
        "general": (("Jag handlar gärna här igen.", "Allt fungerade som det skulle."),
                    ("Det var krångligare än det borde vara.", "Jag är besviken.")),
    },
    "nb": {
        "payment": (("Det gikk raskt å betale.", "Betalingen fungerte uten problemer."),
                    ("Betalingen feilet gang på gang.", "Betalingssiden hang og jeg ga opp.")),
        "delivery": (("Pakken kom dagen etter.", "Leveringen var raskere enn lovet."),
                     ("Pakken kom en uke for sent.", "Ingen visste hvor leveringen var.")),
        "staff": (("Kunnskapsrike ansatte som tok seg tid.", "Jeg fikk veldig god hjelp."),
                  ("Vanskelig å få hjelp.", "Jeg måtte vente lenge på svar.")),
        "range": (("Gode bilder og tydelige mål.", "Lett å finne riktig jakke."),
                  ("Størrelsene stemmer ikke.", "Vanskelig å finne fram blant skoene.")),
        "general": (("Jeg handler gjerne her igjen.", "Alt fungerte som det skulle."),
                    ("Det var vanskeligere enn det burde være.", "Jeg er skuffet.")),
    },
    "da": {
        "payment": (("Det gik hurtigt at betale.", "Betalingen virkede uden problemer."),
                    ("Betalingen mislykkedes gang på gang.",
                     "Betalingssiden frøs, og jeg gav op.")),
        "delivery": (("Pakken kom dagen efter.", "Leveringen var hurtigere end lovet."),
                     ("Pakken kom en uge for sent.", "Ingen vidste, hvor leveringen var.")),
        "staff": (("Kyndigt personale, der tog sig tid.", "Jeg fik rigtig god hjælp."),
                  ("Svært at få hjælp.", "Jeg måtte vente længe på svar.")),
        "range": (("Gode billeder og tydelige mål.", "Let at finde den rigtige jakke."),
                  ("Størrelserne passer ikke.", "Svært at finde rundt blandt støvlerne.")),
        "general": (("Jeg handler gerne her igen.", "Alt virkede, som det skulle."),
                    ("Det var mere besværligt, end det burde være.", "Jeg er skuffet.")),
    },
    "fi": {
        "payment": (("Maksaminen sujui nopeasti.", "Maksu onnistui ongelmitta."),
                    ("Maksu epäonnistui kerta toisensa jälkeen.",
                     "Maksusivu jumittui ja luovutin.")),
        "delivery": (("Paketti tuli seuraavana päivänä.", "Toimitus oli luvattua nopeampi."),
                     ("Paketti tuli viikon myöhässä.", "Kukaan ei tiennyt, missä toimitus oli.")),
        "staff": (("Asiantunteva ja ystävällinen henkilökunta.", "Sain todella hyvää apua."),
                  ("Apua oli vaikea saada.", "Jouduin odottamaan vastausta pitkään.")),
        "range": (("Hyvät kuvat ja selkeät mitat.", "Oikea takki löytyi helposti."),
                  ("Koot eivät pidä paikkaansa.", "Kenkiä oli vaikea löytää.")),
        "general": (("Ostan täältä mielelläni uudelleen.", "Kaikki toimi niin kuin pitikin."),
                    ("Se oli hankalampaa kuin pitäisi.", "Olen pettynyt.")),
    },
    "en": {
        "payment": (("Paying was quick.", "The payment went through without trouble."),
                    ("The payment failed again and again.",
                     "The payment page froze and I gave up.")),
        "delivery": (("The parcel came the next day.", "Delivery was faster than promised."),
                     ("The parcel came a week late.", "Nobody knew where my delivery was.")),
        "staff": (("Knowledgeable staff who took their time.", "I got very good help."),
                  ("It was hard to get help.", "I had to wait a long time for an answer.")),
        "range": (("Good pictures and clear measures.", "Easy to find the right jacket."),
                  ("The sizes are wrong.", "Hard to find my way among the boots.")),
        "general": (("I will gladly shop here again.", "Everything worked as it should."),
                    ("It was harder than it should be.", "I am disappointed.")),
    },
}  # fmt: skip
