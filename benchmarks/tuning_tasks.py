"""What every family of tasks offers to the benchmarks, and the families by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import boosting_tables
import hpo_tables
import yahpo_tables
from optuna.distributions import IntDistribution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from optuna import Trial
    from positions import Space

Configuration = dict[str, Any]
MODULES: dict[str, ModuleType] = {
    "hpobench": hpo_tables,
    "boosting": boosting_tables,
    "yahpo": yahpo_tables,
}


class TuningTask(Protocol):
    """One tuning problem whose answers are known beforehand.

    Regret is 0 at the best configuration known and 1 at the median random one.
    """

    name: str
    space: Space

    @property
    def best(self) -> Configuration:
        """The best configuration known."""

    @property
    def worst(self) -> Configuration:
        """The worst one known."""

    def regret(self, configuration: Mapping[str, Any]) -> float:
        """Return the regret of any configuration in ``space``."""


@cache
def load_tasks(family: str) -> Sequence[TuningTask]:
    """Read a family, once per process.

    Args:
        family: ``hpobench``, ``boosting``, or ``yahpo:FOLDER`` with a YAHPO-Gym data folder.
    """
    name, _, folder = family.partition(":")
    if name == "yahpo":
        return yahpo_tables.load_yahpo_tables(Path(folder))
    if name == "boosting":
        return boosting_tables.load_boosting_tables()
    return hpo_tables.load_tables()


@cache
def learn_portfolio_without(family: str, left_out: int, size: int = 5) -> Sequence[Configuration]:
    """Return a portfolio learned on all tasks of the family but one."""
    others = [task for i, task in enumerate(load_tasks(family)) if i != left_out]
    portfolio: list[Configuration] = MODULES[family.partition(":")[0]].learn_portfolio(others, size)
    return portfolio


def suggest(trial: Trial, space: Space) -> Configuration:
    """Ask the trial for a value of every parameter."""
    configuration: Configuration = {}
    for name, distribution in space.items():
        ask = (
            trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
        )
        configuration[name] = ask(name, distribution.low, distribution.high, log=distribution.log)
    return configuration
