"""The picture of proof: what each retune bought on rows that its search never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.reporting.ink import GREEN, INK, ORANGE, RED, draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from driftune.reporting.story import Retuned, Story


def judged(story: Story) -> list[Retuned]:
    """Retunes whose challenger was compared with a champion, oldest first."""
    return [r for r in story.retunes if r.verdict and r.verdict["improvement"] and not r.first]


def draw_evidence(story: Story) -> str:
    """Draw a forest plot; an empty string while no challenger has met a champion."""
    rows = judged(story)
    if not rows:
        return ""
    label = "Relative improvement of each challenger over the champion, with its interval"
    height = 90 + 28 * len(rows)
    return draw(height, "evidence", label, lambda figure: _paint(figure, rows, story.margin))


def _paint(figure: Figure, rows: list[Retuned], margin: float) -> None:
    axes = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    axes.axvline(100 * margin, color=RED, linewidth=1.3, linestyle="--")
    for place, row in enumerate(rows):
        assert row.verdict is not None
        gain = {key: 100 * value for key, value in row.verdict["improvement"].items()}
        promoted = row.status == "promoted"
        color, marker = (GREEN, "o") if promoted else (ORANGE, "D")
        axes.plot([gain["low"], gain["high"]], [place, place], color=color, linewidth=2.5)
        axes.plot(gain["value"], place, marker, color=color, markersize=9)
        axes.annotate(
            f"{gain['value']:+.1f} % ({gain['low']:+.1f} to {gain['high']:+.1f}), {row.status}",
            (1.01, place), xycoords=("axes fraction", "data"), va="center",
        )  # fmt: skip
    names = [f"v{row.version} through {row.through}" for row in rows]
    axes.set_yticks(range(len(rows)), names, color=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("less loss than the champion, in %, with its interval; right of zero is better")
    axes.annotate(
        f"margin {margin:.1%}", (100 * margin, 1), xycoords=("data", "axes fraction"),
        xytext=(0, 3), textcoords="offset points", color=RED, ha="center",
    )  # fmt: skip
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
