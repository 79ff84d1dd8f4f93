"""The result of a benchmark as one JSON document."""

from __future__ import annotations

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from driftune import __version__
from driftune.bench.arms import ARMS, BASELINE
from driftune.bench.comparison import Compared, compare
from driftune.bench.harness import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.bench.harness import Plan
    from driftune.bench.search import Run

SOURCE = "Mahammadli and Ertekin, arXiv 2410.20302; code KananMahammadli/SLLMBO"
_DISTRIBUTIONS = ("optuna", "scikit-learn", "lightgbm", "xgboost", "xgboost-cpu")


def to_document(plan: Plan, runs: Sequence[Run], command: str) -> dict[str, Any]:
    """Return JSON values: how it was made, the comparison, every run.

    Args:
        plan: What was asked for.
        runs: What came of it.
        command: The command that does it again.
    """
    return {
        "benchmark": "sllmbo",
        "protocol": SOURCE,
        "command": command,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "trials": plan.trials,
        "seeds": plan.seeds,
        "language_model": plan.asked.name,
        "language_model_is_a_stand_in": plan.asked.name == STAND_IN,
        "tables": [_describe(task) for task in plan.tasks],
        "baseline": BASELINE,
        "arms": [_summarise(compared) for compared in compare(runs)],
        "runs": [asdict(run) for run in runs],
    }


def _describe(task: Any) -> dict[str, Any]:
    return {
        "name": task.name,
        "task": task.task,
        "metric": task.metric,
        "training_rows": len(task.y_train),
        "test_rows": len(task.y_test),
        "features": task.X_train.shape[1],
        "fold_rows": [[len(train), len(valid)] for train, valid in task.folds],
        "fingerprint": task.fingerprint,
    }


def _summarise(compared: Compared) -> dict[str, Any]:
    return {"says": ARMS[compared.arm].says, **asdict(compared)}


def _versions() -> dict[str, str]:
    found = {"driftune": __version__, "python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
