"""What the report tells, as plain values: read once from the ledger, MLflow and the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftune.ledger.ledger import INVALID

if TYPE_CHECKING:
    from driftune.metrics import Metric

START = -1
"""Position of what happened before the first batch was watched."""


@dataclass(frozen=True)
class Batch:
    """One watched batch: what was observed and what was decided.

    Attributes:
        position: 0 for the first one watched.
        version: The champion that was judged; ``None`` when the rows were refused.
        value: The champion's metric in natural units, with ``low`` and ``high``; ``None`` without
            enough labels.
        reference: The metric of that champion on the rows it was promoted by.
        first_model: The metric of the first model on the same rows; ``None`` when unknown.
        same_rows: Both numbers are of the same labelled rows, so that they may be compared.
    """

    position: int
    name: str
    version: int | None
    status: str
    value: float | None
    low: float | None
    high: float | None
    reference: float | None
    breach: bool
    outcome: str
    trigger: str | None
    reason: str
    retune_id: str | None
    first_model: float | None = None
    same_rows: bool = False

    @property
    def refused(self) -> bool:
        """Whether its rows failed validation."""
        return self.status == INVALID

    @property
    def remarkable(self) -> bool:
        """Whether a reader would want to see it among many."""
        return self.breach or self.outcome != "no_drift"


@dataclass(frozen=True)
class Change:
    """One change of the champion.

    Attributes:
        position: Of the batch after which it happened.
        kind: ``promotion`` or ``rollback``.
    """

    position: int
    version: int
    previous: int | None
    kind: str
    reason: str
    retune_id: str | None
    after_batch: str | None


@dataclass(frozen=True)
class Retuned:
    """One retune.

    Attributes:
        position: Of the newest batch that it learned from.
        first: It came before there was a champion: the gate compared with a constant prediction.
        verdict: What the gate found, as ``asdict(Verdict)``; ``None`` when it came not that far.
        trials: Trials on record in MLflow; ``None`` when there is no record.
        seconds: Wall time of the search.
    """

    id: str
    position: int
    first: bool
    trigger: str
    reason: str
    status: str
    through: str | None
    version: int | None
    verdict: dict[str, Any] | None
    best_params: dict[str, Any]
    error: str | None
    trials: int | None = None
    seconds: float | None = None
    stop_reason: str | None = None
    data_version: str | None = None
    llm_calls: int = 0
    llm_cost_usd: float = 0.0

    @property
    def sentence(self) -> str:
        """How it ended."""
        if self.verdict:
            return str(self.verdict["reason"])
        return self.error or "not judged yet"


@dataclass(frozen=True)
class Version:
    """One registered model and what it was made of."""

    number: int
    aliases: tuple[str, ...]
    data_version: str | None
    batches: str | None
    code: str | None
    validation_score: str | None


@dataclass(frozen=True)
class Check:
    """How one batch did in validation. ``rows`` counts all that arrived."""

    batch: str
    success: bool
    rows: int
    quarantined: int
    warnings: tuple[str, ...]
    refusal: str | None


@dataclass(frozen=True)
class Story:
    """Everything that the report tells about one problem.

    Attributes:
        champion: The version in service; ``None`` before the first.
        first_version: The first version that was ever champion: the never-retrained model.
        margin: The gate's margin now.
    """

    name: str
    target: str
    metric: Metric
    margin: float
    champion: int | None
    first_version: int | None
    batches: list[Batch] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    retunes: list[Retuned] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
