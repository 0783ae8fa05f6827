"""The labelled texts that cjlab's coefficients are fitted on, read from CJLAB_DATA.

NHS: patients' comments, MIT, © NHS England (pxtextmining). XED: subtitle lines, CC BY 4.0,
Helsinki-NLP/XED. Neither is part of the project.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
from pathlib import Path

import pandas as pd
import yaml

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


def unscanned(text: str) -> str:
    """Return a scanned line with its l's, so that no language is known by its scanner."""
    return _SCANNED_L.sub("l", text).replace("[PERSON]", "Kim")


def fold(text: str, folds: int = 10) -> int:
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
            text = re.sub(r"^[-–*]\s*", "", normalise(text))
            rows.append((language, part, text, frozenset(map(int, emotions.split(",")))))
    frame = pd.DataFrame(rows, columns=["language", "part", "text", "emotions"])
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


def phrases(texts: int = 400) -> pd.DataFrame:
    """Return our own clauses, alone and joined by two or three: language, positive, text."""
    read = yaml.safe_load(Path(__file__).with_name("phrases.yaml").read_text(encoding="utf-8"))
    draw, rows = random.Random(0), []
    for language, moods in read.items():
        for mood, clauses in moods.items():
            rows += [(language, mood == "positive", f"{clause}.") for clause in clauses]
            for _ in range(texts // 2 - len(clauses)):
                some = draw.sample(clauses, draw.randint(2, 3))
                rows.append((language, mood == "positive", ". ".join(some) + draw.choice(".!")))
    return pd.DataFrame(rows, columns=["language", "positive", "text"])


def reviews() -> pd.DataFrame:
    """Return our own reviews, which nothing is fitted on: language, positive, text."""
    frame = pd.read_csv(Path(__file__).parents[1] / "voice" / "reviews.csv")
    frame["text"] = frame["text"].map(normalise)
    return frame.assign(positive=frame["sentiment"] == "positive")[["language", "positive", "text"]]
