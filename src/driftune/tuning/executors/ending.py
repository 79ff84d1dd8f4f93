"""How a fold ends when its pool does: its trial does not count, and is made up for."""

from __future__ import annotations

from driftune.tuning.fold_work import TrialCut


class StudyEnded(TrialCut):
    """The study was ended during this trial."""

    def __init__(self) -> None:
        super().__init__("The study was ended during this trial.")


class PoolLost(TrialCut):
    """What fits the folds is gone, so that no further trial can be run."""
