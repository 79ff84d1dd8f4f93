"""Commands that run the loop or a part of it: tune, retune, watch, serve, reconcile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from driftune.cli.output import AsJson, out, quiet, show
from driftune.durations import read_duration
from driftune.errors import UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from driftune.ledger import ObservationRow, RetuneRow
    from driftune.project import Project
    from driftune.tuning import TuningResult

ProblemName = Annotated[
    str, typer.Argument(help="Name of a file in conf/problems, or the path of a YAML file.")
]
Seconds = Annotated[
    str | None, typer.Option("--max-seconds", help="Time for the search, e.g. 10m.")
]
Trials = Annotated[int | None, typer.Option("--max-trials", help="Trials for the search.")]
Model = Annotated[
    str | None,
    typer.Option("--language-model", help="LiteLLM's model string; the key in the environment."),
]


def tune(
    problem: ProblemName,
    max_seconds: Seconds = None,
    max_trials: Trials = None,
    language_model: Model = None,
    save: Annotated[Path | None, typer.Option(help="Write the result to this JSON file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the best configuration for a table; nothing is registered or promoted.

    The same command again goes on with the same study.
    """
    quiet()
    from driftune.loop.search import search
    from driftune.tuning import rich_progress
    from driftune.tuning.listening import listening

    with rich_progress() as on_progress, listening(on_progress):
        result = search(problem, _overrides(max_seconds, max_trials, language_model))
    if save:
        import json

        save.write_text(json.dumps(result.to_dict(), indent=2), encoding="utf-8")
    stopped = result.stop_reason == "user"
    if not (stopped and as_json):  # the error is the one document then
        show(result.to_dict(), as_json=as_json, text=lambda: _print_study(result, problem))
    if stopped:
        raise KeyboardInterrupt  # gives the exit code, and says how to go on


def retune(
    problem: ProblemName,
    max_seconds: Seconds = None,
    max_trials: Trials = None,
    language_model: Model = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "asked for",
    as_json: AsJson = False,
) -> None:
    """Retune a problem now: data, features, tune, train, gate, promote.

    Without new data and with the same settings there is nothing to do.
    """
    quiet()
    from driftune import loop
    from driftune.project import Project
    from driftune.tuning import rich_progress
    from driftune.tuning.listening import listening

    project = Project.find()
    settings = project.settings(problem)
    with rich_progress() as on_progress, listening(on_progress):
        row = loop.retune(
            project,
            settings,
            reason=reason,
            tuning=_overrides(max_seconds, max_trials, language_model),
        )
    show(_retune_record(row), as_json=as_json, text=lambda: _print_retune(row))
    if row.status == "failed":
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
    from driftune.project import Project

    project = Project.find()
    settings = project.settings(problem)
    seen: list[dict[str, Any]] = []
    while loop.pending_batches(project, settings):
        for row in loop.watch(project, settings):
            seen.append(_observation_record(row))
            if not as_json:
                _print_observation(row)
        if decide_only:
            break
        _run_due(project, problem, as_json=as_json)
    if not decide_only:  # what an earlier, stopped call left in the queue
        _run_due(project, problem, as_json=as_json)
    show(
        seen,
        as_json=as_json,
        text=lambda: None if seen else out.print(f"{settings.name}: no new batch."),
    )


def _run_due(project: Project, problem: str, *, as_json: bool) -> None:
    from driftune import loop
    from driftune.tuning import rich_progress
    from driftune.tuning.listening import listening

    settings = project.settings(problem)
    for due in loop.due_retunes(project, settings)[-1:]:
        with rich_progress() as on_progress, listening(on_progress):
            row = loop.carry_out(project, settings, due.id)
        if not as_json:
            _print_retune(row)


def serve(
    problems: Annotated[
        list[str] | None, typer.Argument(help="Names in conf/problems; all of them by default.")
    ] = None,
    watch_every: Annotated[str, typer.Option(help="Time between looks, e.g. 30s, 1h.")] = "1m",
    cron: Annotated[str, typer.Option(help="When to retune without a drift (UTC).")] = "0 3 * * 1",
) -> None:
    """Serve the Prefect flows: watch on a schedule, retune on drift and weekly, reconcile.

    Uses the Prefect server of PREFECT_API_URL; starts one on 127.0.0.1:4200 where none answers.
    Stop with Ctrl-C; the ledger keeps what was queued.
    """
    from driftune.project import Project

    project = Project.find()
    for name in problems or []:
        project.settings(name)  # a wrong name is an error now, not at the first run
    project.serve(problems=problems or None, watch_every=_duration(watch_every), cron=cron)


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
    show(done, as_json=as_json, text=lambda: out.print("\n".join(done) or "Nothing was left open."))


def _overrides(
    max_seconds: str | None, max_trials: int | None, language_model: str | None
) -> dict[str, Any]:
    """Collect the options that change the problem's section ``tuning``."""
    budget = {"max_seconds": max_seconds, "max_trials": max_trials}
    chosen = {key: value for key, value in budget.items() if value is not None}
    return {
        **({"budget": chosen} if chosen else {}),
        **({"language_model": language_model} if language_model else {}),
    }


def _duration(text: str) -> timedelta:
    found = read_duration(text)
    if not found:
        raise UsageError(f"--watch-every {text!r} must be above zero.")
    return found


def _retune_record(row: RetuneRow) -> dict[str, Any]:
    return {"id": row.id, "status": row.status, "merged_into": row.merged_into, **row.details}


def _observation_record(row: ObservationRow) -> dict[str, Any]:
    decision = row.decision
    return {
        "batch": row.batch,
        "champion": row.champion_version,
        "value": row.value,
        "low": row.low,
        "high": row.high,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "retune": decision.retune_id,
    }


def _print_observation(row: ObservationRow) -> None:
    colour = {"queued": "yellow", "alert": "red"}.get(row.decision.outcome, "green")
    out.print(f"{row.batch}  [{colour}]{row.decision.outcome}[/]  {row.decision.reason}")


def _print_retune(row: RetuneRow) -> None:
    verdict = row.details.get("verdict") or {}
    colour = {"promoted": "green", "refused": "yellow"}.get(row.status, "red")
    say = verdict.get("reason") or row.details.get("error") or ""
    version = f" version {row.details['version']}" if "version" in row.details else ""
    out.print(f"{row.id}  [{colour}]{row.status}{version}[/]  {say}")


def _print_study(result: TuningResult, problem: str) -> None:
    out.print(
        f"{len(result.trials)} trials, stopped by {result.stop_reason};"
        f" best {result.metric} [bold]{result.best_value:.5g}[/] (validation)"
    )
    for name, value in result.best_params.items():
        out.print(f"  {name}: {value:.6g}" if isinstance(value, float) else f"  {name}: {value}")
    out.print(result.table_by_source())
    name = Path(problem).stem
    where = "" if name == problem else f", once {problem} lies in a project's conf/problems"
    out.print(f"`driftune retune {name}` trains, proves and registers a model{where}.")
