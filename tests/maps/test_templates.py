"""Templates of an industry: its usual touchpoints in their stages, in five languages."""

from __future__ import annotations

import pytest

from cjlab.errors import UserError
from cjlab.maps import plan_of, template
from cjlab.messages import LANGUAGES
from cjlab.touchpoints import INDUSTRIES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("industry", INDUSTRIES)
def test_the_usual_touchpoints_stand_in_their_stages(industry: str, language: str) -> None:
    drawn = template("current", industry=industry, language=language)
    met = [(stage, card) for lane, stage, card in drawn.walk() if lane == "touchpoints"]
    assert len({card.touchpoint for _, card in met}) == len(met) > 15
    assert all(card.origin == "authored" and "_" not in card.text for _, card in met)
    assert {stage for stage, _ in met} >= {"awareness", "purchase", "post_purchase"}
    assert drawn.cell("channels", "awareness") and drawn.cell("channels", "post_purchase")
    assert len(plan_of(drawn).steps) == len(met), "a plan to strike out from"


def test_other_models_and_templates() -> None:
    three = template("future", industry="travel", model="da3")
    assert {stage for _, stage, _ in three.walk()} == {column.id for column in three.columns}
    behind = template("blueprint", industry="banking")
    assert behind.cell("evidence", "intent") and "channels" not in behind.cards
    assert template("current").cards == {}
    with pytest.raises(UserError, match=r'industry "travell".*travel'):
        template("current", industry="travell")
    with pytest.raises(UserError, match="a day has no stages"):
        template("day", industry="travel")
