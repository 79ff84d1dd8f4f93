"""Seconds per suggestion of our sampler beside those of its partner alone, in turns.

``make bench-suggestion`` times both at 10, 100 and 1,000 finished trials of a study in ten
dimensions and writes ``benchmarks/results/suggestion-time.json``. The two take turns, one
suggestion each, so that whatever else the machine does hits both; a ratio is that of one turn, in
wall time and in processor time, which other processes disturb less and which the bound is held
against. A suggestion is all that a sampler does for a trial: from ``ask`` to ``tell``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from boosting_tables import SPACE, Surrogate, load_boosting_tables
from optuna.samplers import TPESampler
from positions import draw_configurations
from scripted_models import build_model
from tuning_tasks import suggest

from driftune.sampler import FixedShare, LLMTPESampler
from driftune.sampler.gaussian_process import GaussianProcessSampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from optuna.samplers import BaseSampler
    from optuna.study import Study

SIZES = (10, 100, 1000)
BOUND = 1.25
RESULTS = Path(__file__).parent / "results"
PARTNERS: dict[str, Callable[[], BaseSampler]] = {
    "tpe": lambda: TPESampler(seed=1),
    "gp": lambda: GaussianProcessSampler(seed=1),
}
OURS: dict[str, dict[str, Any]] = {
    "partner's turns only": {"allocation": FixedShare(0.0)},
    "as it comes, no model": {},
    "with a model that guesses": {"model": "random"},
}
"""The first is the price of our bookkeeping; in the others cheap turns lower the mean."""


def main() -> None:
    """Time, print, save."""
    options = _read_options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("driftune.sampler").setLevel(logging.ERROR)
    task = load_boosting_tables()[0]
    results = []
    print(
        f"{'partner':8s}{'ours':28s}{'trials':>7s}{'alone':>11s}{'ours':>11s}"
        f"{'ratio of turns':>20s}{'processor time':>20s}{'means':>7s}"
    )
    for partner in options.partners:
        share = 8 if partner == "gp" else 2  # a process takes seconds at 1,000 trials
        for trials in options.trials:
            turns = options.turns if trials < 1000 else max(3, options.turns // share)
            for name, settings in OURS.items():
                ours = _build(partner, settings, task)
                times = _time_in_turns(ours, PARTNERS[partner](), task, trials, turns)
                results.append({"partner": partner, "ours": name, "trials": trials, **times})
                print(_write(results[-1]), flush=True)
    worst = max((r["processor_ratio"][1] for r in results if r["trials"] == 1000), default=0.0)
    verdict = "holds" if worst <= BOUND else "fails"
    print(f"largest median ratio of processor time at 1,000 trials: {worst:.2f}")
    print(f"bound {BOUND}: {verdict}")
    packages = {name: version(name) for name in ("optuna", "numpy", "scikit-learn")}
    document = {
        "versions": {"python": platform.python_version(), **packages},
        "cores": os.cpu_count(),
        "turns": options.turns,
        "bound": BOUND,
        "results": results,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(document, indent=1) + "\n")


def _time_in_turns(
    ours: BaseSampler, theirs: BaseSampler, task: Surrogate, trials: int, turns: int
) -> dict[str, Any]:
    studies = [_open_study(sampler, task, trials) for sampler in (theirs, ours)]
    seconds = np.empty((turns + 1, 2, 2))
    for turn in range(turns + 1):
        for i in (0, 1) if turn % 2 else (1, 0):
            seconds[turn, i] = _time_one(studies[i], task)
    seconds = seconds[1:]  # the first one fills caches that every later trial of a study finds full
    alone, own = np.median(seconds[..., 0], axis=0)
    return {
        "alone_seconds": float(alone),
        "ours_seconds": float(own),
        "ratio": _spread(seconds[:, 1, 0] / seconds[:, 0, 0]),
        "processor_ratio": _spread(seconds[:, 1, 1] / seconds[:, 0, 1]),
        "ratio_of_mean_processor_times": float(np.divide(*seconds[:, ::-1, 1].mean(axis=0))),
        "turns": turns,
    }


def _spread(ratios: np.ndarray) -> list[float]:
    """Return the quartiles."""
    return [round(float(part), 4) for part in np.quantile(ratios, [0.25, 0.5, 0.75])]


def _time_one(study: Study, task: Surrogate) -> tuple[float, float]:
    """Return wall and processor time of one suggestion, the objective left out."""
    start = _read_clocks()
    trial = study.ask()
    configuration = suggest(trial, task.space)
    asked = _read_clocks()
    regret = task.regret(configuration)
    computed = _read_clocks()
    study.tell(trial, regret)
    wall, processor = asked - start + _read_clocks() - computed
    return float(wall), float(processor)


def _read_clocks() -> np.ndarray:
    return np.array([time.perf_counter(), time.process_time()])


def _open_study(sampler: BaseSampler, task: Surrogate, trials: int) -> Study:
    """Return a study with random trials of three sources, the same for every sampler."""
    study = optuna.create_study(sampler=sampler)
    configurations = draw_configurations(trials, SPACE, seed=3)
    sources = ("random", "tpe", "jitter")
    study.add_trials(
        [
            optuna.trial.create_trial(
                params=configuration,
                distributions=dict(task.space),
                value=value,
                system_attrs={"driftune:source": sources[i % len(sources)]},
            )
            for i, (configuration, value) in enumerate(
                zip(configurations, task.regrets(configurations).tolist(), strict=True)
            )
        ]
    )
    return study


def _build(partner: str, settings: dict[str, Any], task: Surrogate) -> BaseSampler:
    rest = dict(settings)
    kind = rest.pop("model", None)
    if kind is not None:
        rest["language_model"] = build_model(kind, task, 1)
    return LLMTPESampler(partner=partner, search_space=task.space, seed=1, **rest)


def _write(result: dict[str, Any]) -> str:
    times = "".join(f"{1000 * result[name]:8.1f} ms" for name in ("alone_seconds", "ours_seconds"))
    ratios = ""
    for name in ("ratio", "processor_ratio"):
        low, middle, high = result[name]
        ratios += f"{f'{middle:.2f} [{low:.2f}, {high:.2f}]':>20s}"
    mean = result["ratio_of_mean_processor_times"]
    return (
        f"{result['partner']:8s}{result['ours']:28s}{result['trials']:7d}{times}{ratios}{mean:7.2f}"
    )


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--partners", nargs="+", choices=PARTNERS, default=list(PARTNERS))
    parser.add_argument("--trials", nargs="+", type=int, default=SIZES)
    parser.add_argument("--turns", type=int, default=40, help="fewer at 1,000 trials")
    parser.add_argument("--out", type=Path, default=RESULTS / "suggestion-time.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
