"""Tables and curves of the sampler benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import wilcoxon

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINTS = (5, 10, 25, 30, 50)
REFERENCES = ("portfolio+null", "null")  # whoever starts from the portfolio is compared with these
RESAMPLES = 2000


def summarise(regrets: np.ndarray) -> dict[str, Any]:
    """Return regrets at the checkpoints and the mean curve with its interval.

    Args:
        regrets: Of the best configuration so far, shape (tasks, seeds, trials).
    """
    marks = [mark for mark in CHECKPOINTS if mark <= regrets.shape[-1]]
    return {
        "checkpoints": marks,
        "regret": regrets[..., [mark - 1 for mark in marks]].round(5).tolist(),
        "curve": [part.round(5).tolist() for part in _interval(regrets)],
    }


def print_table(document: dict[str, Any]) -> None:
    """Print mean regret with 95 % intervals, and each arm against the sampler without a model."""
    marks = [mark for mark in CHECKPOINTS if mark <= document["settings"]["trials"]]
    heads = "".join(f"{f'after {mark}':>20s}" for mark in marks)
    print(f"\n{'arm':28s}{heads}{'against':>16s}{'cost':>22s}{'p':>9s}{'model':>7s}{'ms':>6s}")
    for arm, result in document["arms"].items():
        regret = np.array(result["regret"])
        cells = "".join(f"{_write(_interval(regret[..., i])):>20s}" for i in range(len(marks)))
        reference = REFERENCES[0] if arm.startswith("portfolio") else REFERENCES[1]
        print(
            f"{arm:28s}{cells}{reference:>16s}{_compare(document, arm, reference)}"
            f"{result['model_trials']:7.1f}{1000 * result['seconds_per_trial']:6.1f}"
        )


def draw(document: dict[str, Any], path: Path) -> None:
    """Save mean regret over trials, with intervals, as PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(13, 5), sharey=True)
    for panel in panels:
        panel.set_prop_cycle(color=mpl.colormaps["tab20"].colors)
    for arm, result in document["arms"].items():
        low, mean, high = result["curve"]
        panel = panels[int(arm.startswith("portfolio"))]
        trials = np.arange(1, len(mean) + 1)
        (line,) = panel.plot(trials, mean, label=arm)
        panel.fill_between(trials, low, high, color=line.get_color(), alpha=0.1, linewidth=0)
    for panel, title in zip(panels, ("from nothing", "after a portfolio"), strict=True):
        panel.set(yscale="log", xlabel="trials", title=title)
        panel.legend(fontsize=7)
    panels[0].set_ylabel("normalised regret (0 best, 1 median configuration)")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _compare(document: dict[str, Any], arm: str, reference: str) -> str:
    """Return the relative cost in regret at the end, its interval and Wilcoxon's p."""
    if arm == reference or reference not in document["arms"]:
        return f"{'':>31s}"
    ours = np.array(document["arms"][arm]["regret"])[..., -1]
    theirs = np.array(document["arms"][reference]["regret"])[..., -1]
    differences = (ours - theirs).ravel()
    p = wilcoxon(differences).pvalue if differences.any() else 1.0
    draws = _resample(ours.shape[1])
    ratios = ours[:, draws].mean(axis=(0, 2)) / theirs[:, draws].mean(axis=(0, 2)) - 1
    low, high = np.quantile(ratios, [0.025, 0.975])
    cost = f"{ours.mean() / theirs.mean() - 1:+.0%} [{low:+.0%}, {high:+.0%}]"
    return f"{cost:>22s}{p:9.4f}"


def _interval(regret: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return low, mean and high over (tasks, seeds): seeds are resampled, the tasks are fixed."""
    means = regret.mean(axis=0)[_resample(regret.shape[1])].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return low, regret.mean(axis=(0, 1)), high


def _resample(seeds: int) -> np.ndarray:
    return np.random.default_rng(0).integers(seeds, size=(RESAMPLES, seeds))


def _write(interval: tuple[np.ndarray, np.ndarray, np.ndarray]) -> str:
    low, value, high = interval
    return f"{value:.3f} [{low:.3f},{high:.3f}]"
