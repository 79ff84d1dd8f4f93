"""How trials are run: an executor drives a study until its limits stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    import optuna

    from driftune.tuning.objective import Objective
    from driftune.tuning.stopping import Limits


class Executor(Protocol):
    """Runs trials of a study until the limits call ``study.stop()``."""

    name: str

    def run(self, study: optuna.Study, objective: Objective, limits: Limits) -> None:
        """Return when the study is stopped; ``KeyboardInterrupt`` passes through."""
        ...


class LocalExecutor:
    """One trial after the other in this process; the cores belong to the fit."""

    name = "local"

    def run(self, study: optuna.Study, objective: Objective, limits: Limits) -> None:
        """Run until stopped. A failing trial is recorded as failed and the study goes on."""
        study.optimize(objective, n_trials=None, callbacks=[limits], catch=(Exception,))


def get_executor(name: str) -> Executor:
    """Find an executor by name.

    Raises:
        UsageError: There is no such executor.
    """
    known: dict[str, Executor] = {executor.name: executor for executor in (LocalExecutor(),)}
    if name not in known:
        raise UsageError(
            f"There is no executor {name!r} (tuning.executor).{close_match(name, known)}"
        )
    return known[name]
