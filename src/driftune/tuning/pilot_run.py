"""Pilots under way: what was fitted, what it brought, and how much time is left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.scaling import Observation
from driftune.tuning.fold_work import FoldOrder, TrialCut
from driftune.tuning.known import LEAVES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from driftune.tuning.executors import FoldPool
    from driftune.tuning.families import Family
    from driftune.tuning.fold_work import FoldScore
    from driftune.tuning.pilot_folds import PilotFolds
    from driftune.tuning.task import Task

CAP = 1_950  # rounds near the families' limit of 2,000: a longer fit may have been better


@dataclass
class PilotRun:
    """The pilots under way.

    Args:
        task: Space, table, folds.
        folds: Those of all sizes.
        pool: Fits them.
        end: When the last fit must end, by the monotonic clock.
    """

    task: Task
    folds: PilotFolds
    pool: FoldPool
    end: float
    losses: dict[tuple[int, str], list[float]] = field(default_factory=dict)
    points: list[Observation] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.end - time.monotonic()

    def fit(self, part: int, name: str, params: Mapping[str, Any]) -> bool:
        """Fit one configuration on one size, and note it; False when time ran out."""
        began = time.monotonic()
        scores = self.score(part, params)
        if scores is None:
            return False
        self.losses[part, name] = [self.task.table.metric.flip(score.score) for score in scores]
        self.points.append(self._point(part, name, params, scores, time.monotonic() - began))
        return True

    def score(self, part: int, params: Mapping[str, Any]) -> list[FoldScore] | None:
        """Fit one configuration on all folds of one size; ``None`` when time ran out."""
        return score_folds(self.pool, self.folds.numbers(part), params, seconds=self.left)

    def ranked(self, part: int) -> list[str]:
        """Return the configurations that were fitted on a size, the best first."""
        known = {name: np.mean(all_) for (at, name), all_ in self.losses.items() if at == part}
        return sorted(known, key=known.__getitem__)

    def _half_a_row(self, part: int) -> float:
        """What stands for no loss at all, as an AUC of 1 has: half a validation row wrong."""
        folds = [self.folds.all[number] for number in self.folds.numbers(part)]
        return 0.5 / sum(len(fold.valid) for fold in folds)

    def seconds(self, part: int) -> float:
        """Return the mean seconds of a configuration on a size."""
        rows = self.folds.rows(part)
        known = [p.seconds for p in self.points if p.rows == rows and p.seconds is not None]
        return float(np.mean(known)) if known else 0.0

    def _point(
        self,
        part: int,
        name: str,
        params: Mapping[str, Any],
        scores: Sequence[FoldScore],
        seconds: float,
    ) -> Observation:
        rounds = float(np.mean([score.best_iteration for score in scores]))
        return Observation(
            rows=self.folds.rows(part),
            loss=float(np.mean(self.losses[part, name])) or self._half_a_row(part),
            seconds=seconds,
            rounds=max(1, round(rounds)),
            leaves=leaves_of(params) if is_one_booster(self.task.family) else None,
            fidelity=1 / part,
            config_id=name,
            capped=max(score.best_iteration for score in scores) >= CAP,
        )


def score_folds(
    pool: FoldPool, numbers: Iterable[int], params: Mapping[str, Any], *, seconds: float
) -> list[FoldScore] | None:
    """Fit one configuration on folds of a pool; ``None`` when the seconds ran out."""
    end = time.time() + seconds
    futures = [pool.submit(FoldOrder(params, number, end, keep_cut=False)) for number in numbers]
    try:
        return [future.result() for future in futures]
    except TrialCut:
        for future in futures:
            pool.revoke(future)
        return None


def is_one_booster(family: Family) -> bool:
    """Whether configurations are boosted trees of one family, whose leaves decide the cost."""
    return family.rounds_grow and not getattr(family, "members", ())


def leaves_of(params: Mapping[str, Any]) -> int:
    """Leaves of a tree of this configuration of a booster; 31 where it does not say."""
    for name in LEAVES:
        if isinstance(params.get(name), int) and params[name] > 0:
            return int(min(2 ** params[name], 512) if name == "max_depth" else params[name])
    return 31
