"""XGBoost on OpenML tasks, as surrogates out of a YAHPO-Gym data folder.

Pfisterer et al., "YAHPO Gym", AutoML 2022 (arXiv 2109.03670); the data are those of the repository
slds-lmu/yahpo_data, 1.5 GB, which no package brings along. Read are, of ``rbv2_xgboost``, the
network (``new_model.onnx``, or ``model.onnx`` in older copies), ``config_space.json`` and
``encoding.json``. Needs onnxruntime.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution
from positions import Space, choose_greedily, climb, draw_configurations

from driftune.errors import DataError, MissingPackage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SCENARIO = "rbv2_xgboost"
MODELS = ("new_model.onnx", "model_v2.onnx", "model.onnx")
TASKS = 24  # evenly spaced among all that the folder has
TUNED = (
    "nrounds", "eta", "gamma", "lambda", "alpha", "subsample", "max_depth", "min_child_weight",
    "colsample_bytree", "colsample_bylevel",
)  # fmt: skip
NUMBERS = (*TUNED, "rate_drop", "skip_drop", "trainsize")
CATEGORIES = ("task_id", "booster", "num.impute.selected.cpo")
FIXED = {
    "booster": "gbtree", "num.impute.selected.cpo": "impute.mean",
    "rate_drop": 0.0, "skip_drop": 0.0, "trainsize": 1.0, "repl": 10,
}  # fmt: skip
CANDIDATES = 5000
RANDOM = 20_000
"""Configurations among which the best and the median of a task are looked for."""


class Network:
    """The network of a scenario, for all of its tasks.

    The columns are YAHPO-Gym's: categories as whole numbers by ``encoding.json``, then numbers;
    ``repl`` is the last of whichever group it belongs to. The first output is the accuracy.
    """

    def __init__(self, folder: Path) -> None:
        """Open the network."""
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingPackage(
                "YAHPO-Gym's networks need onnxruntime, which is not installed: pip install "
                "onnxruntime, or leave --yahpo out."
            ) from error
        self._encoding = _read_json(folder / "encoding.json")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = next((folder / name for name in MODELS if (folder / name).exists()), None)
        if path is None:
            raise DataError(f"{folder} holds none of {', '.join(MODELS)}.")
        self._session = onnxruntime.InferenceSession(str(path), options)
        encoded = "repl" in self._encoding
        self._categories = (*CATEGORIES, "repl") if encoded else CATEGORIES
        self._numbers = NUMBERS if encoded else (*NUMBERS, "repl")
        widths = [entry.shape[-1] for entry in self._session.get_inputs()]
        expected = [len(self._categories), len(self._numbers)]
        if any(isinstance(w, int) and w != e for w, e in zip(widths, expected, strict=True)):
            raise DataError(
                f"{path} reads {widths} columns where {expected} are known; this version of the "
                "data is not supported."
            )

    def find_tasks(self, choices: Sequence[str]) -> list[str]:
        """Return those of ``choices`` that the network knows."""
        return [task for task in choices if task in self._encoding["task_id"]]

    def accuracy(self, task: str, configurations: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the accuracy on a task, shape (configurations,)."""
        fixed = {**FIXED, "task_id": task}
        count = len(configurations)
        codes = [self._encoding[name][str(fixed[name])] for name in self._categories]
        numbers = [
            [c[name] for c in configurations] if name in TUNED else [fixed[name]] * count
            for name in self._numbers
        ]
        first, second = self._session.get_inputs()
        kind = np.int64 if "int64" in first.type else np.int32
        columns = {
            first.name: np.tile(np.array(codes, dtype=kind), (count, 1)),
            second.name: np.array(numbers, dtype=np.float32).T.copy(),
        }
        return np.asarray(self._session.run(None, columns)[0])[:, 0].astype(float)


@dataclass(frozen=True)
class YahpoTask:
    """One OpenML task; ``name`` is its number there."""

    name: str
    space: Space = field(repr=False)
    network: Network = field(repr=False)

    def regret(self, configuration: Mapping[str, Any]) -> float:
        """Return 0 at the best configuration known, 1 at the median random one."""
        return float(self.regrets([configuration])[0])

    def regrets(self, configurations: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the regret of each configuration, shape (configurations,)."""
        best, middle, _ = self._known
        return (best - self.network.accuracy(self.name, configurations)) / (best - middle)

    @property
    def best(self) -> dict[str, Any]:
        """The best of many random configurations, bettered by small steps."""
        return self._known[2]

    @cached_property
    def portfolio_regrets(self) -> np.ndarray:
        """Regrets of the candidates for a portfolio, the same for all tasks."""
        return self.regrets(draw_configurations(CANDIDATES, self.space))

    @cached_property
    def worst(self) -> dict[str, Any]:
        """The worst of many random configurations."""
        candidates = draw_configurations(RANDOM, self.space)
        return candidates[int(self.network.accuracy(self.name, candidates).argmin())]

    @cached_property
    def _known(self) -> tuple[float, float, dict[str, Any]]:
        """The best accuracy, the median one and the best configuration."""
        candidates = draw_configurations(RANDOM, self.space)
        accuracy = self.network.accuracy(self.name, candidates)
        starts = [candidates[i] for i in np.argsort(-accuracy)[:50]]
        best = climb(lambda moved: -self.network.accuracy(self.name, moved), starts, self.space)
        reached = self.network.accuracy(self.name, [best])[0]
        return float(reached), float(np.median(accuracy)), best


def load_yahpo_tables(folder: Path, most: int = TASKS) -> list[YahpoTask]:
    """Open ``rbv2_xgboost`` of a data folder.

    Args:
        folder: The data folder, or the scenario's own folder.
        most: Tasks to take.

    Raises:
        MissingPackage: If onnxruntime is not installed.
        DataError: If a file is missing or of an unknown version; names it.
    """
    folder = folder / SCENARIO if (folder / SCENARIO).is_dir() else folder
    entries = _read_json(folder / "config_space.json")["hyperparameters"]
    parameters = {entry["name"]: entry for entry in entries}
    space = {name: _read_distribution(parameters[name]) for name in TUNED}
    network = Network(folder)
    names = network.find_tasks(parameters["task_id"]["choices"])
    chosen = np.unique(np.linspace(0, len(names) - 1, most).round().astype(int))
    return [YahpoTask(names[i], space, network) for i in chosen]


def learn_portfolio(others: Sequence[YahpoTask], size: int = 5) -> list[dict[str, Any]]:
    """Choose, greedily, the configurations whose best has the lowest mean regret.

    Leave the task out on which the portfolio is going to run.
    """
    candidates = draw_configurations(CANDIDATES, others[0].space)
    regrets = np.array([task.portfolio_regrets for task in others])
    return [candidates[chosen] for chosen in choose_greedily(regrets, size)]


def _read_distribution(entry: dict[str, Any]) -> FloatDistribution | IntDistribution:
    kind = IntDistribution if entry["type"] == "uniform_int" else FloatDistribution
    return kind(entry["lower"], entry["upper"], log=entry["log"])


def _read_json(path: Path) -> Any:
    if not path.exists():
        raise DataError(f"{path} is missing: --yahpo must name a YAHPO-Gym data folder.")
    return json.loads(path.read_text())
