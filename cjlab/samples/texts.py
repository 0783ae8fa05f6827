"""What the README of the retail sample must say: its files, and the truth planted in it."""

from __future__ import annotations

from cjlab.samples.truth import (
    FILES,
    LEAST_EVENTS,
    PAIN_CSAT_MEAN,
    PAIN_DATE,
    PAIN_PERSONA,
    PERSONAS,
    STAGES,
    conversion,
    transition_matrix,
)

HEADING = """\
| persona | share | habits | intent → purchase, per event | per run | per run from the pain on |
|---|---|---|---|---|---|"""


def _converts(persona: str, *, after: bool = False) -> float:
    """Return the chance that an intent event is followed by an order."""
    at = STAGES.index("intent")
    return float(transition_matrix(persona, after=after)[at, at + 1])


def truth_table() -> str:
    """Return the planted personas and conversions as a Markdown table."""
    lines = [HEADING]
    for p in PERSONAS:
        before, after = (conversion(p.name, "intent", after=late) for late in (False, True))
        lines.append(
            f"| {p.name} | {p.share:.0%} | {p.habits} | {_converts(p.name):.0%} | {before:.1%} "
            f"| {after:.1%} |"
        )
    return "\n".join(lines)


def readme(seed: int, rows: dict[str, int]) -> str:
    """Return the README of a generated study: its files, and the truth planted in it."""
    return (
        (FILES / "retail" / "README.md")
        .read_text(encoding="utf-8")
        .format(
            seed=seed,
            files="\n".join(f"| {name} | {count:,} |" for name, count in rows.items()),
            truth_table=truth_table(),
            least_events=LEAST_EVENTS,
            pain_date=PAIN_DATE,
            pain_persona=PAIN_PERSONA,
            before=_converts(PAIN_PERSONA),
            after=_converts(PAIN_PERSONA, after=True),
            glad=PAIN_CSAT_MEAN[0],
            sad=PAIN_CSAT_MEAN[1],
        )
    )
