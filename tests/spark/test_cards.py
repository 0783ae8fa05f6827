"""What a card says is the same on either engine."""

import pandas as pd
import pytest

from cjlab import personas, samples
from cjlab.personas._facts import facts
from cjlab.study import open_study

pytestmark = pytest.mark.needs("spark")


def test_facts_are_equal_on_both_engines(spark, tmp_path):
    path = samples.make("retail", tmp_path / "retail", customers=300)
    here = personas.frozen(open_study(path))
    there = open_study(path, engine="spark")
    there.use_personas(here.assignment)
    key = ["persona", "field", "item", "metric"]
    one, other = (facts(study).set_index(key).sort_index() for study in (here, there))
    assert len(one) > 200
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)
    assert [card.as_dict()["fields"][-1] for card in personas.cards(here)] == [
        card.as_dict()["fields"][-1] for card in personas.cards(there)
    ]
