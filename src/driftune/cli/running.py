"""Commands that run the loop or a part of it: tune, retune, watch, serve, reconcile."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from driftune.cli.output import AsJson, out, quiet, show
from driftune.cli.problems import ProblemName, TunableName, open_problem
from driftune.cli.wording import (
    WAITING,
    observation_record,
    print_observation,
    print_retune,
    print_study,
    retune_record,
)
from driftune.durations import read_duration
from driftune.errors import UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from driftune.project import Project
    from driftune.settings import Settings

NEVER = "never"
CRON_WORDS = {f"@{word}" for word in ("hourly", "daily", "weekly", "monthly", "yearly", "annually")}
UNDONE = ("queued", "running", "merged_into")  # another process holds the lease
QUIET = ("no_drift", "insufficient_data", "suppressed_cooldown")  # decisions without a page

Seconds = Annotated[
    str | None, typer.Option("--max-seconds", help="Time for the search, e.g. 10m.")
]
Trials = Annotated[int | None, typer.Option("--max-trials", help="Trials for the search.")]
Rows = Annotated[
    int | None, typer.Option("--max-rows", help="Labelled rows for search and refit: the newest.")
]
Selection = Annotated[
    str | None,
    typer.Option("--row-selection", help="Which rows: auto, or k_center, which cover the table."),
]
Gain = Annotated[
    float | None,
    typer.Option("--min-gain", help="End when less than this share of the loss is to be gained."),
]
Rungs = Annotated[
    str | None,
    typer.Option("--rungs", help="Fewer rows first: 9,3,1 begins with a ninth; 1: never."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="Trials at a time, each in a process.")
]
Model = Annotated[
    str | None,
    typer.Option("--language-model", help="LiteLLM's model string; the key in the environment."),
]


def tune(  # noqa: PLR0913 - one argument per option
    problem: TunableName,
    *,
    max_seconds: Seconds = None,
    max_trials: Trials = None,
    max_rows: Rows = None,
    row_selection: Selection = None,
    min_gain: Gain = None,
    rungs: Rungs = None,
    workers: Workers = None,
    language_model: Model = None,
    save: Annotated[Path | None, typer.Option(help="Write the result to this JSON file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the best configuration for a table; nothing is registered or promoted.

    The same command again goes on with the same study, with what is left of its budget.
    """
    quiet()
    if save:
        _refuse_unwritable(save)
    from driftune.loop.search import search
    from driftune.tuning import rich_progress
    from driftune.tuning.listening import listening

    budget = _budget(max_seconds, max_trials, max_rows, row_selection, min_gain)
    with rich_progress() as on_progress, listening(on_progress):
        result = search(problem, _overrides(budget, rungs, workers, language_model))
    if save:
        import json

        save.write_text(json.dumps(result.to_dict(), indent=2), encoding="utf-8")
    stopped = result.stop_reason == "user"
    if not (stopped and as_json):  # the error is the one document then
        show(result.to_dict(), as_json=as_json, text=lambda: print_study(result, problem))
    if stopped:
        raise KeyboardInterrupt  # gives the exit code, and says how to go on


def retune(  # noqa: PLR0913 - one argument per option
    problem: ProblemName,
    *,
    max_seconds: Seconds = None,
    max_trials: Trials = None,
    max_rows: Rows = None,
    row_selection: Selection = None,
    min_gain: Gain = None,
    rungs: Rungs = None,
    workers: Workers = None,
    language_model: Model = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for",
    as_json: AsJson = False,
) -> None:
    """Retune a problem now: data, features, tune, train, gate, promote.

    Without new data and with the same settings there is nothing to do.
    """
    quiet()
    from driftune import loop
    from driftune.tuning import rich_progress
    from driftune.tuning.listening import listening

    budget = _budget(max_seconds, max_trials, max_rows, row_selection, min_gain)
    tuning = _overrides(budget, rungs, workers, language_model)
    project, settings = open_problem(problem)
    began = datetime.now(UTC)
    with rich_progress() as on_progress, listening(on_progress):
        row = loop.retune(project, settings, reason=reason, tuning=tuning)
    earlier = row.finished_at is not None and row.finished_at < began
    if not earlier:
        _write_report(project, settings)
    holder = project.ledger.lease_holder(settings.name) if row.status in UNDONE else None
    show(
        retune_record(row, earlier=earlier, holder=holder),
        as_json=as_json,
        text=lambda: print_retune(row, earlier=earlier, holder=holder),
    )
    if row.status not in {"promoted", *WAITING}:
        raise typer.Exit(1)


def watch(
    problem: ProblemName,
    decide_only: Annotated[
        bool, typer.Option("--decide-only", help="Queue retunes instead of running them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Decide about every batch that has arrived; run the retunes that the policy asks for."""
    quiet()
    from driftune import loop

    project, settings = open_problem(problem)
    _refuse_to_watch(project, settings)
    seen: list[dict[str, Any]] = []
    ran = 0
    while loop.pending_batches(project, settings):
        for row in loop.watch(project, settings):
            seen.append(observation_record(row))
            if not as_json:
                print_observation(row)
        if decide_only:
            break
        ran += _run_due(project, problem, as_json=as_json)
    if not decide_only:  # what an earlier, stopped call left in the queue
        ran += _run_due(project, problem, as_json=as_json)
    if ran or any(one["outcome"] not in QUIET for one in seen):
        _write_report(project, settings)
    show(
        seen,
        as_json=as_json,
        text=lambda: None if seen else out.print(f"{settings.name}: no new batch."),
    )


def _write_report(project: Project, settings: Settings) -> None:
    """Write the pages of what has just been decided, and the report that links them."""
    from driftune.reporting import write_report

    write_report(project, settings)


def _run_due(project: Project, problem: str, *, as_json: bool) -> int:
    """Carry out what waits; returns how many retunes that were."""
    from driftune import loop
    from driftune.tuning import rich_progress
    from driftune.tuning.listening import listening

    settings = project.settings(problem)
    waiting = loop.due_retunes(project, settings)[-1:]
    for due in waiting:
        with rich_progress() as on_progress, listening(on_progress):
            row = loop.carry_out(project, settings, due.id)
        if not as_json:
            print_retune(row)
    return len(waiting)


def serve(
    problems: Annotated[
        list[str] | None, typer.Argument(help="Names in conf/problems; all of them by default.")
    ] = None,
    watch_every: Annotated[str, typer.Option(help="Time between looks, e.g. 30s, 1h.")] = "1m",
    cron: Annotated[
        str, typer.Option(help="When to retune without a drift (UTC), or 'never'.")
    ] = "0 3 * * 1",
) -> None:
    """Serve the Prefect flows: watch on a schedule, retune on drift and weekly, reconcile.

    Uses the Prefect server of PREFECT_API_URL; starts one on 127.0.0.1:4200 where none answers.
    Stop with Ctrl-C; the ledger keeps what was queued.
    """
    from driftune.project import Project

    every = _duration(watch_every)
    if cron != NEVER:
        _refuse_no_cron(cron)
    project = Project.find()
    # A wrong name is an error now, not at the first run.
    names = [open_problem(name)[1].name for name in problems or []]
    clock = None if cron == NEVER else cron
    project.serve(problems=names or None, watch_every=every, cron=clock)


def reconcile(as_json: AsJson = False) -> None:
    """Close what a crash left open, for every problem; safe at any time."""
    quiet()
    from driftune import loop
    from driftune.project import Project

    project = Project.find()
    done = [
        sentence
        for name in project.problems()
        for sentence in loop.reconcile(project, project.settings(name))
    ]
    show(
        done,
        as_json=as_json,
        text=lambda: out.print(escape("\n".join(done)) or "Nothing was left open."),
    )


def _budget(
    max_seconds: str | None,
    max_trials: int | None,
    max_rows: int | None,
    row_selection: str | None,
    min_gain: float | None,
) -> dict[str, Any]:
    """Collect the options that change ``tuning.budget``."""
    limits = {
        "max_seconds": max_seconds,
        "max_trials": max_trials,
        "max_rows": max_rows,
        "row_selection": row_selection,
        "min_gain": min_gain,
    }
    return {key: value for key, value in limits.items() if value is not None}


def _overrides(
    budget: dict[str, Any], rungs: str | None, workers: int | None, language_model: str | None
) -> dict[str, Any]:
    """Collect the options that change the problem's section ``tuning``."""
    return {
        **({"budget": budget} if budget else {}),
        **({} if rungs is None else {"rungs": _parts(rungs)}),
        **({"workers": workers} if workers else {}),
        **({"language_model": language_model} if language_model else {}),
    }


def _parts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--rungs {text!r} is no list of whole numbers such as 9,3,1 (tuning.rungs)."
        ) from None


def _duration(text: str) -> timedelta:
    found = read_duration(text)
    if not found:
        raise UsageError(f"--watch-every {text!r} must be above zero.")
    return found


def _refuse_unwritable(file: Path) -> None:
    """Refuse a place for the result before hours are spent on it."""
    if file.is_dir():
        raise UsageError(f"--save {file} is a folder; name a file in it.")
    if not file.resolve().parent.is_dir():
        raise UsageError(f"--save {file}: there is no folder {file.resolve().parent}.")


def _refuse_to_watch(project: Project, settings: Settings) -> None:
    """Refuse what would look like "no new batch" for ever: no such folder, no model."""
    from driftune.loop.proof import champion_or_refuse

    settings.refuse_missing_batches()
    champion_or_refuse(project.registry(settings.name))


def _refuse_no_cron(text: str) -> None:
    """Refuse what Prefect would refuse later, in a traceback."""
    from cronsim import CronSim, CronSimError

    if text in CRON_WORDS:
        return
    try:
        CronSim(text, datetime.now(UTC))
    except CronSimError as error:
        raise UsageError(
            f"--cron {text!r} is no schedule ({error}): it takes minute, hour, day, month and"
            f' day of week, e.g. "0 3 * * 1", or {NEVER!r}.'
        ) from None
