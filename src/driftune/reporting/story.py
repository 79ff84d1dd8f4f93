"""What a page tells, as plain values: read once from the ledger, MLflow and the files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftune.ledger.ledger import INVALID
from driftune.resampling import Interval

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from driftune.metrics import Metric

START = -1
"""Position of what happened before the first batch was watched."""


@dataclass(frozen=True)
class Batch:
    """One watched batch: what was observed and what was decided.

    Attributes:
        position: 0 for the first one watched; all revisions of a batch have one position.
        version: The champion that was judged; ``None`` when the rows were refused.
        value: The champion's metric in natural units, with ``low`` and ``high``; ``None`` without
            enough labels.
        reference: The metric of that champion on the rows it was promoted by.
        first_model: The metric of the first model on the same rows; ``None`` when unknown.
        same_rows: Both numbers are of the same labelled rows, so that they may be compared.
        revision: 0 for what was seen first; later ones came with late labels or a repaired file.
        data_version: Hash of the batch's file.
        policy: Digest of the policy that decided.
        details: What else was measured, as the ledger has it.
        earlier: The revisions before this one, oldest first.
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
    revision: int = 0
    at: datetime | None = None
    data_version: str = ""
    policy: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    earlier: tuple[Batch, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether its rows failed validation."""
        return self.status == INVALID

    @property
    def remarkable(self) -> bool:
        """Whether a reader would want to see it among many."""
        return self.breach or self.outcome != "no_drift"

    @property
    def asks(self) -> bool:
        """Whether its decision asked for a retune."""
        return self.outcome in ("queued", "started", "merged_into")

    @property
    def estimate(self) -> Interval | None:
        """What was expected of the champion without labels; ``None`` when that is unknown."""
        return read_interval(self.details.get("estimate"))

    @property
    def first(self) -> Batch | None:
        """The first measured revision, when a later one says another number; else ``None``."""
        measured = [old for old in self.earlier if old.value is not None]
        return measured[0] if measured and measured[0].value != self.value else None

    @property
    def label(self) -> str:
        """Its name, and which revision when it is not the first."""
        return f"{self.name} (revision {self.revision})" if self.revision else self.name


@dataclass(frozen=True)
class Change:
    """One change of the champion.

    Attributes:
        number: Its key in the ledger.
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
    number: int = 0
    at: datetime | None = None


@dataclass(frozen=True)
class Retuned:
    """One retune.

    Attributes:
        position: Of the newest batch that it learned from.
        first: It came before there was a champion: the gate compared with a constant prediction.
        verdict: What the gate found, as ``asdict(Verdict)``; ``None`` when it came not that far.
        action: ``retune``, ``retrain`` (no search) or ``recall`` (an earlier champion).
        details: What else the ledger has about it.
        at: When it ended; ``None`` while it is open.
        trials: Trials of its search; ``None`` when MLflow has no record.
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
    action: str = "retune"
    details: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None
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
    retune_id: str | None = None


@dataclass(frozen=True)
class Check:
    """How one batch did in validation. ``rows`` counts all that arrived.

    Attributes:
        page: The file that says it all, when there is one.
    """

    batch: str
    success: bool
    rows: int
    quarantined: int
    warnings: tuple[str, ...]
    refusal: str | None
    page: Path | None = None


@dataclass(frozen=True)
class Story:
    """Everything that a page tells about one problem.

    Attributes:
        champion: The version in service; ``None`` before the first.
        first_version: The first version that was ever champion: the never-retrained model.
        margin: The gate's margin now.
        batches: The newest revision of each batch, in the order in which the batches arrived.
        away: Why MLflow could not be read; ``None`` when it was.
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
    away: str | None = None

    @property
    def observed(self) -> list[Batch]:
        """All revisions of all batches: one for each decision."""
        return [seen for batch in self.batches for seen in (*batch.earlier, batch)]


def read_interval(content: Any) -> Interval | None:
    """Read a value with its limits from a ledger's JSON; ``None`` when it is not whole.

    >>> read_interval({"value": 2.0, "low": 1.5, "high": 3.0, "rows": 12})
    Interval(low=1.5, value=2.0, high=3.0)
    >>> read_interval({"value": None, "low": None, "high": None}), read_interval(None)
    (None, None)
    """
    if not isinstance(content, dict):
        return None
    ends = [content.get(key) for key in ("low", "value", "high")]
    if any(not isinstance(end, int | float) for end in ends):
        return None
    return Interval(*map(float, ends))  # type: ignore[arg-type]
