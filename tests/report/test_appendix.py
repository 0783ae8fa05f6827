"""The method appendix finds the functions that notebooks call, however they name them."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from cjlab.report import appendix


@pytest.mark.parametrize(
    "source",
    [
        "import cjlab as cj\nx = cj.stats.proportion(1, 2)",
        "import cjlab\ncjlab.stats.proportion(1, 2)",
        "from cjlab import stats\nstats.proportion(1, 2)",
        "from cjlab import stats as s\nfor i in []:\n    s.proportion(i, 2)",
        "from cjlab.stats import proportion as p\np(1, 2)",
        "import cjlab.stats as s\nprint(s.proportion)",
    ],
)
def test_each_way_to_call_is_found(source: str) -> None:
    node = new_notebook(cells=[new_code_cell(source), new_code_cell("%magic broken (")])
    (method,) = appendix.methods([node])
    assert method.name == "stats.proportion" and method.anchor == "method-stats-proportion"
    assert method.paragraphs[0].endswith(".") and "`" not in " ".join(method.paragraphs)
    assert not any(">>>" in paragraph for paragraph in method.paragraphs)


def test_names_of_the_front_door_are_found_in_their_rooms() -> None:
    node = new_notebook(cells=[new_code_cell("import cjlab as cj\nj.x\ncj.funnel(j)")])
    assert [method.name for method in appendix.methods([node])] == ["journey.funnel"]


@pytest.mark.parametrize(
    "source",
    [
        "proportion(1, 2)",
        "import numpy as cj\ncj.stats.proportion",
        "import cjlab.none as n\nn.x()",
    ],
)
def test_nothing_else_is(source: str) -> None:
    assert appendix.methods([new_notebook(cells=[new_code_cell(source)])]) == []
