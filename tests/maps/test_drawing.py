"""A map as a picture: nothing leaves its cell, nothing is left out, the same bytes each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest
from matplotlib import image

from cjlab.errors import UserError
from cjlab.maps import template, wording
from cjlab.maps.drawing import draw
from cjlab.maps.layout import HEIGHT, WIDTH, Box, layout
from cjlab.maps.opportunities import opportunities
from tests.maps.small import authored, blueprint, full


def inside(inner: Box, outer: Box) -> bool:
    return (
        inner.x >= outer.x - 1e-6
        and inner.y >= outer.y - 1e-6
        and inner.x + inner.width <= outer.x + outer.width + 1e-6
        and inner.y + inner.height <= outer.y + outer.height + 1e-6
    )


def apart(a: Box, b: Box) -> bool:
    over = (
        a.x + a.width <= b.x,
        b.x + b.width <= a.x,
        a.y + a.height <= b.y,
        b.y + b.height <= a.y,
    )
    return any(over)


@pytest.mark.parametrize("shown", [full(), full("fi"), blueprint(), opportunities(full())])
def test_no_text_leaves_its_cell_and_no_card_meets_another(shown) -> None:
    page = layout(shown)
    sheet = Box(0, 0, page.width, page.height, "")
    for line, room in page.lines:
        width = line.width()
        left = line.x - {"left": 0, "center": width / 2, "right": width}[line.ha]
        drawn = Box(left, line.y, width, line.size / 72, "")
        assert inside(drawn, room), line.text
        assert inside(room, sheet)
    cards = [box for box in page.boxes if box.look.split()[0] in ("computed", "authored")]
    assert len(cards) == sum(1 for _ in shown.walk())
    assert all(apart(a, b) for a, b in combinations(cards, 2))
    texts = [line for line, room in page.lines if room not in cards]
    for line in texts:  # heads, badges and notes stand beside the cards
        middle = Box(line.x, line.y + line.size / 144, 1e-9, 1e-9, "")
        assert not any(inside(middle, card) for card in cards), line.text


def test_every_number_is_drawn_and_long_words_are_broken_not_cut() -> None:
    shown = full("fi")
    page = layout(shown)
    words = {line.text for line, _ in page.lines}
    for _, _, card in shown.walk():
        for number in card.numbers:
            value = wording.value_text(number, "fi").replace("\xa0", " ")
            assert value in words or number.status == "not_estimable", value
    whole = "".join(line.text for line, _ in page.lines)
    assert "".join(shown.title.split(" ")[-2:]) in whole
    assert "…" not in whole.replace("−50 … −32", "") and "$x^2$" in whole
    assert (page.width, layout(blueprint()).height) == (WIDTH, HEIGHT)
    assert page.height > HEIGHT  # a dozen lanes take more than an A3


def test_the_line_is_not_drawn_across_what_is_unknown() -> None:
    page = layout(full())
    kinds = [stroke.look for stroke in page.strokes]
    assert (kinds.count("known"), kinds.count("drawn"), kinds.count("band")) == (3, 1, 3)
    looks = sorted(dot.look for dot in page.dots)
    assert looks == ["main filled"] * 4 + ["main hollow"] * 2 + ["minor filled", "weakest filled"]


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_a_picture_is_the_same_each_time(form: str, tmp_path) -> None:
    shown = blueprint().with_cards({"pains": {"intent": (authored("<b>--> $\\frac$ \x00&"),)}})
    first, again = (draw(shown, tmp_path / f"{name}.{form}") for name in ("a", "b"))
    assert first.read_bytes() == again.read_bytes()
    if form == "svg":
        tags = {element.tag.rpartition("}")[2] for element in ET.parse(first).iter()}
        assert "script" not in tags and {"path", "use"} <= tags
    elif form == "png":
        pixels = image.imread(first)
        assert pixels.shape[:2] == (int(150 * HEIGHT), int(150 * WIDTH))
        assert 0.002 < (pixels[..., :3].mean(axis=2) < 0.5).mean() < 0.2  # dark text on light
    else:
        assert first.read_bytes().startswith(b"%PDF") and first.stat().st_size > 10_000


def test_another_suffix_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match=r'cannot be drawn as ".pgn". Did you mean "png"'):
        draw(template("day"), tmp_path / "map.pgn")
