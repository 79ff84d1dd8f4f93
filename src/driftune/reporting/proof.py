"""What the gate found about one challenger, and what people or shadow batches said of it since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.reporting.evidence import draw_proof
from driftune.reporting.page import write_number

if TYPE_CHECKING:
    from driftune.reporting.story import Retuned

Fact = tuple[str, str]


@dataclass(frozen=True)
class Proof:
    """The gate's evidence.

    Attributes:
        sentence: The verdict.
        rows: Labelled rows judged on.
        confidence: Of the overall interval.
        picture: Challenger against champion, previous champion and slices, as ``<svg>``; empty
            when nothing could be compared.
        facts: Name and value of all else.
    """

    sentence: str
    rows: int
    confidence: float
    picture: str
    facts: list[Fact]


def read_proof(retune: Retuned | None, margin: float) -> Proof | None:
    """Read the evidence; ``None`` while no challenger has been judged."""
    if retune is None or not retune.verdict:
        return None
    verdict = retune.verdict
    return Proof(
        sentence=str(verdict["reason"]),
        rows=int(verdict.get("rows") or 0),
        confidence=float(verdict.get("confidence") or 0),
        picture=draw_proof(retune, margin),
        facts=[*_scores(verdict), *_slices(verdict), *_previous(verdict), *read_steps(retune)],
    )


def _scores(verdict: dict[str, Any]) -> list[Fact]:
    metric = verdict.get("metric", "score")
    names = {"challenger_score": "challenger", "champion_score": "champion"}
    return [
        (f"{metric} of the {name}", write_number(verdict[key]))
        for key, name in names.items()
        if verdict.get(key) is not None
    ]


def _slices(verdict: dict[str, Any]) -> list[Fact]:
    judged, shown = verdict.get("slices_judged") or 0, len(verdict.get("slices") or ())
    if not judged:
        return []
    return [("Slices", f"{judged} judged, the {shown} worst are in the picture")]


def _previous(verdict: dict[str, Any]) -> list[Fact]:
    if not verdict.get("previous_is_better"):
        return []
    told = "clearly better than the challenger: it has become right again, and may be recalled"
    return [("The champion before", told)]


def read_steps(retune: Retuned) -> list[Fact]:
    """Say what came after the gate: batches in the shadow, and the person who decided."""
    facts = [
        (f"In the shadow, {batch}", _in_shadow(found))
        for batch, found in (retune.details.get("shadow") or {}).items()
    ]
    later = retune.details.get("shadow_verdict")
    if later:
        facts.append(("After the shadow", str(later["reason"])))
    return facts + [("Decided by", said) for said in filter(None, [read_person(retune)])]


def read_person(retune: Retuned) -> str:
    """Say who approved or rejected, and why; nothing where no person did."""
    told = retune.details
    for word, who, why in (
        ("Approved", "approved_by", "approved_because"),
        ("Rejected", "rejected_by", "because"),
    ):
        if told.get(who):
            reason = f": {told[why]}" if told.get(why) else ""
            return f"{word} by {told[who]}{reason}"
    return ""


def _in_shadow(found: dict[str, Any]) -> str:
    """Both scores on one batch.

    >>> _in_shadow({"rows": 300, "challenger": 9.5, "champion": 10.25})
    '9.5 against 10.25 of the champion on 300 rows'
    """
    if found.get("error"):
        return str(found["error"])
    ours, theirs = (write_number(found.get(name)) for name in ("challenger", "champion"))
    return f"{ours} against {theirs} of the champion on {found.get('rows', 0):,} rows"
