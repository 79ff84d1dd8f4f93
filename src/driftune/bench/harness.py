"""All runs of a benchmark, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.bench.arms import ARMS
from driftune.bench.counted_model import CountedModel, warm_tuner
from driftune.bench.finished import FinishedRuns, Job
from driftune.bench.search import Run, search
from driftune.errors import SpendLimitReached
from driftune.language_model import open_language_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftune.bench.preparation import Prepared
    from driftune.language_model import LanguageModel

STAND_IN = "scripted:tuner"
_NO_LIMIT = 1_000_000_000  # calls: money is what is limited


class Asked:
    """Gives each run a freshly counted language model.

    Args:
        spec: A name for ``open_language_model``; ``None`` takes the stand-in.
        max_cost_usd: For the whole benchmark; 0 makes no call.
        allow_unpriced: Ask models whose price is unknown.
    """

    def __init__(
        self, spec: str | None, *, max_cost_usd: float = 1.0, allow_unpriced: bool = False
    ) -> None:
        self.name = spec if spec and spec.lower() != "none" else STAND_IN
        self._model: LanguageModel | None = None
        if self.name != STAND_IN:
            self._model = open_language_model(
                self.name,
                max_cost_usd=max_cost_usd,
                max_calls=_NO_LIMIT,
                allow_unpriced=allow_unpriced,
            )

    def for_run(self, seed: int) -> CountedModel:
        """Return a model whose counts are those of one run."""
        return CountedModel(self._model or warm_tuner(seed))


@dataclass(frozen=True)
class Plan:
    """What is run.

    Attributes:
        tasks: Prepared tables.
        models: Keys of ``SPACES``.
        arms: Keys of ``ARMS``.
        seeds: How many; 0, 1, ...
        trials: Per run.
        asked: The language model.
        threads: Per fit; 0 chooses.
    """

    tasks: Sequence[Prepared]
    models: Sequence[str]
    arms: Sequence[str]
    seeds: int
    trials: int
    asked: Asked
    threads: int = 0

    def jobs(self) -> list[Job]:
        """All of them; a whole seed first, so that what is there early can be compared."""
        return [
            Job(task, model, arm, seed, self.trials, self.asked.name if ARMS[arm].asks else "")
            for seed in range(self.seeds)
            for task in self.tasks
            for model in self.models
            for arm in self.arms
        ]


@dataclass(frozen=True)
class Event:
    """Where a benchmark is: ``trials`` have just been done in ``job``."""

    job: Job
    trials: int


def run_all(
    plan: Plan, folder: Path, on_event: Callable[[Event], None] = lambda event: None
) -> list[Run]:
    """Run every job that is not finished; each is kept as soon as it is done.

    Args:
        plan: What to run.
        folder: Where finished runs are and go.
        on_event: Told after each trial, and once about a run that was there already.

    Raises:
        SpendLimitReached: The money ran out; says how to go on.
    """
    finished = FinishedRuns(folder)
    runs = []
    for job in plan.jobs():
        run = finished.find(job)
        if run is None:
            run = _run(job, plan, on_event)
            finished.keep(job, run)
        else:
            on_event(Event(job, job.trials))
        runs.append(run)
    return runs


def _run(job: Job, plan: Plan, on_event: Callable[[Event], None]) -> Run:
    try:
        return search(
            job.prepared,
            model=job.model,
            arm=job.arm,
            seed=job.seed,
            trials=job.trials,
            language_model=plan.asked.for_run(job.seed) if ARMS[job.arm].asks else None,
            threads=plan.threads,
            on_trial=lambda: on_event(Event(job, 1)),
        )
    except SpendLimitReached as error:
        raise SpendLimitReached(
            f"{error} Finished runs are kept: run the command again with a higher --max-cost-usd."
        ) from error
