"""The tone of texts: how many more are glad than unhappy, by anything known of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from cjlab.estimates import COLUMNS, dims, estimates
from cjlab.study import Study
from cjlab.voice._answers import When
from cjlab.voice._coded import Coded, as_coded
from cjlab.voice._embedding import Embeddings
from cjlab.voice._feelings import Feelings
from cjlab.voice._theme_shares import theme_shares

#: More different texts than these take the embedding longer than people wait for a map.
MOST = 500


def tone(
    data: Study | pd.DataFrame | Coded,
    *,
    by: str | Sequence[str] | None = None,
    start: When = None,
    end: When = None,
    model: Literal["auto", "embedding", "light"] = "auto",
) -> pd.DataFrame:
    """Tone of the texts: the share that is glad less the share that is unhappy.

    From −1 (all unhappy) to 1 (all glad), among the texts whose sentiment a machine can tell; how
    often it is right stands in `accuracy`.

    Parameters
    ----------
    data : Study, DataFrame or Coded
        Texts; see `coded`.
    by : str or sequence of str, optional
        Columns of the answers, such as ``"stage"``; a null there is ``(unknown)``.
    start, end : str, date or datetime, optional
        Half-open period in the study's zone.
    model : {"auto", "embedding", "light"}, default "auto"
        As in `sentiment`; but more than 500 different texts are read by the light model, unless
        the embedding is asked for. A study keeps its embeddings from run to run.

    Returns
    -------
    DataFrame
        Estimates by `by`: ``sentiment``. ``n`` is the texts that could be told, ``hits`` the
        fewer of those on one side. The interval is that of the glad ones' share (Wilson 95 %,
        cluster-robust where customers wrote more than once), on this scale. Null with
        ``no_texts`` where none could be told.

    Raises
    ------
    UserError
        As for `coded`, or for an unknown breakdown.

    Examples
    --------
    >>> texts = ["Very friendly staff, thank you!"] * 3 + ["Terrible, never again"]
    >>> frame = pd.DataFrame({"text": texts, "language": "en"})
    >>> tone(frame)[["value", "n", "hits"]].values.tolist()
    [[0.5, 4, 1]]
    """
    kept = Embeddings(data.private / "embeddings") if isinstance(data, Study) else None
    found = theme_shares(as_coded(data, Feelings(model, kept, MOST), start, end), by=by)
    names = [name for name in dims(found) if name != "theme"]
    glad = found[found["theme"] == "positive"]
    on_scale = {name: 2 * glad[name] - 1 for name in ("value", "low", "high")}
    fewer = np.minimum(glad["hits"], glad["n"] - glad["hits"])
    table = glad.assign(**on_scale, hits=fewer, metric="sentiment", unit="ratio", of="texts")
    return estimates(table.reindex(columns=[*names, *COLUMNS]), names)
