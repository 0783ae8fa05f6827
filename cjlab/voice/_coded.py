"""Answers with the themes they have: what shares, impact and trends are counted from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS
from cjlab.study import Study
from cjlab.voice._answers import When, answers
from cjlab.voice._codebook import Codebook
from cjlab.voice._feelings import Feelings
from cjlab.voice._find_themes import study_themes
from cjlab.voice._language import language as tell_language
from cjlab.voice._persons import UNKNOWN
from cjlab.voice._themes import OTHER, UNREAD, Themes
from cjlab.voice._vocabulary import owners

Scheme: TypeAlias = Themes | Codebook | Feelings
_KEPT: Final = (
    "customer_id", "persona", "kind", "score", "valid", "ts", "touchpoint", "stage", "channel",
    "wave", "relation", "language",
)  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """Answers with text, without it: what was said of each theme, and by whom.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a text; what is known of the answer.
    ids : list of str
        The themes.
    has, base : numpy.ndarray of bool, shape (texts, themes)
        Whether the text has the theme, and whether it could: its language has terms of it.
    languages : numpy.ndarray of str or None, shape (texts,)
        The language each text was read in, null where it could not be told.
    who : numpy.ndarray of int, shape (texts,)
        The customers' numbers; a text of nobody known is a customer of its own.
    timezone : str
        Of calendar cuts.
    observed_until : pandas.Timestamp or None
        Instant up to which answers are known.
    """

    frame: pd.DataFrame
    ids: list[str]
    has: Any
    base: Any
    languages: Any
    who: Any
    timezone: str
    observed_until: pd.Timestamp | None

    def rows(self) -> tuple[list[str], Any, Any]:
        """Return ids, has and base with those that fit none, and those not read, at the end."""
        read = self.base.any(axis=1)
        none = read & ~self.has.any(axis=1)
        has = np.column_stack([self.has, none, ~read])
        base = np.column_stack([self.base, read, np.ones(len(read), dtype=bool)])
        return [*self.ids, OTHER, UNREAD], has, base

    def groups(self, by: str | Sequence[str] | None) -> pd.DataFrame:
        """Return the columns to break down by; a null is ``(unknown)``."""
        names = [by] if isinstance(by, str) else list(by or [])
        for name in names:
            if name not in self.frame.columns:
                near = did_you_mean(name, map(str, self.frame.columns))
                raise UserError(f'by: the answers have no column "{name}".{near}')
            if name in COLUMNS or name in ("theme", "customer_id"):
                raise UserError(f'by: "{name}" cannot be a breakdown of themes.')
        return self.frame[names].astype(object).fillna(UNKNOWN)


def coded(
    data: Study | pd.DataFrame,
    themes: Scheme | None = None,
    *,
    start: When = None,
    end: When = None,
    kinds: str | Sequence[str] | None = None,
    timezone: str = "UTC",
    observed_until: str | pd.Timestamp | None = None,
) -> Coded:
    """Read each text once and note its themes, for the metrics of themes to count from.

    Parameters
    ----------
    data : Study or DataFrame
        A study, or a frame with ``text`` and, where there are, ``customer_id, language, ts,
        kind, score, valid, stage, touchpoint, persona`` and further columns.
    themes : Themes, Codebook or Feelings, optional
        What texts are sorted by; a study's frozen themes, or those found now, by default.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone; of a frame, filter it first.
    kinds : str or sequence of str, optional
        Kinds of answers, such as ``"nps"``; all by default.
    timezone : str, default "UTC"
        Zone of calendar cuts of a frame; a study has its own.
    observed_until : str or Timestamp, optional
        Instant up to which a frame's answers are known; by default 1 µs after the last.

    Returns
    -------
    Coded
        Answers without text are not in it. The texts themselves are not kept.

    Raises
    ------
    UserError
        A frame without texts or without themes, or with a period.

    Examples
    --------
    >>> from cjlab.voice._themes import Theme
    >>> pay = Themes((Theme("pay", {}, {"en": {"card": 1.0}}),))
    >>> frame = pd.DataFrame({"text": ["The card failed", "Too slow", ""], "language": "en"})
    >>> coded(frame, pay).has.tolist()
    [[True], [False]]
    """
    if isinstance(data, Study):
        themes = study_themes(data) if themes is None else themes
        table = answers(data, start, end, kinds=kinds)
        frame = table.filter(table.text.notnull()).select("text", *_KEPT).execute()
        timezone, observed_until = data.zone, pd.Timestamp(data.observed_until)
    else:
        frame = _checked(data, themes, start, end)
        if kinds is not None and "kind" in frame.columns:
            frame = frame[frame["kind"].isin([kinds] if isinstance(kinds, str) else list(kinds))]
    assert themes is not None
    frame = frame[frame["text"].astype("str").str.strip().ne("") & frame["text"].notna()]
    frame = frame.reset_index(drop=True)
    said = list(frame["language"]) if "language" in frame.columns else None
    told = tell_language(frame["text"], said)
    scores = themes.scores(frame["text"], list(told), told=True)
    values = scores.to_numpy().reshape(len(frame), len(themes.ids))
    has = np.round(np.nan_to_num(values), 9) >= themes.threshold
    who = owners(frame.get("customer_id"), len(frame))
    base = ~np.isnan(values)
    until = _until(frame, observed_until)
    read = told.to_numpy(dtype=object)
    kept = frame.drop(columns="text")
    return Coded(kept, list(themes.ids), has & base, base, read, who, timezone, until)


def as_coded(data: Any, themes: Scheme | None, start: When, end: When) -> Coded:
    """Return what is coded already, else code it."""
    if not isinstance(data, Coded):
        return coded(data, themes, start=start, end=end)
    if themes is not None or start is not None or end is not None:
        raise UserError("themes and period are chosen in coded(…); do not give them again.")
    return data


def _checked(data: pd.DataFrame, themes: Any, start: When, end: When) -> pd.DataFrame:
    if "text" not in data.columns:
        near = did_you_mean("text", map(str, data.columns))
        raise UserError(f'coded: the frame has no column "text".{near}')
    if themes is None:
        raise UserError("coded: a frame needs themes; find them with cjlab.voice.themes.")
    if start is not None or end is not None:
        raise UserError("coded: a period needs a study; filter the frame by its ts first.")
    return data


def _until(frame: pd.DataFrame, said: Any) -> pd.Timestamp | None:
    """An instant without a zone is UTC."""
    if said is None:
        known = frame["ts"].dropna() if "ts" in frame.columns else pd.Series(dtype=object)
        if known.empty:
            return None
        said = instants(known).max() + pd.Timedelta(microseconds=1)
    at = pd.Timestamp(said)
    return at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")


def instants(ts: pd.Series) -> pd.Series:
    """Read times, of which those without an offset are UTC."""
    try:
        return pd.to_datetime(ts, utc=True, format="ISO8601")
    except ValueError as cause:
        raise UserError(f'coded: column "ts" holds no time: {cause}') from None
