"""Input drift: the table of one batch, its picture, and the picture of all batches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.reporting.cropping import crop
from driftune.reporting.ink import BLUE, GRID, INK, MUTED, PAPER, RED, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from driftune.reporting.story import Batch, Story

MOST_COLUMNS = 24  # that a picture shows, the most drifted ones
NOT_A_MEASURE = ("column", "kind", "alarm")
LIMITS = {"psi": "threshold", "wasserstein": "wasserstein_threshold"}
"""What can raise an alarm, and the key of what it must exceed."""
NAMES = {"psi": "PSI", "wasserstein": "Wasserstein"}
LONGEST_NAME = 30  # letters
FARTHEST = 3.0  # times its threshold that a picture reaches; what is beyond stands on its edge


@dataclass(frozen=True)
class DriftTable:
    """What drift monitoring said of one batch.

    Attributes:
        status: ``ok`` or ``insufficient_data``.
        rows: Rows of the batch.
        reason: The monitor's own sentence; may be empty.
        columns: One dict per column, alarms and the most drifted first: the fields of
            :class:`driftune.monitoring.drift_report.ColumnDrift`.
        measures: What was measured of any column, in the order of the ledger.
        joint: One sentence on all columns together; empty where that was not judged.
    """

    status: str
    rows: int
    reason: str
    columns: list[dict[str, Any]]
    measures: list[str]
    joint: str

    @property
    def alarms(self) -> list[str]:
        """The columns that drifted."""
        return [str(column["column"]) for column in self.columns if column.get("alarm")]


def read_drift(batch: Batch) -> DriftTable | None:
    """Read the report that the observation carries; ``None`` when drift was not looked at."""
    found = batch.details.get("drift")
    if not isinstance(found, dict):
        return None
    columns = [dict(column) for column in found.get("columns") or ()]
    columns.sort(key=lambda column: (not column.get("alarm"), -_excess(column)[0]))
    names = dict.fromkeys(name for column in columns for name in column)
    return DriftTable(
        status=str(found.get("status", "ok")),
        rows=int(found.get("rows") or 0),
        reason=str(found.get("reason") or ""),
        columns=columns,
        measures=[name for name in names if name not in NOT_A_MEASURE],
        joint=_describe_joint(found.get("joint")),
    )


def _describe_joint(joint: Any) -> str:
    """Say what a classifier made of all columns together."""
    if not isinstance(joint, dict) or joint.get("auc") is None:
        return ""
    telling = ", ".join(f"{name} ({share:.0%})" for name, share in joint.get("columns") or ())
    return (
        f"All columns together: a classifier tells the batch from the reference with AUC"
        f" {joint['auc']:.3f}; drift is above {joint.get('threshold', math.nan):.3f}"
        f"{', so that this is drift' if joint.get('alarm') else ''}."
        f"{f' It looks at {telling}.' if telling else ''}"
    )


def _excess(column: dict[str, Any]) -> tuple[float, str]:
    """The distance that is nearest to its limit, as a multiple of that; and which one it is."""
    found = [
        (float(column[name]) / float(column[limit]), name)
        for name, limit in LIMITS.items()
        if column.get(name) is not None and column.get(limit)
    ]
    return max(found, default=(0.0, "psi"))


def draw_drift(table: DriftTable, batch: Batch) -> str:
    """Draw each column's distance beside its own limit; an empty string without columns."""
    shown = table.columns[:MOST_COLUMNS]
    if not shown:
        return ""
    label = f"Drift of {len(shown)} columns in {batch.label}, as a multiple of each one's own"
    label += f" limit; alarms: {', '.join(table.alarms) or 'none'}"
    height = 84 + 21 * len(shown)
    return draw(height, "drift", label, lambda figure: _paint(figure, shown))


def _paint(figure: Figure, columns: list[dict[str, Any]]) -> None:
    axes = figure.subplots()
    places = np.arange(len(columns))
    found = [_excess(column) for column in columns]
    values = np.array([value for value, _ in found])
    colors = [RED if column.get("alarm") else BLUE for column in columns]
    axes.barh(places, values.clip(max=FARTHEST), color=colors, height=0.62)
    axes.axvline(1, color=INK, linewidth=1.4, linestyle="--")
    for place, ((value, name), column) in enumerate(zip(found, columns, strict=True)):
        limit = column.get(LIMITS[name]) or math.nan
        axes.annotate(
            f"{NAMES[name]} {column.get(name) or 0:.3g} of {limit:.3g}",
            (min(value, FARTHEST), place), xytext=(6, 0), textcoords="offset points",
            va="center", color=MUTED,
        )  # fmt: skip
    axes.set_yticks(places, [_short(column["column"]) for column in columns], color=INK)
    axes.set_ylim(len(columns) - 0.4, -0.6)
    axes.set_xlim(0, max(1.25, min(FARTHEST, float(values.max()))) * 1.15)
    axes.set_xlabel("distance from the reference, as a multiple of the column's own limit (dashed)")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _short(name: Any) -> str:
    """A name that leaves room for the picture beside it."""
    text = str(name)
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def draw_drift_history(story: Story) -> str:
    """Draw columns by the newest batches; empty without two drift tables."""
    story = crop(story)
    tables = {batch.position: read_drift(batch) for batch in story.batches}
    excess = {
        position: {str(column["column"]): column for column in table.columns}
        for position, table in tables.items()
        if table is not None and table.columns
    }
    if len(excess) < 2:
        return ""
    names = _most_drifted(excess)
    label = f"Input drift of {len(names)} columns of {story.name} by batch"
    height = 110 + 19 * len(names)
    return draw(
        height, "drift-history", label, lambda figure: _paint_history(figure, story, excess, names)
    )


def _most_drifted(excess: dict[int, dict[str, dict[str, Any]]]) -> list[str]:
    worst: dict[str, float] = {}
    for columns in excess.values():
        for name, column in columns.items():
            worst[name] = max(worst.get(name, 0.0), _excess(column)[0])
    return sorted(worst, key=lambda name: -worst[name])[:MOST_COLUMNS]


def _paint_history(
    figure: Figure, story: Story, excess: dict[int, dict[str, dict[str, Any]]], names: list[str]
) -> None:
    """Squares whose size says how near a column is to its threshold; red ones are alarms."""
    from driftune.reporting.timeline import label_batches

    axes = figure.subplots()
    side = min(150.0, (620 / max(len(story.batches), 1)) ** 2)
    for alarm, color, text in ((False, BLUE, "within its limits"), (True, RED, "drift")):
        marks = [
            (position, row, min(1.0, _excess(columns[name])[0]))
            for position, columns in excess.items()
            for row, name in enumerate(names)
            if name in columns and bool(columns[name].get("alarm")) is alarm
        ]
        if marks:
            x, y, size = np.array(marks).T
            axes.scatter(
                x, y, s=np.maximum(size**2 * side, 1), color=color, marker="s", label=text,
                linewidths=0,
            )  # fmt: skip
    for row in range(len(names)):
        axes.axhline(row, color=GRID, linewidth=0.6, zorder=0)
    axes.set_facecolor(PAPER)
    axes.set_yticks(range(len(names)), [_short(name) for name in names], color=INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    label_batches(axes, story)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=2)
