"""Quotes on a page: each a block quotation in its own language, with no word of who wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cjlab import messages
from cjlab.errors import UserError
from cjlab.report import cells, tables
from cjlab.report.context import Context, _display, _own
from cjlab.voice import Quotes
from cjlab.voice._quotes import worded

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def quotes(
    name: str,
    chosen: Quotes,
    *,
    caption: str | None = None,
    labels: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Publish what `cjlab.voice.quotes` chose, and how much it left out.

    Parameters
    ----------
    name : str
        Name of the JSON file beside the page: small letters, digits and ``_``.
    chosen : Quotes
        From `cjlab.voice.quotes`; no other text of a customer is published.
    caption : str, optional
        Plain text above the quotes; by default the name in words.
    labels : mapping of str to str, optional
        Words for ids of groups, in the page only; the file keeps ids.

    Returns
    -------
    pandas.DataFrame
        The rows that are shown: groups below the report's own minimum are left out too.

    Raises
    ------
    UserError
        Something that `cjlab.voice.quotes` did not choose, or a name not usable or already used.
    """
    if not isinstance(chosen, Quotes):
        raise UserError(f'quotes("{name}"): give what cjlab.voice.quotes returned.')
    here = Context.current()
    caption = _own("caption", name) or caption or name.replace("_", " ")
    table = chosen.table
    shown = table[table["customers"] >= here.minimum].reset_index(drop=True)
    withheld = {
        str(reason): int(texts) for reason, texts in chosen.withheld.itertuples(index=False)
    }
    if fewer := len(table) - len(shown):
        withheld["small_group"] = withheld.get("small_group", 0) + fewer
    if file := here.file("tables", f"{name}.json"):
        tables.write_json(shown, file, name=name, kind="quotes", caption=caption, withheld=withheld)
        told = {"quotes": len(shown), "minimum": max(chosen.minimum, here.minimum)}
        here.record("quotes", name=name, caption=caption, **told, withheld=withheld)
    wording = cells.Wording(here.language, here.minimum, labels or {})
    groups = _groups(shown, chosen.by, wording)
    left_out = [
        messages.text("quotes.reason", here.language, count=texts, reason=_reason(reason, here))
        for reason, texts in withheld.items()
    ]
    told_of = {"caption": caption, "groups": groups, "withheld": left_out, "file": f"{name}.json"}
    _display("quotes", name, caption, **told_of)
    return shown


def _groups(
    shown: pd.DataFrame, by: tuple[str, ...], wording: cells.Wording
) -> list[dict[str, Any]]:
    """Lay out the rows of each group under one head."""
    groups: list[dict[str, Any]] = []
    last: Any = None
    for row in shown.to_dict("records"):
        key = tuple(row[column] for column in by)
        if not groups or key != last:
            head = " · ".join(wording.name(value).text for value in key)
            groups.append({"head": head, "customers": row["customers"], "quotes": []})
            last = key
        language = "" if pd.isna(row["language"]) else str(row["language"])
        code = language if _LANGUAGE.fullmatch(language) else None
        groups[-1]["quotes"].append({"text": worded(row["quote"], wording.language), "code": code})
    return groups


def _reason(reason: str, here: Context) -> str:
    return messages.text(f"quotes.why.{reason}", here.language)
