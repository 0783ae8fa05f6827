"""The touchpoint catalogue: matching, reading with errors, the package's own rules."""

import csv
import re
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab import messages, open_study, stages
from cjlab.errors import UserError
from cjlab.patterns import LONGEST, Pattern
from cjlab.stages import BUILT_IN, CATALOGUE, StageModel
from cjlab.touchpoints import COLUMNS, INDUSTRIES, LINES, PHASES, Catalogue

SM9 = stages.load("sm9")
HEADER = "pattern,match,touchpoint,stage,channel,phase,line,owner\n"


@pytest.fixture
def read(tmp_path):
    def reader(text, model=SM9, encoding="utf-8"):
        path = tmp_path / "touchpoints.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return Catalogue.read(path, model, "study.yaml")

    return reader


def answers(catalogue, names, *columns):
    frame = catalogue.resolve(names).astype("object")
    frame = frame.where(frame.notna(), None)
    rows = frame[list(columns)].itertuples(index=False, name=None)
    return dict(zip(frame["name"], rows, strict=True))


# --- matching --------------------------------------------------------------------------------


def test_first_match_wins_whatever_its_kind(read):
    catalogue = read(
        HEADER
        + "cart_help,exact,Help,intent,chat,,,\n"
        + "cart_*,glob,Cart,intent,web,during,online,Shop\n"
        + "cart_view,exact,Never,awareness,,,,\n"
        + "(?i)CART_.*|basket,regex,Basket,interest,,,,\n"
        + "b?g,glob,,consideration,,,,\n"
    )
    names = ["cart_help", "cart_view", "CART_VIEW", "basket", "baskets", "bag", "Bag", "bag", None]
    assert answers(catalogue, names, "touchpoint", "stage", "rule") == {
        "cart_help": ("Help", "intent", "touchpoints.csv:2"),
        "cart_view": ("Cart", "intent", "touchpoints.csv:3"),
        "CART_VIEW": ("Basket", "interest", "touchpoints.csv:5"),
        "basket": ("Basket", "interest", "touchpoints.csv:5"),
        "baskets": ("baskets", None, None),
        "bag": ("bag", "consideration", "touchpoints.csv:6"),
        "Bag": ("Bag", None, None),
    }
    details = answers(catalogue, ["cart_view"], "channel", "phase", "line", "owner")
    assert details == {"cart_view": ("web", "during", "online", "Shop")}


rule = st.tuples(
    st.sampled_from(["exact", "glob", "regex"]), st.text("ab*?.", min_size=1, max_size=3)
).filter(lambda pair: pair[0] != "regex" or pair[1][0] not in "*?")


def by_hand(kind, pattern, name):
    """Whole-name matching told again: globs by recursion, no fnmatch."""
    if kind == "exact":
        return pattern == name
    if not pattern:
        return not name
    if kind == "glob":
        if pattern[0] == "*":
            return any(by_hand(kind, pattern[1:], name[i:]) for i in range(len(name) + 1))
        return bool(name) and pattern[0] in ("?", name[0]) and by_hand(kind, pattern[1:], name[1:])
    return re.fullmatch(pattern, name) is not None


@given(rules=st.lists(rule, max_size=6), names=st.lists(st.text("ab", min_size=1, max_size=4)))
def test_the_answer_is_that_of_a_plain_loop(rules, names):
    kept = {}
    for kind, pattern in rules:
        try:
            Pattern(pattern, kind)
        except ValueError:
            continue
        kept.setdefault((kind, pattern), f"T{len(kept)}")
    text = HEADER + "".join(f"{p},{k},{t},,,,,\n" for (k, p), t in kept.items())
    catalogue = from_text(text)
    expected = {
        name: (next((t for (k, p), t in kept.items() if by_hand(k, p, name)), name),)
        for name in names
    }
    assert answers(catalogue, names, "touchpoint") == expected


def from_text(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "touchpoints.csv"
        path.write_text(text, encoding="utf-8")
        return Catalogue.read(path, SM9)


def test_unicode_forms_match_and_are_kept_apart(read):
    composed, apart = (unicodedata.normalize(form, "köp") for form in ("NFC", "NFD"))
    assert composed != apart
    catalogue = read(HEADER + f"{apart},exact,Köp,purchase,,,,\n")
    known = answers(catalogue, [composed, apart], "touchpoint", "stage")
    assert known == dict.fromkeys([composed, apart], ("Köp", "purchase"))
    unknown = catalogue.resolve([composed + "!", apart + "!"])
    assert unknown["touchpoint"].tolist() == [composed + "!", apart + "!"]


def test_a_touchpoint_of_the_catalogue_names_itself(read):
    catalogue = read(
        HEADER + "pay_*,glob,Payment page,intent,web,,,\nPayment page 2,exact,x,,,,,\n"
    )
    known = answers(catalogue, ["Payment page", "Payment page 3"], "touchpoint", "stage", "channel")
    assert known["Payment page"] == ("Payment page", "intent", "web")
    assert known["Payment page 3"] == ("Payment page 3", None, None)


def test_names_that_only_look_like_nothing(read):
    catalogue = read(HEADER + "null,exact,Null,intent,,,,\n")
    assert answers(catalogue, ["null", "NA", "007", "", "nan"], "touchpoint") == {
        "null": ("Null",), "NA": ("NA",), "007": ("007",), "": ("",), "nan": ("nan",),
    }  # fmt: skip
    empty = read(HEADER)
    assert empty.rules.columns.tolist() == list(COLUMNS) and len(empty.rules) == 0
    assert len(empty.resolve([])) == 0


# --- stages ----------------------------------------------------------------------------------


def test_stage_of_the_model_or_of_the_atom(read):
    text = HEADER + "a,exact,A,intent,,,,\nb,exact,B,consideration,,,,\nc,exact,C,loyalty,,,,\n"
    expected = {
        "da5": ["consideration", "consideration", "retention"],
        "sv5": ["consideration", "consideration", "loyalty"],
        "no3buy": ["evaluation", "evaluation", None],
    }
    for model, wanted in expected.items():
        found = answers(read(text, stages.load(model)), "abc", "stage")
        assert [stage for (stage,) in found.values()] == wanted
    own = read(HEADER + "a,exact,A,decision,,,,\n", stages.load("sv5"))
    assert own.rules["stage"].tolist() == ["decision"]


def test_custom_stages_catalogue_first_then_the_models_rules(read):
    model = StageModel.from_config(
        [
            {"id": "look", "rules": ["page_*", {"touchpoint": "Start"}]},
            {"id": "buy", "rules": ["*_done", "page_2"], "purchase": True},
        ]
    )
    catalogue = read(HEADER + "page_1,exact,Page one,buy,,,,\nhome,exact,Start,,web,,,\n", model)
    names = ["page_1", "page_2", "home", "pay_done", "other", "order", "return"]
    assert answers(catalogue, names, "touchpoint", "stage", "rule") == {
        "page_1": ("Page one", "buy", "touchpoints.csv:2"),
        "page_2": ("page_2", "look", "stages.look"),
        "home": ("Start", "look", "touchpoints.csv:3 + stages.look"),
        "pay_done": ("pay_done", "buy", "stages.buy"),
        "other": ("other", None, None),
        "order": ("order", "buy", "derived"),
        "return": ("return", None, None),
    }
    default = Catalogue.for_model(model)
    assert default.rules["stage"].isna().all()
    found = answers(default, ["page_1", "Order", "add_to_cart"], "touchpoint", "stage")
    assert found == {
        "page_1": ("page_1", "look"),
        "Order": ("order", "buy"),
        "add_to_cart": ("cart", None),
    }


@pytest.mark.parametrize("model", BUILT_IN)
def test_derived_orders_and_returns_find_their_stage_without_a_rule(read, model):
    walk = stages.crosswalk("sm9", model)
    found = answers(read(HEADER, stages.load(model)), ["order", "return"], "touchpoint", "stage")
    assert found["order"] == ("order", walk["purchase"])
    assert found["return"] == ("return", walk["post_purchase"])


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_spreadsheets_dialects(read, encoding, delimiter, newline):
    lines = [
        "Pattern,Match,Touchpoint,Stage,Note",
        "",
        'köp, Exact ,Köp,purchase,"a',
        'b"',
        "x*,glob,X,",
    ]
    text = newline.join(lines).replace(",", delimiter)
    catalogue = read(text, encoding=encoding)
    assert catalogue.rules["pattern"].tolist() == ["köp", "x*"]
    assert catalogue.rules["match"].tolist() == ["exact", "glob"]
    # Lines as an editor counts them: the blank one and the two of the quoted cell included.
    assert answers(catalogue, ["köp", "x1"], "rule") == {
        "köp": ("touchpoints.csv:3",),
        "x1": ("touchpoints.csv:5",),
    }


ROW = "a,exact,A,intent,,,,\n"
MISTAKES = [
    ("", "touchpoints.csv is empty; its first line names the columns pattern, match,"),
    ("\n \n", "touchpoints.csv is empty"),
    ("pattern,touchpoint,stage\n", 'touchpoints.csv: the header lacks match; it has "pattern, tou'),
    ("pattern,match,touchpoint,stage,chanel\n", 'column "chanel": did you mean "channel"?'),
    ("pattern,match,touchpoint,stage,stage\n", 'column "stage" comes twice in the header.'),
    (
        HEADER + ROW + "b,exat,B,,,,,\n",
        'touchpoints.csv line 3, column match: "exat" is unknown. Did you mean "exact"?',
    ),
    (
        HEADER + "\n\nb,,B,,,,,\n",
        "touchpoints.csv line 4, column match: the cell is empty. Valid: ex",
    ),
    (
        HEADER + ",exact,B,,,,,\n",
        'touchpoints.csv line 2, column pattern: "": the pattern is empty.',
    ),
    (
        HEADER + "b,exact,B,intend,,,,\n",
        'touchpoints.csv line 2, column stage: "intend" is not a '
        'stage of sm9. Did you mean "intent"?',
    ),
    (
        HEADER + "b,exact,B,Kjøp,,,,\n",
        'column stage: "Kjøp" is not a stage of sm9. Did you mean "pur',
    ),
    (
        HEADER + "b,exact,B,,,befor,,\n",
        'line 2, column phase: "befor" is unknown. Did you mean "bef',
    ),
    (HEADER + "b,exact,B,,,,web,\n", 'column line: "web" is unknown. Valid: offline, online.'),
    (
        HEADER + "(b,regex,B,,,,,\n",
        'line 2, column pattern: "(b": not a regular expression: missing )',
    ),
    (HEADER + "(b+)+,regex,B,,,,,\n", 'line 2, column pattern: "(b+)+": a repeated group may hold'),
    (HEADER + "b" * (LONGEST + 1) + ",glob,B,,,,,\n", "the pattern is longer than 500 characters."),
    (
        HEADER + ROW + '"x\ny",exact,,,,,,\n' + ROW,
        'line 5, column pattern: "a" stands already in line 2',
    ),
    (
        HEADER + "köp,glob,,,,,,\n" + unicodedata.normalize("NFD", "köp") + ",glob,,,,,,\n",
        "in line 2;",
    ),
    (
        HEADER + "b,exact,B,,,,,,,x\n",
        "touchpoints.csv line 2: 10 cells under 8 columns; quote a text",
    ),
    (
        HEADER + ROW + 'b,"exact,B,,,,,\nc,exact,,,,,,\n',
        "touchpoints.csv line 3: not readable as CSV",
    ),
    (
        (HEADER + ROW + "köp,exact,,,,,,\n").encode("latin-1"),
        "touchpoints.csv line 3: byte 0xf6 is not",
    ),
    (
        HEADER.encode("utf-16"),
        "touchpoints.csv line 1: byte 0xff is not UTF-8; save the file as UTF-8.",
    ),
    (HEADER + 'b,exact,B,"in\ntent\x1b[31m",,,,\n', 'column stage: "in tent [31m" is not a stage'),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_every_mistake_is_one_line_that_finds_it(read, text, message):
    with pytest.raises(UserError) as caught:
        read(text)
    assert message in str(caught.value) and str(caught.value).isprintable()


def test_a_custom_model_takes_only_its_own_stages(read):
    with pytest.raises(UserError, match=r'"intent" is not a stage of custom\. Valid: buy, look\.'):
        read(HEADER + ROW, StageModel.from_config(["look", "buy"]))


def test_missing_file_names_the_study(tmp_path):
    with pytest.raises(UserError, match=r'^study\.yaml: touchpoints: ".*": no such file'):
        Catalogue.read(tmp_path / "nowhere.csv", SM9, "study.yaml")
    with pytest.raises(UserError, match=r"^study\.yaml: touchpoints: .*: is a directory"):
        Catalogue.read(tmp_path, SM9, "study.yaml")


@pytest.mark.parametrize(
    "regex",
    [
        "(a+)+b",
        "(a*)*",
        "(a|a)*b",
        "(aa?)+",
        "((ab)+){2,}",
        "(?:x|[)+]y)*",
        "(?i)(a.*)+",
        "(a{1,9})*",
    ],
)
def test_runaway_regexes_are_refused(regex):
    with pytest.raises(ValueError, match="repeated group"):
        Pattern(regex, "regex")


@pytest.mark.parametrize(
    ("regex", "name"),
    [
        ("(?i)(?:ad|ads)?[ _-]?click(ed)?", "Ads-Clicked"),
        (r"(\d{3}-)*\d+", "123-456-7"),
        (r"(ab)+[*+?|)(]+\(x\)+", "abab**(x))"),
        ("(?P<a>x)(?=y)y(?:z+)?", "xyzz"),
        (".*checkout.*page.*", "my checkout 2 page"),
    ],
)
def test_ordinary_regexes_are_not(regex, name):
    assert Pattern(regex, "regex").matches(name)
    assert not Pattern(regex, "regex").matches(name + "\n")


def test_hash_follows_the_rules(read):
    text = HEADER + ROW + "b*,glob,B,,,,,\n"
    first = read(text).hash()
    assert read(text.replace(",", ";")).hash() == read("\n" + text).hash() == first
    assert read(HEADER + "b*,glob,B,,,,,\n" + ROW).hash() != first
    assert read(text.replace("B,", "C,")).hash() != first


# --- the package's own catalogue -------------------------------------------------------------

# Names as exports write them, and the sm9 stage a shop's analyst would put them in.
EXPORTS = {
    "awareness": "page_view session_start first_visit ad_click ad_impression view_promotion "
    "facebook|Paid Search|landing_page|direct",
    "consideration": "view_item_list|select_item|search|view_search_results|Products Searched|"
    "collection_viewed",
    "interest": "view_item product_view product_viewed add_to_wishlist sign_up|Product Viewed",
    "intent": "add_to_cart remove_from_cart view_cart begin_checkout add_shipping_info "
    "add_payment_info addtocart cart_viewed checkout_started payment payment_failed generate_lead|"
    "Product Added|Checkout Started|abandoned cart",
    "purchase": "order purchase transaction checkout_completed ecommerceOrder payment_completed|"
    "Order Completed|in-store purchase|contract signed",
    "post_purchase": "delivery return refund support_call support_ticket invoice onboarding|"
    "Order Refunded|nps survey|customer service",
    "retention": "newsletter_open newsletter repurchase renewal",
    "advocacy": "review_written refer_friend share|Product Reviewed|recommendation",
    "loyalty": "loyalty_points loyalty_programme|loyalty card",
}
# The articles' own words (REQUIREMENTS 1.2), by the touchpoint they are.
SEEDS = {
    "ad_view": "annonser|se en annons|Facebook ads",
    "direct_mail": "direct mail|direktereklame",
    "landing_page": "landing page|landing pages",
    "reference": "references",
    "seminar": "seminar",
    "review_read": "product reviews|produktomtaler|reading reviews",
    "social_media": "social media activity|social media",
    "website_visit": "website|visiting the website",
    "product_page": "product description",
    "product_demo": "product demonstration",
    "web_search": "Google product search|Google search",
    "brand_exposure": "brand exposure",
    "lost_sale_follow_up": "lost-sale follow-up",
    "store_visit": "physical store|physical shop|visit shop|butik",
    "reseller": "reseller",
    "salesperson": "salesperson|frontline employees|staff contact",
    "catalogue": "catalogue",
    "call_centre": "call centre",
    "cart": "cart|dynamisk kundvagn",
    "payment_page": "payment page|betalingssiden|payment options",
    "shipping_options": "shipping options",
    "contract_signing": "contract signing",
    "branch_visit": "branch visit|visit branch",
    "market_stand": "event stand|market stand|fair stand",
    "delivery": "delivery",
    "onboarding": "onboarding",
    "support_ticket": "customer service|support",
    "invoice": "invoicing",
    "return": "returns",
    "newsletter": "newsletter|nyhetsbrev",
    "post_purchase_evaluation": "post-purchase evaluation",
    "loyalty_programme": "loyalty programme",
    "repurchase": "repurchase|gjenkjøp|återköp",
    "recommendation": "recommendation|anbefalinger",
    "product_use": "product use",
    "support_call": "phone call|call to customer service",
    "social_enquiry": "social-media customer enquiry",
    "email": "e-mail",
    "chat": "chatbots",
    "category_page": "browse products online|explore departments",
    "fitting_room": "fitting room|try clothes",
    "checkout_queue": "checkout queue",
    "personal_offer": "product recommendations|personal offer",
    "destination_research": "research destinations|undersøge destinationer",
    "flight_booking": "book flight",
    "accommodation_booking": "book accommodation",
    "check_in": "check-in",
    "account_opening": "open account online",
    "mobile_banking": "mobile banking",
    "voice_assistant": "voice assistant",
    "augmented_reality": "augmented reality",
}


def split(text):
    return [name for part in text.split("|") for name in (part.split() if "_" in part else [part])]


def test_names_of_common_exports_find_their_stage():
    catalogue = Catalogue.for_model(SM9)
    wanted = {name: (stage,) for stage, text in EXPORTS.items() for name in split(text)}
    assert answers(catalogue, list(wanted), "stage") == wanted


def test_the_articles_touchpoints_are_all_there():
    wanted = {name: (touch,) for touch, text in SEEDS.items() for name in text.split("|")}
    assert answers(Catalogue.for_model(SM9), list(wanted), "touchpoint") == wanted


def test_a_touchpoint_means_one_thing_and_names_itself():
    rules = Catalogue.for_model(SM9).rules
    details = ["stage", "channel", "phase", "line", "owner"]
    assert len(rules[["touchpoint", *details]].drop_duplicates()) == rules["touchpoint"].nunique()
    names = rules["touchpoint"].unique().tolist()
    assert answers(Catalogue.for_model(SM9), names, "touchpoint") == {n: (n,) for n in names}
    assert set(rules["phase"].dropna()) == set(PHASES) and set(rules["line"].dropna()) == set(LINES)
    assert set(rules["stage"].dropna()) == set(SM9.ids)
    # Nothing but a transaction is a purchase: a payment page does not end the buying journey.
    bought = set(rules.loc[rules["stage"] == "purchase", "touchpoint"])
    assert bought == {
        "order", "store_purchase", "contract_signing", "account_opening", "flight_booking",
        "accommodation_booking",
    }  # fmt: skip


def test_the_packages_file_reads_as_a_study_file_and_says_where_it_comes_from():
    path = CATALOGUE / "touchpoints.csv"
    assert Catalogue.read(path, SM9).hash() == Catalogue.for_model(SM9).hash()
    with path.open(encoding="utf-8", newline="") as file:
        sources = {part for row in csv.DictReader(file) for part in row["source"].split()}
    assert sources == {"S0", "S1", "S2", "S3", "S4", "cjlab"}


@pytest.mark.parametrize("model", BUILT_IN)
def test_the_packages_catalogue_follows_the_crosswalk(model):
    walk = stages.crosswalk("sm9", model)
    atoms = Catalogue.for_model(SM9).rules["stage"]
    told = Catalogue.for_model(stages.load(model)).rules["stage"]
    for atom, stage in zip(atoms, told, strict=True):
        assert (None if stage != stage else stage) == (walk[atom] if atom == atom else None)


def test_unknown_names_have_no_rule():
    names = [f"/p/{i}/some product with a long address?ref=newsletter" for i in range(5000)]
    assert Catalogue.for_model(SM9).resolve(names)["rule"].isna().all()


@pytest.mark.parametrize("industry", INDUSTRIES)
def test_an_industry_brings_its_touchpoints(industry: str) -> None:
    model = stages.load("sm9")
    catalogue = Catalogue.for_model(model, industry)
    own = catalogue.of(industry)
    plain = Catalogue.for_model(model)
    assert len(own) > 20 and not plain.of(industry)
    assert catalogue.entries[len(own) :] == plain.entries, "the package's come after"
    assert {rule.phase for rule in own} == set(PHASES)
    assert {rule.line for rule in own} >= set(LINES)
    assert {rule.stage for rule in own} >= {"awareness", "intent", "purchase", "post_purchase"}
    for rule in own:
        found = catalogue.resolve([rule.touchpoint]).iloc[0]
        assert (found["touchpoint"], found["stage"]) == (rule.touchpoint, rule.stage)
        for language in messages.LANGUAGES:
            assert messages.has(f"touchpoint.{rule.touchpoint}", language), rule.touchpoint
            assert not rule.channel or messages.has(f"channel.{rule.channel}", language)


def test_industries_know_the_names_that_exports_use() -> None:
    model = stages.load("sm9")
    wanted = {
        "travel": {"Flight booked": "flight_booking", "rebooked": "booking_change"},
        "banking": {"kyc check": "identity_check", "ATM withdrawal": "cash_machine"},
        "b2b": {"RFP": "tender", "proof of concept": "pilot", "QBR": "account_review"},
        "retail": {"browse": "product_list"},
    }  # fmt: skip
    for industry, names in wanted.items():
        found = Catalogue.for_model(model, industry).resolve(names)
        assert dict(zip(found["name"], found["touchpoint"], strict=True)) == names


def test_a_study_names_an_industry(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(
        "customer_id,ts,touchpoint\na,2026-01-01,boarding\n", encoding="utf-8"
    )
    text = "name: Trips\nsources: {events: {path: events.csv}}\ntouchpoints: travel\n"
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    study = open_study(tmp_path)
    assert study.catalogue().resolve(["boarding"])["channel"].tolist() == ["on_site"]
    (tmp_path / "study.yaml").write_text(text.replace("travel", "travl"), encoding="utf-8")
    with pytest.raises(UserError, match=r'no file at travl\. Did you mean "travel"'):
        open_study(tmp_path).catalogue()
    with pytest.raises(UserError, match="no touchpoints of the industry"):
        Catalogue.for_model(stages.load("sm9"), "air")
