"""Stage models: the lists verbatim, the crosswalk, relabelling, custom models and their errors."""

import subprocess
import sys
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cjlab import stages
from cjlab.errors import UserError
from cjlab.patterns import Pattern
from cjlab.stages import BUILT_IN, LANGUAGES, StageModel

# The founding articles' words, typed from REQUIREMENTS 1.1 (S0's "köp(et)" is köp).
VERBATIM = {
    ("sm9", "sv", "S0"): "medvetenhet → övervägande → intresse → avsikt → köp → efter köpet → "
    "kundbibehållande → förespråkande → lojalitet",
    ("sm9", "fi", "S3"): "tietoisuus → harkinta → mielenkiinto → aikomus → ostopäätös ja ostos → "
    "ostoksen jälkeinen vaihe → sitouttaminen → kannattaminen → uskollisuus",
    ("sv5", "sv", "S1"): "Medvetenhet → Övervägande → Beslut → Användning → Lojalitet",
    ("no5", "nb", "S2"): "Bevissthet → Evaluering → Kjøp → Bruk → Gjenkjøp og anbefalinger",
    ("no3phase", "nb", "S2"): "Før kjøpet → Under kjøpet → Etter kjøpet",
    ("no3buy", "nb", "S2"): "Bevissthet → Evaluering → Beslutning/kjøp",
    ("da5", "da", "S4"): "Awareness → Betragtning → Køb → Retention → Forsvar",
    ("da3", "da", "S4"): "indledende bevidsthedsfase → køb → efter køb",
}
ENGLISH = {
    "sm9": "Awareness → Consideration → Interest → Intent → Purchase → Post-purchase → Retention "
    "→ Advocacy → Loyalty",
    "sv5": "Awareness → Consideration → Decision → Use → Loyalty",
    "no5": "Awareness → Evaluation → Purchase → Use → Repurchase and recommendations",
    "no3phase": "Before the purchase → During the purchase → After the purchase",
    "no3buy": "Awareness → Evaluation → Decision/purchase",
    "da5": "Awareness → Consideration → Purchase → Retention → Advocacy",
    "da3": "Initial awareness → Purchase → Post-purchase",
}
SM9 = (
    "awareness", "consideration", "interest", "intent", "purchase", "post_purchase", "retention",
    "advocacy", "loyalty",
)  # fmt: skip
# One letter a stage of the target, in the order of SM9; "-" is unmapped (REQUIREMENTS 1.1).
WALK = {
    "sm9": "abcdefghi",
    "sv5": "abbbcdeee",
    "no5": "abbbcdeee",
    "no3phase": "aaaabcccc",
    "no3buy": "abbbc----",
    "da5": "abbbcdded",
    "da3": "aaaabcccc",
}


@pytest.mark.parametrize(("model", "language", "seed"), VERBATIM)
def test_the_articles_words_stand_letter_by_letter(model, language, seed):
    loaded = stages.load(model, language)
    assert " → ".join(loaded.labels().values()) == VERBATIM[model, language, seed]
    assert {stage.sources[language] for stage in loaded} == {seed}


def test_seven_models_in_english_and_what_we_wrote_is_marked():
    assert set(BUILT_IN) == set(ENGLISH) == set(stages._built_in_stages())
    given_by_seed = {(model, language) for model, language, _ in VERBATIM}
    for model in BUILT_IN:
        loaded = stages.load(model)
        assert " → ".join(loaded.labels().values()) == ENGLISH[model]
        for stage in loaded:
            assert set(stage.labels) == set(stage.sources) == set(LANGUAGES)
            assert all(text == text.strip() and text for text in stage.labels.values())
            for language in LANGUAGES:
                ours = (model, language) not in given_by_seed
                assert (stage.sources[language] == "cjlab") == ours
    assert all(stage.definition for model in ("sm9", "sv5") for stage in stages.load(model))


def test_display_changes_nothing_but_the_first_letter():
    for model in BUILT_IN:
        for language in LANGUAGES:
            labels = stages.load(model, language).labels()
            for stage, shown in stages.load(model).display(language).items():
                assert shown[0] == labels[stage][0].upper() and shown[1:] == labels[stage][1:]
            assert len(set(labels.values())) == len(labels)


def test_norwegian_has_two_codes_and_languages_two_lengths():
    assert stages.load("no5", "no") == stages.load("no5", "nb")
    assert stages.load("sm9", "sv-SE").language == "sv"
    with pytest.raises(
        UserError, match=r'^language "swe" is unknown\. Valid: da, en, fi, nb, sv\.$'
    ):
        stages.load("sm9", "swe")
    with pytest.raises(UserError, match=r'^"sm8" is not a built-in stage model\. .*"sm9"\?$'):
        stages.load("sm8")


def test_order_codes_and_access():
    model = stages.load("sm9")
    assert model.ids == SM9 and len(model) == 9 and [s.id for s in model] == list(SM9)
    assert model.codes == {stage: code for code, stage in enumerate(SM9)}
    assert "intent" in model and "Intent" not in model
    assert model["intent"].atoms == ("intent",)
    with pytest.raises(UserError, match=r'"intend" is not a stage of sm9\. .*"intent"\?'):
        model.label("intend")


@pytest.mark.parametrize("model", BUILT_IN)
def test_crosswalk_is_the_table(model):
    target = stages.load(model)
    expected = [None if c == "-" else target.ids["abcdefghi".index(c)] for c in WALK[model]]
    walk = stages.crosswalk("sm9", model)
    assert list(walk) == list(SM9)
    assert list(walk.values()) == expected
    assert {stage for stage in walk.values() if stage} == set(target.ids)
    assert [s.atoms for s in target] == [
        tuple(a for a in SM9 if walk[a] == s.id) for s in target
    ]  # every atom once
    # A stage that shares an atom's id holds that atom, so a catalogue may name either.
    assert all(walk[stage] == stage for stage in target.ids if stage in SM9)


@pytest.mark.parametrize("model", BUILT_IN)
def test_crosswalk_keeps_the_order(model):
    target = stages.load(model)
    walk = stages.crosswalk("sm9", model)
    # da5 ends with advocacy; sm9 has loyalty, which da5 counts as retention, after it.
    atoms = [a for a in SM9 if walk[a] and not (model == "da5" and a == "loyalty")]
    codes = [target.codes[walk[a]] for a in atoms]
    assert codes == sorted(codes)


@pytest.mark.parametrize("model", BUILT_IN)
def test_milestones_lead_up_to_the_purchase(model):
    loaded = stages.load(model)
    assert loaded.purchase == stages.crosswalk("sm9", model)["purchase"]
    assert loaded.milestones == loaded.ids[: loaded.codes[loaded.purchase] + 1]
    assert len(loaded.milestones) >= 2


def test_only_the_atom_becomes_another_model():
    assert set(stages.crosswalk("da5", "da5").items()) == {(s, s) for s in stages.load("da5").ids}
    custom = StageModel.from_names(["a", "b"])
    for source, target in (("da5", "sm9"), ("no5", "da3"), ("sm9", custom), (custom, "sm9")):
        with pytest.raises(UserError, match=r"^no crosswalk from .* only sm9 becomes"):
            stages.crosswalk(source, target)


events = st.lists(
    st.tuples(
        st.sampled_from(["007", "7", "null", "å"]),
        st.sampled_from([*SM9, None]),
        st.decimals(-100, 100, places=2),
    ),
    max_size=40,
)


@given(
    rows=events,
    model=st.sampled_from(BUILT_IN),
    kind=st.sampled_from(["object", "category", "str"]),
)
def test_relabelling_keeps_every_total(rows, model, kind):
    frame = pd.DataFrame(rows, columns=["customer_id", "stage", "value"])
    frame["stage"] = frame["stage"].astype(kind)
    before = frame.copy(deep=True)
    told = stages.relabel(frame, model)
    pd.testing.assert_frame_equal(frame, before)
    assert told.drop(columns="stage").equals(before.drop(columns="stage"))
    # Added up by hand, stage by stage, the unmapped as a stage of their own.
    walk = {None: None, **stages.crosswalk("sm9", model)}
    count: dict[str | None, int] = {}
    value: dict[str | None, Decimal] = {}
    people: dict[str | None, set[str]] = {}
    for customer, stage, amount in rows:
        key = walk[stage]
        count[key] = count.get(key, 0) + 1
        value[key] = value.get(key, Decimal(0)) + amount
        people.setdefault(key, set()).add(customer)
    keys = [None if pd.isna(stage) else stage for stage in told["stage"]]
    for key in {*count, *keys}:
        part = told[[k == key for k in keys]]
        assert len(part) == count[key]
        assert sum(part["value"], Decimal(0)) == value[key]
        assert set(part["customer_id"]) == people[key]
    assert sum(count.values()) == len(told) == len(rows)


def test_relabel_keeps_index_and_refuses_what_is_no_stage():
    frame = pd.DataFrame({"step": ["intent", None, "loyalty"]}, index=[5, 3, 5])
    told = stages.relabel(frame, "no3buy", column="step")
    assert told.index.tolist() == [5, 3, 5]
    assert (
        told["step"].tolist()[0] == "evaluation" and told["step"].isna().tolist()[1:] == [True] * 2
    )
    with pytest.raises(UserError, match=r'column stage: "intend" is not a stage of sm9\. .*intent'):
        stages.relabel(pd.DataFrame({"stage": ["intend"]}), "da5")
    with pytest.raises(UserError, match=r'no column "stage"\. Did you mean "stages"\?'):
        stages.relabel(pd.DataFrame({"stages": ["intent"]}), "da5")


CUSTOM = [
    {"id": "visit", "label": {"en": "Visit", False: "Besøk"}, "rules": ["page_*"]},
    {
        "id": "cart",
        "rules": [{"touchpoint": "cart"}, {"pattern": "(?i)basket.*", "match": "regex"}],
    },
    {"id": "paid_for", "label": "Betalt", "purchase": True, "milestone": True},
]


def test_custom_model():
    model = StageModel.from_config(CUSTOM, "no")
    assert model.ids == ("visit", "cart", "paid_for") and model.id == "custom"
    assert model.purchase == "paid_for" and model.milestones == ("paid_for",)
    assert model.labels() == {"visit": "Besøk", "cart": "Cart", "paid_for": "Betalt"}
    # A language nobody wrote: the study's, then English, then any.
    assert model.labels("fi") == model.labels("nb")
    assert [(rule.stage, rule.pattern) for rule in model.rules] == [
        ("visit", Pattern("page_*", "glob")),
        ("cart", Pattern("cart", "exact")),
        ("cart", Pattern("(?i)basket.*", "regex")),
    ]
    unflagged = StageModel.from_config(["a", "b"])
    assert unflagged.milestones == ("a", "b") and unflagged.purchase is None


def test_from_config_takes_what_a_caller_has():
    assert StageModel.from_config("da5", "da") == stages.load("da5", "da")
    assert StageModel.from_config(stages.load("da5"), "da").language == "da"
    names = StageModel.from_names(["Köp", "Efter köpet"], language="sv")
    assert names.ids == ("Köp", "Efter köpet") and names.label("Köp", "en") == "Köp"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("sm8", 's.yaml: stages: "sm8" is not a built-in stage model. Did you mean "sm9"?'),
        ([], "s.yaml: stages: give a built-in model"),
        (None, "s.yaml: stages: give a built-in model"),
        ([3], "s.yaml: stages[0]: expected a mapping with id"),
        ([{"label": "x"}], "s.yaml: stages[0].id: is missing."),
        ([{"id": False}], 's.yaml: stages[0].id: "False" is not text; quote it.'),
        (["Før køb!"], 's.yaml: stages[0].id: "Før køb!" is not an id'),
        (["Før køb!"], 'Use "for_kob"'),
        ([""], 's.yaml: stages[0].id: "" is not an id'),
        (["a", "b", "a"], 's.yaml: stages[2].id: "a" stands already at stages[0]; ids are unique.'),
        ([{"id": "a", "milestones": 1}], 'stages[0]: key "milestones" is unknown. Did you mean'),
        ([{"id": "a", "milestone": "yes"}], 'stages[0].milestone: "yes" is neither true nor'),
        ([{"id": "a", "definition": 4}], 'stages[0].definition: "4" is not text.'),
        ([{"id": i, "purchase": True} for i in "ab"], "s.yaml: stages: a and b are all flagged"),
        ([{"id": "a", "label": {}}], "stages[0].label: the mapping is empty."),
        ([{"id": "a", "label": " "}], 'stages[0].label.en: "" is not a label; give text.'),
        ([{"id": "a", "label": {"dk": "x"}}], 'stages[0].label: language "dk" is unknown.'),
        ([{"id": "a", "label": {"no": "x", "nb": "y"}}], "stages[0].label: nb is given twice"),
        ([{"id": "a", "rules": "x"}], 'stages[0].rules: expected a list of patterns, not "x".'),
        ([{"id": "a", "rules": [{"match": "glob"}]}], "stages[0].rules[0]: give either touchp"),
        ([{"id": "a", "rules": [{"pattern": 7}]}], 'rules[0].pattern: "7" is not text; quote it.'),
        ([{"id": "a", "rules": [{"patern": "x"}]}], 'key "patern" is unknown. Did you mean "patt'),
        (
            [{"id": "a", "rules": [{"pattern": "x", "match": "globb"}]}],
            'stages[0].rules[0].match: "globb" is unknown. Did you mean "glob"?',
        ),
        (
            [{"id": "a", "rules": ["x", {"pattern": "(", "match": "regex"}]}],
            'stages[0].rules[1].pattern: "(": not a regular expression: missing )',
        ),
        ([{"id": "a", "rules": [""]}], 'stages[0].rules[0].pattern: "": the pattern is empty.'),
    ],
)
def test_every_mistake_is_one_line_with_its_key(value, message):
    with pytest.raises(UserError) as caught:
        StageModel.from_config(value, study_file="s.yaml")
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_plain_names_are_checked_too():
    for names, message in ((["a", "a"], "stands already"), ([" "], "not empty"), ("ab", "a list")):
        with pytest.raises(UserError, match=message):
            StageModel.from_names(names)


def test_hash_follows_meaning_not_wording():
    model = StageModel.from_config(CUSTOM)
    reworded = [{**CUSTOM[0], "label": "Look"}, *CUSTOM[1:]]
    assert StageModel.from_config(reworded, "sv").hash() == model.hash()
    for other in (CUSTOM[::-1], [*CUSTOM, "extra"], [{**CUSTOM[0], "rules": ["*"]}, *CUSTOM[1:]]):
        assert StageModel.from_config(other).hash() != model.hash()
    flags = [{}, {"milestone": True}, {"purchase": True}]
    assert len({StageModel.from_config([{"id": "a", **flag}]).hash() for flag in flags}) == 3
    assert len({stages.load(model).hash() for model in BUILT_IN}) == len(BUILT_IN)


def test_stages_need_no_pandas():
    code = "import sys, cjlab.stages as s; s.load('sm9'); sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
