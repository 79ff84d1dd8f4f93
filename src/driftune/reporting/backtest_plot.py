"""The picture of a backtest: the metric batch by batch, and below it when each policy fired."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from driftune.loop.backtesting import Backtest, Judged

# Okabe and Ito's palette, which colour-blind readers can tell apart
SCHEDULES = {"never": "#e69f00", "always": "#999999", "oracle": "#000000"}
POLICIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#a06000")
DASHES: dict[str, Any] = {"never": (0, (5, 3)), "always": "-", "oracle": (0, (1, 1.5))}
MARKS = {  # of an act: what is drawn for it
    "promoted": ("o", "#009e73"),
    "refused": ("D", "#e69f00"),
    "failed": ("X", "#d00000"),
    "alert": ("s", "#d00000"),
}
MOST_LABELS = 30
WIDTH, TOP, LANE = 11.5, 4.4, 0.34  # inches


def draw_backtest(found: Backtest, path: Path) -> None:
    """Write the picture, in the format that the file's ending names; its folder is made.

    Args:
        found: The outcome.
        path: ``.png``, ``.svg`` or ``.pdf``.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style = {"svg.fonttype": "none", "svg.hashsalt": "driftune", "text.parse_math": False}
    with matplotlib.rc_context(style):
        height = TOP + 1.0 + LANE * len(found.policies)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        _paint(figure, found)
        kind = path.suffix.lstrip(".").lower()
        with replace_file(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=130)


def _paint(figure: Figure, found: Backtest) -> None:
    lanes_height = 0.5 + LANE * len(found.policies)
    top, lanes = figure.subplots(2, 1, sharex=True, height_ratios=[TOP, lanes_height])
    for each in found.schedules:
        name = each.replayed.name
        top.plot(
            _values(each), color=SCHEDULES[name], linestyle=DASHES[name], linewidth=1.6,
            label=_label(each, found),
        )  # fmt: skip
    for position, each in enumerate(found.policies):
        color = POLICIES[position % len(POLICIES)]
        top.plot(
            _values(each), color=color, linewidth=1.8, marker="o", markersize=3.2,
            label=_label(each, found),
        )  # fmt: skip
    better = "higher" if found.greater_is_better else "lower"
    top.set_ylabel(f"{found.metric} ({better} is better)")
    top.grid(axis="y", alpha=0.3)
    top.spines[["top", "right"]].set_visible(False)
    handles, names = top.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=2, frameon=False, fontsize=9)
    _paint_lanes(lanes, found)
    _label_batches(lanes, found.batches)


def _values(each: Judged) -> list[float]:
    """A line is interrupted at NaN: nothing is drawn where nothing was measured."""
    return [math.nan if s.value is None else s.value for s in each.replayed.steps]


def _label(each: Judged, found: Backtest) -> str:
    replayed = each.replayed
    mean = "not measured" if replayed.mean is None else f"mean {replayed.mean:.4g}"
    if replayed.kind == "policy":
        return f"{replayed.name}: {mean}, {replayed.retunes} fired, {replayed.promotions} promoted"
    return f"{replayed.name} (no gate): {mean}, {replayed.retunes} retrainings"


def _paint_lanes(axes: Any, found: Backtest) -> None:
    """One row per policy; what came of an act is its mark."""
    drawn: dict[str, Any] = {}
    for row, each in enumerate(found.policies):
        axes.axhline(row, color="#dddddd", linewidth=0.8, zorder=0)
        for position, step in enumerate(each.replayed.steps):
            act = step.verdict or step.outcome
            if act not in MARKS:
                continue
            marker, color = MARKS[act]
            hollow = step.action == "recall"
            (line,) = axes.plot(
                position, row, marker, color=color, markersize=8,
                markerfacecolor="white" if hollow else color, linestyle="none",
            )  # fmt: skip
            drawn[f"{act}, recalled" if hollow else act] = line
    axes.set_yticks(range(len(found.policies)), [each.replayed.name for each in found.policies])
    axes.set_ylim(len(found.policies) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if drawn:
        axes.legend(
            drawn.values(), drawn, loc="upper left", bbox_to_anchor=(0, -0.35 / _inches(found)),
            ncols=len(drawn), frameon=False, fontsize=9,
        )  # fmt: skip


def _inches(found: Backtest) -> float:
    """Height of the lanes."""
    return 0.5 + LANE * len(found.policies)


def _label_batches(axes: Any, names: Sequence[str]) -> None:
    """Name the batches, as many as fit; what all names begin with is said once."""
    prefix = _common_start(names)
    shown = range(0, len(names), -(-len(names) // MOST_LABELS))
    texts = [names[position][len(prefix) :] for position in shown]
    slanted = max(map(len, texts)) * len(texts) > 110  # letters that fit in one line
    axes.set_xticks(
        [*shown], texts, rotation=40 if slanted else 0, ha="right" if slanted else "center"
    )
    axes.set_xlim(-0.7, len(names) - 0.3)
    axes.set_xlabel(f"batch ({prefix}…)" if prefix else "batch", loc="right")


def _common_start(names: Sequence[str]) -> str:
    """Return the letters that all names begin with; not all of a name, and no digits."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return re.sub(r"\d+$", "", first[:same])
