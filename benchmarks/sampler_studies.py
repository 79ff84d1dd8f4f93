"""Runs the studies of the sampler benchmark, in as many processes as wanted."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import optuna
from sampler_arms import build_sampler
from tuning_tasks import learn_portfolio_without, load_tasks, suggest

from driftune.sampler import source_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class StudyPlan:
    """One study: an arm on one task with one seed."""

    family: str
    arm: str
    task: int
    seed: int
    trials: int


@dataclass(frozen=True)
class StudyOutcome:
    """What came of it.

    Args:
        curve: Regret of the best trial so far, shape (trials,).
        calls: How often the model was asked.
        model_trials: Trials that it proposed.
        seconds: Processor time of the study.
    """

    curve: np.ndarray
    calls: int
    model_trials: int
    seconds: float


def open_pool(jobs: int) -> ProcessPoolExecutor:
    """Start processes for studies, one thread each: sums depend on the number of threads."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_keep_quiet)


def run_studies(plans: Sequence[StudyPlan], pool: ProcessPoolExecutor) -> list[StudyOutcome]:
    """Return the outcomes in the order of the plans; the same for any number of processes."""
    return list(pool.map(run_study, plans, chunksize=4))


def run_study(plan: StudyPlan) -> StudyOutcome:
    """Run one study."""
    task = load_tasks(plan.family)[plan.task]
    portfolio: Sequence[dict[str, float]] = ()
    if plan.arm.startswith("portfolio+"):
        portfolio = learn_portfolio_without(plan.family, plan.task)
    began = time.process_time()
    # No two tasks share their luck, all arms of a task do.
    sampler, model = build_sampler(plan.arm, task, portfolio, 1000 * plan.task + plan.seed)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: task.regret(suggest(trial, task.space)), n_trials=plan.trials)
    trials = study.get_trials(deepcopy=False)
    return StudyOutcome(
        curve=np.minimum.accumulate([trial.value for trial in trials]),
        calls=0 if model is None else model.calls,
        model_trials=sum(source_of(trial) == "llm" for trial in trials),
        seconds=time.process_time() - began,
    )


def _keep_quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("driftune.sampler").setLevel(logging.ERROR)
