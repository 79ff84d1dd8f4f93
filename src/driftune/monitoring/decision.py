"""What was decided about a batch, and what the policy needs to know of earlier decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from driftune.monitoring.regret import Recall, Regret

Outcome = Literal["no_drift", "insufficient_data", "suppressed_cooldown", "alert", "queued"]
Trigger = Literal[
    "recall", "cost", "performance_drop", "schedule", "new_rows", "drift", "estimated_drop"
]
Action = Literal["retune", "retrain", "recall"]


@dataclass(frozen=True)
class PastDecision:
    """What the policy needs to know about an earlier decision.

    Args:
        batch: Name of the batch.
        outcome: The decision's outcome, as it stands now.
        breach: Whether that batch breached the limits.
        retuned: A retune that this decision started has promoted a model, or the champion was
            changed by hand right after this batch: what was measured before is about another one.
        rows: Labelled rows of the batch.
        regret: What retraining would have saved on it, per strategy.
        recall: What earlier champions would have saved on it.
    """

    batch: str
    outcome: str
    breach: bool
    retuned: bool = False
    rows: int = 0
    regret: tuple[Regret, ...] = ()
    recall: tuple[Recall, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What was decided, and why.

    Args:
        outcome: Exactly one; the loop may later make ``started`` or ``merged_into`` of ``queued``.
        trigger: What asked for a retune or an alert, also where a cooldown suppressed it.
        reason: One sentence with the numbers.
        breach: Whether this batch alone breached the limits.
        action: What is queued; None where nothing is.
        candidate: The earlier champion to recall.
        over: On how many batches, the newest last, it was better: what the gate judges it on.
        accumulated: Regret added up since the champion's promotion, in losses of one batch.
    """

    outcome: Outcome
    trigger: Trigger | None
    reason: str
    breach: bool
    action: Action | None = None
    candidate: int | None = None
    over: int = 1
    accumulated: float = 0.0
