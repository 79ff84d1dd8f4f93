"""``tune()``: search the best configuration of a model within a budget, and go on after a stop."""

from __future__ import annotations

import logging
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError
from driftune.tuning.budget import Budget, Clock
from driftune.tuning.cores import usable_cores
from driftune.tuning.data_card import data_card
from driftune.tuning.encoding import build_encoder
from driftune.tuning.executors import Executor, get_executor
from driftune.tuning.families import Family, Table, get_family
from driftune.tuning.guide import default_sampler
from driftune.tuning.objective import Objective
from driftune.tuning.prepared import Prepared, prepare
from driftune.tuning.result import TuningResult, credit, trial_table
from driftune.tuning.space import SearchSpace, rename
from driftune.tuning.splitters import Fold, folds_for
from driftune.tuning.stopping import Limits
from driftune.tuning.storage import (
    configuration_digest,
    fail_abandoned,
    open_storage,
    open_study,
    register_worker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import optuna
    import pandas as pd

    from driftune.language_model import LanguageModel
    from driftune.problem import Problem
    from driftune.tuning.progress import OnProgress

logger = logging.getLogger(__name__)
STOP_REASON = "driftune:stop_reason"


def tune(  # noqa: PLR0913 - each argument is one choice of the user, all keyword-only but two
    problem: Problem,
    data: pd.DataFrame,
    *,
    space: str | Mapping[str, Any] | SearchSpace | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
    budget: Budget | None = None,
    executor: str = "local",
    storage: str | Path | None = None,
    study_name: str | None = None,
    n_folds: int = 3,
    seed: int = 0,
    n_jobs: int | None = None,
    family: str = "lightgbm",
    warm_start: Sequence[Mapping[str, Any]] = (),
    language_model: LanguageModel | str | None = None,
    on_progress: OnProgress | None = None,
) -> TuningResult:
    """Search the best configuration by cross-validation, within a budget.

    The same call on the same storage goes on where the last one stopped: with 17 of 40 trials done
    it runs 23 more. Ctrl-C returns what is finished.

    Args:
        problem: What is predicted, and by which metric.
        data: Raw table; see :func:`driftune.tuning.prepare`. With a time column the folds go
            forward in time, otherwise they are shuffled.
        space: A preset's name, a mapping as in YAML, or ``None`` for the preset ``recommended``.
        sampler: Any Optuna sampler; ``None`` for LLM-TPE with library default and portfolio first.
        budget: Limits; ``None`` for ``Budget()``.
        executor: ``local``: trials in this process.
        storage: Database URL, path of an SQLite file, or ``None`` for memory.
        study_name: ``None`` for a name made of the problem, the data and the settings.
        n_folds: Validation folds.
        seed: Of the folds, the fits and the sampler.
        n_jobs: Threads of a fit; ``None`` for all cores that this process may use.
        family: Model family.
        warm_start: Configurations to try first, such as the incumbent's; moved into the space.
        language_model: Asked for proposals, within ``budget``: an object with ``complete``, or a
            name for :func:`driftune.language_model.open_language_model`.
        on_progress: Called after each trial.

    Raises:
        UsageError: A wrong setting, or a study of that name about something else.
        DataError: The table cannot be used.
        DriftuneError: No trial has a score.
        KeyboardInterrupt: Ctrl-C before the first trial had a score.
    """
    runner = get_executor(executor)
    algorithm = get_family(family)
    box = SearchSpace.load(space, algorithm)
    clock = (budget or Budget()).clock()
    task = _load(problem, data, algorithm, box, n_folds, seed)
    warm = [box.nearest(rename(params, algorithm)) for params in warm_start]
    with _quiet_optuna():
        study = _open(task, storage, study_name)
        limits = _limits(clock, task, on_progress)
        if limits.resume(study.get_trials(deepcopy=False)):
            _guide(task, study, sampler, warm, clock.budget, language_model)
            _run(task, study, limits, runner, n_jobs or usable_cores())
    return _result(task, study, limits, storage)


@dataclass(frozen=True)
class Task:
    """A problem, its data and its settings, ready for trials."""

    problem: Problem
    prepared: Prepared
    family: Family
    space: SearchSpace
    table: Table
    folds: list[Fold]
    seed: int

    @property
    def digest(self) -> str:
        """Of everything that decides what a score means."""
        return configuration_digest(
            self.problem,
            self.prepared,
            family=self.family.name,
            space=self.space.to_dict(),
            folds=len(self.folds),
            seed=self.seed,
        )


def _load(
    problem: Problem,
    data: pd.DataFrame,
    family: Family,
    space: SearchSpace,
    n_folds: int,
    seed: int,
) -> Task:
    prepared = prepare(problem, data)
    table = Table(
        X=build_encoder(prepared).fit_transform(prepared.X),
        y=prepared.y,
        n_categorical=len(prepared.categorical),
        n_classes=0 if prepared.classes is None else len(prepared.classes),
        metric=problem.metric_object,
    )
    folds = folds_for(problem, prepared, n_folds, seed=seed)
    return Task(problem, prepared, family, space, table, folds, seed)


def _open(task: Task, storage: str | Path | None, study_name: str | None) -> optuna.Study:
    digest = task.digest
    study = open_study(
        study_name or f"{task.problem.name}-{digest[:12]}",
        open_storage(storage),
        direction=task.table.metric.direction,
        configuration=digest,
    )
    fail_abandoned(study)
    register_worker(study)
    return study


def _guide(
    task: Task,
    study: optuna.Study,
    sampler: optuna.samplers.BaseSampler | None,
    warm: list[dict[str, Any]],
    budget: Budget,
    language_model: LanguageModel | str | None,
) -> None:
    """Give the study its sampler; one that is not ours gets the warm start as enqueued trials."""
    if sampler is not None:
        study.sampler = sampler
        for params in warm:
            study.enqueue_trial(params, skip_if_exists=True)
        return
    study.sampler = default_sampler(
        space=task.space,
        family=task.family.name,
        warm_start=warm,
        card=data_card(task.problem, task.prepared, task.folds),
        budget=budget,
        language_model=language_model,
        trials=study.get_trials(deepcopy=False),
        seed=task.seed,
    )


def _limits(clock: Clock, task: Task, on_progress: OnProgress | None) -> Limits:
    n_valid = sum(len(fold.valid) for fold in task.folds)
    return Limits(
        clock=clock,
        maximize=task.table.metric.greater_is_better,
        tolerance=max(0.001, 1 / math.sqrt(n_valid)),
        on_progress=on_progress,
    )


def _run(task: Task, study: optuna.Study, limits: Limits, runner: Executor, n_jobs: int) -> None:
    """Run trials until a limit is reached; Ctrl-C is one, once a trial has a score."""
    # Folds side by side with a thread each: LightGBM's own threads wait for one another after every
    # round, which on a busy machine costs many times the fit (make bench-threads).
    workers = min(n_jobs, len(task.folds))
    fitter = task.family.fold_fitter(
        task.table, task.folds, n_jobs=n_jobs // workers, seed=task.seed
    )
    objective = Objective(
        task.space, fitter, task.table, task.folds, limits.clock, limits.completed, workers
    )
    try:
        runner.run(study, objective, limits)
    except KeyboardInterrupt:
        if not limits.completed:
            raise
        limits.clock.stop_reason = "user"
        logger.warning("Interrupted; the same call goes on with %s.", study.study_name)


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna's line per trial off the terminal: progress and result say the same, better."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.ERROR))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _result(
    task: Task, study: optuna.Study, limits: Limits, storage: str | Path | None
) -> TuningResult:
    trials = study.get_trials(deepcopy=False)
    if not limits.completed:
        last = limits.failures[-1] if limits.failures else "none was started"
        raise DriftuneError(f"No trial of {study.study_name} has a score; the last: {last}")
    reason = limits.clock.stop_reason or "user"
    study.set_user_attr(STOP_REASON, reason)
    best = study.best_trial
    by_source = credit(trials, task.table.metric.direction)
    return TuningResult(
        problem=task.problem.name,
        family=task.family.name,
        metric=task.problem.metric,
        direction=task.table.metric.direction,
        best_params=dict(best.params),
        best_value=study.best_value,
        best_rounds=best.user_attrs["best_iteration"],
        rows=len(task.prepared.y),
        fold_rows=round(sum(len(fold.train) for fold in task.folds) / len(task.folds)),
        trials=trial_table(trials),
        by_source=by_source,
        stop_reason=reason,
        llm_cost_usd=sum(entry["cost_usd"] for entry in by_source),
        llm_calls=sum(entry["calls"] for entry in by_source),
        study_name=study.study_name,
        storage=None if storage is None else str(storage),
        seconds=limits.clock.elapsed,
        seed=task.seed,
    )
