"""What waiting cost: the gain of a retraining batch by batch, its sum, and what a retune costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.reporting.ink import BLUE, INK, MUTED, ORANGE, RED, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from driftune.reporting.story import Batch, Story

CERTAIN = 1.96  # standard errors on each side of a 95 % interval


@dataclass(frozen=True)
class Gain:
    """What another model would have saved on one batch, as shares of the champion's loss.

    Attributes:
        name: Which model: a strategy of retraining, or ``version 3``.
        value: 0.1 = a tenth less loss; negative where the champion was better.
        low: With ``high`` its 95 % interval.
        high: See ``low``.
        rows: Labelled rows.
    """

    name: str
    value: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Waiting:
    """What waiting has cost up to a batch.

    Attributes:
        gain: Of the better strategy of retraining, on this batch alone.
        accumulated: Sum over the batches since the promotion, in losses of one batch.
        cost: What that sum must exceed, the price of a retune then; ``None`` where nothing is said.
    """

    gain: Gain
    accumulated: float | None
    cost: float | None


def read_waiting(batch: Batch) -> Waiting | None:
    """Read what a cheap retraining would have saved; ``None`` when it was not measured."""
    gains = read_gains(batch.details.get("regret"))
    if not gains:
        return None
    evidence = batch.details.get("evidence") or {}
    best = max(gains, key=lambda gain: gain.value)
    return Waiting(best, evidence.get("accumulated"), evidence.get("cost"))


def read_recall(batch: Batch) -> list[Gain]:
    """Read what each earlier champion would have saved, the best first."""
    return sorted(read_gains(batch.details.get("recall")), key=lambda gain: -gain.value)


def read_gains(content: Any) -> list[Gain]:
    """Read what :mod:`driftune.monitoring.regret` measured, from the ledger's JSON.

    >>> read_gains([{"version": 3, "gain": 0.1, "error": 0.02, "rows": 200}])[0].name
    'version 3'
    >>> found = read_gains([{"strategy": "all_history", "gains": [0.1, 0.3], "error": 0.02}])
    >>> found[0].name, round(found[0].value, 9)
    ('all history', 0.2)
    >>> read_gains(None)
    []
    """
    found = []
    for entry in content or ():
        gains = [entry["gain"]] if "gain" in entry else entry.get("gains")
        if not gains:
            continue
        error = float(entry.get("error") or 0.0)
        value = float(np.mean(gains))
        version = entry.get("version")
        name = str(entry.get("strategy", "")) if version is None else f"version {version}"
        found.append(
            Gain(
                name=name.replace("_", " "),
                value=value,
                low=value - CERTAIN * error,
                high=value + CERTAIN * error,
                rows=int(entry.get("rows") or 0),
            )
        )
    return found


def draw_regret(story: Story) -> str:
    """Draw gain and sum over the batches; an empty string while no batch was measured so."""
    found = {b.position: waiting for b in story.batches if (waiting := read_waiting(b))}
    if not found:
        return ""
    label = f"What retraining would have saved on each batch of {story.name}, and its sum beside"
    label += " what a retune costs"
    return draw(400, "regret", label, lambda figure: _paint(figure, story, found))


def _paint(figure: Figure, story: Story, found: dict[int, Waiting]) -> None:
    from driftune.reporting.timeline import label_batches

    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.2])
    _paint_gains(top, story, found)
    _paint_sum(bottom, story, found)
    label_batches(bottom, story)
    entries = [axes.get_legend_handles_labels() for axes in (top, bottom)]
    handles = [handle for some, _ in entries for handle in some]
    figure.legend(handles, [n for _, s in entries for n in s], loc="outside upper left", ncols=4)


def _paint_gains(axes: Any, story: Story, found: dict[int, Waiting]) -> None:
    values, low, high = (
        100 * np.array([[w.gain.value, w.gain.low, w.gain.high] for w in found.values()]).T
    )
    axes.axhline(0, color=INK, linewidth=0.9)
    colors = [ORANGE if value > 0 else MUTED for value in values]
    thick = max(1.5, min(22.0, 620 / len(story.batches)))
    axes.vlines(list(found), 0, values, colors=colors, linewidth=thick)
    axes.vlines(list(found), low, high, colors=INK, linewidth=1)
    axes.set_ylabel("saved loss, %")
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)


def _paint_sum(axes: Any, story: Story, found: dict[int, Waiting]) -> None:
    """The sum, what it must exceed, and the retunes that were asked for."""
    places = [position for position, waiting in found.items() if waiting.accumulated is not None]
    axes.plot(
        places, [found[position].accumulated for position in places], color=BLUE, marker="o",
        markersize=4, linewidth=1.8, label="accumulated since the promotion",
    )  # fmt: skip
    costs = {
        position: waiting.cost for position, waiting in found.items() if waiting.cost is not None
    }
    if costs:
        axes.step(
            list(costs), list(costs.values()), where="mid", color=RED, linewidth=1.4,
            linestyle="--", label="what a retune costs",
        )  # fmt: skip
    asked = [b.position for b in story.observed if b.asks]
    for number, position in enumerate(asked):
        text = "_" if number else "retune asked for"
        axes.axvline(position, color=MUTED, linewidth=1, linestyle=":", label=text)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("losses of one batch")
    axes.grid(axis="y")
