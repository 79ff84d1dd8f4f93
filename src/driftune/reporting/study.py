"""The latest search: who proposed what, what it brought, and what a language model was worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DriftuneError
from driftune.reporting.fronts import draw_fronts
from driftune.reporting.ink import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, RED, SKY, draw
from driftune.reporting.past_study import read_past_study
from driftune.tuning import TuningResult
from driftune.tuning.constraints import Check, keep_limits
from driftune.tuning.fronts import describe_constraints

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

    from driftune.reporting.records import Records
    from driftune.reporting.story import Retuned, Story
    from driftune.sampler.worth import Worth

MARKS = {
    "warm_start": ("s", MUTED), "llm": ("*", RED), "tpe": ("o", BLUE), "gp": ("v", GREEN),
    "jitter": ("D", ORANGE), "random": ("x", PURPLE),
}  # fmt: skip
MOST_RATIONALES = 5


@dataclass(frozen=True)
class Study:
    """What the report says about the latest study.

    Attributes:
        result: Its outcome.
        picture: Values per trial, as ``<svg>``; empty without a completed trial.
        language_model: One sentence: whether one took part and whether it earned its money.
        rationales: ``(trial number, value, sentence)`` of the language model, the best first.
        fronts: Size-accuracy and latency-accuracy fronts, as ``<svg>``; empty without them.
        constraints: Whether the best trial and the final model keep the limits, a sentence each.
    """

    result: TuningResult
    picture: str
    language_model: str
    rationales: list[tuple[int, float | None, str]] = field(default_factory=list)
    fronts: str = ""
    constraints: list[str] = field(default_factory=list)


def read_latest_study(records: Records, story: Story) -> Study | None:
    """Read the latest search of all; ``None`` while none has ended or nothing of it is at hand."""
    searched = [retune for retune in story.retunes if retune.best_params]
    if not searched:
        return None
    content = _kept(records)
    if content is None:
        return read_study(records, searched[-1])
    return _describe(records, TuningResult.from_dict(content))


def read_study(records: Records, retune: Retuned) -> Study | None:
    """Read the search of a retune; ``None`` when it made none or nothing of it is at hand.

    The newest search lies beside the models with all its numbers. Of an older one MLflow has the
    trials and what each source brought.
    """
    if not retune.best_params:
        return None
    content = _kept(records)
    if content is not None and content["best_params"] == retune.best_params:
        return _describe(records, TuningResult.from_dict(content))
    result = read_past_study(records, retune)
    if result is None:
        return None
    told = records.tracked.runs[retune.id].tags.get("driftune.worth_sentence")
    return _describe(records, result, told)


def _kept(records: Records) -> dict[str, Any] | None:
    try:
        return records.tuning_result
    except (DriftuneError, OSError):  # derived data may be deleted; the page goes on without
        return None


def _describe(records: Records, result: TuningResult, told: str | None = None) -> Study:
    """Draw a search and say what came of it; ``told`` is what MLflow says of its model's worth."""
    configured = records.settings.tuning.language_model
    return Study(
        result=result,
        picture=draw_trials(result),
        language_model=told or describe_language_model(result, configured),
        rationales=_rationales(result),
        fronts=draw_fronts(result),
        constraints=[
            *filter(None, [describe_constraints(result), _describe_final(records, result)])
        ],
    )


def _describe_final(records: Records, result: TuningResult) -> str:
    """Say what the registered model of the study was measured to ask of a device; or nothing."""
    for version, tags in reversed(records.tracked.versions.items()):
        if not result.constraints or tags.get("driftune.study") != result.study_name:
            continue
        checks = [
            Check(name, float(tags[f"driftune.{name}"]), limit)
            for name, limit in result.constraints.items()
            if f"driftune.{name}" in tags
        ]
        broken = [check for check in checks if not check.holds]
        verdict = f"breaks {', '.join(c.name for c in broken)}" if broken else "keeps them"
        said = ", ".join(map(str, checks))
        return f"Version {version}, fitted on all rows and measured, {verdict}: {said}."
    return ""


def describe_language_model(result: TuningResult, configured: str | None) -> str:
    """Say whether a language model took part and whether it earned its money."""
    if configured and result.worth.verdict == "no model":
        return f"No language model took part in this study, although {configured} is set."
    return result.worth.sentence(result.metric)


def _rationales(result: TuningResult) -> list[tuple[int, float | None, str]]:
    said = [
        (int(t["number"]), None if math.isnan(t["value"]) else float(t["value"]), t["rationale"])
        for t in result.trials.to_dict("records")
        if isinstance(t["rationale"], str) and t["rationale"]
    ]
    sign = 1 if result.direction == "minimize" else -1
    said.sort(key=lambda row: math.inf if row[1] is None else sign * row[1])
    return said[:MOST_RATIONALES]


def draw_trials(result: TuningResult) -> str:
    """Draw the value of each trial by its source, and the incumbent."""
    if not result.trials["value"].notna().any():
        return ""
    label = f"Value of each trial of study {result.study_name}, by who proposed it"
    return draw(360, "trials", label, lambda figure: _paint(figure, result))


def _paint(figure: Figure, result: TuningResult) -> None:
    from matplotlib.ticker import MaxNLocator

    axes = figure.subplots()
    trials = result.trials.sort_values("number")
    done = trials[trials["value"].notna()]
    low, high = _limits(done["value"].to_numpy(dtype=float), result.direction)
    low, high = _stretch(result.worth, low, high)
    lost = _paint_sources(axes, done, low, high)
    minimize = result.direction == "minimize"
    winners = done["value"].where(keep_limits(done, result.constraints))
    best = (winners.cummin() if minimize else winners.cummax()).ffill()
    axes.step(
        [*done["number"], trials["number"].iloc[-1]], [*best, best.iloc[-1]], where="post",
        color=INK, linewidth=1.6, label="incumbent", zorder=1,
    )  # fmt: skip
    _paint_estimate(axes, result.worth, trials["number"].iloc[-1] + 1, low, high)
    failed = trials[trials["value"].isna()]["number"]
    if len(failed):
        edge = [high if minimize else low] * len(failed)
        axes.plot(failed, edge, "|", color=MUTED, markersize=12, label="failed or pruned")
    pad = 0.06 * (high - low) or 0.01 * abs(high) or 1.0
    axes.set_ylim(low - pad, high + pad)
    note = f"; {lost} beyond the picture, on its edge" if lost else ""
    axes.set_xlabel(f"trial{note}")
    axes.set_ylabel(f"validation {result.metric} ({'lower' if minimize else 'higher'} is better)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=8)


def _paint_sources(axes: Any, trials: DataFrame, low: float, high: float) -> int:
    """Mark each trial by its source; returns how many lie outside the limits."""
    for source, own in trials.groupby("source", sort=False):
        marker, color = MARKS.get(str(source), ("P", SKY))
        axes.plot(
            own["number"], own["value"].clip(low, high), marker, color=color,
            linestyle="none", markeredgewidth=1.5, markersize=11 if marker == "*" else 7,
            label=str(source).replace("_", " "), zorder=2,
        )  # fmt: skip
    return int((~trials["value"].between(low, high)).sum())


def _stretch(worth: Worth, low: float, high: float) -> tuple[float, float]:
    """Make room for the interval; a long one must not flatten the trials."""
    reach = (high - low) / 4
    if worth.low is not None and worth.high is not None:
        low, high = min(low, max(worth.low, low - reach)), max(high, min(worth.high, high + reach))
    return low, high


def _paint_estimate(axes: Any, worth: Worth, place: int, low: float, high: float) -> None:
    """Draw what the study is estimated to have reached without the language model."""
    if worth.estimate is None or worth.low is None or worth.high is None:
        return
    ends = [max(worth.low, low), min(worth.high, high)]
    label = "without the model (95%)"
    axes.plot(
        [place, place], ends, color=SKY, linewidth=5, solid_capstyle="butt", label=label, zorder=1
    )
    axes.plot(place, worth.estimate, "_", color=INK, markersize=12, markeredgewidth=2, zorder=2)


def _limits(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], direction: str
) -> tuple[float, float]:
    """Show all good values; a few absurd ones must not flatten the rest (Tukey's outer fence)."""
    low, lower, upper, high = np.quantile(values, [0, 0.25, 0.75, 1])
    reach = 3 * (upper - lower)
    if reach > 0 and direction == "minimize":
        high = min(high, upper + reach)
    elif reach > 0:
        low = max(low, lower - reach)
    return float(low), float(high)
