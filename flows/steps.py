"""Steps of a retune that are not done twice, and how one knows that they are done.

A step's outcome is kept by Prefect under a key made of what it depends on (:class:`Inputs`): the
hashes of the data, of the configuration and of the code. It names the files that the step made with
their hashes; a file that is gone, or is another's by now, means that the step is done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from prefect import Task
from prefect.cache_policies import INPUTS, TASK_SOURCE

import driftune
import pipelines
from driftune.errors import DriftuneError, ServiceUnavailable
from driftune.lineage import file_version
from driftune.loop import Retune

RESULTS = "prefect-results"  # in the project's state folder


@dataclass(frozen=True)
class Inputs:
    """What a step depends on; equal inputs are the same step.

    Attributes:
        retune: The retune's id.
        data: Hash of the raw batches and of the lookup tables.
        configuration: Hash of the problem, the retune's overrides and ``conf``.
        code: Hash of the library's and the pipelines' sources.
    """

    retune: str
    data: str
    configuration: str
    code: str

    @classmethod
    def of(cls, run: Retune) -> Inputs:
        """Read and hash them; a batch that is missing is for the first step to complain about."""
        arrived = run.settings.batch_files()
        files = [arrived[name] for name in run.batches if name in arrived]
        lookups = [join.table for join in run.settings.features.joins]
        folders = (run.project.root / "conf" / name for name in ("base", "local"))
        conf = [file for folder in folders for file in sorted(folder.glob("*.yml"))]
        wanted = {"action": run.row.action, **run.parameters}
        return cls(
            retune=run.id,
            data=_digest(_versions([*files, *lookups])),
            configuration=_digest([run.settings.model_dump_json(), wanted, *_versions(conf)]),
            code=_code(),
        )


def may_pass(_task: Any, _task_run: Any, state: Any) -> bool:
    """Say whether trying again can help: not where we refused, but where a service was away."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, DriftuneError) or isinstance(error, ServiceUnavailable)


ONCE: dict[str, Any] = {
    "cache_policy": (INPUTS + TASK_SOURCE) - "run",
    "persist_result": True,
    "result_serializer": "json",
    "retries": 2,
    "retry_delay_seconds": 10,
    "retry_condition_fn": may_pass,
}


def once(step: Task[..., dict[str, Any]], run: Retune, inputs: Inputs) -> dict[str, Any]:
    """Do a step, unless it was done and all that it made is there."""
    step = step.with_options(result_storage=run.project.state / RESULTS)
    made = step(run, inputs)
    if not _stands(run, made):
        made = step.with_options(refresh_cache=True)(run, inputs)
    return made


def made_by(run: Retune, pipeline: str, *noted: str, **values: Any) -> dict[str, Any]:
    """Return the record of a step that was just done.

    Args:
        run: The retune.
        pipeline: The Kedro pipeline that did it.
        noted: Details that the step wrote into the ledger.
        values: What later steps need of it.
    """
    root = run.project.root
    there = [file for file in _outputs(run, pipeline) if file.is_file()]
    files = {str(file.relative_to(root)): file_version(file) for file in there}
    return {"files": files, "noted": list(noted), **values}


def _stands(run: Retune, made: dict[str, Any]) -> bool:
    """Say whether files, ledger and registry still hold what a step made."""
    files = ((run.project.root / name, version) for name, version in made["files"].items())
    return (
        set(made["noted"]) <= set(run.row.details)
        and all(file.is_file() and file_version(file) == version for file, version in files)
        and made.get("version") in (None, run.registry.version_of_retune(run.id))
    )


def _outputs(run: Retune, pipeline: str) -> Iterator[Path]:
    """Give the files that a pipeline writes for these batches, by Kedro's catalog."""
    from kedro.framework.project import pipelines as known
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(run.project.root)
    parameters = run.parameters
    with KedroSession.create(run.project.root, runtime_params=parameters) as session:
        catalog = session.load_context().config_loader["catalog"]
    for name in sorted(known[pipeline].all_outputs()):
        entry = catalog.get(name, {})
        if "filepath" in entry:
            yield run.project.root / entry["filepath"]
        elif "path" in entry:
            suffix = entry.get("filename_suffix", "")
            yield from (run.project.root / entry["path"] / f"{b}{suffix}" for b in run.batches)


def _versions(files: list[Path]) -> list[str]:
    return [f"{file.name} {file_version(file)}" for file in files if file.is_file()]


@lru_cache(maxsize=1)
def _code() -> str:
    """Hash the sources as they are, committed or not."""
    folders = [Path(str(package.__file__)).parent for package in (driftune, pipelines)]
    sources = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return _digest(_versions(sources))


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:16]
