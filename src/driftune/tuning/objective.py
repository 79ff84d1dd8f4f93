"""The score of one configuration: its mean over the folds, and what explains it."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DriftuneError
from driftune.sampler.history import COST, is_feasible
from driftune.tuning.constraints import are_kept, expect_footprint, note_violations
from driftune.tuning.fold_work import FoldOrder, TrialCut
from driftune.tuning.pruning import predict_final
from driftune.tuning.race import predict_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import optuna
    from optuna.trial import FrozenTrial

    from driftune.tuning.executors import FoldPool
    from driftune.tuning.fold_work import FoldScore
    from driftune.tuning.ladder import Ladder, Rung
    from driftune.tuning.stopping import Limits
    from driftune.tuning.task import Task

FAILURE = "driftune:failure"  # user attribute: why a trial failed; interrupted trials have none
EVALUATION = "diagnostics"  # user attribute: what explains the score; a language model reads it
PREDICTING = 0.1  # of the time of a fit that the deadline ends: what its predictions may take
PREDICTED = "predicted"  # item of it: the score that a pruned trial would have; samplers read it


@dataclass
class Objective:
    """Cross-validated score for Optuna, in the metric's natural units.

    Args:
        task: The space, the table and the folds.
        ladder: Which folds are fitted on fewer rows first, and which decide.
        pool: Fits the folds.
        limits: Says when time is up, and how many trials are completed.
        racing: Stop a trial that cannot win any more.
        constraints: Limits by name; see :mod:`driftune.tuning.constraints`.
        always: Configurations that are never stopped early: their score on all rows is wanted.
    """

    task: Task
    ladder: Ladder
    pool: FoldPool
    limits: Limits
    racing: bool
    constraints: Mapping[str, float]
    always: Sequence[Mapping[str, Any]] = ()

    def __call__(self, trial: optuna.Trial) -> float:
        """Train on the folds, note what explains the score, and return the mean.

        Raises:
            TrialCut: Time ran out, and enough trials are complete without this one.
            TrialPruned: It cannot win any more.
        """
        import optuna

        if self.limits.is_surplus(trial):
            trial.study.stop()
            raise TrialCut("Others run the last trials (budget.max_trials).")
        try:
            params = self.task.space.suggest(trial)
            twin = find_twin(trial, params)
            return self._evaluate(trial, params) if twin is None else _repeat(trial, twin)
        except (TrialCut, optuna.TrialPruned):
            raise
        except Exception as error:
            if FAILURE not in trial.user_attrs:
                trial.set_user_attr(FAILURE, f"{type(error).__name__}: {error}")
            raise

    def _evaluate(self, trial: optuna.Trial, params: Mapping[str, Any]) -> float:
        from driftune.tuning.brackets import first_rung

        may_stop = dict(params) not in [dict(kept) for kept in self.always]
        for rung in self.ladder.rungs[first_rung(trial) : -1]:
            self._climb(trial, params, rung, may_stop)
        top = self.ladder.rungs[-1]
        scores = self._fit(trial, params, top, race=self.racing and may_stop)
        trial.set_user_attr(EVALUATION, self._explain(scores))
        work = sum(score.work for score in scores)
        if math.isfinite(work):  # never measured seconds: no study would be repeatable
            trial.set_user_attr(COST, work)
        note_violations(trial, self._explain(scores), self.constraints)
        return _mean(scores)

    def _climb(
        self, trial: optuna.Trial, params: Mapping[str, Any], rung: Rung, may_stop: bool
    ) -> None:
        """Fit on some of the rows, and end the trial unless it is among the best there."""
        import optuna

        scores = self._fit(trial, params, rung)
        value = _mean(scores)
        if not are_kept(self._explain(scores), self.constraints):
            self._put_aside(trial, scores, rung, may_stop)
            return
        trial.report(value, step=rung.rows)
        behind = trial.should_prune()  # also notes the value, for the trials after this one
        if behind and may_stop:
            flip = self.task.table.metric.flip
            pairs = [(flip(early), flip(final)) for early, final in _pairs(trial.study, rung.rows)]
            loss = predict_final(pairs, flip(value))
            known = {"rows": rung.rows} if loss is None else _foresee(flip(loss), rung)
            trial.set_user_attr(EVALUATION, self._explain(scores) | known)
            raise optuna.TrialPruned(f"Not among the best on {rung.rows:,} rows.")

    def _fit(
        self,
        trial: optuna.Trial,
        params: Mapping[str, Any],
        rung: Rung,
        race: bool = False,
    ) -> list[FoldScore]:
        """Fit folds side by side; whatever goes wrong in one ends the others too.

        Scores are looked at in the order of the race, whichever comes first, so that a race ends
        the same way on any number of threads.
        """
        must_finish = self.limits.completed < self.limits.clock.budget.min_trials
        order = race_order(self.ladder.folds, rung.folds)
        ends = self._ends(rung, must_finish)
        futures = {
            number: self.pool.submit(FoldOrder(params, number, end, keep_cut=must_finish))
            for number, end in zip(order, ends, strict=True)
        }
        scores: dict[int, FoldScore] = {}
        try:
            for number in order:
                scores[number] = futures[number].result()
                if race and len(scores) < len(order):
                    self._stop_if_hopeless(trial, order, list(scores.values()))
        except BaseException:  # Ctrl-C as well
            for future in futures.values():
                self.pool.revoke(future)
            raise
        return [scores[number] for number in rung.folds]

    def _put_aside(
        self, trial: optuna.Trial, scores: Sequence[FoldScore], rung: Rung, may_stop: bool
    ) -> None:
        """Deal with a model that is too much for the device on few rows already.

        Its value is not reported: it would take the place of a trial that may win.
        """
        import optuna

        if may_stop:
            facts = self._explain(scores) | {"rows": rung.rows}
            trial.set_user_attr(EVALUATION, facts)
            note_violations(trial, facts, self.constraints)
            raise optuna.TrialPruned(f"Breaks a constraint on {rung.rows:,} rows.")

    def _explain(self, scores: Sequence[FoldScore]) -> dict[str, Any]:
        """What explains a score, and what its final model is expected to ask of a device."""
        fold_rows = float(np.mean([len(fold.train) for fold in self.task.folds]))
        rows, grow = len(self.task.table.y), self.task.family.rounds_grow
        return explain(scores) | expect_footprint(scores, fold_rows, rows, rounds_grow=grow)

    def _ends(self, rung: Rung, must_finish: bool) -> list[float]:
        """When each fit of a rung must end, in the order in which they begin.

        A trial that must finish leaves time for its other rungs, for the folds that wait for a slot
        and for predictions.
        """
        now, remaining = time.time(), self.limits.clock.remaining
        if not must_finish:
            return [now + remaining] * len(rung.folds)
        share = remaining / (len(self.ladder.rungs) - self.ladder.rungs.index(rung))
        waves = math.ceil(len(rung.folds) / self.pool.slots)
        wave = (1 + place // self.pool.slots for place in range(len(rung.folds)))
        return [now + share * (number - PREDICTING) / waves for number in wave]

    def _stop_if_hopeless(
        self, trial: optuna.Trial, order: Sequence[int], scores: Sequence[FoldScore]
    ) -> None:
        import optuna

        metric = self.task.table.metric
        first = self.ladder.rungs[-1].folds[0]
        completed = [
            [metric.flip(known[number - first]) for number in order]
            for known in _completed(trial.study)
            if len(known) == len(order)
        ]
        loss, hopeless = predict_loss(completed, [metric.flip(score.score) for score in scores])
        if hopeless:
            trial.report(metric.flip(loss), step=self.ladder.rungs[-1].rows)
            foreseen = _foresee(metric.flip(loss), self.ladder.rungs[-1])
            trial.set_user_attr(EVALUATION, self._explain(scores) | foreseen)
            raise optuna.TrialPruned(f"Cannot win any more after {len(scores)} folds.")


def race_order(sizes: Sequence[Any], folds: Sequence[int]) -> list[int]:
    """The order in which folds are fitted: by rising number of training rows, the cheapest first.

    In time order the first folds, with little to learn from, tell configurations apart the most;
    to begin with them saves half of a study's fits where the last ones first saves a third.
    """
    return sorted(folds, key=lambda number: len(sizes[number].train))


def find_twin(trial: optuna.Trial, params: Mapping[str, Any]) -> FrozenTrial | None:
    """An earlier trial of the same configuration that need not be run again."""
    for other in trial.study.get_trials(deepcopy=False):
        if other.number == trial.number or other.params != params:
            continue
        known = FAILURE if other.state.name == "FAIL" else EVALUATION
        if other.state.is_finished() and known in other.user_attrs:
            return other
    return None


def _repeat(trial: optuna.Trial, twin: FrozenTrial) -> float:
    """End a trial as its twin ended."""
    import optuna

    if twin.state.name == "FAIL":
        trial.set_user_attr(FAILURE, twin.user_attrs[FAILURE])
        raise DriftuneError(twin.user_attrs[FAILURE])
    trial.set_user_attr(EVALUATION, twin.user_attrs[EVALUATION])
    for step, value in twin.intermediate_values.items():
        trial.report(value, step)
    for name, violation in twin.constraints.items():
        trial.set_constraint(name, violation)
    if twin.state.name == "PRUNED":
        raise optuna.TrialPruned(f"As trial {twin.number}.")
    assert twin.value is not None
    return twin.value


def explain(scores: Sequence[FoldScore]) -> dict[str, Any]:
    """Sum up the folds of a trial for the trial table, as JSON values.

    Returns:
        ``fold_scores`` by fold, ``spread`` their standard deviation (``None`` for one fold),
        ``train_gap`` mean, ``best_iteration`` median, ``fold_rounds`` the same by fold,
        ``fit_seconds`` sum, ``resident_mb`` the greatest. ``cut`` when the deadline shortened a
        fit.
    """
    facts = {name: [asdict(score)[name] for score in scores] for name in asdict(scores[0])}
    values = facts["score"]
    return {
        "fold_scores": values,
        "spread": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "train_gap": float(np.mean(facts["train_gap"])),
        "best_iteration": int(np.median(facts["best_iteration"])),
        "fold_rounds": facts["best_iteration"],
        "fit_seconds": sum(facts["seconds"]),
        "resident_mb": max(facts["resident_mb"]),
        **({"cut": True} if any(facts["cut"]) else {}),
    }


def _completed(study: optuna.Study) -> list[list[float]]:
    """Fold scores of the completed trials, by fold; who cannot win decides no race."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    known = [trial for trial in trials if EVALUATION in trial.user_attrs and is_feasible(trial)]
    return [trial.user_attrs[EVALUATION]["fold_scores"] for trial in known]


def _pairs(study: optuna.Study, step: int) -> list[tuple[float, float]]:
    """Value on so many rows and on all, of the completed trials that have both."""
    trials = study.get_trials(deepcopy=False)
    done = [t for t in trials if t.state.name == "COMPLETE" and t.value is not None]
    return [
        (t.intermediate_values[step], float(t.value or 0.0))
        for t in done
        if step in t.intermediate_values
    ]


def _foresee(value: float, rung: Rung) -> dict[str, Any]:
    """What a stopped trial says of itself: its score, had it finished, and by how many rows."""
    return {PREDICTED: value, "rows": rung.rows}


def _mean(scores: Sequence[FoldScore]) -> float:
    return float(np.mean([score.score for score in scores]))
