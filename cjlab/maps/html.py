"""A journey map, or two side by side, as one page of HTML that stands alone and runs no script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from cjlab import messages
from cjlab.errors import UserError
from cjlab.maps import evidence, wording
from cjlab.maps.curve import Curve, Point, curve, mark_text
from cjlab.maps.model import WHOLE, Card, JourneyMap, Lane
from cjlab.maps.opportunities import Matrix

_PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp"}
_LARGEST = 2_000_000  # bytes of a picture that is put into the page


@dataclass(frozen=True)
class Row:
    """One row of the table: the cells of a lane, its curve, or a line of the blueprint."""

    kind: str
    lane: Lane
    map: JourneyMap
    lane_rows: int = 0  # how many rows the lane's head spans; 0 where it stands above
    map_rows: int = 0  # the same of the persona's head


def html(journey_map: JourneyMap, folder: Path | None = None) -> str:
    """Return a map as a page.

    Parameters
    ----------
    journey_map : JourneyMap
        The map.
    folder : Path, optional
        Where its pictures are; without it they are told in words.

    Returns
    -------
    str
        HTML without scripts, links or anything from elsewhere.

    Examples
    --------
    >>> from cjlab.maps import template
    >>> html(template("day"))[:15]
    '<!DOCTYPE html>'
    """
    return _page([journey_map], folder)


def side_by_side(first: JourneyMap, second: JourneyMap, folder: Path | None = None) -> str:
    """Return two maps as one table: by lane, a row for each of them.

    Parameters
    ----------
    first, second : JourneyMap
        Of the same stages; labels are those of the first.
    folder : Path, optional
        Where their pictures are.

    Returns
    -------
    str
        HTML as of :func:`html`.

    Raises
    ------
    UserError
        They have other stages.
    """
    return _page([first, second], folder)


def rows(maps: list[JourneyMap]) -> Iterator[Row]:
    """Yield the rows of the table: the lanes that any of the maps shows, in order."""
    lanes = {lane.id: lane for one in maps for lane in one.shown_lanes()}
    order = {lane.id: place for one in reversed(maps) for place, lane in enumerate(one.lanes)}
    for lane in sorted(lanes.values(), key=lambda lane: order[lane.id]):
        kinds = {"curve": ["curve", "cards"]}.get(lane.kind, [lane.kind])
        for turn, one in enumerate(maps):
            for place, kind in enumerate(kinds):
                spans = len(kinds) * len(maps) if turn == place == 0 else 0
                yield Row(kind, lane, one, spans, len(kinds) if place == 0 else 0)
        if lane.line:
            yield Row("line", lane, maps[0])


def alt_of(found: Curve, journey_map: JourneyMap, lane: Lane) -> str:
    """Return in words what the curve of a lane shows."""
    language, labels = journey_map.language, [column.label for column in journey_map.columns]

    def said(point: Point) -> str:
        y = messages.number(point.y, 2)(language)
        told = [y, messages.text("map.origin.authored", language)] if point.authored else [y]
        return f"{labels[point.column]} " + ", ".join([*told, *filter(None, [point.mark and
                mark_text(point, language)])])  # fmt: skip

    told = [(point.column, said(point)) for point in found.points]
    told += [(column, f"{labels[column]} {why}") for column, why in found.unknown.items()]
    points = "; ".join(text for _, text in sorted(told)) + "."
    return messages.text("map.curve.alt", language, label=lane.label, points=points)


def fragment(*maps: JourneyMap, folder: Path | None = None) -> str:
    """Return a map, or two side by side, as a part of a page; it brings its own looks."""
    return _page(list(maps), folder, "fragment")


def _page(maps: list[JourneyMap], folder: Path | None, template: str = "map") -> str:
    first = maps[0]
    if len({tuple(column.id for column in one.columns) for one in maps}) > 1:
        raise UserError("two maps side by side need the same stages; fill both by one stage model.")
    walked = [card for one in maps for _, _, card in one.walk()]
    computed = sum(card.origin == "computed" for card in walked)
    found = list(rows(maps))
    is_matrix = isinstance(first, Matrix)
    caption = first.title if is_matrix else messages.text(
        "map.caption", first.language,
        title=first.title, lanes=len({row.lane.id for row in found}),
        columns=len(first.columns), computed=computed, written=len(walked) - computed,
    )  # fmt: skip
    notes = dict.fromkeys(note for one in maps for note in wording.notes_of(one))
    page = _templates().get_template(f"{template}.html.j2")
    return page.render(
        map=first, maps=maps, rows=found, caption=caption, notes=list(notes),
        picture=lambda card: _picture(card, folder),
        say=lambda key, **values: messages.text(f"map.{key}", first.language, **values),
    )  # fmt: skip


def _picture(card: Card, folder: Path | None) -> str:
    """The card's picture as a data address; empty where it is not a picture of the folder."""
    if not card.image or folder is None:
        return ""
    path = (folder / card.image).resolve()
    form = _PICTURES.get(path.suffix.lower())
    beside = form and path.is_relative_to(folder.resolve()) and path.is_file()
    if not beside or path.stat().st_size > _LARGEST:
        return ""
    return f"data:image/{form};base64,{b64encode(path.read_bytes()).decode('ascii')}"


def _level(journey_map: JourneyMap, lane: Lane, stage: str) -> tuple[str, str]:
    found = evidence.level(journey_map.cell(lane.id, stage))
    return found, wording.level_text(found, journey_map.language)


@cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("cjlab.maps", "templates_html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: wording.plain(value) if type(value) is str else value,
    )
    found.globals |= {
        "WHOLE": WHOLE, "wording": wording, "level": _level, "curve": curve, "alt_of": alt_of,
        "mark_text": mark_text,
    }  # fmt: skip
    return found
