"""Pictures of a learning curve and of what fits cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from driftune.scaling.curves.cost import CostModel
    from driftune.scaling.curves.families import FloatArray
    from driftune.scaling.curves.learning_curve import LearningCurve
    from driftune.scaling.curves.observation import Observation

# Okabe and Ito (2008): told apart by colour-blind readers too
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"
_STEPS = 80


def draw_learning_curve(
    axes: Axes, curve: LearningCurve, *, marks: Mapping[str, float] | None = None
) -> None:
    """Draw pilots, the curve with its band, and the last pilot as the baseline.

    Solid where there are pilots, dashed and on a paler band where the curve is only foreseen, four
    times further or as far as the furthest mark.

    Args:
        axes: Drawn onto; labels and a logarithmic x axis are set.
        curve: What to draw.
        marks: Label -> rows of vertical lines, such as ``{"recommended": 40_000}``.
    """
    marks = marks or {}
    first, last = curve.points[0].rows, curve.points[-1].rows
    end = max(4.0 * last, *(1.1 * rows for rows in marks.values()), 0.0)
    _draw_part(axes, curve, (first, last), foreseen=False)
    _draw_part(axes, curve, (last, end), foreseen=True)
    axes.axhline(curve.last_value, color=GREY, ls=(0, (2, 3)), lw=1, label="last pilot")
    axes.errorbar(
        [point.rows for point in curve.points],
        [point.loss for point in curve.points],
        yerr=[point.se or 0.0 for point in curve.points],
        fmt="o", ms=5, capsize=3, color=BLUE, label="pilots",
    )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("training rows")
    axes.set_ylabel("loss")
    _draw_marks(axes, marks)
    axes.legend(
        framealpha=0.9, edgecolor="none", loc="lower left"
    )  # a falling curve leaves that corner free


def draw_cost(axes: Axes, cost: CostModel, points: Sequence[Observation]) -> None:
    """Draw seconds against rows, measured and predicted, and where rows begin to matter.

    Args:
        axes: Labels and logarithmic axes are set.
        cost: The model.
        points: Fits; those without seconds, rounds or leaves are left out.
    """
    timed = [
        (point.rows, point.seconds, cost.seconds(point.rows, point.rounds, point.leaves))
        for point in points
        if point.seconds is not None and point.rounds is not None and point.leaves is not None
    ]
    table = np.array(sorted(timed), dtype=float).reshape(-1, 3)
    rows, measured, predicted = _spread_out(table[:, 0]), table[:, 1], table[:, 2]
    axes.vlines(rows, measured, predicted, color=GREY, lw=1)
    axes.plot(rows, measured, "o", ms=5, color=BLUE, label="measured")
    axes.plot(rows, predicted, "_", ms=12, mew=2, color=ORANGE, label="predicted")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("training rows")
    axes.set_ylabel("seconds of one fit")
    leaves = [point.leaves for point in points if point.leaves is not None]
    even = cost.break_even(float(np.median(leaves))) if leaves else 0.0
    if len(table) and rows.min() / 2 < even < 4 * rows.max():
        _draw_marks(axes, {f"break-even, {np.median(leaves):.0f} leaves": even})
    axes.legend(framealpha=0.9, edgecolor="none", loc="lower right")  # dear fits have many rows


def _draw_part(
    axes: Axes, curve: LearningCurve, limits: tuple[float, float], *, foreseen: bool
) -> None:
    """Draw the mixture and its band between two numbers of rows."""
    rows = np.geomspace(*limits, _STEPS)
    found = [curve.predict(float(n)) for n in rows]
    colour = ORANGE if foreseen else BLUE
    axes.plot(
        rows,
        [one.loss for one in found],
        color=colour,
        ls="--" if foreseen else "-",
        label="foreseen" if foreseen else "fitted",
    )
    axes.fill_between(
        rows,
        [one.low for one in found],
        [one.high for one in found],
        color=colour,
        alpha=0.15,
        lw=0,
        label=f"{curve.level:.0%} interval" if foreseen else None,
    )


def _spread_out(rows: FloatArray) -> FloatArray:
    """Move equal rows (p,), sorted, apart by 3 per cent each, so that all fits are seen."""
    _, first, count = np.unique(rows, return_index=True, return_counts=True)
    place = np.arange(len(rows)) - np.repeat(first + (count - 1) / 2, count)
    return np.asarray(rows * 1.03**place)


def _draw_marks(axes: Axes, marks: Mapping[str, float]) -> None:
    """Draw vertical lines, their labels along them at the top."""
    for label, rows in marks.items():
        axes.axvline(rows, color=GREEN, lw=1.2)
        axes.annotate(
            label,
            (rows, 0.98),
            xycoords=("data", "axes fraction"),
            xytext=(-4, 0),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="top",
            color=GREEN,
        )
