"""The folder that driftune works in, and the three names by which it reaches the code there.

The library imports neither Kedro nor Prefect. A project's ``pyproject.toml`` says which functions
run its pipelines and serve its deployments::

    [tool.driftune]
    run_pipelines = "pipelines.runner:run_pipelines"
    load_dataset = "pipelines.runner:load_dataset"
    serve = "flows.deployments:serve"
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.environment import set_defaults
from driftune.errors import MissingKey, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftune.language_model import LanguageModel
    from driftune.ledger import Ledger
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings, Tuning
    from driftune.tracking import Tracker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Project:
    """Paths, state and settings of one project.

    Attributes:
        root: Its folder; ``pyproject.toml`` there has a table ``[tool.driftune]``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """Return the project around ``start`` (default: ``DRIFTUNE_PROJECT``, else here).

        Raises:
            UsageError: There is none.
        """
        start = (start or Path(os.environ.get("DRIFTUNE_PROJECT", "."))).resolve()
        for folder in (start, *start.parents):
            if "driftune" in _tools(folder / "pyproject.toml"):
                project = cls(folder)
                set_defaults(project.state)
                return project
        raise UsageError(
            f"{start} is not inside a driftune project (a folder whose pyproject.toml has"
            " [tool.driftune]); change directory or set DRIFTUNE_PROJECT."
        )

    @property
    def state(self) -> Path:
        """The folder of databases and caches; ``DRIFTUNE_STATE`` moves it."""
        return self.root / os.environ.get("DRIFTUNE_STATE", ".driftune")

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the ledger; ``DRIFTUNE_LEDGER_URL`` sets it."""
        return os.environ.get("DRIFTUNE_LEDGER_URL") or f"sqlite:///{self.state / 'ledger.db'}"

    @property
    def study_storage(self) -> str:
        """SQLAlchemy URL of Optuna's storage; ``DRIFTUNE_STUDY_URL`` sets it."""
        self.state.mkdir(parents=True, exist_ok=True)
        return os.environ.get("DRIFTUNE_STUDY_URL") or f"sqlite:///{self.state / 'studies.db'}"

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI; ``MLFLOW_TRACKING_URI`` sets it, then ``conf/*/mlflow.yml``."""
        return os.environ.get("MLFLOW_TRACKING_URI") or self._mlflow.get(
            "tracking_uri", f"sqlite:///{self.state / 'mlflow.db'}"
        ).replace("{state}", str(self.state))

    @property
    def reports(self) -> Path:
        """The folder of HTML reports."""
        return self.root / "data" / "08_reporting"

    @cached_property
    def ledger(self) -> Ledger:
        """The project's ledger."""
        from driftune.ledger import Ledger

        return Ledger(self.ledger_url)

    def settings(self, problem: str | Path, **overrides: Any) -> Settings:
        """Read a problem of this project, by name or by file."""
        from driftune.settings import load_settings

        return load_settings(problem, root=self.root, **overrides)

    def registry(self, problem: str) -> Registry:
        """The registry of a problem's model."""
        from driftune.promotion.registry import Registry

        return Registry(self.tracking_uri, problem)

    @property
    def tracker(self) -> Tracker:
        """Where studies are logged."""
        from driftune.tracking import Tracker

        return Tracker(self.tracking_uri, self.state / "mlartifacts", self.state / "spool")

    def language_model(self, plan: Tuning) -> LanguageModel | None:
        """Open the language model of a plan; its replies are kept, so that none is paid twice.

        Without its key the search goes on without it: a drifted model is not to wait for a key.
        """
        from driftune.language_model import open_language_model

        budget = plan.budget
        try:
            return open_language_model(
                plan.language_model if budget.allows_language_model else None,
                cache_folder=self.state / "replies",
                max_cost_usd=inf if budget.max_llm_cost_usd is None else budget.max_llm_cost_usd,
                max_calls=sys.maxsize if budget.max_llm_calls is None else budget.max_llm_calls,
                allow_unpriced=plan.allow_unpriced,
            )
        except MissingKey as error:
            logger.warning("%s The search goes on without it.", error)
            return None

    def problems(self) -> list[str]:
        """List the problems in ``conf/problems`` and ``conf/local/problems``."""
        folders = ("conf/problems", "conf/local/problems")
        return sorted(p.stem for folder in folders for p in self.root.glob(f"{folder}/*.yml"))

    def run_pipelines(self, *names: str, want: str | None = None, **parameters: Any) -> Any:
        """Run the project's pipelines by name; returns the dataset ``want``, loaded."""
        return self._call("run_pipelines")(self.root, list(names), parameters, want)

    def load_dataset(self, name: str, **parameters: Any) -> Any:
        """Load a dataset that the pipelines keep, by its name in their catalog."""
        return self._call("load_dataset")(self.root, name, parameters)

    def serve(self, **options: Any) -> None:
        """Serve the project's deployments until stopped."""
        self._call("serve")(self, **options)

    def _call(self, name: str) -> Callable[..., Any]:
        target = _tools(self.root / "pyproject.toml")["driftune"].get(name)
        if not target:
            raise UsageError(f"{self.root / 'pyproject.toml'}: [tool.driftune] lacks {name!r}.")
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))
        module, _, function = target.partition(":")
        return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]

    @cached_property
    def _mlflow(self) -> dict[str, str]:
        import yaml

        merged: dict[str, str] = {}
        for file in (self.root / "conf/base/mlflow.yml", self.root / "conf/local/mlflow.yml"):
            if file.exists():
                merged |= yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        return merged


def _tools(pyproject: Path) -> dict[str, Any]:
    """Return the ``[tool]`` table of a ``pyproject.toml``; empty when there is no such file."""
    if not pyproject.is_file():
        return {}
    return tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {})  # type: ignore[no-any-return]
