"""Maps with everything that is hard to draw: gaps, small cells, long words, hostile strings."""

from __future__ import annotations

from datetime import date

from cjlab.maps import Card, JourneyMap, Number, template

HOSTILE = '<script>alert(1)</script> $x^2$ "><img src=x onerror=alert(2)> \u202egnp\u0007 {{ 7*7 }}'
LONG = "Järjestelmällisyydettömyydelläänsäkään lentokonesuihkuturbiinimoottoriapumekaanikko"


def number(metric: str, value: float | None = None, n: int | None = None, **other) -> Number:
    """A number of the third quarter; of responses where nothing else is said."""
    said = {"call": f"cj.voice.{metric}(j)", "source": "responses", "period": "2026Q3"}
    return Number(metric=metric, value=value, n=n, **{**said, **other})


def share(value: float, n: int, metric: str = "from_first", source: str = "events") -> Number:
    half = 2 * (value * (1 - value) / n) ** 0.5
    limits = {"low": max(0.0, value - half), "high": min(1.0, value + half)}
    return number(metric, value, n, unit="1", source=source, **limits)


def nps(value: float, n: int) -> Number:
    return number("nps", value, n, low=value - 9, high=value + 9, unit="points")


def computed(text: str, *numbers: Number, **other) -> Card:
    return Card(text=text, origin="computed", numbers=numbers, **other)


def authored(text: str, **other) -> Card:
    return Card(text=text, **{"written": date(2026, 2, 3), "by": "Anna", **other})


SMALL = {"status": "suppressed", "note": "small_cell"}
STAGES = (
    "awareness",
    "consideration",
    "interest",
    "intent",
    "purchase",
    "post_purchase",
    "retention",
    "advocacy",
    "loyalty",
)


def full(language: str = "en", persona: str = "The careful comparer") -> JourneyMap:
    """Nine stages and a dozen lanes of a current journey."""
    reach = [1.0, 0.71, 0.52, 0.31, 0.21, 0.2, 0.12, 0.06, 0.03]
    does = [
        "Sees an advert on the bus",
        "Compares three shops",
        "Reads product descriptions",
        "Asks the chat about delivery",
        "Pays by card",
        "Waits for the parcel",
        "Orders again",
        "Tells a colleague",
        "Renews the membership",
    ]
    curve = {
        "awareness": (computed("Net promoter score", nps(12, 412)),),
        "consideration": (computed("Net promoter score", nps(34, 380)),),
        "interest": (computed("Satisfied", share(0.81, 260, "csat", "responses")),),
        "intent": (computed("Net promoter score", number("nps", unit="points", **SMALL)),),
        "purchase": (
            computed("Net promoter score", nps(21, 198)),
            computed("Effort", number("ces", 5.2, 91, low=4.9, high=5.5)),
        ),
        "post_purchase": (computed("Net promoter score", nps(-41, 150), weakest=True),),
        "advocacy": (authored("Proud to have found it", level=0.6),),
        "loyalty": (authored("Feels at home", level=0.3),),
    }
    cells: dict[str, dict[str, tuple[Card, ...]]] = {
        "personas": {
            "all": (
                computed(
                    persona,
                    number("customers", 1204, 1204, unit="customers", source="events"),
                    share(0.243, 4955, "share"),
                ),
            )
        },
        "actions": {s: (authored(t),) for s, t in zip(STAGES, does, strict=True)},
        "touchpoints": {
            s: (computed(f"Page view {s.replace('_', ' ')}", share(r, 4955)),)
            for s, r in zip(STAGES, reach, strict=True)
        },
        "channels": {
            "awareness": (
                computed("Web", share(0.62, 1204, "share")),
                computed("App", share(0.31, 1204, "share")),
            ),
            "purchase": (
                computed("Shop in the centre of town", number("share", **SMALL, source="events")),
            ),
            "retention": (
                computed(
                    "App",
                    number("share", status="not_estimable", note="nobody_started", source="events"),
                ),
            ),
        },
        "thoughts": {"consideration": (authored(LONG), authored(HOSTILE))},
        "emotion": curve,
        "needs": {
            "intent": (authored("A clear delivery day"),),
            "post_purchase": (authored("To know where the parcel is", written=None, by=None),),
        },
        "pains": {
            "post_purchase": (
                computed(
                    "Parcel late",
                    number("severity", 0.31, 150, low=0.2, high=0.4, customers=150),
                    nps(-41, 150),
                    share(0.6, 90, "sentiment", "tickets"),
                    tone="pain",
                    weakest=True,
                ),
                authored("Nobody answers on Sundays", tone="pain"),
            ),
            "intent": (
                computed(
                    "Chat wait",
                    number("median", 0.5 / 24, 88, low=0.01, high=0.04, unit="d", source="tickets"),
                    tone="pain",
                ),
            ),
        },
        "gains": {
            "interest": (
                computed("Good pictures", share(0.81, 260, "csat", "responses"), tone="gain"),
            )
        },
        "opportunities": {
            "post_purchase": (
                authored("Send the tracking link at once", impact=5, effort=2),
                authored("Open the desk on Sundays", impact=4, effort=4),
            ),
            "intent": (authored("Show the delivery day on the product page", impact=5, effort=2),),
        },
        "measures": {
            "post_purchase": (
                authored(
                    "New carrier",
                    owner="Logistics",
                    status="started",
                    due=date(2026, 12, 1),
                    kpi="nps",
                ),
            )
        },
        "kpis": {
            "purchase": (
                computed(
                    "Mean order",
                    number("mean", 84.5, 210, low=79.2, high=89.9, unit="EUR", source="orders"),
                ),
            )
        },
        "images": {
            "purchase": (authored("The till", image="till.png", alt="A till with a long queue"),)
        },
    }
    shell = template(
        "current",
        title="How customers buy" + (f" {LONG}" if language == "fi" else ""),
        language=language,
    )
    about = {
        "study": "Kesko & <b>sons</b>",
        "goal": "Fewer calls about late parcels",
        "persona": "P1",
        "persona_name": persona,
        "period": "2026Q3",
        "start": "2026-07-01",
        "end": "2026-10-01",
        "made": date(2026, 10, 2),
        "notes": ("The weakest moment is the lowest in 91 of 100 resamples.",),
    }
    return JourneyMap.model_validate({**dict(shell), **about, "cards": cells})


def blueprint() -> JourneyMap:
    """A service blueprint in Finnish, with one lane that only its line keeps."""
    shell = template("blueprint", language="fi")
    cells = {
        "evidence": {"purchase": (authored("Kuitti ja vahvistusviesti"),)},
        "actions": {
            "purchase": (authored("Maksaa ja valitsee toimitustavan"),),
            "post_purchase": (authored("Odottaa lähetystä"),),
        },
        "technology_front": {"purchase": (authored("Verkkokaupan maksusivu"),)},
        "processes": {"post_purchase": (authored("Varastonhallintajärjestelmän keräilyerä"),)},
        "times": {
            "post_purchase": (
                computed(
                    "Keräilystä lähetykseen",
                    number("median", 1.4, 640, low=1.2, high=1.6, unit="d", source="events"),
                ),
            )
        },
    }
    return JourneyMap.model_validate({**dict(shell), "period": "2026Q3", "cards": cells})
