"""Tables, claims and curves of the sampler benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sampler_arms import name_control
from sampler_statistics import Estimate, compare, estimate, interval

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINTS = (5, 10, 25, 30, 50)
TARGETS = {  # of the sampler without a model, after a portfolio: trials -> (at least, aim)
    "hpobench": {10: (0.095, 0.080), 30: (0.060, 0.040)},
    "yahpo": {10: (0.088, 0.070), 25: (0.057, 0.040), 50: (0.022, 0.015)},
}
MOST_HARM, LEAST_GAIN, MOST_CALLS = 0.05, 0.5, 25
HARMFUL = {"bad": "the worst corner", "random": "a random model", "text": "a model of prose"}


def summarise(curves: np.ndarray) -> dict[str, Any]:
    """Return regrets at the checkpoints and the mean curve with its interval.

    Args:
        curves: Regret of the best configuration so far, shape (tasks, seeds, trials).
    """
    marks = [mark for mark in CHECKPOINTS if mark <= curves.shape[-1]]
    regret = curves[..., [mark - 1 for mark in marks]].round(5)
    return {
        "checkpoints": marks,
        "regret": np.where(np.isfinite(regret), regret, None).tolist(),
        "curve": [part.round(5).tolist() for part in interval(curves)],
    }


def print_table(document: dict[str, Any]) -> None:
    """Print mean regret with 95 % intervals, and each arm against TPE and against no model."""
    settings = document["settings"]
    marks = [mark for mark in CHECKPOINTS if mark <= settings["trials"]]
    heads = "".join(f"{f'after {mark}':>20s}" for mark in marks)
    last = f"after {settings['trials']} against"
    print(
        f"\n{settings['family']}: {len(settings['tasks'])} tasks, {settings['seeds']} seeds; mean "
        "normalised regret [95 % bootstrap interval]; p of Wilcoxon's paired test\n"
        f"{'arm':38s}{heads}{f'{last} TPE':>31s}{f'{last} no model':>31s}"
        f"{'calls':>14s}{'ms/trial':>9s}"
    )
    for arm, result in document["arms"].items():
        regret = _regret(result)
        cells = "".join(
            f"{_write(*(float(part) for part in interval(regret[..., i]))):>20s}"
            for i in range(len(marks))
        )
        others = "".join(_compare(document, arm, other) for other in ("tpe", name_control(arm)))
        calls = f"{result['calls']['mean']:.1f} (<={result['calls']['most']})"
        few = "" if np.isfinite(regret).all() else f" (studies: {result['studies']})"
        print(
            f"{arm + few:38s}{cells}{others}{calls:>14s}{1000 * result['seconds_per_trial']:9.1f}"
        )


def find_claims(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold what was measured against the bounds of the specification, one entry per bound.

    ``holds`` if the whole interval keeps the bound, ``fails`` if all of it breaks it; between the
    two only the measured value speaks.
    """
    arms = {arm: _regret(result)[..., -1] for arm, result in document["arms"].items()}
    claims = []
    for arm, regret in arms.items():
        control = arms.get(name_control(arm))
        model = arm.split("+")[-2] if arm.endswith("+earned") else ""
        if control is None:
            continue
        if model in HARMFUL:
            harm = estimate(lambda a, b: a / b - 1, regret, control)
            claims.append(_claim(f"harm of {HARMFUL[model]}: {arm}", harm, MOST_HARM, "at most"))
        fixed = arms.get(arm.replace("+earned", "+fixed"))
        if model == "good" and fixed is not None:
            gain = estimate(lambda a, b, c: (c - a) / (c - b), regret, fixed, control)
            claims.append(
                _claim(f"share of FixedShare's gain: {arm}", gain, LEAST_GAIN, "at least")
            )
    return [*claims, *_find_targets(document), *_find_calls(document)]


def print_claims(claims: list[dict[str, Any]]) -> None:
    """Print one line per bound."""
    print("\nagainst the bounds of the specification")
    for claim in claims:
        if claim["unit"] == "share":
            value = f"{claim['value']:+.0%} [{claim['low']:+.0%}, {claim['high']:+.0%}]"
            bound = f"{claim['bound']:.0%}"
        else:
            value = _write(claim["low"], claim["value"], claim["high"])
            bound = f"{claim['bound']:g}"
        print(f"  {claim['what']:58s}{value:>24s}  {claim['side']} {bound}: {claim['verdict']}")


def draw(document: dict[str, Any], path: Path) -> None:
    """Save mean regret over trials, with intervals, as PNG: one panel per way to start."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    titles = ("from nothing", "after a portfolio", "after a portfolio, TPE as the partner")
    figure, panels = plt.subplots(1, len(titles), figsize=(19, 6), sharey=True)
    for panel in panels:
        panel.set_prop_cycle(color=mpl.colormaps["tab20"].colors)
    for arm, result in document["arms"].items():
        low, mean, high = (np.array(part) for part in result["curve"])
        place = arm.startswith("portfolio") + arm.startswith("portfolio+tpe")
        trials = np.arange(1, len(mean) + 1)
        style = "--" if arm in ("random", "tpe") or arm.startswith("sllmbo") else "-"
        (line,) = panels[place].plot(trials, mean, style, label=arm)
        panels[place].fill_between(trials, low, high, color=line.get_color(), alpha=0.1, lw=0)
    for panel, title in zip(panels, titles, strict=True):
        panel.set(yscale="log", xlabel="trials", title=title)
        panel.grid(alpha=0.3, which="both")
        if panel.lines:
            panel.legend(fontsize=8)
    panels[0].set_ylabel("mean normalised regret (0 best, 1 median configuration)")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _find_targets(document: dict[str, Any]) -> list[dict[str, Any]]:
    targets = TARGETS.get(document["settings"]["family"], {})
    claims = []
    for arm in ("portfolio+null", "portfolio+tpe+null"):
        for mark, (least, aim) in targets.items():
            result = document["arms"].get(arm)
            if result is None or mark not in result["checkpoints"]:
                continue
            regret = _regret(result)[..., result["checkpoints"].index(mark)]
            reached = Estimate(*(float(interval(regret)[i]) for i in (1, 0, 2)))
            what = f"{arm} after {mark} (aim {aim})"
            claims.append(_claim(what, reached, least, "at most", unit="regret"))
    return claims


def _find_calls(document: dict[str, Any]) -> list[dict[str, Any]]:
    own = [r["calls"]["most"] for a, r in document["arms"].items() if not a.startswith("sllmbo")]
    if not any(own):
        return []
    most = float(max(own))
    calls = Estimate(most, most, most)
    return [_claim("most calls in one study", calls, MOST_CALLS, "at most", unit="calls")]


def _claim(
    what: str, measured: Estimate, bound: float, side: str, *, unit: str = "share"
) -> dict[str, Any]:
    sign = 1 if side == "at most" else -1
    kept = [sign * number <= sign * bound for number in (measured.low, measured.high)]
    verdict = "holds" if all(kept) else "fails"
    if kept[0] != kept[1]:
        inside = sign * measured.value <= sign * bound
        verdict = "open, the mean keeps it" if inside else "open, the mean breaks it"
    return {
        "what": what, **measured.to_json(), "side": side, "bound": bound, "unit": unit,
        "verdict": verdict,
    }  # fmt: skip


def _compare(document: dict[str, Any], arm: str, reference: str) -> str:
    if arm == reference or reference not in document["arms"]:
        return " " * 31
    ours, theirs = (_regret(document["arms"][name])[..., -1] for name in (arm, reference))
    comparison = compare(ours, theirs)
    if comparison is None:
        return " " * 31
    change = comparison.change
    cost = f"{change.value:+.0%} [{change.low:+.0%}, {change.high:+.0%}]"
    return f"{cost:>22s}{comparison.p:9.4f}"


def _regret(result: dict[str, Any]) -> np.ndarray:
    """Return regrets, shape (tasks, seeds, checkpoints), NaN where nothing was run."""
    return np.array(result["regret"], dtype=float)


def _write(low: float, value: float, high: float) -> str:
    return f"{value:.3f} [{low:.3f},{high:.3f}]"
