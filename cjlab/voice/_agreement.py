"""Do two people code alike? Krippendorff's alpha, for any number of coders and with gaps."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from cjlab._numbers import Floats
from cjlab.errors import UserError, did_you_mean
from cjlab.estimates import COLUMNS, estimates
from cjlab.resample import bootstrap

LEVELS = ("nominal", "ordinal", "interval")


def agreement(
    *coders: pd.Series | pd.DataFrame,
    level: Literal["nominal", "ordinal", "interval"] = "nominal",
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How far coders agree beyond chance on the codes of the same texts.

    Parameters
    ----------
    *coders : Series or DataFrame
        One a coder, at least two; the index says which text. A Series holds one code a text, null
        where it was not coded. A frame holds a column a code, true where the text has it: then
        each code is judged by itself.
    level : {"nominal", "ordinal", "interval"}, default "nominal"
        Whether codes are names, ranks or numbers. Ranks and numbers must be numeric.
    draws : int, default 2000
        Resamples of the texts.
    seed : int, default 0
        Same seed, same limits.

    Returns
    -------
    DataFrame
        Estimates, by ``code`` where the coders gave frames: ``alpha`` (1 is perfect, 0 is chance,
        below 0 is worse than chance) and ``agreed``, the share of pairs of codes that are the
        same. Limits by resampling texts. ``n`` counts the texts that two coders or more coded.
        Alpha is null (``no_variation``) where only one code was ever given: agreement beyond
        chance cannot be told there; and null (``not_coded_twice``) without such texts.

    Raises
    ------
    UserError
        Fewer than two coders, an unknown level, text twice in an index, frames with different
        codes, or ranks that are not numbers.

    Notes
    -----
    Krippendorff (2011), Computing Krippendorff's alpha-reliability. As a rule of his, conclusions
    need .8, and tentative ones .667. Limits by the ordinary bootstrap over texts, as Zapf et al.
    (2016, BMC Medical Research Methodology 16:93) advise.

    Examples
    --------
    >>> a = pd.Series(["price", "price", "staff", "staff", None])
    >>> b = pd.Series(["price", "staff", "staff", "staff", "price"])
    >>> found = agreement(a, b)
    >>> found[["metric", "value", "n"]].round(3).values.tolist()
    [['alpha', 0.533, 4], ['agreed', 0.75, 4]]
    """
    if level not in LEVELS:
        raise UserError(f'agreement: no level "{level}".{did_you_mean(level, LEVELS)}')
    if len(coders) < 2:
        raise UserError(f"agreement needs the codes of two people or more, got {len(coders)}.")
    for number, coder in enumerate(coders, 1):
        if coder.index.has_duplicates:
            twice = coder.index[coder.index.duplicated()][0]
            raise UserError(f'agreement: coder {number} has text "{twice}" twice.')
    frames = [coder for coder in coders if isinstance(coder, pd.DataFrame)]
    if not frames:
        return estimates(_rows([_numbered(coders, level)], [None], level, draws, seed), [])
    names = list(frames[0].columns)
    if len(frames) < len(coders) or any(set(f.columns) != set(names) for f in frames):
        raise UserError("agreement: all coders must have the same columns, one a code.")
    tables = [_numbered([frame[name] for frame in frames], "nominal") for name in names]
    return estimates(_rows(tables, names, "nominal", draws, seed), ["code"])


def _numbered(coders: Any, level: str) -> tuple[Floats, Floats]:
    """Return texts × coders as numbers of codes (nan: not coded), and what the codes are worth."""
    table = pd.concat([coder.rename(None).astype(object) for coder in coders], axis=1, sort=True)
    cells = table.to_numpy(dtype=object).ravel()
    known = pd.notna(cells)
    if level == "nominal":
        said = [str(cell) for cell in cells[known]]
        values, codes = np.unique(said, return_inverse=True)
        worth = np.arange(len(values), dtype=float)
    else:
        try:
            numbers = cells[known].astype("float64")
        except (TypeError, ValueError) as cause:
            raise UserError(f"agreement: level {level} needs numbers as codes: {cause}") from None
        worth, codes = np.unique(numbers, return_inverse=True)
    filled = np.full(len(cells), np.nan)
    filled[known] = codes
    return filled.reshape(table.shape), worth


def _rows(
    tables: list[tuple[Floats, Floats]], names: list[Any], level: str, draws: int, seed: int
) -> pd.DataFrame:
    rows = []
    for (codes, worth), name in zip(tables, names, strict=True):
        pairs = _coincidences(codes, len(worth))
        texts = len(pairs)

        def both(weights: Floats, pairs: Floats = pairs, worth: Floats = worth) -> Floats:
            return _alpha_and_agreed(np.tensordot(weights, pairs, axes=1), worth, level)

        value = both(np.ones((1, texts)))[0] if texts else np.full(2, np.nan)
        low, high = (
            bootstrap(both, texts, draws=draws, seed=seed) if texts > 1 else [value * np.nan] * 2
        )
        note = "no_variation" if texts else "not_coded_twice"
        for at, metric in enumerate(("alpha", "agreed")):
            known = not np.isnan(value[at])
            row = {"code": name, "metric": metric, "value": value[at], "n": texts}
            row |= {"low": low[at] if known else np.nan, "high": high[at] if known else np.nan}
            row |= {"unit": "ratio" if metric == "alpha" else "1", "of": "texts coded twice"}
            rows.append(row | {"note": None if known else note})
    columns = [*(["code"] if names != [None] else []), *COLUMNS]
    return pd.DataFrame(rows).reindex(columns=columns)


def _coincidences(codes: Floats, size: int) -> Floats:
    """Pairs of codes given to each text by different coders, texts × codes × codes.

    A text of m codes has m (m − 1) ordered pairs, each weighing 1 / (m − 1).
    """
    coded = codes[(~np.isnan(codes)).sum(axis=1) > 1]
    counts = (
        np.stack([(coded == code).sum(axis=1) for code in range(size)], axis=1, dtype=float)
        if size
        else np.zeros((len(coded), 0))
    )
    pairs = counts[:, :, None] * counts[:, None, :]
    within = np.arange(size)
    pairs[:, within, within] -= counts
    return pairs / (counts.sum(axis=1) - 1)[:, None, None]


def _alpha_and_agreed(pairs: Floats, worth: Floats, level: str) -> Floats:
    """Alpha and the share of equal pairs for matrices of coincidences, draws × codes × codes."""
    totals = pairs.sum(axis=2)
    n = totals.sum(axis=1)
    apart = _distances(totals, worth, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = (pairs * apart).sum(axis=(1, 2)) / n
        chance = totals[:, :, None] * totals[:, None, :] * apart
        expected = chance.sum(axis=(1, 2)) / (n * (n - 1))
        alpha = np.where(expected > 0, 1 - observed / expected, np.nan)
        agreed = np.trace(pairs, axis1=1, axis2=2) / n
    return np.column_stack([alpha, agreed])


def _distances(totals: Floats, worth: Floats, level: str) -> Floats:
    """Squared distance of two codes: by name, by number, or by how many ranks lie between."""
    if level == "interval":
        return np.asarray((worth[:, None] - worth) ** 2)[None]
    if level == "nominal":
        return 1.0 - np.eye(len(worth))[None]
    # From the middle of one rank to the middle of the other.
    middle = np.cumsum(totals, axis=1) - totals / 2
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2)
