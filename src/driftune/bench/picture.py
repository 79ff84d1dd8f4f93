"""The picture of a benchmark: regret by trial, and what was gained on held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftune.bench.arms import ARMS, BASELINE
from driftune.bench.comparison import compare, regret_curves
from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from driftune.bench.search import Run

# Okabe and Ito's palette, which colour-blind readers can tell apart
COLOURS = {
    "random": "#999999",
    "tpe": "#000000",
    "tpe5": "#56b4e9",
    "tpe+start": "#0072b2",
    "sllmbo": "#d55e00",
    "driftune": "#009e73",
    "driftune+model": "#cc79a7",
}
DASHED = {"sllmbo", "driftune+model"}  # those that ask a language model


def draw(runs: Sequence[Run], path: Path, note: str) -> None:
    """Write a PNG.

    Args:
        runs: All with the same number of trials.
        path: Where to.
        note: Below the picture, such as who the language model was.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_regret(left, runs)
    _draw_gain(right, runs)
    figure.supxlabel(note, fontsize=8, color="#555555")
    with replace_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)


def _draw_regret(axes: Axes, runs: Sequence[Run]) -> None:
    from matplotlib.ticker import MaxNLocator

    curves = regret_curves(runs)
    for arm in ARMS:
        own = [curves[p] for p, run in enumerate(runs) if run.arm == arm]
        if not own:
            continue
        mean = np.mean(own, axis=0)
        style = "--" if arm in DASHED else "-"
        axes.plot(
            np.arange(1, len(mean) + 1), mean, style, color=COLOURS[arm], label=arm, linewidth=1.8
        )
    tasks = {(run.table, run.model) for run in runs}
    seeds = {run.seed for run in runs}
    axes.set_title(f"CV score, {len(tasks)} task(s) x {len(seeds)} seed(s)", fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trials")
    axes.set_ylabel("regret of the best so far\n(0 best seen, 1 median random)")
    axes.set_ylim(bottom=0, top=min(1.5, axes.get_ylim()[1]))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_gain(axes: Axes, runs: Sequence[Run]) -> None:
    rows = [each for each in compare(runs) if each.test_gain is not None and each.cv_gain]
    for position, each in enumerate(reversed(rows)):
        assert each.test_gain is not None and each.cv_gain is not None
        for shift, interval, marker in ((0.13, each.cv_gain, "s"), (-0.13, each.test_gain, "o")):
            if interval.low is not None and interval.high is not None:
                ends = [interval.low, interval.high]
                axes.plot(ends, [position + shift] * 2, color=COLOURS[each.arm])
            axes.plot(
                interval.mean, position + shift, marker, color=COLOURS[each.arm],
                markerfacecolor="white" if marker == "s" else COLOURS[each.arm],
            )  # fmt: skip
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [each.arm for each in reversed(rows)])
    axes.set_title(f"gain over {BASELINE}: CV (square), held-out rows (dot)", fontsize=10)
    axes.set_xlabel("points of F1 or % of MAE, 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
