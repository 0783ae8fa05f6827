"""Cards and empathy maps: every number by a second computation, nothing said of a few."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from cjlab import messages, personas
from cjlab.errors import UserError
from cjlab.personas import _facts
from cjlab.stats import difference, nps_interval, proportion
from cjlab.study import open_study

STAGES = ["ad,exact,ad,awareness", "page,exact,page,interest", "cart,exact,cart,intent"]
HOSTILE = "<script>alert(1)</script>"
COLUMNS = ["customer_id", "ts", "touchpoint", "channel"]


def log(customers, until=120, seed=0):
    """Even customers come seldom by web at noon; odd ones often by app, and leave the page."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        kind = number % 2
        day = float(rng.uniform(0, 6))
        steps = ["ad", "page"] + (
            ["cart"] if (number % 14 > 1 if not kind else number % 14 < 6) else []
        )
        while day < until:
            ts = pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(day), hours=19 if kind else 11)
            ts += pd.Timedelta(minutes=int(rng.integers(50)))
            step = steps.pop(0) if steps else "page"
            rows.append((f"c{number:03d}", ts.isoformat(), step, ["web", "app $x$"][kind]))
            day += rng.uniform(2, 5) if kind else rng.uniform(9, 14)
        if kind == 0 and number < 22:  # eleven of the even ones, and no odd one but three
            rows.append((f"c{number:03d}", "2026-03-01T11:00:00", HOSTILE, "web"))
        if kind == 1 and number < 6:
            rows.append((f"c{number:03d}", "2026-03-01T19:00:00", HOSTILE, "app $x$"))
    return pd.DataFrame(rows, columns=COLUMNS)


LETTERS = str.maketrans("0123456789", "bcdfghjklm")


def people(customers, seed=1):
    rng = np.random.default_rng(seed)
    ids = [f"c{number:03d}" for number in range(customers)]
    frame = pd.DataFrame({"customer_id": ids, "age": rng.integers(18, 80, customers)})
    odd = np.arange(customers) % 2 == 1
    # Three odd customers live in a land that would name them; nearly all even ones are members.
    frame["land"] = np.where(odd & (np.arange(customers) < 6), "Åland", np.where(odd, "SE", "NO"))
    frame["member"] = np.where(~odd & (np.arange(customers) < 8), "no", "yes")
    frame["attitude"] = np.where(np.arange(customers) % 4 < 2, "bold", "shy")
    frame["consent"] = np.where(np.arange(customers) % 4 < 2, "true", "false")
    frame["mail"] = [f"{one}@mail.se" for one in ids]
    return frame


def bought(customers, seed=2):
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        for order in range(int(rng.integers(0, 4 - 2 * (number % 2)))):
            value = round(float(rng.gamma(4, 50)), 2)
            rows.append((f"c{number:03d}", f"2026-02-{order + 1:02d}T12:00:00", value))
    return pd.DataFrame(rows, columns=["customer_id", "ts", "value"])


def answered(customers, seed=3):
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        who, odd = f"c{number:03d}", number % 2
        rows.append(("nps", int(rng.integers(0, 11)), "", who, "2026-03-01", 10, "relational"))
        rows.append(("nps", int(rng.integers(0, 11)), "", who, "2026-03-02", 10, "transactional"))
        # An older answer, which a later one replaces; and one that is none.
        rows.append(("csat", 1, "", who, "2026-02-01", 5, "transactional"))
        rows.append(("csat", 5 if number % 10 else 9, "", who, "2026-02-09", 5, "transactional"))
        if number < 80 and not odd:
            rows.append(("ces", int(rng.integers(1, 8)), "", who, "2026-02-09", 7, ""))
        word = who[1:].translate(LETTERS)  # no number, which a quote would not show
        text = f"This is what customer {word} says, mvh Anna" if odd else "Far too slow for me, Bob"
        rows.append(("open", "", text, who, "2026-02-10", "", "relational"))
    columns = ["kind", "score", "text", "customer_id", "ts", "scale", "relation"]
    return pd.DataFrame(rows, columns=columns)


def study_in(folder, tables, **settings):
    said = {
        "name": "Two <kinds>",
        "goal": "Tell them apart",
        "sources": {name: {"path": f"{name}.csv"} for name in tables},
        "touchpoints": "touchpoints.csv",
        "currency": "SEK",
        "report": {"window": "60D"},
        "personas": settings,
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "touchpoints.csv").write_text("\n".join(["pattern,match,touchpoint,stage", *STAGES]))
    (folder / "study.yaml").write_text(yaml.safe_dump(said))
    return personas.frozen(open_study(folder))


AUTHORED = {
    "goals": ["Be <b>done</b> quickly", "Pay $5"],
    "pains": ["Queues"],
    "thinks": ["Why so slow?"],
    "gains": ["Time"],
    "picture": "OK",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    n = 140
    tables = {
        "events": log(n),
        "customers": people(n),
        "orders": bought(n),
        "responses": answered(n),
    }
    chosen = ["frequency", "evening_share", "channel_mix"]
    own = {
        "features": chosen,
        "n_personas": 2,
        "cards": {"P1": AUTHORED},
        "psychographics": ["attitude"],
        "names": {"P2": HOSTILE},
    }
    study = study_in(tmp_path_factory.mktemp("shop"), tables, **own)
    placed = pd.read_parquet(study.assignment).set_index("customer_id")
    assert placed["persona"].value_counts().to_dict() == {"P1": 70, "P2": 70}
    odd = placed.index.str[1:].astype(int) % 2 == 1
    app = placed.loc[odd, "persona"].unique()
    assert len(app) == 1
    return study, tables, placed, app[0]


@pytest.fixture(scope="module")
def cards(shop):
    return {card.persona: card for card in personas.cards(shop[0])}


def of(card, field):
    return {item.label: item for item in card[field].items}


def same(item, expected, n):
    assert (item.value, item.low, item.high) == pytest.approx(tuple(expected)) and item.n == n


def test_sizes_and_confidence(shop, cards):
    _, _, placed, _ = shop
    for persona, card in cards.items():
        sure = placed.loc[placed["persona"] == persona, "confidence"]
        assert of(card, "share")["customers"].value == 70
        same(of(card, "share")["of all customers"], proportion(70, 140), 140)
        found = of(card, "confidence")
        assert found["mean over its customers"].value == pytest.approx(sure.mean())
        same(found["customers above 90%"], proportion((sure > 0.9).sum(), 70), 70)
        assert not card.provisional


def test_attributes_numbers_and_shares(shop, cards):
    _, tables, placed, _ = shop
    frame = tables["customers"].set_index("customer_id").join(placed["persona"])
    for persona, card in cards.items():
        own = frame[frame["persona"] == persona]
        found = of(card, "demographics")
        half = 1.9949454 * own["age"].std() / math.sqrt(70)  # t with 69 degrees of freedom
        mean = own["age"].mean()
        same(found["age, mean"], (mean, mean - half, mean + half), 70)
        assert found["age, mean"].base == pytest.approx(frame["age"].mean())
        assert found["age, median"].value == own["age"].median()
        bold = of(card, "psychographics")["attitude: bold"]
        same(bold, proportion((own["attitude"] == "bold").sum(), 70), 70)
        assert bold.base == pytest.approx((frame["attitude"] == "bold").mean())


def test_nothing_is_said_of_a_few_and_nothing_follows(shop, cards):
    _, _, _, app = shop
    web = "P1" if app == "P2" else "P2"
    told = {persona: json.dumps(card.as_dict()) for persona, card in cards.items()}
    # Three of the odd customers; the sixty-seven others would tell of them.
    assert "land: SE" not in told[app] and "land: NO" in told[web]
    # Four of the even ones are no members: neither these nor the rest are told of.
    assert "member" not in told[web]
    # All are members here, but everybody's number less this one's would be the four.
    member = of(cards[app], "demographics")["member: yes"]
    assert member.value == 1 and member.base is None
    both = told[app] + told[web]
    assert "Åland" not in both and "mail.se" not in both and "c00" not in both
    touched = of(cards[web], "touchpoints")
    assert touched[HOSTILE].n == 70 and touched[HOSTILE].base is None
    assert HOSTILE not in of(cards[app], "touchpoints")


def test_channels_touchpoints_and_what_is_typical(shop, cards):
    _, tables, placed, app = shop
    events = tables["events"].join(placed["persona"], on="customer_id")
    for persona, card in cards.items():
        own = events[events["persona"] == persona]
        channel = of(card, "channels")
        assert list(channel) == ["app $x$" if persona == app else "web"]
        same(next(iter(channel.values())), proportion(70, 70), 70)
        carts = of(card, "touchpoints")["cart"]
        hits = own.loc[own["touchpoint"] == "cart", "customer_id"].nunique()
        same(carts, proportion(hits, 70), 70)
        everybody = events.loc[events["touchpoint"] == "cart", "customer_id"].nunique()
        assert carts.base == pytest.approx(everybody / 140)
        # The first is what it does most beyond everybody.
        users = events.groupby(["persona", "touchpoint"])["customer_id"].nunique() / 70
        ahead = users[persona] - users.groupby("touchpoint").sum() / 2
        told = ahead[[name for name in of(card, "touchpoints") if name in ahead.index]]
        assert len(told) >= 3 and (told.diff().dropna() <= 1e-9).all()


def test_value_counts_those_who_bought_nothing(shop, cards):
    _, tables, placed, _ = shop
    orders = tables["orders"].groupby("customer_id")["value"].agg(["count", "sum"])
    each = placed[["persona"]].join(orders).fillna(0)
    for persona, card in cards.items():
        own = each[each["persona"] == persona]
        found = of(card, "value")
        buyers = int((own["count"] > 0).sum())
        same(found["bought"], proportion(buyers, 70), 70)
        same(found["buyers who bought again"], proportion((own["count"] > 1).sum(), buyers), buyers)
        for label, column in (("orders per customer", "count"), ("revenue per customer", "sum")):
            half = 1.9949454 * own[column].std() / math.sqrt(70)
            mean = own[column].mean()
            same(found[label], (mean, mean - half, mean + half), 70)
            assert found[label].base == pytest.approx(each[column].mean())
        assert found["revenue per customer"].unit == "SEK"


def test_scores_take_the_latest_answer_and_keep_relations_apart(shop, cards):
    _, tables, placed, app = shop
    answers = tables["responses"].join(placed["persona"], on="customer_id")
    for persona, card in cards.items():
        own = answers[answers["persona"] == persona]
        found = of(card, "scores")
        for relation, label in (
            ("relational", "on the whole"),
            ("transactional", "after an event"),
        ):
            given = own[(own["kind"] == "nps") & (own["relation"] == relation)]["score"].astype(int)
            up, down = (given >= 9).sum(), (given <= 6).sum()
            if any(0 < part < 10 for part in (up, down, 70 - up - down)):
                # The exact interval would tell how few they are.
                up, down = (70 + up - down) / 2, (70 - up + down) / 2
            expected = nps_interval(up, down, 70)
            same(found[f"NPS, {label}"], expected, 70)
        last = own[(own["kind"] == "csat") & (own["ts"] == "2026-02-09")]["score"].astype(int)
        valid = last[last <= 5]
        assert (len(last), len(valid)) == ((70, 70) if persona == app else (70, 56))
        csat = found["Satisfied (CSAT, top two), after an event"]
        same(csat, proportion((valid >= 4).sum(), len(valid)), len(valid))
        ces = "Easy (CES 2.0, 5 or more), not said of what"
        given = own[own["kind"] == "ces"]["score"].astype(int)
        if persona == app:
            assert ces not in found
        else:
            same(found[ces], proportion((given >= 5).sum(), 40), 40)
        assert any("registered trademarks" in note for note in card.notes)


def test_pains_are_the_clearly_worst_step(shop, cards):
    study, tables, placed, app = shop
    events = tables["events"].join(placed["persona"], on="customer_id")
    carts = events[events["touchpoint"] == "cart"].groupby("persona")["customer_id"].nunique()
    web = "P1" if app == "P2" else "P2"
    stage = study.model.display("en")["interest"]
    found = of(cards[app], "pains")
    same(found[f"no further than {stage}"], proportion(70 - carts[app], 70), 70)
    gap = difference(70 - carts[app], 70, 70 - carts[web], 70)
    same(found["points more than the others"], [100 * x for x in gap], 70)
    assert "drop-off" in cards[app]["pains"].source
    assert not [item for item in cards[web]["pains"].items if item.origin == "computed"]


def test_quotes_need_consent_and_enough_customers_and_name_nobody(shop, cards, tmp_path):
    _, tables, placed, app = shop
    consent = tables["customers"].set_index("customer_id")["consent"] == "true"
    for persona, card in cards.items():
        quotes = [item.label for item in card["quotes"].items]
        if persona == app:
            agreed = consent[placed.index[placed["persona"] == app]].sum()
            assert agreed >= 10 and len(quotes) == 3
            assert all(quote.endswith(", mvh [name]") for quote in quotes)
            back = {letter: chr(digit) for digit, letter in LETTERS.items()}
            said = {"c" + "".join(back[ord(x)] for x in quote.split()[4]) for quote in quotes}
            assert all(consent[who] for who in said)
        else:
            assert quotes == ["Far too slow for me, [name]"]  # one text, said by many
    few = people(60)
    few["consent"] = np.where(np.arange(60) < 18, "yes", "no")  # nine of either kind
    tables = {"events": log(60), "customers": few, "responses": answered(60)}
    study = study_in(tmp_path, tables, n_personas=2, features=["evening_share", "channel_mix"])
    for card in personas.cards(study):
        assert card["quotes"].origin == "missing" and "agreed" in card["quotes"].source


def test_authored_lines_stand_beside_computed_ones(cards, shop):
    first, second = cards["P1"], cards["P2"]
    assert [item.label for item in first["goals"].items] == AUTHORED["goals"]
    assert first["goals"].origin == "authored" and first["needs"].origin == "missing"
    assert first["needs"].source == "not known: nobody has written it"
    assert first["pains"].items[-1].origin == "authored"
    assert first.picture == "OK" and second.picture == "S" and second.name == HOSTILE
    app = cards[shop[3]]
    expected = {"P1": "computed+authored", "P2": "computed"}[app.persona]
    assert app["pains"].origin == expected
    with pytest.raises(UserError, match=r'no field "gaols"\. Did you mean "goals"'):
        first["gaols"]


def test_every_card_can_be_written_and_the_json_read_back(cards, tmp_path):
    for persona, card in cards.items():
        html = card.write(tmp_path / f"{persona}.html").read_text(encoding="utf-8")
        for page in (html, card._repr_html_()):
            assert (
                "<script" not in page
                and "<b>done" not in page
                and "http" not in page.replace("http-equiv", "")
            )
        assert "default-src 'none'" in html and "&lt;kinds&gt;" in html
        assert personas.Card.read(card.write(tmp_path / f"{persona}.json")) == card
        for form, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
            once = card.write(tmp_path / f"one.{form}").read_bytes()
            assert once.startswith(start)
            assert once == card.write(tmp_path / f"two.{form}").read_bytes()
            assert form == "png" or len(re.findall(rb"/Type /Page\b(?!s)", once)) == 1
    with pytest.raises(UserError, match=r'cannot be written as "\.gif"'):
        card.write(tmp_path / "card.gif")


def test_the_json_has_a_stable_form(cards):
    said = cards["P1"].as_dict()
    assert list(said) == [
        "schema", "kind", "persona", "name", "study", "language", "picture", "provisional",
        "fields", "notes",
    ]  # fmt: skip
    assert (said["schema"], said["kind"], said["persona"]) == (1, "card", "P1")
    assert [field["key"] for field in said["fields"]] == list(personas.Card.keys)
    for field in said["fields"]:
        assert list(field) == ["key", "label", "items", "source", "origin"]
        for item in field["items"]:
            assert list(item) == [
                "label", "origin", "text", "basis", "value", "low", "high", "n", "unit", "base",
            ]  # fmt: skip
            assert item["value"] is None or item["n"] is not None


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_card_speaks_one_language(shop, language):
    card = personas.card(shop[0], "P1", language=language)
    heads = [messages.own(f"card.field.{key}", language) for key in personas.Card.keys]
    assert [field.label for field in card.fields] == heads
    if language != "en":
        said = " ".join(i.label + " " + i.basis for f in card.fields for i in f.items)
        said += " ".join([*(field.source for field in card.fields), *card.notes])
        words = {"all", "customers", "known", "mean", "of", "the", "whole", "nobody"}
        assert not words & set(said.replace(",", " ").replace(";", " ").split())


def test_a_card_goes_by_id_or_name_and_says_what_there_is(shop):
    study = shop[0]
    assert personas.card(study, HOSTILE) == personas.card(study, "P2")
    with pytest.raises(UserError, match=r'no persona "P3"\. Valid: P1, P2'):
        personas.card(study, "P3")


def test_a_period_counts_what_was_done_in_it(shop):
    study, tables, placed, _ = shop
    events = tables["events"].join(placed["persona"], on="customer_id")
    seen = events[(events["ts"] >= "2026-01-01") & (events["ts"] < "2026-01-08")]
    for persona in ("P1", "P2"):
        card = personas.card(study, persona, start="2026-01-01", end="2026-01-08")
        here = seen.loc[seen["persona"] == persona, "customer_id"].nunique()
        assert of(card, "share")["customers"].value == here
        assert card["scores"].origin == "missing"


def test_a_study_of_events_alone_says_what_is_missing(tmp_path):
    study = study_in(tmp_path, {"events": log(60)}, n_personas=1)
    (card,) = personas.cards(study)
    found = {field.key: field for field in card.fields}
    assert found["pains"].source.startswith("none found")
    for key in ("demographics", "value", "scores", "quotes", "psychographics"):
        assert found[key].origin == "missing" and found[key].source.startswith("not known")
    assert found["share"].items[1].value == 1
    assert all(item.base is None for field in card.fields for item in field.items)
    page = personas.empathy(study, "P1")
    assert page["feels"].origin == page["gaps"].origin == "missing"
    for form in ("png", "html"):
        page.write(tmp_path / f"page.{form}")


def test_unknown_and_unassigned_are_refused(tmp_path, shop):
    with pytest.raises(UserError, match="personas are not assigned yet"):
        personas.cards(open_study(shop[0].path))
    with pytest.raises(UserError, match=r'no persona "P7"\. Valid: P1, P2'):
        personas.cards(study_in(tmp_path, {"events": log(60)}, cards={"P7": {}}, n_personas=2))


def test_an_empathy_map_shows_where_saying_is_not_doing(shop):
    study, tables, placed, app = shop
    web = "P1" if app == "P2" else "P2"
    page = personas.empathy(study, app)
    assert [field.key for field in page.fields] == list(personas.EmpathyMap.keys)
    assert page["says"].items == personas.card(study, app)["quotes"].items
    assert page["feels"].items == personas.card(study, app)["scores"].items
    # All are satisfied, yet fewer of them come back and more of them leave the page.
    orders = tables["orders"].groupby("customer_id")["value"].count()
    counts = placed[["persona"]].join(orders.rename("n")).fillna(0)
    buyers, again = (
        counts[counts["n"] > k].groupby("persona").size().reindex([app, web], fill_value=0)
        for k in (0, 1)
    )
    gap = difference(again[app], buyers[app], again[web], buyers[web])
    assert gap.high < 0
    labels = [item.label for item in page["gaps"].items]
    share = messages.percent(again[app] / buyers[app])("en")
    says = "Says: Satisfied (CSAT, top two), after an event, 100.0%."
    assert f"{says} Does: buyers who bought again, {share}." in labels
    assert any("no further than" in label for label in labels)
    for item in page["gaps"].items:
        assert item.basis.count("n ") == 2 and item.n is not None
    first = personas.empathy(study, "P1")
    assert [item.label for item in first["thinks"].items] == AUTHORED["thinks"]
    assert first["thinks"].origin == "authored"
    assert [item.label for item in first["gains"].items] == AUTHORED["gains"]
    # And the others complain, yet buy again more often.
    other = " ".join(item.label for item in personas.empathy(study, web)["gaps"].items)
    score = int(of(personas.card(study, web), "scores")["NPS, on the whole"].value)
    assert score < 0 and f"Says: NPS, on the whole, {score}. Does: buyers who bought again" in other
    assert "Satisfied" not in other


def test_habits_are_the_largest_differences_beside_everybody(shop):
    study = shop[0]
    X, placed = personas.features(study), shop[2]
    labels = personas.feature_labels(study)
    for persona in ("P1", "P2"):
        found = of(personas.empathy(study, persona), "does")
        own = X[placed["persona"].reindex(X.index) == persona]
        matched = 0
        for name, label in labels.items():
            item = found.get(label.lower())
            if item is not None and item.unit != "customers":
                assert item.value == pytest.approx(own[name].mean())
                assert item.base == pytest.approx(X[name].mean())
                matched += 1
        assert matched == 3


def test_facts_are_gated(shop):
    table = _facts.facts(shop[0])
    ok = table[table["status"] == "ok"]
    assert not ((ok["hits"] > 0) & (ok["hits"] < 10) & (ok["metric"] == "share")).any()
    assert (ok["customers"] >= 10).all()
    # Addresses, one for each customer, are not even looked at.
    assert not table["item"].str.contains("@").any() and len(table) < 400


def test_a_size_does_not_follow_from_the_others(shop):
    # On this day fewer than the minimum of one persona were seen; the sum would tell of them.
    study, tables, placed, _ = shop
    events = tables["events"].join(placed["persona"], on="customer_id")
    days = events.groupby([events["ts"].str[:10], "persona"])["customer_id"].nunique().unstack()
    date = days.index[days.min(axis=1).between(1, 9) & (days.max(axis=1) > 9)][0]
    day = days.loc[date]
    table = _facts.facts(study, date, pd.Timestamp(date).date() + pd.Timedelta(days=1))
    few = day[day < 10].index
    sizes = table[(table["field"] == "share") & (table["status"] == "ok")]
    assert set(sizes["persona"]) == set(day.index) - set(few)
    assert set(sizes["metric"]) <= {"customers"}


def test_a_period_without_anybody_is_said_to_be_empty(shop):
    for card in personas.cards(shop[0], start="2025-01-01", end="2025-02-01"):
        assert not [field.key for field in card.fields if "computed" in field.origin]
