"""Pictures of proof: what challengers bought on rows that their search never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.reporting.ink import BLUE, GREEN, INK, ORANGE, RED, draw
from driftune.reporting.story import read_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from driftune.reporting.story import Retuned, Story
    from driftune.resampling import Interval


@dataclass(frozen=True)
class Row:
    """One line of a forest plot.

    Attributes:
        name: What is compared.
        gain: Relative improvement of the loss, with its interval.
        note: A word on how it ended; may be empty.
        color: One of :mod:`driftune.reporting.ink`.
        marker: Matplotlib's.
    """

    name: str
    gain: Interval
    note: str
    color: str
    marker: str


def judged(story: Story) -> list[Retuned]:
    """Retunes whose challenger was compared with a champion, oldest first."""
    return [r for r in story.retunes if r.verdict and r.verdict.get("improvement") and not r.first]


def draw_evidence(story: Story) -> str:
    """Draw every challenger; an empty string while none has met a champion."""
    rows = [row for retune in judged(story) if (row := _challenger(retune))]
    label = "Relative improvement of each challenger over the champion, with its interval"
    return draw_forest(rows, story.margin, label)


def _challenger(retune: Retuned) -> Row | None:
    gain = read_interval((retune.verdict or {}).get("improvement"))
    if gain is None:
        return None
    color, marker = (GREEN, "o") if retune.status == "promoted" else (ORANGE, "D")
    name = f"v{retune.version} through {retune.through}"
    return Row(name, gain, retune.status.replace("_", " "), color, marker)


def draw_proof(retune: Retuned, margin: float) -> str:
    """Draw what the gate compared for one challenger: the champion, the one before, the slices."""
    verdict = retune.verdict or {}
    gain = read_interval(verdict.get("improvement"))
    if gain is None:
        return ""
    against = verdict.get("champion_version")
    served = "the champion" if against is None else f"version {against}"
    name = "a constant prediction" if retune.first else served
    rows = [Row(f"against {name}", gain, "", GREEN if verdict.get("promoted") else ORANGE, "o")]
    previous = read_interval(verdict.get("over_previous"))
    if previous is not None:
        rows.append(Row("against the one before", previous, "", BLUE, "s"))
    shadow = read_interval((retune.details.get("shadow_verdict") or {}).get("improvement"))
    if shadow is not None:
        rows.append(Row("on the batches in its shadow", shadow, "", BLUE, "o"))
    for part in verdict.get("slices") or ():
        found = read_interval(part.get("improvement"))
        if found is not None:
            rows.append(Row(str(part["name"]), found, f"{part['rows']:,} rows", BLUE, "d"))
    label = f"Relative improvement of the challenger of {retune.id}, overall and by slice"
    return draw_forest(rows, 0.0 if retune.first else margin, label)


def draw_forest(rows: Sequence[Row], margin: float, label: str) -> str:
    """Draw intervals below one another; an empty string without a row."""
    if not rows:
        return ""
    height = 90 + 28 * len(rows)
    return draw(height, "evidence", label, lambda figure: _paint(figure, rows, margin))


def _paint(figure: Figure, rows: Sequence[Row], margin: float) -> None:
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    for place, row in enumerate(rows):
        low, value, high = (100 * end for end in (row.gain.low, row.gain.value, row.gain.high))
        axes.plot([low, high], [place, place], color=row.color, linewidth=2.5)
        axes.plot(value, place, row.marker, color=row.color, markersize=9)
        text = f"{value:+.1f} % ({low:+.1f} to {high:+.1f})" + (row.note and f", {row.note}")
        axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center")
    axes.set_yticks(range(len(rows)), [row.name for row in rows], color=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("less loss than the champion, in %, with its interval; right of zero is better")
    if margin:
        axes.axvline(100 * margin, color=RED, linewidth=1.3, linestyle="--")
        axes.annotate(
            f"margin {margin:.1%}", (100 * margin, 1), xycoords=("data", "axes fraction"),
            xytext=(0, 3), textcoords="offset points", color=RED, ha="center",
        )  # fmt: skip
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
