"""Seven tuning tasks of LightGBM on real tables, in ten numeric parameters, as surrogates.

``make_boosting_tables.py`` scored 1,500 random configurations on each table by cross-validation
and fitted three small networks per table to the losses; here they answer for any configuration.

>>> surrogate = load_boosting_tables()[0]
>>> round(surrogate.regret(surrogate.best), 6)
0.0
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution
from positions import (
    Space,
    choose_greedily,
    draw_configurations,
    read_configurations,
    read_positions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILE = Path(__file__).parent / "tables" / "boosting.npz"
SPACE: Space = {
    "learning_rate": FloatDistribution(0.005, 0.5, log=True),
    "n_estimators": IntDistribution(8, 256, log=True),
    "num_leaves": IntDistribution(2, 128, log=True),
    "max_depth": IntDistribution(2, 12),
    "min_child_samples": IntDistribution(1, 64, log=True),
    "lambda_l1": FloatDistribution(1e-4, 10.0, log=True),
    "lambda_l2": FloatDistribution(1e-4, 100.0, log=True),
    "min_split_gain": FloatDistribution(1e-5, 10.0, log=True),
    "feature_fraction": FloatDistribution(0.1, 1.0),
    "bagging_fraction": FloatDistribution(0.2, 1.0),
}

CANDIDATES = 5000


@dataclass(frozen=True)
class Surrogate:
    """One tuning task.

    Args:
        name: Of the table.
        networks: Weights and offsets by layer, and ``range``: the lowest and the median regret
            that they know, before both are moved to 0 and 1.
        best_position: The best point known, shape (parameters,), in the unit cube.
    """

    name: str
    networks: dict[str, np.ndarray] = field(repr=False)
    best_position: np.ndarray = field(repr=False)
    space: ClassVar[Space] = SPACE

    def regret(self, configuration: Mapping[str, Any]) -> float:
        """Return 0 at the best configuration known, 1 at the median random one."""
        return float(self.regrets([configuration])[0])

    def regrets(self, configurations: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the regret of each configuration, shape (configurations,)."""
        output = evaluate_networks(self.networks, read_positions(configurations, SPACE))
        return regret_of_output(self.networks, output)

    @cached_property
    def best(self) -> dict[str, Any]:
        """The best configuration known."""
        return read_configurations(self.best_position[None], SPACE)[0]

    @cached_property
    def portfolio_regrets(self) -> np.ndarray:
        """Regrets of the candidates for a portfolio, the same for all tasks."""
        return self.regrets(_draw(CANDIDATES))

    @cached_property
    def worst(self) -> dict[str, Any]:
        """The worst of 20,000 random configurations."""
        candidates = _draw(20_000)
        return candidates[int(self.regrets(candidates).argmax())]


def load_boosting_tables(file: Path = FILE) -> list[Surrogate]:
    """Read the surrogates; takes milliseconds."""
    with np.load(file) as arrays:
        parts = {name: arrays[name] for name in arrays.files}
    names = [name.removesuffix("/best") for name in parts if name.endswith("/best")]
    return [
        Surrogate(
            name,
            {
                key.removeprefix(f"{name}/"): value
                for key, value in parts.items()
                if key.startswith((f"{name}/weight", f"{name}/offset", f"{name}/range"))
            },
            parts[f"{name}/best"],
        )
        for name in names
    ]


def learn_portfolio(others: Sequence[Surrogate], size: int = 5) -> list[dict[str, Any]]:
    """Choose, greedily, the configurations whose best has the lowest mean regret.

    Leave the task out on which the portfolio is going to run.
    """
    candidates = _draw(CANDIDATES)
    regrets = np.array([surrogate.portfolio_regrets for surrogate in others])
    return [candidates[chosen] for chosen in choose_greedily(regrets, size)]


def evaluate_networks(networks: Mapping[str, np.ndarray], positions: np.ndarray) -> np.ndarray:
    """Return the mean output of the networks, shape (positions,): the logarithm of a regret."""
    values = np.broadcast_to(2 * positions - 1, (len(networks["weight0"]), *positions.shape))
    last = sum(name.startswith("weight") for name in networks) - 1
    for layer in range(last + 1):
        values = values @ networks[f"weight{layer}"] + networks[f"offset{layer}"][:, None]
        values = values if layer == last else np.tanh(values)
    return values[..., 0].mean(axis=0)


def regret_of_output(networks: Mapping[str, np.ndarray], output: np.ndarray) -> np.ndarray:
    """Return regrets, 0 at the lowest output known and 1 at the median one."""
    lowest, middle = networks["range"]
    return (np.exp(output) - lowest) / (middle - lowest)


@cache
def _draw(count: int) -> list[dict[str, Any]]:
    return draw_configurations(count, SPACE)
