"""What was measured of one table with one seed, and the comparisons that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuning_statistics import Ratio, incumbent_at, relative_difference, speed, time_to

if TYPE_CHECKING:
    from driftune.metrics import Metric

FEW_ERRORS = {"accuracy": 0.1}  # a difference of fewer errors is taken as a share of a tenth
OURS = "driftune"
BEFORE = "before"  # tune() of an earlier version


@dataclass(frozen=True)
class Race:
    """The runs of all arms on the same rows.

    Attributes:
        table: Name.
        seed: Of samplers, splits and folds.
        metric: What is optimised and judged.
        runs: By arm; those that are missing were not run.
    """

    table: str
    seed: int
    metric: Metric
    runs: dict[str, dict[str, Any]]

    def has(self, *arms: str) -> bool:
        """Whether all of these were run."""
        return all(arm in self.runs for arm in arms)

    def speed(self, rival: str = "plain", **choices: Any) -> Ratio:
        """How many times sooner ``tune()`` had the rival's best score; see ``speed``."""
        return speed(self.runs[rival], self.runs[OURS], self.metric, **choices)

    @property
    def seconds_to_target(self) -> float | None:
        """Seconds until ``tune()`` had plain Optuna's best score."""
        target = self.runs["plain"]["moments"][-1]["plain_score"]
        return time_to(self.runs[OURS]["moments"], target, self.metric)

    def test_loss(self, arm: str, seconds: float | None = None) -> float | None:
        """Loss on the test rows of what an arm answers, at the end or after so many seconds."""
        run = self.runs[arm]
        if "moments" not in run:
            return self.metric.flip(run["test"])
        last = run["moments"][-1] if seconds is None else incumbent_at(run["moments"], seconds)
        return None if last is None else self.metric.flip(last["test"])

    def test_difference(self, rival: str, seconds: float | None = None) -> float | None:
        """Our test loss against a rival's, as a share of it; negative: ours is lower."""
        ours = self.test_loss(OURS, seconds)
        theirs = self.test_loss(rival, None if rival.startswith("flaml") else seconds)
        if ours is None or theirs is None:
            return None
        return relative_difference(ours, theirs, FEW_ERRORS.get(self.metric.name, 0.0))

    def fits(self, arm: str, seconds: float | None = None) -> float:
        """The cost of a study, or of so many seconds of it, in units of its own final fit."""
        run = self.runs[arm]
        return float((seconds or run["seconds"]) / run["refit_seconds"])
