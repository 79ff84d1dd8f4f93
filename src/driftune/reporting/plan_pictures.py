"""The three pictures of a plan: the learning curve, the cost of a trial, the ways to spend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from driftune.files import replace_file
from driftune.scaling.curves.drawing import draw_cost, draw_learning_curve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from driftune.loop.planning import Plan
    from driftune.scaling.advise.advice import Alternative

BLUE, ORANGE, GREY, GREEN = "#0072b2", "#e69f00", "#8c8c8c", "#009e73"  # Okabe and Ito's
HEIGHT = 380  # CSS pixels
INCHES = (10.0, 4.4)


def save_png(path: Path, paint: Callable[[Figure], None]) -> None:
    """Write a picture as PNG."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"text.parse_math": False}):
        figure = Figure(figsize=INCHES, layout="constrained")
        paint(figure)
        with replace_file(path) as temporary:
            figure.savefig(temporary, format="png", dpi=130)


def paint_learning_curve(figure: Figure, plan: Plan) -> None:
    """Loss against training rows of a fold, with what is recommended."""
    axes, advice = figure.subplots(), plan.advice
    if advice.curve is None:
        _paint_pilots(axes, plan)
    else:
        marks = {"all rows": float(plan.pilots.rows)}
        if advice.rows_fraction < 1:
            marks["recommended"] = plan.pilots.rows * advice.rows_fraction
        if plan.advice.more_rows is not None:
            more = plan.pilots.rows * (1 + plan.advice.more_rows.rows / plan.pilots.table_rows)
            marks["with more rows"] = more
        draw_learning_curve(axes, advice.curve, marks=marks)
    axes.set_xlabel("training rows of a fold")
    axes.set_ylabel(_loss_name(plan))
    _write_numbers(axes.xaxis)


def paint_cost(figure: Figure, plan: Plan) -> None:
    """Seconds of a trial against training rows."""
    axes = figure.subplots()
    whole = [
        replace(point, rounds=point.rounds or 1, leaves=point.leaves or 1)
        for point in plan.pilots.points
    ]  # of a family without rounds or leaves as well
    draw_cost(axes, plan.advice.cost, whole)
    axes.set_xlabel("training rows of a fold")
    axes.set_ylabel("seconds of a trial, all folds")
    _write_numbers(axes.xaxis)
    _write_numbers(axes.yaxis)


def paint_ways(figure: Figure, plan: Plan) -> None:
    """Every way to spend the budget that was compared, by the loss that it is expected to reach."""
    axes, advice = figure.subplots(), plan.advice
    ways = [advice.naive, *advice.alternatives]
    best = min(way.loss for way in ways)
    noise = advice.more_compute.noise
    for place, way in enumerate(ways):
        chosen = way is advice.chosen
        axes.plot(way.loss, place, "o", ms=11 if chosen else 8, color=BLUE if chosen else GREY)
        axes.annotate(
            _describe(way), (way.loss, place), xytext=(0, 12), textcoords="offset points",
            ha="center", fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(ways)), [_name(way, advice.chosen) for way in ways])
    axes.set_ylim(len(ways) - 0.4, -0.7)
    worst = max(way.loss for way in ways)
    room = max(worst - best, noise, 1e-3 * best)
    axes.set_xlim(best - 0.5 * room, best + 1.5 * room)
    axes.axvspan(best, best + noise, color=GREEN, alpha=0.15, lw=0, label="no worse, within noise")
    axes.set_xlabel(f"expected {_loss_name(plan)}")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower right", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _paint_pilots(axes: Axes, plan: Plan) -> None:
    """The pilots alone, where they are too few for a curve."""
    axes.semilogx(
        [point.rows for point in plan.pilots.points],
        [point.loss for point in plan.pilots.points], "o", color=BLUE,
    )  # fmt: skip
    axes.set_title("too few sizes for a learning curve", fontsize=10)
    axes.ticklabel_format(axis="y", useOffset=False)


def _describe(way: Alternative) -> str:
    return " → ".join(f"{rung.configs} on {rung.rows:,}" for rung in way.rungs)


def _name(way: Alternative, chosen: Alternative) -> str:
    return f"{way.name}\n(recommended)" if way is chosen else way.name.replace(", ", ",\n")


def _write_numbers(axis: Axis) -> None:
    """Label a logarithmic axis with plain numbers; powers of ten need a renderer of formulas."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axis.set_minor_formatter(NullFormatter())


def _loss_name(plan: Plan) -> str:
    name = plan.metric.name
    return f"1 - {name}" if plan.metric.greater_is_better else name


PAINTERS: dict[str, Callable[..., None]] = {
    "learning_curve": paint_learning_curve,
    "cost": paint_cost,
    "ways": paint_ways,
}
