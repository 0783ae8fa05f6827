"""What a notebook publishes with: show a table, draw a figure, say a sentence, name a headline.

Inside a report each call also leaves its files and a record in the notebook's own staging folder;
in an interactive kernel the same things are displayed and nothing is written.
"""

from __future__ import annotations

import base64
import inspect
import io
import json
import os
import re
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic.dataclasses import dataclass

from cjlab import messages, privacy, voice
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS
from cjlab.report import cells, tables
from cjlab.report.render import render

KINDS = ("estimates", "quality")
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,59}")
_SHOWN = "cjlab_shown"


@dataclass(frozen=True)
class Context:
    """Where this notebook's files go and how its numbers are written; no `stage`: interactive."""

    stage: Path | None = None
    private: Path | None = None
    notebook: str = ""
    minimum: int = 10
    language: str = "en"

    @classmethod
    def current(cls) -> Context:
        """Read what the runner put into the environment."""
        found = {field.name: os.environ.get(_variable(field.name)) for field in fields(cls)}
        # Pydantic makes paths and numbers of the texts.
        return cls(**{name: text for name, text in found.items() if text})  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """Return the variables that `current` reads."""
        return {_variable(f.name): str(getattr(self, f.name) or "") for f in fields(self)}

    def file(self, folder: str, name: str) -> Path | None:
        """Return the path for a new staged file, or None in an interactive kernel."""
        stem = name.rpartition(".")[0]
        if not _NAME.fullmatch(stem):
            raise UserError(f'"{stem}" is not a name for a file: use a-z, 0-9 and _, at most 60.')
        if self.stage is None:
            return None
        path = self.stage / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise UserError(f'"{stem}" is already used in this notebook; choose another name.')
        return path

    def keep(self, name: str, ungated: pd.DataFrame) -> None:
        """Keep an ungated table where only the owner looks, for comparing."""
        if self.private is not None:
            folder = self.private / "tables"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            tables.write_parquet(ungated, folder / f"{name}.parquet")

    def record(self, kind: str, **what: Any) -> None:
        """Leave one line about something published."""
        if self.stage is None:
            return
        line = json.dumps({"kind": kind, **what}, ensure_ascii=False, allow_nan=False)
        with (self.stage / "records.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def show(
    name: str,
    frame: pd.DataFrame,
    *,
    kind: str = "estimates",
    caption: str | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    rows: int = cells.LONGEST,
    metrics: Collection[str] | None = None,
) -> pd.DataFrame:
    """Publish a table and return what may be drawn from it.

    Parameters
    ----------
    name : str
        Name of the table and its files: small letters, digits and ``_``.
    frame : pandas.DataFrame
        Estimates, or any frame of row counts or diagnostics with ``kind="quality"``.
    kind : {"estimates", "quality"}, default "estimates"
        Estimates pass the privacy gate: a cell that stands for fewer customers than the study's
        minimum loses its number. Quality tables are not cells of customers and are not gated.
    caption : str, optional
        Plain text above the table; by default its name in words. Pages that come with cjlab have
        theirs in the catalogue of each language: ``notebook.<notebook>.caption.<name>``.
    columns, labels : mapping of str to str, optional
        Heads for columns, and words for ids (stage id to stage label), in the shown table only;
        the files keep ids.
    rows : int, default 30
        How many rows the page shows; the files hold all.
    metrics : collection of str, optional
        Which metrics of estimates the page shows; the files, and what is returned, hold all.

    Returns
    -------
    pandas.DataFrame
        The gated frame. It is what `figure` and `headline` take; a null ``value`` with status
        ``suppressed`` was withheld.

    Raises
    ------
    UserError
        A name that is not usable or already used, an unknown kind, or not a table of estimates.
    """
    here = Context.current()
    if kind not in KINDS:
        raise UserError(f'show("{name}"): no kind "{kind}".{did_you_mean(kind, KINDS)}')
    caption = _own("caption", name) or caption or name.replace("_", " ")
    gated = frame.reset_index(drop=True)
    withheld: list[dict[str, Any]] = []
    if kind == "estimates":
        try:
            gated, withheld = privacy.gate(frame, minimum=here.minimum)
        except UserError as error:
            raise UserError(f'show("{name}"): {error}') from None
    gated.attrs.update({_SHOWN: name, "minimum": here.minimum})
    if file := here.file("tables", f"{name}.parquet"):
        tables.write_parquet(gated, file)
        tables.write_json(gated, file.with_suffix(".json"), name=name, kind=kind, caption=caption)
        here.keep(name, frame)
        here.record("table", name=name, table_kind=kind, caption=caption, rows=len(gated))
        for item in withheld:
            here.record("withheld", table=name, **item)
    wording = cells.Wording(here.language, here.minimum, labels or {}, columns or {})
    shaped = tuple(gated.columns[-len(COLUMNS) :]) == COLUMNS
    lay_out = cells.view_estimates if shaped else cells.view_quality
    told = gated if metrics is None else gated[gated["metric"].isin(metrics)]
    view = lay_out(told, wording, rows)
    notice = voice.notice(gated, here.language)
    if notice:
        here.record("notice", text=notice)
    about = {"caption": caption, "file": f"tables/{name}.parquet", "notice": notice}
    _display("table", name, caption, view=view, **about)
    return gated


def figure(
    name: str,
    plot: Callable[..., Any],
    gated: pd.DataFrame,
    *,
    alt: str,
    caption: str | None = None,
    **kwargs: Any,
) -> None:
    """Draw and publish a figure from a table that `show` returned.

    Parameters
    ----------
    name : str
        Name of the figure and its file.
    plot : callable
        ``plot(gated, **kwargs)`` returns matplotlib Axes.
    gated : pandas.DataFrame
        What `show` returned, or rows selected from it.
    alt : str
        What the figure shows, in words, for those who do not see it; must not be empty.
    caption : str, optional
        Plain text below the figure, before the link to its data.
    **kwargs
        Passed on to `plot`, with the report's ``language`` where it takes one.

    Raises
    ------
    UserError
        A frame that did not come from `show`, an empty `alt`, or a name already used.
    """
    here = Context.current()
    source = _shown(f'figure("{name}")', gated)
    if not alt.strip():
        raise UserError(f'figure("{name}"): alt text is empty; say what the figure shows.')
    if title := _own("title", name) or kwargs.get("title"):
        kwargs["title"] = title
    alt = (_own("alt", name) or alt).replace("{title}", str(title or ""))
    caption = _own("figure", name) or caption
    if "language" in inspect.signature(plot).parameters:
        kwargs.setdefault("language", here.language)
    png = _draw(plot, gated, kwargs)
    if file := here.file("figures", f"{name}.png"):
        file.write_bytes(png)
        here.record("figure", name=name, table=source, alt=alt)
    # Width and height stand in the PNG header; the page needs them to lay out at once.
    width, height = struct.unpack(">II", png[16:24])
    encoded = base64.b64encode(png).decode()
    size = {"width": width, "height": height}
    _display("figure", name, alt, png=encoded, alt=alt, caption=caption, table=source, **size)


def sheet(page: Any) -> None:
    """Publish a persona card or an empathy map, with its numbers as a JSON file beside it.

    Parameters
    ----------
    page : Card or EmpathyMap
        From `cjlab.personas.card` or `cjlab.personas.empathy`; what they hold has passed the
        privacy gate.
    """
    name = f"{page.kind}_{page.persona.lower()}"
    if file := Context.current().file("tables", f"{name}.json"):
        page.write(file)
    _display("sheet", name, page.name, sheet=page)


def say(key: str, **values: Any) -> None:
    """Publish a sentence from the message catalogue, its numbers written for the language.

    Parameters
    ----------
    key : str
        A key of the catalogue, see `cjlab.messages.text`.
    **values
        One for each place of the message; use `cjlab.messages.percent` and the like.

    Raises
    ------
    UserError
        An unknown key, or values that are not those which the message names.
    """
    sentence = messages.text(key, Context.current().language, **values)
    _display("text", key, sentence, text=sentence)


def headline(key: str, gated: pd.DataFrame, where: Mapping[str, Any], **values: Any) -> None:
    """Put one number of a shown table on the report's first page.

    Parameters
    ----------
    key : str
        Message that says what the number is.
    gated : pandas.DataFrame
        What `show` returned for estimates.
    where : mapping
        Column to value; must choose exactly one row, such as
        ``{"step": "purchase", "metric": "from_first"}``.
    **values
        Values for the message.

    Raises
    ------
    UserError
        A frame that did not come from `show`, an unknown column, or not exactly one row.
    """
    here = Context.current()
    table = _shown(f'headline("{key}")', gated)
    label = messages.text(key, here.language, **values)
    chosen = gated
    for column, value in where.items():
        if column not in gated.columns:
            near = did_you_mean(column, gated.columns)
            raise UserError(f'headline("{key}"): {table} has no column "{column}".{near}')
        chosen = chosen[chosen[column] == value]
    if len(chosen) != 1:
        raise UserError(f'headline("{key}"): {where} chooses {len(chosen)} rows, not one.')
    row = chosen.iloc[0].to_dict()
    wording = cells.Wording(here.language, here.minimum)
    text = cells.estimate_text(row, wording).text
    value, basis = cells.basis_text(row, wording)
    said = {"key": key, "label": label, "text": text, "value": value, "basis": basis}
    estimate = {column: tables.plain(value) for column, value in row.items()}
    here.record("headline", **said, table=table, estimate=estimate)


def done() -> None:
    """Say that the notebook came to its end; without it a report is not published."""
    here = Context.current()
    here.record("done")
    _display("done", here.notebook, "")


def _variable(name: str) -> str:
    return f"CJLAB_{name.upper()}"


def _own(kind: str, name: str) -> str | None:
    """Return a notebook's own words for a table or figure in another language than it is in."""
    here = Context.current()
    if here.language == messages.FALLBACK:
        return None
    return messages.own(f"notebook.{here.notebook}.{kind}.{name}", here.language)


def _shown(call: str, gated: pd.DataFrame) -> str:
    """Return the name under which a frame was shown."""
    name = getattr(gated, "attrs", {}).get(_SHOWN)
    if name is None:
        raise UserError(f"{call}: use the frame that show() returned.")
    return str(name)


def _draw(plot: Callable[..., Any], gated: pd.DataFrame, kwargs: dict[str, Any]) -> bytes:
    import matplotlib as mpl
    import numpy as np
    from matplotlib import pyplot as plt

    # A customer's string may hold a dollar sign; it is text, not a formula.
    with mpl.rc_context({"text.parse_math": False}):
        picture = np.ravel(np.asarray(plot(gated, **kwargs), dtype=object))[0].get_figure()
        stream = io.BytesIO()
        try:
            picture.savefig(stream, format="png", bbox_inches="tight", metadata={"Software": None})
        finally:
            plt.close(picture)
    return stream.getvalue()


def _display(kind: str, name: str, plain: str, **values: Any) -> None:
    """Show an output that carries its mark; what is there to see comes from a template."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    data = {"text/plain": plain}
    if values:
        html = render(f"{kind}.html.j2", Context.current().language, **values)
        data = {"text/html": str(html), **data}
    if InteractiveShell.initialized():
        display(data, metadata={"cjlab": {"kind": kind, "name": name}}, raw=True)
