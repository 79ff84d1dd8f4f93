"""``driftune backtest``: what policies would have done on a problem's history."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from driftune.cli.output import AsJson, counted, err, out, quiet, show
from driftune.cli.problems import ProblemName, open_problem
from driftune.cli.stages import stages
from driftune.errors import UsageError

if TYPE_CHECKING:
    from driftune.loop.backtesting import Backtest, Judged
    from driftune.monitoring import TriggerPolicy
    from driftune.monitoring.backtest import Step
    from driftune.settings import Settings

PICTURES = {".png", ".svg", ".pdf"}
CONFIGURED = "configured"  # what the problem's own policy is called


def backtest(
    problem: ProblemName,
    policy: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="YAML file with the keys of the section `policy`; may be repeated. The problem's"
            " own policy is always replayed too.",
            show_default=False,
        ),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="A..B or FOLDER",
            help="Batches to decide about (default: all), e.g. week_13..week_30 (either end may be"
            " left out), or a folder of tables that hold the features already.",
            show_default=False,
        ),
    ] = None,
    label_delay: Annotated[
        int, typer.Option(min=0, help="Labels arrive so many batches after their rows.")
    ] = 0,
    shuffles: Annotated[
        int, typer.Option(min=0, help="Shuffled histories on which false alarms are counted.")
    ] = 1,
    max_rows: Annotated[
        int, typer.Option(min=1000, help="Rows to use; of more, a random share of every batch.")
    ] = 200_000,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the picture goes: .png, .svg or .pdf; default: backtest_PROBLEM.png in"
            " data/08_reporting.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a problem's history: when each policy would have fired, and what had come of it.

    Models are fitted with the champion's hyperparameters (without a champion: the family's
    default) on what was known after each batch; the policy, its measurements and the gate are
    those of `driftune watch`. Beside each policy stand never retraining, always retraining, and
    the best schedule in hindsight. Nothing is promoted or recorded.

    The first run fits some hundred models and takes minutes; Ctrl-C keeps what is fitted, and the
    next run, also with other policies, is quick.
    """
    quiet()
    policies = _read(policy or [])
    _refuse_no_picture(plot)
    from driftune.loop.backtesting import backtest as run
    from driftune.reporting.backtest_plot import draw_backtest

    project, settings = open_problem(problem)
    settings.refuse_missing_batches()
    with stages(err if as_json else out) as on_stage:
        found = run(
            project,
            settings,
            {CONFIGURED: settings.policy, **policies},
            history=history,
            label_delay=label_delay,
            shuffles=shuffles,
            most_rows=max_rows,
            on_stage=on_stage,
        )
    picture = plot or project.reports / f"backtest_{settings.name}.png"
    draw_backtest(found, picture)
    show(
        {**found.to_dict(), "picture": str(picture)},
        as_json=as_json,
        text=lambda: _print(found, settings, picture),
    )


def _read(files: list[Path]) -> dict[str, TriggerPolicy]:
    """Read policies by the names of their files, before anything is fitted."""
    from driftune.policy_file import read_policy

    policies: dict[str, TriggerPolicy] = {}
    for file in files:
        if file.stem in {*policies, CONFIGURED}:
            taken = "the problem's own policy" if file.stem == CONFIGURED else "another file"
            raise UsageError(
                f"--policy {file}: {file.stem!r} is what {taken} is called; rename it."
            )
        policies[file.stem] = read_policy(file)
    return policies


def _refuse_no_picture(plot: Path | None) -> None:
    """Refuse a place for the picture before minutes are spent on it."""
    if plot is None:
        return
    if plot.suffix not in PICTURES:
        raise UsageError(f"--plot {plot}: a picture ends in {', '.join(sorted(PICTURES))}.")
    if not plot.resolve().parent.is_dir():
        raise UsageError(f"--plot {plot}: there is no folder {plot.resolve().parent}.")


def _print(found: Backtest, settings: Settings, picture: Path) -> None:
    out.print(_table(found))
    for each in found.policies:
        _print_acts(each)
    _print_notes(found, settings)
    out.print(f"Picture: {escape(str(picture))}")


def _table(found: Backtest) -> Table:
    better = "higher" if found.greater_is_better else "lower"
    title = f"{found.problem}: {counted(len(found.batches), 'batch')}, {better} is better"
    shown = Table(title=escape(title), title_justify="left", box=None, padding=(0, 1, 0, 0))
    shown.add_column("policy", no_wrap=True)
    heads = (f"mean {found.metric}", "gain", "retunes", "promoted", "oracle", "false", "fits", "s")
    for head in heads:
        shown.add_column(head, justify="right")
    for each in (*found.schedules, *found.policies):
        shown.add_row(escape(each.replayed.name), *_cells(each))
    return shown


def _cells(each: Judged) -> tuple[str, ...]:
    replayed = each.replayed
    alarms = ""
    if each.false_alarms is not None:
        alarms = f"{each.false_alarms} in {each.shuffled_batches}"
    return (
        _number(replayed.mean),
        "" if each.share is None else f"{each.share:.0%}",
        str(replayed.retunes),
        str(replayed.promotions),
        _number(each.oracle) if replayed.kind == "policy" else "",
        alarms,
        str(replayed.fits),
        f"{replayed.seconds:.0f}",
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _print_acts(each: Judged) -> None:
    """Print when a policy fired, why, and what came of it."""
    acts = [step for step in each.replayed.steps if step.outcome in ("queued", "alert")]
    name = escape(each.replayed.name)
    if not acts:
        out.print(f"{name}: never fired.")
    for step in acts:
        out.print(f"{name}  {escape(step.batch)}  {_act(step)}")


def _act(step: Step) -> str:
    colour = {"promoted": "green", "refused": "yellow"}.get(step.verdict or "", "red")
    what = f"{step.action or step.outcome} by {step.trigger}"
    if step.verdict is None:
        return f"{what}: {escape(step.reason)}"
    return f"{what}, [{colour}]{step.verdict}[/]: {escape(step.verdict_reason)}"


def _print_notes(found: Backtest, settings: Settings) -> None:
    notes = [
        "gain: share of what always retraining gains over never, which pass no gate. oracle: the"
        " best schedule of as many retrainings, in hindsight. false: retunes and alerts on a"
        " history whose rows are shuffled in blocks, so that nothing drifts.",
        f"Hyperparameters: {found.hyperparameters}; each model is fitted anew, none is tuned.",
    ]
    searching = [each for each in found.policies if each.search_seconds != 0]
    if searching:
        limit = settings.tuning.budget.max_seconds
        notes.append(
            f"Live, every `retune` also searches (tuning.budget.max_seconds is {limit}), which can"
            " make its challengers better than these."
        )
    if settings.gate.mode != "automatic":
        notes.append(
            f"gate.mode is {settings.gate.mode}: here a challenger that passes serves at once."
        )
    if found.share_of_rows < 1:
        notes.append(f"{found.share_of_rows:.0%} of the rows were used; --max-rows takes more.")
    if found.refused:
        notes.append(f"Validation refuses {', '.join(found.refused)}; left out.")
    out.print(escape("\n".join(notes)), style="dim")
