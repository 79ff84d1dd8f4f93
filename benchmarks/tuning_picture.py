"""The picture of the tuning race: what each arm would have answered, over wall time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tuning_races import BEFORE, OURS, Race

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLOURS = {
    "plain": "tab:gray",
    "plain2": "tab:brown",
    OURS: "tab:blue",
    BEFORE: "tab:cyan",
    "flaml": "tab:orange",
}
LABELS = {
    "plain": "plain Optuna",
    "plain2": "plain Optuna, two processes",
    OURS: "tune()",
    BEFORE: "tune() of an earlier version",
    "flaml": "FLAML, seconds of tune()",
}
POINTS = 200


def draw(races: Sequence[Race], path: Path) -> None:
    """Save two rows of panels, one column per table.

    Above, the score of the incumbent by plain Optuna's five folds, with the score it reaches; below
    the loss on the test rows. Lines are medians over the seeds, bands reach from least to most.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    tables = list(dict.fromkeys(race.table for race in races))
    figure, panels = plt.subplots(
        2, len(tables), figsize=(4.2 * len(tables) + 0.5, 7.5), sharex="col", squeeze=False
    )
    for column, table in zip(panels.T, tables, strict=True):
        _draw_table([race for race in races if race.table == table], table, column)
    panels[0, 0].set_ylabel("incumbent by plain Optuna's five folds")
    panels[1, 0].set_ylabel("the same, refitted, on the test rows")
    panels[0, -1].legend(fontsize=8)
    panels[1, -1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_table(races: Sequence[Race], table: str, column: Any) -> None:
    for panel, key in zip(column, ("plain_score", "test"), strict=True):
        for arm in (arm for arm in COLOURS if any(race.has(arm) for race in races)):
            runs = [race.runs[arm] for race in races if race.has(arm)]
            if "moments" in runs[0]:
                _draw_line(panel, arm, runs, key)
            elif key == "test":
                seconds, scores = zip(*[(run["seconds"], run["test"]) for run in runs], strict=True)
                panel.plot(seconds, scores, "D", ms=5, color=COLOURS[arm], label=LABELS[arm])
        panel.set_xscale("log", subs=[2, 5])
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter("{x:g}")
        panel.grid(alpha=0.3, which="both")
        runs = [run for race in races for run in race.runs.values()]
        points = [run["test"] for run in runs if key == "test" and "test" in run]
        _zoom(panel, [moment[key] for run in runs for moment in run.get("moments", [])], points)
    targets = [r.runs["plain"]["moments"][-1]["plain_score"] for r in races if r.has("plain")]
    if targets:
        column[0].axhline(np.median(targets), ls=":", color="black", lw=1)
    column[0].set_title(f"{table} ({races[0].metric.name})")
    column[1].set_xlabel("seconds")


def _zoom(panel: Any, scores: list[float], points: list[float]) -> None:
    """Cut off the first, bad incumbents, beside which nothing else could be seen."""
    middle = float(np.median(scores))
    reach = 4 * float(np.median(np.abs(np.array(scores) - middle)))
    low, high = panel.get_ylim()
    if reach:
        panel.set_ylim(
            max(low, min([middle - reach, *points])), min(high, max([middle + reach, *points]))
        )


def _draw_line(panel: Any, arm: str, runs: Sequence[dict[str, Any]], key: str) -> None:
    """Draw steps from the moment at which the last of the runs had an answer."""
    begin = max(run["moments"][0]["seconds"] for run in runs)
    end = max(run["seconds"] for run in runs)
    seconds = np.geomspace(begin, max(end, begin * 1.01), POINTS)
    scores = np.array([_steps(run["moments"], seconds, key) for run in runs])
    panel.plot(seconds, np.median(scores, axis=0), color=COLOURS[arm], label=LABELS[arm])
    if len(runs) > 1:
        low, high = scores.min(axis=0), scores.max(axis=0)
        panel.fill_between(seconds, low, high, color=COLOURS[arm], alpha=0.15, lw=0)


def _steps(moments: Sequence[dict[str, Any]], seconds: np.ndarray, key: str) -> np.ndarray:
    known = [moment["seconds"] for moment in moments]
    place = np.searchsorted(known, seconds, side="right") - 1
    return np.array([moments[max(0, n)][key] for n in place])
