"""The picture of what happened: the metric batch by batch, and the events below it."""

from __future__ import annotations

import math
import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.reporting.ink import (
    BLUE,
    GREEN,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    PURPLE,
    RED,
    SKY,
    draw,
)  # fmt: skip
from driftune.reporting.story import START

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from driftune.reporting.story import Batch, Story

LANES = ("breach", "retune asked for", "champion changed", "challenger refused", "alert, failure")
MOST_LABELS = 30
LETTER = 0.0095  # width of a bold letter, as a share of the axis


def draw_timeline(story: Story, focus: Batch | None = None) -> str:
    """Draw the timeline; an empty string while no batch has been watched.

    Args:
        story: What to draw.
        focus: The batch that the page is about, which stands out.
    """
    if not story.batches:
        return ""
    label = f"{story.metric.name} of {story.name} by batch, with decisions and promotions"
    return draw(520, "timeline", label, lambda figure: _paint(figure, story, focus))


def _paint(figure: Figure, story: Story, focus: Batch | None) -> None:
    top, lanes = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1.25])
    if focus is not None:
        for axes in (top, lanes):
            axes.axvspan(focus.position - 0.5, focus.position + 0.5, color=GRID, zorder=0)
    _paint_first_model(top, story)
    _paint_estimates(top, story)
    _paint_champion(top, story)
    _paint_corrections(top, story)
    top.set_ylabel(f"{story.metric.name} ({_better(story)})")
    top.grid(axis="y")
    top.tick_params(axis="x", length=0)
    _paint_lanes(lanes, story)
    _paint_changes(top, lanes, story)
    label_batches(lanes, story, start=_has_start(story))
    handles, names = top.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=5)


def _better(story: Story) -> str:
    return "higher is better" if story.metric.greater_is_better else "lower is better"


def _paint_first_model(axes: Any, story: Story) -> None:
    points = [_or_gap(b.first_model) for b in story.batches]
    if any(change.version != story.first_version for change in story.changes) and any(
        batch.first_model is not None for batch in story.batches
    ):
        axes.plot(
            range(len(points)), points, color=ORANGE, linestyle=(0, (5, 3)), marker="s",
            markersize=_size(4, story), markerfacecolor=PAPER, linewidth=1.5,
            label=f"version {story.first_version}, never retrained",
        )  # fmt: skip


def _paint_champion(axes: Any, story: Story) -> None:
    if all(batch.value is None for batch in story.batches):
        if all(batch.estimate is None for batch in story.observed):
            axes.text(0.5, 0.5, "no batch had enough labels", transform=axes.transAxes, ha="center")
        return
    _paint_reference(axes, story.batches)
    values = np.array([_or_gap(b.value) for b in story.batches])
    low = np.array([_or_gap(b.low) for b in story.batches])
    high = np.array([_or_gap(b.high) for b in story.batches])
    axes.errorbar(
        range(len(values)), values, yerr=np.fmax([values - low, high - values], 0), color=BLUE,
        marker="o", markersize=_size(5, story), linewidth=2, elinewidth=1.2,
        capsize=_size(2.5, story), label="champion, with its interval",
    )  # fmt: skip
    breaches = [b for b in story.batches if b.breach and b.value is not None]
    if breaches:
        axes.plot(
            [b.position for b in breaches], [b.value for b in breaches], linestyle="none",
            marker="X", markersize=_size(10, story), color=RED, markeredgecolor=PAPER,
            label="breach", zorder=5,
        )  # fmt: skip


def _paint_estimates(axes: Any, story: Story) -> None:
    """What was expected without labels: hollow and dotted, so that nobody takes it for measured."""
    found = {b.position: b.estimate for b in story.observed if b.estimate is not None}
    if not found:
        return
    values = np.array([estimate.value for estimate in found.values()])
    low = np.array([estimate.low for estimate in found.values()])
    high = np.array([estimate.high for estimate in found.values()])
    bars = axes.errorbar(
        list(found), values, yerr=np.fmax([values - low, high - values], 0), color=SKY,
        linestyle="none", marker="D", markersize=_size(6, story), markerfacecolor=PAPER,
        elinewidth=1.1, zorder=3, label="estimated, before labels came",
    )  # fmt: skip
    for line in bars[2]:
        line.set_linestyle(":")


def _paint_corrections(axes: Any, story: Story) -> None:
    """What was seen first, beside what the late labels made of it."""
    pairs = [(b.position, b.first.value, b.value) for b in story.batches if b.first is not None]
    if not pairs:
        return
    for position, first, corrected in pairs:
        axes.plot(
            [position - 0.22, position], [first, _or_gap(corrected)], color=MUTED, linewidth=1,
            linestyle=":", zorder=3,
        )  # fmt: skip
    axes.plot(
        [position - 0.22 for position, _, _ in pairs], [first for _, first, _ in pairs],
        linestyle="none", marker="o", markersize=_size(6, story), color=MUTED,
        markerfacecolor=PAPER, label="first seen, before more labels came", zorder=4,
    )  # fmt: skip


def _or_gap(value: float | None) -> float:
    """Matplotlib interrupts a line at NaN: nothing is drawn where nothing was measured."""
    return math.nan if value is None else value


def _size(points: float, story: Story) -> float:
    """Marks shrink when there are so many that they would touch."""
    return points * math.sqrt(min(1.0, 60 / len(story.batches)))


def _paint_reference(axes: Any, batches: list[Batch]) -> None:
    """One level per champion, over the batches that it was judged on."""
    known = [b for b in batches if b.reference is not None]
    ends = [*(b.position for b in known[1:]), len(batches)]
    edges = [x - 0.5 for b, end in zip(known, ends, strict=False) for x in (b.position, end)]
    levels = [b.reference for b in known for _ in range(2)]
    axes.plot(
        edges, levels, color=INK, linewidth=1.6, linestyle=(0, (1, 2)),
        label="champion's reference",
    )  # fmt: skip


def _paint_lanes(axes: Any, story: Story) -> None:
    """One row of marks per kind of event: no two of them hide each other."""
    observed = story.observed
    alerts = [b.position for b in observed if b.outcome == "alert" or b.refused]
    alerts += [r.position for r in story.retunes if r.status == "failed"]
    refused = [r.position for r in story.retunes if r.status in ("refused", "rejected")]
    marks = [
        ([b.position for b in observed if b.breach], "X", RED),
        ([b.position for b in observed if b.asks], "^", PURPLE),
        ([c.position for c in story.changes], "o", GREEN),
        (refused, "D", ORANGE),
        (alerts, "s", RED),
    ]
    for row, (positions, marker, color) in enumerate(marks):
        axes.axhline(row, color=GRID, linewidth=0.8)
        places = [_place(position, story) for position in positions]
        axes.plot(places, [row] * len(places), marker, color=color, markersize=_size(8, story))
    axes.set_yticks(range(len(LANES)), LANES, color=INK)
    axes.set_ylim(len(LANES) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _paint_changes(top: Any, lanes: Any, story: Story) -> None:
    """A line after the batch whose retune changed the champion, named by who serves then."""
    named: dict[int, list[str]] = {}
    for change in story.changes:
        back = "back to " if change.kind == "rollback" else ""
        named.setdefault(change.position, []).append(f"{back}v{change.version}")
    taken: list[float] = []  # per line of labels, where its last one ends
    for position, names in sorted(named.items()):
        for axes in (top, lanes):
            axes.axvline(position + 0.5, color=GREEN, linewidth=1.3)
        text = ", ".join(names)
        width = len(text) * LETTER * (len(story.batches) + 2)
        at = min(position + 0.5, len(story.batches) - 0.5 - width)
        line = next((n for n, end in enumerate(taken) if end < at), len(taken))
        taken[line : line + 1] = [at + width]
        top.annotate(
            text, (at, 1), xycoords=("data", "axes fraction"), xytext=(0, 3 + 14 * line),
            textcoords="offset points", color=GREEN, fontweight="bold",
        )  # fmt: skip


def label_batches(axes: Any, story: Story, *, start: bool = False) -> None:
    """Name the batches below a picture, as many of them as there is room for.

    Args:
        axes: The lowest of the picture.
        story: Whose batches stand at 0, 1, 2 ...
        start: Leave room for what happened before the first one.
    """
    names = [batch.name for batch in story.batches]
    prefix = re.sub(r"\d+$", "", _common_start(names)) if len(names) > 1 else ""
    prefix = "" if prefix in names else prefix
    step = -(-len(names) // MOST_LABELS)
    shown = range(0, len(names), step)
    texts = [names[position][len(prefix) :] for position in shown]
    before = [_place(START, story)] if start else []
    slanted = max(len(text) for text in texts) * len(texts) > 110  # letters that fit in one line
    axes.set_xticks(
        [*before, *shown], [*(["start"] if start else []), *texts],
        rotation=40 if slanted else 0, ha="right" if slanted else "center",
    )  # fmt: skip
    axes.set_xlim(min([0.0, *before]) - 0.7, len(names) - 0.3)
    axes.set_xlabel(f"batch ({prefix}…)" if prefix else "batch")


def _has_start(story: Story) -> bool:
    """Whether something happened before the first batch was watched."""
    positions = [c.position for c in story.changes] + [r.position for r in story.retunes]
    return START in positions


def _place(position: int, story: Story) -> float:
    """Where an event stands on the axis; the start keeps clear of the first batch's label."""
    return position if position != START else -max(1.0, 0.05 * len(story.batches))


def _common_start(names: list[str]) -> str:
    letters = takewhile(lambda column: len(set(column)) == 1, zip(*names, strict=False))
    return "".join(column[0] for column in letters)
