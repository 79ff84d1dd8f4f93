"""Plan a search: pilots on a problem's own rows, and what they say about a budget."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from driftune.errors import ServiceUnavailable, UsageError
from driftune.loop.champion import known_champion
from driftune.loop.search import project_of, refuse_features
from driftune.scaling import plan_budget
from driftune.settings import find_problem, load_settings
from driftune.tuning import read_table
from driftune.tuning.budget import parse_seconds
from driftune.tuning.cores import usable_cores
from driftune.tuning.coreset import refuse_minutes
from driftune.tuning.families import get_family
from driftune.tuning.pilots import run_pilots
from driftune.tuning.selection_pilot import try_k_center
from driftune.tuning.space import SearchSpace
from driftune.tuning.splitter_choice import read_splitter
from driftune.tuning.task import load_task

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from driftune.metrics import Metric
    from driftune.project import Project
    from driftune.scaling import Advice
    from driftune.settings import Settings
    from driftune.tuning.pilots import OnStage, Pilots
    from driftune.tuning.task import Task

logger = logging.getLogger(__name__)
CHOICES = ("random", "k_center")  # of rows
PILOT_SHARE = 0.15  # of the budget, for the pilots
LEAST_SECONDS = 5.0  # a plan for less would be all pilots


@dataclass(frozen=True)
class Terms:
    """What a plan is asked for.

    Args:
        seconds: The whole budget, pilots included.
        rows: Labelled rows that may be used, or that could be had where that is more than there
            are; ``None`` for those that there are.
        row_cost: Price of a further row, in any currency.
        value_per_unit_loss: Worth of one unit of loss, in the same currency.
        min_gain: Least relative gain that is worth anything.
        pilot_seconds: For the pilots; ``None`` for 15 % of the budget.
        selection: ``k_center`` to try rows chosen so, for as long as the pilots may take.
    """

    seconds: float
    rows: int | None = None
    row_cost: float = 0.0
    value_per_unit_loss: float | None = None
    min_gain: float = 0.0
    pilot_seconds: float | None = None
    selection: str = "random"

    def __post_init__(self) -> None:
        """Refuse a budget too small to learn anything from, and what there is no way to try."""
        if not (math.isfinite(self.seconds) and self.seconds >= LEAST_SECONDS):
            raise UsageError(
                f"--budget is {self.seconds:g} s; a plan takes at least {LEAST_SECONDS:.0f} s."
            )
        if self.pilot_seconds is not None and self.pilot_seconds >= self.seconds:
            raise UsageError(
                f"--pilots {self.pilot_seconds:g} s leaves nothing of --budget {self.seconds:g} s."
            )
        if self.row_cost and self.value_per_unit_loss is None:
            raise UsageError(
                f"--row-cost {self.row_cost:g} buys what nobody has priced: say with"
                " --value-per-unit-loss what one unit of loss less is worth."
            )
        if not 0 <= self.min_gain < 1:
            raise UsageError(f"--min-gain is {self.min_gain:g}; it is a share of the loss below 1.")
        if self.selection not in CHOICES:
            raise UsageError(
                f"--selection is {self.selection!r}; it must be {' or '.join(CHOICES)}."
            )
        if self.selection != "random":
            self._check_selection()

    def _check_selection(self) -> None:
        if self.rows is None:
            raise UsageError(
                f"--selection {self.selection} chooses among the rows, and all are to be used: say"
                " with --rows how many may be."
            )
        if 2 * self.for_pilots >= self.seconds:
            raise UsageError(
                f"--pilots {self.for_pilots:g} s, and as long to try --selection"
                f" {self.selection}, leave nothing of --budget {self.seconds:g} s."
            )

    @property
    def sample(self) -> int | None:
        """To how many rows the table is cut down before anything is fitted, as a study does."""
        return self.rows if self.selection == "random" else None

    @property
    def for_pilots(self) -> float:
        """Seconds that the pilots may take."""
        return self.pilot_seconds or PILOT_SHARE * self.seconds


@dataclass(frozen=True)
class Plan:
    """A plan for one problem.

    Attributes:
        problem: Its name.
        metric: What is optimised; losses of the advice are those of this metric.
        target: The column that is predicted.
        advice: What to do.
        pilots: What it rests on.
        terms: What was asked.
        home: Folder that its files belong into.
        table_rows: Labelled rows of the table, those that may not be used included.
    """

    problem: str
    metric: Metric
    target: str
    advice: Advice
    pilots: Pilots
    terms: Terms
    home: Path
    table_rows: int

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values, with the expected score in the metric's own units."""
        expected = self.advice.expected
        ends = sorted(map(self.metric.flip, (expected.low, expected.high)))
        return {
            "problem": self.problem,
            "metric": self.metric.name,
            "greater_is_better": self.metric.greater_is_better,
            "budget_seconds": self.terms.seconds,
            "table_rows": self.table_rows,
            "fold_rows": self.pilots.rows,
            "expected_score": {
                "value": self.metric.flip(expected.loss), "low": ends[0], "high": ends[1],
            },
            **self.advice.to_dict(),
        }  # fmt: skip


def make_plan(problem: str, terms: Terms, *, on_stage: OnStage = lambda *_: None) -> Plan:
    """Plan for a problem of the project, or for any YAML file, as ``driftune tune`` takes them.

    The pilots see what a search would see: not the newest rows, which are kept for the gate.

    Args:
        problem: Name in ``conf/problems`` or path of a YAML file.
        terms: What is asked.
        on_stage: Told what is being done.

    Raises:
        UsageError, DataError: As a search.
    """
    from pathlib import Path

    on_stage("reading the rows", 0, 0)
    project = project_of(problem)
    if project is None:
        file = find_problem(problem, Path.cwd())
        settings = load_settings(file, root=file.parent)
        refuse_features(settings)
        home = file.parent / ".driftune" / "plan" / settings.name
        return plan_table(settings, read_table(settings.rows), terms, home, on_stage=on_stage)
    settings = project.settings(problem)
    rows = project.run_pipelines(
        "data_validation", "feature_engineering", "tuning",
        want="search_rows", to_outputs=["search_rows"], problem=settings.name,
    )  # fmt: skip
    home = project.reports / settings.name / "plan"  # where the report looks for it
    first = _champions_best(project, settings)
    return plan_table(settings, rows, terms, home, first=first, on_stage=on_stage)


def plan_table(
    settings: Settings,
    rows: pd.DataFrame,
    terms: Terms,
    home: Path,
    *,
    first: list[dict[str, Any]] | None = None,
    on_stage: OnStage = lambda *_: None,
) -> Plan:
    """Run pilots on a table, and plan.

    Args:
        settings: The problem; its section ``tuning`` says what is searched and how it is scored.
        rows: Features, target and time.
        terms: What is asked.
        home: Folder that the plan's files belong into.
        first: Configurations that the pilots include.
        on_stage: Told what is being done.
    """
    _refuse_unwritable(home)
    plan = settings.tuning
    family = get_family(plan.family)
    task = load_task(
        settings.problem, rows, family, SearchSpace.load(plan.space, family), plan.folds,
        plan.seed, splitter=read_splitter(plan.splitter), max_rows=terms.sample,
    )  # fmt: skip
    _refuse_selection(terms, task)
    pilots = run_pilots(
        task, seconds=terms.for_pilots, n_jobs=usable_cores(), first=first or [], on_stage=on_stage
    )
    spent, selection = pilots.seconds, None
    if terms.selection == "k_center":
        began = time.monotonic()
        selection = try_k_center(
            task, pilots, rows=terms.rows or 0, seconds=terms.for_pilots, n_jobs=usable_cores(),
            on_stage=on_stage,
        )  # fmt: skip
        spent += time.monotonic() - began
    on_stage("fitting the curves", 0, 0)
    wanted = terms.rows or pilots.table_rows
    further = task.rows_held_back or wanted - pilots.table_rows
    advice = plan_budget(
        pilots.points,
        seconds=terms.seconds,
        rows=pilots.rows,
        table_rows=pilots.table_rows,
        spent=spent,
        max_rows=min(wanted, pilots.table_rows),
        more_rows=further if further > 0 else None,
        row_cost=terms.row_cost,
        value_per_unit_loss=terms.value_per_unit_loss,
        min_gain=terms.min_gain,
        rarest=pilots.rarest,
        noise=pilots.noise,
        selection=selection,
        limited=task.rows_held_back > 0,
        seed=plan.seed,
    )
    return Plan(
        settings.name, settings.problem.metric_object, settings.target, advice, pilots, terms,
        home, pilots.table_rows + task.rows_held_back,
    )  # fmt: skip


def _refuse_unwritable(home: Path) -> None:
    """Refuse a folder for the plan's files before minutes are spent on it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise UsageError(
            f"The plan's files cannot be written to {home} ({error.strerror}): change its"
            " permissions, or copy the problem's file to a folder of your own."
        ) from None


def _refuse_selection(terms: Terms, task: Task) -> None:
    """Refuse a choice of rows where all are used, and one that a search would refuse."""
    if terms.selection == "random" or terms.rows is None:
        return
    rows, columns = len(task.table.y), task.table.X.shape[1]
    if terms.rows >= rows:
        raise UsageError(
            f"--selection {terms.selection} chooses among the rows, and --rows {terms.rows:,} are"
            f" all of the table's {rows:,}: give fewer."
        )
    refuse_minutes(rows, terms.rows, columns)


def read_terms(
    budget: str,
    *,
    pilots: str | None = None,
    rows: int | None = None,
    row_cost: float = 0.0,
    value_per_unit_loss: float | None = None,
    min_gain: float = 0.0,
    selection: str = "random",
) -> Terms:
    """Read what the command line says.

    >>> read_terms("10m").for_pilots
    90.0
    """
    seconds = _seconds("--budget", budget)
    of_pilots = None if pilots is None else _seconds("--pilots", pilots)
    return Terms(seconds, rows, row_cost, value_per_unit_loss, min_gain, of_pilots, selection)


def _seconds(option: str, text: str) -> float:
    try:
        return parse_seconds(text) or 0.0
    except UsageError:
        raise UsageError(
            f"{option} is {text!r}; write a positive duration such as 10m, 90s or 1h30m."
        ) from None


def _champions_best(project: Project, settings: Settings) -> list[dict[str, Any]]:
    """The champion's configuration, where there is one and the registry answers."""
    try:
        champion = known_champion(project, settings)
    except ServiceUnavailable as error:
        logger.warning("The plan is made without the champion's configuration: %s", error)
        return []
    return [champion.configuration["best_params"]] if champion else []
