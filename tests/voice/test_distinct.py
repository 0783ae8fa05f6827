"""A text that comes again is read once, and reads as it does alone; so with themes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cjlab import open_study, samples
from cjlab.voice import _find_themes, language, sentiment, study_themes, themes
from cjlab.voice._distinct import distinct, each_once

TEXTS = [
    "Very friendly staff, thank you!", "Leveransen var sen.", "", None, "👍", 7.5,
    "Jeg fikk ikke hjelp", "Kaikki toimi hyvin", "ok",
]  # fmt: skip
DECLARED = [None, "sv", "en", "nb"]


@given(st.lists(st.sampled_from(TEXTS), max_size=12))
def test_each_text_is_asked_for_once(texts: list[object]) -> None:
    asked: list[object] = []

    def read(text: object) -> str:
        asked.append(text)
        return repr(text)

    assert each_once(read, texts) == [repr(text) for text in texts]
    words = [text for text in asked if isinstance(text, str)]
    assert len(words) == len(set(words)) and set(asked) == set(texts)
    first, which = distinct([repr(text) for text in texts])
    assert [repr(texts[first[at]]) for at in which] == [repr(text) for text in texts]
    assert len(first) == len({repr(text) for text in texts})


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(DECLARED)), max_size=8))
def test_a_text_reads_in_company_as_it_does_alone(rows: list[tuple[object, str | None]]) -> None:
    texts, declared = [text for text, _ in rows], [code for _, code in rows]
    together = sentiment(texts, declared, model="light")
    told = language(texts, declared)
    for at, (text, code) in enumerate(rows):
        alone = sentiment([text], [code], model="light").iloc[0]
        assert told.iloc[at] == language([text], [code]).iloc[0]
        for name in ("sentiment", "language", "note"):
            assert together.iloc[at][name] == alone[name]
        pd.testing.assert_series_equal(
            together.loc[[at], "score"].reset_index(drop=True), pd.Series([alone["score"]]),
            check_names=False, check_dtype=False, rtol=1e-12,
        )  # fmt: skip


def test_themes_found_once_are_kept_with_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "retail"
    samples.make("retail", folder, customers=1500)
    first = study_themes(open_study(folder))
    assert first.ids and first == themes(open_study(folder))
    (kept,) = (folder / ".cjlab" / "themes").iterdir()

    with monkeypatch.context() as patch:
        patch.setattr(_find_themes, "themes", lambda *a, **k: pytest.fail("searched again"))
        assert study_themes(open_study(folder)) == first
    # Another minimum is another search; other sources are too, and what was kept is swept.
    study_themes(open_study(folder), minimum=20)
    assert len(list(kept.parent.iterdir())) == 2
    answers = folder / "responses.csv"
    lines = answers.read_text(encoding="utf-8").splitlines(keepends=True)
    answers.write_text("".join(lines[:-1]), encoding="utf-8")
    study_themes(open_study(folder))
    (other,) = kept.parent.iterdir()
    assert other.name != kept.name
