"""The advice itself: what to do with a budget, what to expect of it, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from driftune.scaling.advise.purchase import Purchase
    from driftune.scaling.advise.rungs import Rung
    from driftune.scaling.advise.selection import Selection
    from driftune.scaling.curves.cost import CostModel
    from driftune.scaling.curves.learning_curve import LearningCurve
    from driftune.scaling.curves.prediction import Prediction
    from driftune.scaling.curves.trials import TrialsCurve

SLACK = 4  # times the trials that are expected: pilots may make them look dearer than they are
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True)
class Alternative:
    """One way to spend the budget, and what it is expected to reach.

    Attributes:
        name: In words.
        parts: Its rungs, as one over the share of the rows; ``(1,)`` for all rows at once.
        rungs: From the fewest rows up.
        worth: As many configurations on all rows would find as good a one.
        loss: Expected.
    """

    name: str
    parts: tuple[int, ...]
    rungs: tuple[Rung, ...]
    worth: float
    loss: float


@dataclass(frozen=True)
class Compute:
    """What another budget of time would bring.

    Attributes:
        gain: By how much the loss would fall with twice the seconds.
        noise: What a difference must exceed.
        worth: Whether twice the seconds are worth it.
        enough: Seconds of search after which the rest of the budget gains less than the noise.
        reason: Why, in one sentence.
    """

    gain: float
    noise: float
    worth: bool
    enough: float
    reason: str


@dataclass(frozen=True)
class Advice:
    """What to do with a budget; made by :func:`driftune.scaling.plan_budget`.

    Losses are lower-is-better: ``1 - score`` for a metric where greater is better.

    Attributes:
        rows: Labelled rows of the table to use.
        rows_fraction: The same as a share of those that there are.
        trials: Configurations to try.
        rungs: Training rows of a fold, configurations and seconds, from the fewest rows up.
        parts: The rungs as ``tuning.rungs`` takes them: one over the share of the rows.
        leaves: Lowest and highest number worth searching; ``None`` where pilots cannot tell.
        rounds: Rounds that a fit on all rows should be allowed; ``None`` without boosting.
        search_seconds: For the search.
        reserve_seconds: For fitting the final model.
        spent_seconds: What the pilots took of the budget.
        expected: Loss of the best trial, with its interval.
        naive: All rows, as many trials as fit.
        chosen: What is recommended.
        alternatives: Everything that was compared, the chosen one included.
        beats_naive: Whether the chosen one is expected to beat the naive one beyond noise.
        more_rows: Whether more rows are worth it; ``None`` without a learning curve.
        more_compute: Whether more time is worth it.
        confidence: How far to lean on this.
        reasons: One sentence each.
        curve: The learning curve; ``None`` where there were too few sizes.
        cost: The cost of a trial.
        trials_curve: What trials bring, as a share of the loss.
        selection: Whether a choice of rows beats a sample; ``None`` where nobody asked.
        limited: Whether there are more rows than those, which a study must be told not to use.
    """

    rows: int
    rows_fraction: float
    trials: int
    rungs: tuple[Rung, ...]
    parts: tuple[int, ...]
    leaves: tuple[int, int] | None
    rounds: int | None
    search_seconds: float
    reserve_seconds: float
    spent_seconds: float
    expected: Prediction
    naive: Alternative
    chosen: Alternative
    alternatives: tuple[Alternative, ...]
    beats_naive: bool
    more_rows: Purchase | None
    more_compute: Compute
    confidence: Confidence
    reasons: tuple[str, ...]
    curve: LearningCurve | None
    cost: CostModel
    trials_curve: TrialsCurve
    selection: Selection | None = None
    limited: bool = False

    @property
    def budget(self) -> dict[str, Any]:
        """The section ``tuning`` of a problem that carries this out."""
        settings: dict[str, Any] = {
            "budget": {
                "max_seconds": round(self.search_seconds, 1),
                "max_trials": SLACK * self.trials,  # the seconds are the limit; this one is a guard
            },
            "rungs": list(self.parts),
        }
        if self.rows_fraction < 1 or self.limited:
            settings["budget"]["max_rows"] = self.rows
            if self.selection is not None and self.selection.worth:
                settings["budget"]["row_selection"] = self.selection.method
        return settings

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        plain = {
            name: getattr(self, name)
            for name in (
                "rows", "rows_fraction", "trials", "parts", "leaves", "rounds", "search_seconds",
                "reserve_seconds", "spent_seconds", "beats_naive", "confidence", "reasons",
            )
        }  # fmt: skip
        nested = {
            name: asdict(getattr(self, name))
            for name in ("expected", "naive", "chosen", "more_compute", "cost", "trials_curve")
        }
        return {
            **plain,
            **nested,
            "rungs": [asdict(rung) for rung in self.rungs],
            "alternatives": [asdict(one) for one in self.alternatives],
            "more_rows": None if self.more_rows is None else asdict(self.more_rows),
            "selection": None if self.selection is None else asdict(self.selection),
            "curve": None if self.curve is None else self.curve.to_dict(),
            "tuning": self.budget,
        }
