"""Sentiment as something texts are sorted by, so that it is counted as themes are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from cjlab import messages
from cjlab.voice._embedding import Embeddings
from cjlab.voice._sentiment import sentiment

SIDES = ("positive", "negative")


@dataclass(frozen=True)
class Feelings:
    """Positive or negative, in the place of themes: `coded` and `theme_shares` count them.

    A text whose sentiment cannot be told is in neither share's base, but among ``(not read)``.

    Parameters
    ----------
    model : {"auto", "embedding", "light"}, default "auto"
        As in `cjlab.voice.sentiment`.
    cache : Embeddings, optional
        Keeps embeddings from run to run.
    most : int, optional
        With ``auto``: more different texts than these are read by the light model.

    Attributes
    ----------
    ids : list of str
        ``positive`` and ``negative``.
    threshold : float
        As for a codebook: a text scores 0 or 1.

    Examples
    --------
    >>> from cjlab.voice import coded, theme_shares
    >>> frame = pd.DataFrame({"text": ["Very friendly staff, thank you!"] * 3, "language": "en"})
    >>> found = theme_shares(coded(frame, Feelings("light")))
    >>> found.loc[found["theme"] == "positive", "value"].tolist()
    [1.0]
    """

    model: Literal["auto", "embedding", "light"] = "auto"
    cache: Embeddings | None = None
    most: int | None = None
    ids: ClassVar[tuple[str, ...]] = SIDES
    threshold: ClassVar[float] = 0.5

    def labels(self, language: str = "en") -> dict[str, str]:
        """Return the sides in words."""
        return {side: messages.label("sentiment", side, language) for side in SIDES}

    def scores(
        self,
        texts: Iterable[object],
        languages: str | Sequence[object] | None = None,
        *,
        told: bool = False,
    ) -> pd.DataFrame:
        """Return 1 where a text is on a side and 0 where not, null where it cannot be told."""
        listed = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
        many = self.most is not None and listed.nunique() > self.most
        model = "light" if many and self.model == "auto" else self.model
        side = sentiment(listed, languages, model=model, cache=self.cache)["sentiment"]
        known = side.notna().to_numpy()
        found = {name: np.where(known, side.eq(name).to_numpy(float), np.nan) for name in SIDES}
        return pd.DataFrame(found, index=listed.index)
