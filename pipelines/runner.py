"""Run pipelines from code: one Kedro session per call, so that hooks fire."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

QUIET = Path(__file__).resolve().parents[1] / "conf" / "logging_quiet.yml"
os.environ.setdefault("KEDRO_LOGGING_CONFIG", str(QUIET))  # Kedro reads it when imported

from kedro.framework.session import KedroSession  # noqa: E402
from kedro.framework.startup import bootstrap_project  # noqa: E402
from kedro.io import DatasetError  # noqa: E402

from driftune.errors import DataError  # noqa: E402
from pipelines.hooks import Refused  # noqa: E402


def run_pipelines(
    root: Path, names: list[str], parameters: dict[str, Any], want: str | None = None
) -> Any:
    """Run pipelines one after another.

    Args:
        root: The project's folder.
        names: Pipelines, e.g. ``["data_validation", "feature_engineering"]``.
        parameters: Runtime parameters, e.g. ``{"problem": "late", "batches": ["week_17"]}``;
            ``env`` selects Kedro's environment, ``to_outputs`` makes these datasets and what they
            need, and nothing else.
        want: A dataset of the catalog that the run makes.

    Returns:
        That dataset, loaded, or ``None``.

    Raises:
        DriftuneError: A step refused; other errors pass through.
    """
    parameters = dict(parameters)
    env, only = parameters.pop("env", None), parameters.pop("to_outputs", None)
    bootstrap_project(root)
    with KedroSession.create(project_path=root, env=env, runtime_params=parameters) as session:
        try:
            session.run(pipeline_names=names, to_outputs=only)
        except Refused as refused:
            raise refused.error from None
        return session.load_context().catalog.load(want) if want else None


def load_dataset(root: Path, name: str, parameters: dict[str, Any]) -> Any:
    """Load one dataset of the catalog, e.g. ``features`` of ``{"problem": "late"}``.

    Raises:
        DataError: It was not made yet, or was deleted.
    """
    bootstrap_project(root)
    with KedroSession.create(project_path=root, runtime_params=parameters) as session:
        try:
            return session.load_context().catalog.load(name)
        except DatasetError as error:
            raise DataError(f"The dataset {name!r} is not at hand: {error}") from error
