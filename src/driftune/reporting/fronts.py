"""The picture of what accuracy costs a device: size and latency beside the validation score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftune.reporting.ink import BLUE, GREEN, INK, MUTED, RED, draw
from driftune.tuning.constraints import MEASURES
from driftune.tuning.fronts import Front, find_front

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from driftune.tuning import TuningResult

SHOWN = ("model_size_kb", "latency_us_per_row")
TALLEST = 3  # times the middle half of the scores that the picture reaches beyond it


def draw_fronts(result: TuningResult) -> str:
    """Draw the size-accuracy and the latency-accuracy front, and others that have a limit.

    Returns:
        An ``<svg>``; empty with less than two measured trials, which make no front.
    """
    names = [*SHOWN, *(name for name in result.constraints if name not in SHOWN)]
    fronts = [front for name in names if (front := find_front(result, name))]
    if not fronts or len(fronts[0].costs) < 2:
        return ""
    label = "Validation score of each trial by size and latency of its model, with the best of each"
    return draw(380, "fronts", label, lambda figure: _paint(figure, fronts, result))


def _paint(figure: Figure, fronts: list[Front], result: TuningResult) -> None:
    panels = figure.subplots(1, len(fronts), sharey=True, squeeze=False)[0]
    for axes, front in zip(panels, fronts, strict=True):
        _paint_front(axes, front)
        axes.set_xlabel(MEASURES[front.name].axis)
        axes.grid(axis="y")
    minimize = result.direction == "minimize"
    panels[0].set_ylim(*_reach(fronts, minimize))
    better = "lower" if minimize else "higher"
    panels[0].set_ylabel(f"validation {result.metric} ({better} is better)")
    entries: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    figure.legend(list(entries.values()), list(entries), loc="outside upper left", ncols=6)


def _paint_front(axes: Any, front: Front) -> None:
    _scale(axes)
    kept, broken = front.feasible, ~front.feasible
    axes.plot(
        front.costs[kept], front.values[kept], "o", color=BLUE, markersize=6, label="trial",
        zorder=2,
    )  # fmt: skip
    if broken.any():
        axes.plot(
            front.costs[broken], front.values[broken], "x", color=MUTED, markersize=7,
            markeredgewidth=1.5, label="breaks a constraint", zorder=2,
        )  # fmt: skip
    edge = max(front.costs) * 1.15  # the front goes on: more bytes buy nothing more
    axes.step(
        [*front.costs[front.best], edge],
        [*front.values[front.best], front.values[front.best[-1]]],
        where="post", color=INK, linewidth=1.6, label="front", zorder=1,
    )  # fmt: skip
    axes.plot(
        front.costs[front.chosen], front.values[front.chosen], "o", color=GREEN, markersize=13,
        markerfacecolor="none", markeredgewidth=2.5, label="chosen", zorder=3,
    )  # fmt: skip
    if front.limit is not None:
        axes.axvline(front.limit, color=RED, linewidth=1.5, linestyle="--", label="limit")


def _scale(axes: Any) -> None:
    """A logarithmic scale with plain numbers: the page has no mathematical typesetting."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _reach(fronts: list[Front], minimize: bool) -> tuple[float, float]:
    """Ends of the scale of scores: a few absurd ones must not flatten the rest."""
    import numpy as np

    values = fronts[0].values
    low, lower, upper, high = np.quantile(values, [0, 0.25, 0.75, 1])
    reach = TALLEST * (upper - lower)
    shown = [values[front.chosen] for front in fronts]
    if reach > 0 and minimize:
        high = max(min(high, upper + reach), *shown)
    elif reach > 0:
        low = min(max(low, lower - reach), *shown)
    pad = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
    return float(low - pad), float(high + pad)
