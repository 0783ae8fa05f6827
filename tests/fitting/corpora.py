"""The labelled texts that cjlab's coefficients are fitted on, read from CJLAB_DATA.

NHS: patients' comments, MIT, © NHS England (pxtextmining). XED: subtitle lines, CC BY 4.0,
Helsinki-NLP/XED. Neither is part of the project.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import pandas as pd

from cjlab.voice._tokens import normalise

DATA = Path(os.environ["CJLAB_DATA"])
_FILES = {
    "en-annotated": "en",
    "sv-projections": "sv",
    "no-projections": "nb",
    "da-projections": "da",
    "fi-projections": "fi",
    "fi-annotated": "fi",
}
# Scanned subtitles show l as I inside a word.
_SCANNED_L = re.compile(r"(?<=[a-zæøåäö])I|\bI(?=[bcdfghjkmpqruvwxz])")


def fold(text: str, folds: int = 5) -> int:
    """Return the fold of a text: the same text is always on the same side."""
    digest = hashlib.md5(text.lower().encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % folds


def xed() -> pd.DataFrame:
    """Return XED's lines: language, part, text and the set of emotions, in a shuffled order."""
    rows = []
    for part, language in _FILES.items():
        for line in (DATA / "xed" / f"{part}.tsv").read_text(encoding="utf-8").splitlines():
            text, _, emotions = line.rpartition("\t")
            if not re.fullmatch(r"[1-8](, *[1-8])*", emotions) or ".xml.gz" in text:
                continue  # remains of the alignment that the projections were made from
            text = re.sub(r"^[-–*\s]+", "", normalise(text)).replace("[PERSON]", "Kim")
            rows.append((language, part, text, frozenset(map(int, emotions.split(",")))))
    frame = pd.DataFrame(rows, columns=["language", "part", "text", "emotions"])
    scanned = frame["language"] != "en"
    frame.loc[scanned, "text"] = frame.loc[scanned, "text"].str.replace(_SCANNED_L, "l", regex=True)
    return frame[frame["text"] != ""].sample(frac=1, random_state=0, ignore_index=True)


def nhs() -> pd.DataFrame:
    """Return NHS comments with a criticality other than 0: text, criticality, question."""
    frame = pd.read_csv(
        DATA / "nhs_feedback" / "phase1_text_data.csv", dtype=str, keep_default_na=False
    )
    score = pd.to_numeric(frame["criticality"], errors="coerce")
    frame = frame.assign(criticality=score, text=frame["feedback"].map(normalise))
    kept = frame["criticality"].between(-5, 5) & (frame["criticality"] != 0) & (frame["text"] != "")
    return frame.loc[kept, ["text", "criticality", "question", "label"]].reset_index(drop=True)
