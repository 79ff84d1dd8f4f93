"""Retunes, observations and studies: in words for people, as records for programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from driftune.cli.output import counted, out

if TYPE_CHECKING:
    from datetime import datetime

    from driftune.ledger import ObservationRow, RetuneRow
    from driftune.tuning import TuningResult

    Holder = tuple[str, datetime]  # host:pid, until when


WAITING = {  # status of a challenger that passed the gate -> what it waits for
    "awaiting_approval": "It waits for `driftune approve {name} --by WHO`, or `driftune reject`.",
    "shadow": "It runs beside the champion; the next batches decide (gate.shadow_batches).",
}

STOPPED = {  # stop reason -> what follows the number of trials, where the reason does not say it
    "converged": "stopped: the search stands still (converged)",
    "no_gain_expected": "stopped: what is left of the budget would gain less than"
    " budget.min_gain (no_gain_expected)",
}


def retune_record(
    row: RetuneRow, *, earlier: bool = False, holder: Holder | None = None
) -> dict[str, Any]:
    """Return a retune as JSON values; ``earlier``: a call before this one has finished it."""
    return {
        "id": row.id,
        "status": row.status,
        "merged_into": row.merged_into,
        "nothing_new": earlier,
        **({"held_by": holder[0], "held_until": holder[1]} if holder else {}),
        **row.details,
    }


def observation_record(row: ObservationRow) -> dict[str, Any]:
    """Return a watched batch and its decision as JSON values."""
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


def print_observation(row: ObservationRow) -> None:
    """Print a watched batch and its decision."""
    colour = {"queued": "yellow", "alert": "red"}.get(row.decision.outcome, "green")
    batch, why = escape(row.batch), escape(row.decision.reason)
    out.print(f"{batch}  [{colour}]{row.decision.outcome}[/]  {why}")


def print_retune(row: RetuneRow, *, earlier: bool = False, holder: Holder | None = None) -> None:
    """Print how a retune ended, or who works on it."""
    colours = {"promoted": "green", "refused": "yellow", **dict.fromkeys(WAITING, "yellow")}
    colour = colours.get(row.status, "red")
    verdict = row.details.get("verdict") or {}
    say = escape(verdict.get("reason") or row.details.get("error") or "")
    version = f"version {row.details['version']}" if "version" in row.details else ""
    if row.status in {"promoted", "refused"} and earlier:
        out.print(
            f"Nothing new since {escape(str(row.through))}: {version},"
            f" [{colour}]{row.status}[/] earlier.  {say}"
        )
        return
    into = f" {escape(row.merged_into)}" if row.status == "merged_into" and row.merged_into else ""
    out.print(f"{row.id}  [{colour}]{f'{row.status}{into} {version}'.strip()}[/]  {say}".rstrip())
    if row.status in WAITING:
        out.print(escape(WAITING[row.status].format(name=row.problem)))
    if holder:
        owner, until = holder
        out.print(
            f"Another process ({escape(owner)}) retunes {row.problem}; unless it renews it, its"
            f" right to do so ends at {until:%H:%M:%S} UTC. Try again when it is done."
        )
    elif row.status in {"queued", "running", "merged_into"}:
        out.print("Another process retuned it at the same time and has just ended: try again.")


def print_study(result: TuningResult, problem: str) -> None:
    """Print the best configuration, who proposed what, and what to do next."""
    from driftune.tuning.fronts import describe_constraints

    why = STOPPED.get(result.stop_reason, f"stopped by {result.stop_reason}")
    out.print(
        f"{counted(len(result.trials), 'trial')}, {why};"
        f" best {result.metric} [bold]{result.best_value:.5g}[/] (validation)"
    )
    for name, value in result.best_params.items():
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        out.print(escape(f"  {name}: {shown}"))
    limited = describe_constraints(result)
    if limited:
        out.print(escape(limited))
    _print_sources(result)
    if result.transfer:
        start = result.transfer
        tried = counted(start["tried"], "configuration")
        out.print(escape(f"At most {tried} of {start['study']} tried first: {start['reason']}."))
    name = Path(problem).stem
    where = "" if name == problem else f", once {problem} lies in a project's conf/problems"
    said = f"`driftune retune {name}` trains, proves and registers a model{where}."
    out.print(escape(said))


def _print_sources(result: TuningResult) -> None:
    """Print a table when there is a language model to account for, else one line."""
    if result.worth.verdict != "no model":
        out.print(escape(result.table_by_source()))
        out.print(escape(result.worth.sentence(result.metric)))
        return
    trials = ", ".join(f"{entry['trials']} {entry['source']}" for entry in result.by_source)
    out.print(escape(f"Trials by source: {trials}; no language model took part."))
