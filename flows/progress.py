"""Show a study's progress as a Prefect artifact."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from driftune.tuning import TrialProgress


@contextmanager
def as_artifact(problem: str) -> Iterator[Callable[[TrialProgress], None]]:
    """Give an ``on_progress`` that moves a progress artifact named ``tuning-<problem>``."""
    key = f"tuning-{problem}".replace("_", "-").lower()
    artifact = create_progress_artifact(progress=0.0, key=key, description=f"Tuning {problem}")

    def show(event: TrialProgress) -> None:
        update_progress_artifact(artifact, progress=100 * event.share, description=str(event))

    yield show
    update_progress_artifact(artifact, progress=100.0)
