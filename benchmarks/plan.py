"""Does `driftune plan` tell the truth, and is its plan better than the naive one?

For each table and seed: a plan for a budget of seconds, pilots included; the study that it
recommends, in the seconds that are left; the naive study, Optuna's default sampler on all rows and
folds with as many trials as fit into the whole budget; and `tune()` by its defaults in the same
time. The interval of the plan must hold the best validation loss of its study, and the models that
the studies lead to are judged on rows that none of them saw.

    python benchmarks/plan.py --budget 60 --tables air_time diabetes --seeds 1
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from plan_tables import TABLES, PlanTable, load_plan_table

from driftune.environment import set_defaults
from driftune.loop.planning import Terms, plan_table
from driftune.settings import Settings
from driftune.tuning import Budget, predict, refit, tune

if TYPE_CHECKING:
    from driftune.loop.planning import Plan
    from driftune.tuning import TuningResult

RESULTS = Path(__file__).parent / "results" / "plan.json"
FOLDS = 3


@dataclass(frozen=True)
class Arm:
    """One study, and the model that it leads to.

    Attributes:
        trials: That ended.
        validation: Best loss over the folds.
        test: Loss of the refitted model on rows that nobody saw.
        seconds: Wall time of the study.
    """

    trials: int
    validation: float
    test: float
    seconds: float


def run(table: PlanTable, budget: float, seed: int) -> dict[str, Any]:
    """Plan, and run the three studies."""
    began = time.monotonic()
    plan = _plan(table, budget, seed)
    planning = time.monotonic() - began
    advice = plan.advice
    limits = advice.budget["budget"]
    ours = _study(table, seed, Budget(**limits, patience="never"), rungs=list(advice.parts))
    every = Budget(max_seconds=budget, max_trials=None, patience="never")
    naive = _study(
        table, seed, every, pruning="none", sampler=optuna.samplers.TPESampler(seed=seed)
    )
    default = _study(table, seed, every)
    expected = advice.expected
    return {
        "table": table.name,
        "seed": seed,
        "budget": budget,
        "rows": len(table.train),
        "planning_seconds": planning,
        "expected": asdict(expected),
        "holds": bool(expected.low <= ours.validation <= expected.high),
        "miss": ours.validation / expected.loss - 1,
        "parts": list(advice.parts),
        "rows_fraction": advice.rows_fraction,
        "planned_trials": advice.trials,
        "confidence": advice.confidence,
        "says_better": advice.beats_naive,
        "ours": asdict(ours),
        "naive": asdict(naive),
        "default": asdict(default),
    }


def _plan(table: PlanTable, budget: float, seed: int) -> Plan:
    settings = Settings(
        **table.problem.model_dump(), rows=Path("."), tuning={"folds": FOLDS, "seed": seed}
    )
    return plan_table(settings, table.train, Terms(budget), Path("."))


def _study(table: PlanTable, seed: int, budget: Budget, **options: Any) -> Arm:
    result = tune(table.problem, table.train, budget=budget, n_folds=FOLDS, seed=seed, **options)
    metric = table.problem.metric_object
    return Arm(
        trials=len(result.trials),
        validation=metric.flip(result.best_value),
        test=_test_loss(table, result),
        seconds=result.seconds,
    )


def _test_loss(table: PlanTable, result: TuningResult) -> float:
    model = refit(table.problem, table.train, result)
    prediction = predict(model, table.test, table.problem.task)
    y = table.test[table.problem.target].to_numpy()
    if table.problem.task != "regression":
        y = np.searchsorted(np.unique(table.train[table.problem.target]), y)
    return table.problem.metric_object.loss(y, prediction)


def _line(found: dict[str, Any]) -> str:
    ours, naive, default = found["ours"], found["naive"], found["default"]
    expected = found["expected"]
    return (
        f"{found['table']:14} {found['seed']:2} | {expected['loss']:9.5g} "
        f"({expected['low']:.5g} to {expected['high']:.5g}) {found['confidence']:6}"
        f" | {ours['validation']:9.5g} {'holds' if found['holds'] else 'MISSED':6}"
        f" | {found['parts']!s:12} {ours['trials']:4} {naive['trials']:4} {default['trials']:4}"
        f" | test {ours['test']:9.5g} {naive['test']:9.5g} {default['test']:9.5g}"
        f" | {found['planning_seconds']:.0f} s"
    )


def main() -> None:
    """Run the tables that are asked for, and keep what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of each plan")
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=TABLES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    set_defaults()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print("table        seed | expected loss | validation | rungs, trials: plan, naive, default"
          " | test loss: plan, naive, default | planning")  # fmt: skip
    found = json.loads(chosen.out.read_text()) if chosen.out.exists() else []
    for name in chosen.tables:
        for seed in range(chosen.seeds):
            one = run(load_plan_table(name, seed), chosen.budget, seed)
            key = (name, seed, chosen.budget)
            found = [f for f in found if (f["table"], f["seed"], f["budget"]) != key] + [one]
            chosen.out.write_text(json.dumps(found, indent=1) + "\n")
            print(_line(one), flush=True)
    summarise(found)


def summarise(found: list[dict[str, Any]]) -> None:
    """Say how often the interval held, and the paired ratio of the test losses."""
    holds = sum(one["holds"] for one in found)
    print(f"the interval held in {holds} of {len(found)} plans")
    for arm in ("naive", "default"):
        ratios = np.log([one["ours"]["test"] / one[arm]["test"] for one in found])
        error = ratios.std(ddof=1) / np.sqrt(len(ratios)) if len(ratios) > 1 else float("nan")
        wins = int(np.sum(ratios < 0))
        print(
            f"test loss of the plan over that of {arm}: {np.exp(ratios.mean()):.4f}"
            f" (log se {error:.4f}), better in {wins} of {len(ratios)}"
        )


if __name__ == "__main__":
    main()
