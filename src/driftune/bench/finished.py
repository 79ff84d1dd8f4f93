"""Finished runs on disk, one file each: a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from driftune import __version__
from driftune.bench.search import Run
from driftune.errors import DataError
from driftune.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.bench.preparation import Prepared


@dataclass(frozen=True)
class Job:
    """What identifies a run.

    Attributes:
        prepared: The task.
        model: ``lightgbm`` or ``xgboost``.
        arm: A key of ``ARMS``.
        seed: Of the sampler.
        trials: Configurations.
        language_model: Who is asked; empty for an arm that asks nobody.
    """

    prepared: Prepared
    model: str
    arm: str
    seed: int
    trials: int
    language_model: str = ""

    @property
    def file_name(self) -> str:
        """Another one when data, splits, trials, language model or our version change."""
        identity = [self.prepared.name, self.prepared.fingerprint, self.trials, self.language_model]
        if self.arm.startswith("driftune"):
            identity.append(__version__)
        key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:10]
        table = re.sub(r"\W+", "_", self.prepared.name)
        return f"{table}--{self.model}--{self.arm}--{self.seed}--{key}.json"


class FinishedRuns:
    """The runs below a folder.

    Args:
        folder: Made when the first run is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, job: Job) -> Run | None:
        """Return the run of a job, if it is finished.

        Raises:
            DataError: The file is not one of ours.
        """
        path = self.folder / job.file_name
        if not path.exists():
            return None
        try:
            return Run(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise DataError(f"{path} is no finished run of this version: remove it.") from error

    def keep(self, job: Job, run: Run) -> None:
        """Write a run; a kill leaves either the whole file or none."""
        with replace_file(self.folder / job.file_name) as path:
            path.write_text(json.dumps(asdict(run), indent=1), encoding="utf-8")
