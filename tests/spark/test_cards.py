"""What a card says is the same on either engine."""

import pandas as pd
import pytest

from cjlab import personas, samples
from cjlab.personas import _known
from cjlab.study import open_study

# Some thirty questions planned by Spark: minutes where the machine is shared.
pytestmark = [pytest.mark.needs("spark"), pytest.mark.prove]


def test_facts_are_equal_on_both_engines(spark, tmp_path):
    path = samples.make("retail", tmp_path / "retail", customers=200)
    here = personas.frozen(open_study(path))
    there = open_study(path, engine="spark")
    there.use_personas(here.assignment)
    (one, said), (other, also) = (measured(study) for study in (here, there))
    assert len(one) > 200 and said and said == also
    pd.testing.assert_frame_equal(one, other, rtol=1e-9)


def measured(study):
    table, quotes = _known._measured(study, study.assignment, None, None)
    return table.set_index(["persona", "field", "item", "metric"]).sort_index(), quotes
