"""``tune()``: search the best configuration of a model within a budget, and go on after a stop."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError
from driftune.tuning.budget import Budget, Clock
from driftune.tuning.constraints import check_constraints, refuse_infeasible
from driftune.tuning.cores import usable_cores
from driftune.tuning.data_card import data_card
from driftune.tuning.executors import get_executor
from driftune.tuning.families import get_family
from driftune.tuning.fold_work import FoldWork
from driftune.tuning.guide import default_sampler
from driftune.tuning.objective import EVALUATION, Objective
from driftune.tuning.pruning import Pruning
from driftune.tuning.quiet_optuna import quiet_optuna
from driftune.tuning.result import TuningResult, credit, trial_table
from driftune.tuning.rounds import find_exponent
from driftune.tuning.searching import run_trials
from driftune.tuning.space import SearchSpace, rename
from driftune.tuning.spent_time import note_seconds, seconds_spent
from driftune.tuning.splitter_choice import read_splitter
from driftune.tuning.stopping import Limits
from driftune.tuning.storage import (
    fail_abandoned,
    open_storage,
    open_study,
    register_worker,
    with_constraints,
    without_password,
)
from driftune.tuning.task import Task, load_task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import optuna
    import pandas as pd
    from optuna.storages import BaseStorage

    from driftune.language_model import LanguageModel
    from driftune.problem import Problem
    from driftune.sampler.experience import Experience
    from driftune.tuning.progress import OnProgress
    from driftune.tuning.splitter_choice import CrossValidator, Splitter

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
    workers: int = 1,
    dask_address: str | None = None,
    storage: str | Path | None = None,
    study_name: str | None = None,
    n_folds: int = 5,
    splitter: str | Mapping[str, Any] | Splitter | CrossValidator | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    family: str | Sequence[str] = "lightgbm",
    warm_start: Sequence[Mapping[str, Any]] = (),
    earlier_configurations: int = 3,
    experience: Experience | None = None,
    language_model: LanguageModel | str | None = None,
    share_column_names: bool = False,
    pruning: str = "auto",
    rungs: Sequence[int] | None = None,
    constraints: Mapping[str, float] | None = None,
    on_progress: OnProgress | None = None,
) -> TuningResult:
    """Search the best configuration by cross-validation, within a budget.

    The same call on the same storage goes on where the last one stopped: with 17 of 40 trials done
    it runs 23 more. Ctrl-C returns what is finished.

    Args:
        problem: What is predicted, and by which metric.
        data: Raw table; see :func:`driftune.tuning.prepare`.
        space: A preset's name, a mapping as in YAML, or ``None`` for the preset ``recommended``.
        sampler: Any Optuna sampler; ``None`` for LLM-TPE that first runs the library default, what
            earlier studies found best, and cheap configurations or a portfolio.
        budget: Limits; ``None`` for ``Budget()``.
        executor: ``local``, ``dask`` or ``join``; see :mod:`driftune.tuning.executors`.
        workers: Processes of this machine: 1 runs one trial after the other, more run as many at a
            time, each with its share of ``n_jobs``.
        dask_address: Scheduler of a Dask cluster; ``None`` for the client that is open, else
            ``DASK_SCHEDULER_ADDRESS``.
        storage: Database URL, path of an SQLite file, or ``None`` for memory.
        study_name: ``None`` for a name made of the problem, the data and the settings.
        n_folds: Validation folds, of one pass.
        splitter: How they are cut: a kind or a mapping as in YAML, see
            :class:`driftune.tuning.Splitter`, or any splitter of scikit-learn. ``None``:
            forward in time with a time column, else shuffled; groups stay whole.
        seed: Of the folds, the fits and the sampler.
        n_jobs: Cores that the fits share on this machine; ``None`` for all that this process may
            use.
        family: Model family, a list of them (then the family is searched too), ``auto``, or an
            import path; see :func:`driftune.tuning.families.get_family`.
        warm_start: Configurations to try first, such as the incumbent's; moved into the space.
        earlier_configurations: How many configurations of earlier studies to try: of the same
            problem, else of the problem with the most similar data. 0 asks nobody.
        experience: Who remembers earlier studies; ``None`` for the other studies of ``storage``.
        language_model: Asked for proposals, within ``budget``: an object with ``complete``, or a
            name for :func:`driftune.language_model.open_language_model`.
        share_column_names: Let the language model read the names of the columns; never a value.
        pruning: When a trial ends early: ``auto``, ``race``, ``asha``, ``hyperband``, ``bohb`` or
            ``none``, see :class:`driftune.tuning.pruning.Pruning`. The first of ``warm_start`` and
            the library default never do.
        rungs: Sizes of the rungs of rows, as one over the share of the training rows: ``[9, 3, 1]``
            begins with a ninth; ``[1]`` has none; ``None``: where they pay by rule.
        constraints: Greatest ``model_size_kb``, ``latency_us_per_row`` or ``memory_mb`` of a model
            that may win; see :mod:`driftune.tuning.constraints`.
        on_progress: Called after each trial.

    Raises:
        UsageError: A wrong setting, or a study of that name about something else.
        DataError: The table cannot be used.
        DriftuneError: No trial has a score, or none keeps the constraints.
        KeyboardInterrupt: Ctrl-C before the first trial had a score.
    """
    from driftune.tuning.recall import StorageExperience, keep_result

    rules = Pruning.load(pruning, rungs=rungs, sampler=sampler, language_model=language_model)
    bounds = check_constraints(constraints)
    runner = get_executor(executor, workers=workers, address=dask_address, storage=storage)
    algorithm = get_family(family)
    box = SearchSpace.load(space, algorithm)
    clock = (budget or Budget()).clock()
    rows = clock.budget.row_limit
    task = load_task(
        problem, data, algorithm, box, n_folds, seed,
        splitter=read_splitter(splitter), max_rows=rows[0] if rows else None,
        row_selection=clock.budget.row_selection,
    )  # fmt: skip
    warm = [box.nearest(rename(params, algorithm)) for params in warm_start]
    ladder = rules.ladder(task)
    with quiet_optuna():
        opened = open_storage(storage)
        study = _open(task, opened, study_name, bounds)
        memory = StorageExperience(opened) if experience is None else experience
        limits = _limits(clock, task, on_progress)
        clock.earlier = seconds_spent(study)
        if limits.resume(study.get_trials(deepcopy=False)):
            study.pruner = rules.pruner(ladder)
            starts = warm
            if sampler is None:
                starts = _starts(task, study, memory, warm, earlier_configurations, clock.budget)
            own = rules.sampler(study, seed) if sampler is None else sampler
            if own is None:
                study.sampler = _default_sampler(
                    task, study, starts, clock.budget, language_model, share_column_names
                )
            else:
                _enqueue(study, own, starts)
            work = FoldWork(task.table, ladder.folds, algorithm, seed, abreast=len(task.folds))
            always = starts[: len(warm) + len(getattr(algorithm, "members", "1"))]
            try:
                with runner.open(work, n_jobs=n_jobs or usable_cores()) as pool:
                    objective = Objective(task, ladder, pool, limits, rules.races, bounds, always)
                    run_trials(study, objective, limits, shared=runner.shared)
            except KeyboardInterrupt:
                _interrupt(study, limits, storage is not None)
    result = _result(task, study, limits, storage, bounds)
    keep_result(task, study, memory)
    return result


def _open(
    task: Task, storage: BaseStorage | None, study_name: str | None, bounds: Mapping[str, float]
) -> optuna.Study:
    digest = with_constraints(task.digest, bounds)
    study = open_study(
        study_name or f"{task.problem.name}-{digest[:12]}",
        storage,
        direction=task.table.metric.direction,
        configuration=digest,
    )
    fail_abandoned(study)
    register_worker(study)
    return study


def _starts(
    task: Task,
    study: optuna.Study,
    memory: Experience,
    warm: list[dict[str, Any]],
    count: int,
    budget: Budget,
) -> list[dict[str, Any]]:
    from driftune.tuning.recall import recall_once
    from driftune.tuning.starters import starters

    return starters(
        task.space,
        task.family,
        task.prepared,
        first=warm,
        earlier=recall_once(task, study, memory, first=warm, count=count),
        max_trials=budget.max_trials,
        seed=task.seed,
    )


def _default_sampler(
    task: Task,
    study: optuna.Study,
    starts: list[dict[str, Any]],
    budget: Budget,
    language_model: LanguageModel | str | None,
    share_column_names: bool,
) -> optuna.samplers.BaseSampler:
    return default_sampler(
        space=task.space,
        warm_start=starts,
        card=data_card(
            task.problem, task.prepared, task.folds, share_column_names=share_column_names
        ),
        budget=budget,
        language_model=language_model,
        trials=study.get_trials(deepcopy=False),
        seed=task.seed,
    )


def _enqueue(
    study: optuna.Study, sampler: optuna.samplers.BaseSampler, warm: list[dict[str, Any]]
) -> None:
    """Give the study a sampler that is not ours; the warm start goes before it."""
    study.sampler = sampler
    for params in warm:
        study.enqueue_trial(params, skip_if_exists=True)


def _limits(clock: Clock, task: Task, on_progress: OnProgress | None) -> Limits:
    n_valid = sum(len(fold.valid) for fold in task.folds)
    rows = clock.budget.row_limit
    return Limits(
        clock=clock,
        maximize=task.table.metric.greater_is_better,
        tolerance=max(0.001, 1 / math.sqrt(n_valid)),
        on_progress=on_progress,
        row_limit=rows[1] if rows and task.rows_held_back else None,
    )


def _interrupt(study: optuna.Study, limits: Limits, is_kept: bool) -> None:
    """End by Ctrl-C, which is a limit like others once a trial has a score."""
    limits.resume(study.get_trials(deepcopy=False))
    if not limits.completed:
        raise KeyboardInterrupt
    limits.clock.stop_reason = "user"
    noun = "trial" if limits.counted == 1 else "trials"
    logger.warning(
        "Interrupted after %d %s. %s", limits.counted, noun,
        "The same call goes on with the study in its storage." if is_kept
        else "The study was in memory: with `storage`, the same call would go on.",
    )  # fmt: skip


def _result(
    task: Task,
    study: optuna.Study,
    limits: Limits,
    storage: str | Path | None,
    bounds: Mapping[str, float],
) -> TuningResult:
    from driftune.tuning.recall import TRANSFER

    trials = study.get_trials(deepcopy=False)
    refuse_infeasible(trials, bounds)
    if not limits.completed:
        last = limits.failures[-1] if limits.failures else "none was started"
        raise DriftuneError(f"No trial of {study.study_name} has a score; the last: {last}")
    reason = limits.clock.stop_reason or "user"
    study.set_user_attr(STOP_REASON, reason)
    note_seconds(study, limits.clock.earlier + limits.clock.elapsed)
    rows = limits.clock.budget.row_limit
    best = study.best_trial
    by_source = credit(trials, task.table.metric.direction)
    return TuningResult(
        problem=task.problem.name,
        family=task.family.name,
        metric=task.problem.metric,
        direction=task.table.metric.direction,
        best_params=dict(best.params),
        best_value=study.best_value,
        best_rounds=best.user_attrs[EVALUATION]["best_iteration"],
        rows=len(task.prepared.y),
        max_rows=rows[0] if rows else None,
        row_selection=limits.clock.budget.row_selection,
        transfer=study.user_attrs.get(TRANSFER),
        rounds_exponent=find_exponent(trials, task.folds, best, limited=bool(bounds)),
        fold_rows=round(sum(len(fold.train) for fold in task.folds) / len(task.folds)),
        trials=trial_table(trials),
        by_source=by_source,
        stop_reason=reason,
        llm_cost_usd=sum(entry["cost_usd"] for entry in by_source),
        llm_calls=sum(entry["calls"] for entry in by_source),
        study_name=study.study_name,
        storage=None if storage is None else without_password(storage),
        seconds=limits.clock.elapsed,
        constraints=dict(bounds),
        seed=task.seed,
    )
