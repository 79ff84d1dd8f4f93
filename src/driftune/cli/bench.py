"""``driftune bench``: published protocols on tables of one's own."""

from __future__ import annotations

import json
import logging
import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Shown

from driftune.cli.output import AsJson, counted, err, out, quiet, show
from driftune.errors import UsageError, close_match
from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from driftune.bench import Compared, Event, Interval, Plan

bench = typer.Typer(
    name="bench",
    help="Run a published protocol on tables of your own, and compare samplers in it.",
    no_args_is_help=True,
)
_MODELS = ("lightgbm", "xgboost", "both")


@bench.callback()
def _bench() -> None:
    """Run a published protocol on tables of your own, and compare samplers in it."""


@bench.command()
def sllmbo(  # noqa: PLR0913, PLR0917 - options
    tables: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files (.csv, .parquet), folders of them, lists (.yaml, .toml) or names of"
            " bundled tables: breast_cancer, digits, wine, diabetes, flights, flights_late."
            " Without any: the first four.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Column to predict; not for the paper's own tables.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="regression or classification, if the target leaves doubt.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A column that is no feature; may be repeated.")
    ] = None,
    in_order: Annotated[
        bool, typer.Option("--in-order", help="Rows are in order of time: split forward.")
    ] = False,
    rows: Annotated[
        int | None, typer.Option(min=50, help="Rows to draw from larger tables.")
    ] = None,
    flights: Annotated[
        bool, typer.Option("--flights", help="Add the flights (the extra demo).")
    ] = False,
    model: Annotated[str, typer.Option(help="lightgbm, xgboost or both.")] = "both",
    arms: Annotated[
        str,
        typer.Option(
            help="Samplers to compare, with commas: tpe is the paper's baseline, tpe5 Optuna"
            " 5's default, tpe+start that after driftune's first configurations."
        ),
    ] = "random,tpe,tpe5,tpe+start,sllmbo,driftune,driftune+model",
    trials: Annotated[int, typer.Option(min=2, help="Trials per run; the paper's 50.")] = 50,
    seeds: Annotated[int, typer.Option(min=1, help="Runs per task and arm.")] = 3,
    language_model: Annotated[
        str | None,
        typer.Option(help="Whom sllmbo and driftune+model ask; without: the stand-in."),
    ] = None,
    max_cost_usd: Annotated[
        float, typer.Option(min=0.0, help="For all calls of this benchmark.")
    ] = 1.0,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="Ask models whose price is unknown.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Per fit; 0 chooses.")] = 0,
    folder: Annotated[
        Path, typer.Option("--out", help="Finished runs, sllmbo.json and sllmbo.png.")
    ] = Path("sllmbo-results"),
    as_json: AsJson = False,
) -> None:
    """Run the SLLMBO paper's protocol: its spaces, splits, metrics and 50 trials.

    Seven tables are known by the paper's file names (gas_drift.csv, cover_type.csv,
    adult_census.csv, bike_sharing.csv, concrete_strength.csv, energy.csv, m5.csv); with both models
    these are its 14 tasks. Stop it with Ctrl-C, start it again: finished runs are kept.
    """
    quiet()
    from driftune import bench as library

    _hush()
    models = _choose_models(model)
    for name in models:
        library.check_installed(name)
    chosen = library.check_arms([word.strip() for word in arms.split(",") if word.strip()])
    asked = library.Asked(language_model, max_cost_usd=max_cost_usd, allow_unpriced=allow_unpriced)
    given = {
        "target": target,
        "task": _choose_task(task),
        "drop": tuple(drop or ()),
        "in_order": in_order or None,
        "rows": rows,
    }
    found = library.find_tables(tables or [], given=given, flights=flights)
    plan = library.Plan(
        [library.prepare(table) for table in found], models, chosen, seeds, trials, asked, threads
    )
    with _progress(plan, err if as_json else out) as tell:
        runs = library.run_all(plan, folder / "runs", tell)
    command = shlex.join(["driftune", *sys.argv[1:]])
    document = library.to_document(plan, runs, command)
    with replace_file(folder / "sllmbo.json") as path:
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    library.draw(runs, folder / "sllmbo.png", _note(plan))
    compared = library.compare(runs)
    result = {key: value for key, value in document.items() if key != "runs"}
    show(result, as_json=as_json, text=lambda: _print(plan, compared, folder))


def _hush() -> None:
    """One line per trial or fallback is too many here; the counts are in the result."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("driftune.sampler").setLevel(logging.ERROR)


def _choose_models(model: str) -> list[str]:
    if model not in _MODELS:
        raise UsageError(f"There is no model {model!r}.{close_match(model, _MODELS)}")
    return ["lightgbm", "xgboost"] if model == "both" else [model]


def _choose_task(task: str | None) -> str | None:
    known = ("regression", "classification")
    if task is not None and task not in known:
        raise UsageError(f"There is no task {task!r}.{close_match(task, known)}")
    return task


@contextmanager
def _progress(plan: Plan, console: Console) -> Iterator[Callable[[Event], None]]:
    """Show one bar for all trials, with the run that is on; a line per run without a terminal."""
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        runs = len(plan.jobs())
        all_trials = bar.add_task("", total=runs * plan.trials)

        def tell(event: Event) -> None:
            job = event.job
            what = f"{job.prepared.name} {job.model} {job.arm} seed {job.seed}"
            bar.update(all_trials, advance=event.trials, description=escape(what))
            done = round(bar.tasks[0].completed)
            if not console.is_terminal and done % plan.trials == 0:
                console.print(escape(f"{done // plan.trials} of {runs}: {what}"))

        yield tell


def _print(plan: Plan, compared: list[Compared], folder: Path) -> None:
    tasks = len(plan.tasks) * len(plan.models)
    out.print(
        f"{counted(tasks, 'task')} x {counted(plan.seeds, 'seed')}, {plan.trials} trials each."
        " @N is the regret after N trials: 0 is the best CV score seen, 1 the median random"
        " configuration. Below zero is better in 'change', regret at the end minus tpe's; above"
        " zero in 'test', points of weighted F1 or % of MAE on held-out rows; both with 95 %"
        " bootstrap intervals. +/=/- counts tasks by CV score; s and calls are per run."
    )
    out.print(_table(compared))
    out.print(escape(_note(plan)))
    out.print(escape(f"Written: {folder / 'sllmbo.json'}, {folder / 'sllmbo.png'}"))


def _table(compared: list[Compared]) -> Shown:
    points = list(compared[0].regret)
    cost = any(each.cost_usd != 0 for each in compared)
    shown = Shown(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    shown.add_column("arm", no_wrap=True)
    heads = [*(f"@{point}" for point in points), "change", "test", "+/=/-", "s", "calls"]
    for head in [*heads, *(["USD"] if cost else [])]:
        shown.add_column(head, justify="right", overflow="fold")
    for each in compared:
        cells = [
            *(f"{each.regret[point]:.2f}" for point in points),
            _interval(each.regret_change, 2),
            _interval(each.test_gain, 1),
            "" if each.won is None else "/".join(str(count) for count in each.won),
            f"{each.seconds:.0f}",
            f"{each.calls:.0f}",
        ]
        if cost:
            cells.append("?" if each.cost_usd is None else f"{each.cost_usd:.2f}")
        shown.add_row(escape(each.arm), *cells)
    return shown


def _interval(interval: Interval | None, digits: int) -> str:
    """Two short lines, bold when zero is outside: the table fits into 80 columns."""
    if interval is None:
        return ""
    text = f"{interval.mean:+.{digits}f}"
    if interval.low is not None:
        text += f"\n{interval.low:+.{digits}f}..{interval.high:+.{digits}f}"
    return f"[bold]{text}[/]" if interval.clear else text


def _note(plan: Plan) -> str:
    """Say who the language model was; a stand-in says nothing about language models."""
    from driftune.bench import ARMS

    asking: list[Any] = [arm for arm in plan.arms if ARMS[arm].asks]
    if not asking:
        return "No arm asks a language model."
    name = plan.asked.name
    if name.startswith("scripted:"):
        return (
            f"{' and '.join(asking)} ask {name}, a rule of thumb in a language model's place:"
            " this proves the wiring, and says nothing about language models."
        )
    return f"{' and '.join(asking)} ask {name}."
