"""Names by rule in five languages, every one of them whole."""

from pathlib import Path

import pandas as pd
import pytest

from cjlab import messages
from cjlab.personas import _features, stability
from cjlab.personas._features import Feature
from cjlab.personas.naming import STEADY, is_provisional, label, make, named

LANGUAGES = [name for name in messages.LANGUAGES if name != "en"]
SIDES = ("high", "low")
LISTED = pd.read_csv(Path(_features.__file__).with_name("features.csv"))["name"]
CATALOGUE = [name for name in LISTED if "{" not in name]
ENGLISH = list(messages.keys())
KEYS = sorted(key for key in ENGLISH if key.split(".")[0] in ("persona", "card"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_all_that_english_says(language):
    assert len(KEYS) > 150
    for key in KEYS:
        assert messages.own(key, language), key
        assert messages.places(key, language) == messages.places(key), key
    # What is translated exists in English too; a typing error in a key would hide there.
    ids = (message.id for message in messages._catalogue(language) if message.id)
    own = {one if isinstance(one, str) else one[0] for one in ids}
    # English prose stands in the notebooks; their keys are held against them in test_messages.py.
    assert {key for key in own if not key.startswith("notebook.")} <= set(ENGLISH)


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_feature_has_a_label_and_a_phrase_for_either_side(language):
    named = [key.removeprefix("persona.high.") for key in KEYS if key.startswith("persona.high.")]
    assert set(CATALOGUE) <= set(named) and len(named) > len(CATALOGUE)
    said = [messages.own(f"persona.{side}.{name}", language) for name in named for side in SIDES]
    said += [messages.own(f"persona.label.{name}", language) for name in named if name != "feature"]
    assert None not in said
    # A channel and a value are told in the same words; no other two are.
    assert len(set(said)) == len(said) - 3


def test_translations_are_not_english():
    for language in LANGUAGES:
        same = [
            key
            for key in KEYS
            if key.startswith(("persona.high", "persona.low", "card.missing", "card.source"))
            and messages.own(key, language) == messages.own(key, "en")
        ]
        assert same == []


def rows(*differences):
    """A profile: (persona, feature, difference)."""
    return pd.DataFrame(differences, columns=["persona", "feature", "difference"])


def test_features_of_a_study_are_named_by_their_own_words():
    features = [
        Feature("share_app", "Share of app", "1", "", "channel"),
        Feature("days_in_intent", "Days in Intent", "d", ""),
        Feature("age", "Age", "years", "", "declared"),
        Feature("pets", "Number of pets", "pets", "", "declared"),
    ]
    wanted = {
        "share_app": ("mostly app", "rarely app", "mest app", "share of app"),
        "days_in_intent": (
            "long in Intent",
            "briefly in Intent",
            "länge i Intent",
            "days in Intent",
        ),
        "country: Sweden": ("mostly Sweden", "rarely Sweden", "mest Sweden", "share of Sweden"),
        "country: other": (
            "mostly country: other",
            "rarely country: other",
            "mest country: other",
            "share of country: other",
        ),
        "age": ("older", "younger", "äldre", "age"),
        "pets": (
            "high number of pets",
            "low number of pets",
            "number of pets: högt",
            "number of pets",
        ),
    }
    for feature, (high, low, swedish, name) in wanted.items():
        profile = rows((0, feature, 1.0), (1, feature, -1.0))
        assert make(profile, features) == {0: high, 1: low}
        assert make(profile, features, "sv")[0] == swedish
        assert label(named(feature, {f.name: f for f in features})) == name


def test_low_shares_are_told_last():
    features = [Feature("share_app", "Share of app", "1", "", "channel")]
    profile = rows((0, "country: Sweden", -2.0), (0, "frequency", 0.5), (1, "share_app", 1.0))
    assert make(profile, features)[0] == "frequent, rarely Sweden"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_names_are_unique_and_doubt_is_said(language):
    profile = rows((0, "frequency", 1.0), (1, "frequency", 0.9), (2, "frequency", 0.8))
    names = make(profile, [], language, jaccard=[0.9, 0.74, None])
    assert len(set(names.values())) == 3
    word = messages.text("persona.provisional", language, name="").strip()
    assert [word in name for name in names.values()] == [False, True, False]
    assert make(profile, [], language) != names


def test_doubt_begins_where_the_search_says_it_does():
    assert STEADY == stability.STEADY
    assert not is_provisional(STEADY) and is_provisional(STEADY - 1e-9)
