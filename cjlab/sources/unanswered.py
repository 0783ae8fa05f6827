"""Answers that are none: "Not applicable" and its like, in five languages.

The kit's questions offer them (`cjlab.voice.survey`), and exports write them where a score would
stand. Whom a question does not concern has not scored badly, and not scored wrongly either.
"""

from __future__ import annotations

from cjlab.sources.base import BLANK, literal

# The kit's own words first, then what other tools write; small, one blank between words.
_WORDS = (
    "not applicable to me|don't know|prefer not to say|"
    "inte aktuellt för mig|vet inte|vill inte svara|"
    "ikke aktuelt for meg|vet ikke|ønsker ikke å svare|"
    "ikke relevant for mig|ved ikke|ønsker ikke at svare|"
    "ei koske minua|en osaa sanoa|en halua vastata|"
    "not applicable|n/a|do not know|ej aktuellt|inte aktuellt|ej relevant|ej tillämpligt|vet ej|"
    "ikke aktuelt|ikke relevant|ikke aktuel|ei sovellu|en tiedä"
)
UNANSWERED = frozenset(_WORDS.split("|"))


def unanswered(text: str) -> str:
    """Return SQL that tells whether a text is an answer that is none.

    Parameters
    ----------
    text : str
        SQL of the text; case, blanks around it and between its words are nothing.

    Returns
    -------
    str
        Never null.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql(f"SELECT {unanswered(repr(' VET  ej '))}, {unanswered(repr('9'))}").fetchone()
    (True, False)
    """
    blanks = literal(f"[{BLANK}]+")
    folded = f"lower(regexp_replace(trim({text}, {literal(BLANK)}), {blanks}, ' ', 'g'))"
    listed = ", ".join(map(literal, sorted(UNANSWERED)))
    return f"coalesce(replace({folded}, '’', '''') IN ({listed}), FALSE)"
