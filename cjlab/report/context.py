"""What a notebook publishes with: show a table, draw a figure, say a sentence, name a headline.

Inside a report each call also leaves its files and a record in the notebook's own staging folder;
in an interactive kernel the same things are displayed and nothing is written.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cjlab import messages
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import dims
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
        stage, private = os.environ.get("CJLAB_STAGE"), os.environ.get("CJLAB_PRIVATE")
        return cls(
            stage=Path(stage) if stage else None,
            private=Path(private) if private else None,
            notebook=os.environ.get("CJLAB_NOTEBOOK", ""),
            minimum=int(os.environ.get("CJLAB_MINIMUM", "10")),
            language=os.environ.get("CJLAB_LANGUAGE", "en"),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that `current` reads."""
        return {
            "CJLAB_STAGE": str(self.stage or ""),
            "CJLAB_PRIVATE": str(self.private or ""),
            "CJLAB_NOTEBOOK": self.notebook,
            "CJLAB_MINIMUM": str(self.minimum),
            "CJLAB_LANGUAGE": self.language,
        }

    def file(self, folder: str, name: str) -> Path | None:
        """Return the path for a new staged file, or None in an interactive kernel."""
        if self.stage is None:
            return None
        path = self.stage / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise UserError(f'"{path.stem}" is already used in this notebook; choose another name.')
        return path

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
        Plain text above the table; by default its name in words.
    columns, labels : mapping of str to str, optional
        Heads for columns, and words for ids (stage id to stage label), in the shown table only;
        the files keep ids.
    rows : int, default 30
        How many rows the page shows; the files hold all.

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
    _check_name(name)
    if kind not in KINDS:
        raise UserError(f'show("{name}"): no kind "{kind}".{did_you_mean(kind, KINDS)}')
    gated, withheld = _gate(name, frame, kind, here)
    gated.attrs.update({_SHOWN: name, "minimum": here.minimum})
    file = here.file("tables", f"{name}.parquet")
    title = caption or name.replace("_", " ")
    if file is not None:
        _write(here, name, frame, gated, kind, title, file)
        here.record("table", name=name, table_kind=kind, caption=title, rows=len(gated))
        for item in withheld:
            here.record("withheld", table=name, **item)
    wording = cells.Wording(here.language, here.minimum, labels or {}, columns or {})
    lay_out = cells.view_estimates if kind == "estimates" else cells.view_quality
    view = lay_out(gated, wording, rows)
    html = render(
        "table.html.j2", here.language, view=view, caption=title, file=f"tables/{name}.parquet"
    )
    _display("table", name, {"text/html": str(html), "text/plain": title})
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
        Passed on to `plot`.

    Raises
    ------
    UserError
        A frame that did not come from `show`, an empty `alt`, or a name already used.
    """
    here = Context.current()
    _check_name(name)
    source = gated.attrs.get(_SHOWN) if isinstance(gated, pd.DataFrame) else None
    if source is None:
        raise UserError(f'figure("{name}"): draw it from the frame that show() returned.')
    if not alt.strip():
        raise UserError(f'figure("{name}"): alt text is empty; say what the figure shows.')
    png, width, height = _draw(plot, gated, kwargs)
    file = here.file("figures", f"{name}.png")
    if file is not None:
        file.write_bytes(png)
        here.record("figure", name=name, table=source, alt=alt)
    encoded = base64.b64encode(png).decode()
    html = render(
        "figure.html.j2",
        here.language,
        png=encoded,
        alt=alt,
        caption=caption or "",
        table=source,
        width=width,
        height=height,
    )
    _display("figure", name, {"text/html": str(html), "text/plain": alt})


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
    here = Context.current()
    sentence = messages.text(key, here.language, **values)
    html = render("text.html.j2", here.language, text=sentence)
    _display("text", key, {"text/html": str(html), "text/plain": sentence})


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
    table = gated.attrs.get(_SHOWN)
    if table is None:
        raise UserError(f'headline("{key}"): choose from the frame that show() returned.')
    label = messages.text(key, here.language, **values)
    chosen = gated
    for column, value in where.items():
        if column not in gated.columns:
            raise UserError(
                f'headline("{key}"): {table} has no column "{column}".'
                f"{did_you_mean(column, map(str, gated.columns))}"
            )
        chosen = chosen[chosen[column] == value]
    if len(chosen) != 1:
        raise UserError(f'headline("{key}"): {where} chooses {len(chosen)} rows, not one.')
    row = chosen.iloc[0].to_dict()
    wording = cells.Wording(here.language, here.minimum)
    value, basis = cells.basis_text(row, wording)
    here.record(
        "headline",
        key=key,
        label=label,
        text=cells.estimate_text(row, wording).text,
        value=value,
        basis=basis,
        table=table,
        estimate=tables.plain_tree(row),
    )


def done() -> None:
    """Say that the notebook came to its end; without it a report is not published."""
    here = Context.current()
    here.record("done")
    _display("done", here.notebook, {"text/plain": ""})


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f'"{name}" is not a name for a file: use a-z, 0-9 and _, at most 60.')


def _gate(
    name: str, frame: pd.DataFrame, kind: str, here: Context
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    if kind == "quality":
        return frame.reset_index(drop=True), []
    from cjlab import privacy

    try:
        dims(frame)
    except UserError as error:
        raise UserError(f'show("{name}"): {error}') from None
    gated, withheld = privacy.gate(frame, minimum=here.minimum)
    return gated, [tables.plain_tree(item) for item in withheld]


def _write(
    here: Context,
    name: str,
    raw: pd.DataFrame,
    gated: pd.DataFrame,
    kind: str,
    title: str,
    file: Path,
) -> None:
    tables.write_parquet(gated, file)
    tables.write_json(gated, file.with_suffix(".json"), name=name, kind=kind, caption=title)
    if here.private is not None:
        folder = here.private / "tables"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tables.write_parquet(raw, folder / f"{name}.parquet")


def _draw(
    plot: Callable[..., Any], gated: pd.DataFrame, kwargs: dict[str, Any]
) -> tuple[bytes, int, int]:
    import matplotlib as mpl
    import numpy as np
    from matplotlib import pyplot as plt

    # A customer's string may hold a dollar sign; it is text, not a formula.
    with mpl.rc_context({"text.parse_math": False}):
        drawn = np.ravel(np.asarray(plot(gated, **kwargs), dtype=object))[0]
        picture = drawn.get_figure() if hasattr(drawn, "get_figure") else drawn
        stream = io.BytesIO()
        try:
            picture.savefig(stream, format="png", bbox_inches="tight", metadata={"Software": None})
        finally:
            plt.close(picture)
    png = stream.getvalue()
    # Width and height stand in the PNG header; the page needs them to lay out at once.
    return png, int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _display(kind: str, name: str, data: dict[str, str]) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import display

    if InteractiveShell.initialized():
        display(data, metadata={"cjlab": {"kind": kind, "name": name}}, raw=True)
