"""Replay trial 0 of a version's study on its restored rows: the same score proves the record.

Everything happens in a scratch project, in a process of its own: the rows are restored there, the
features are remade from them by this project's pipelines, and the recorded configuration is fitted
and scored on the recorded folds. The project's data, ledger, studies and registry are not touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from driftune.errors import DriftuneError
from driftune.lineage.restoring import restore
from driftune.lineage.rows import LOOKUPS
from driftune.lineage.versions import code_version
from driftune.lineage.wording import without_secrets

if TYPE_CHECKING:
    from driftune.lineage.origin import Origin
    from driftune.project import Project
    from driftune.settings import Settings

TOLERANCE = 1e-6  # relative; another number of threads adds up in another order
OWN = {".driftune", ".dvc", ".git", ".venv", "conf", "data", "dvc.yaml", "dvc.lock"}
OUTSIDE = ("DRIFTUNE_", "MLFLOW_", "PREFECT_")  # what would lead out of the scratch project
JOB, DONE = "replay.json", "replayed.json"


@dataclass(frozen=True)
class Replayed:
    """What a replay found.

    Attributes:
        same: The score is the recorded one, within rounding.
        score: Of trial 0 on the restored rows.
        recorded: Of trial 0, then.
        study: Name of the replayed study, which is made of its rows, folds, space and seed.
        same_study: It is the recorded one: rows, folds, space and seed are the same.
        rows: Labelled rows that were searched.
        data_version: That was restored.
        code: The commit that replayed it.
        recorded_code: The commit that made it.
        params: The configuration.
    """

    same: bool
    score: float
    recorded: float
    study: str
    same_study: bool
    rows: int
    data_version: str
    code: str
    recorded_code: str | None
    params: dict[str, Any]

    @property
    def sentence(self) -> str:
        """What was compared, and how it came out."""
        if self.same:
            return (
                f"Trial 0 gives {self.score:.6g} again on {self.rows} restored rows"
                f" (recorded: {self.recorded:.6g})."
            )
        cause = (
            "Rows, folds, space and seed are the recorded ones: look at the code and the packages"
            if self.same_study
            else "Its rows, folds, space or seed are not the recorded ones: settings or code"
            " changed"
        )
        return (
            f"Trial 0 gives {self.score:.6g} on {self.rows} restored rows, but {self.recorded:.6g}"
            f" is on record. {cause} (made by {self.recorded_code}, replayed by {self.code})."
        )


def replay(project: Project, settings: Settings, origin: Origin) -> Replayed:
    """Replay trial 0 of the study that a version came from.

    Raises:
        DriftuneError: The version has no trial 0 on record, or it cannot be replayed; says why.
        ServiceUnavailable: Its rows cannot be restored.
    """
    trial = origin.first_trial
    if trial is None or trial.score is None:
        raise DriftuneError(
            f"Version {origin.version} of {origin.problem!r} has no score of a trial 0 on record,"
            " so there is nothing to replay (it was trained without a search, or its study still"
            " waits in the spool: `driftune reconcile`)."
        )
    with tempfile.TemporaryDirectory(prefix="driftune-replay-") as folder:
        scratch = Path(folder).resolve()
        _lay_out(project, settings, origin, scratch)
        found = _run(scratch, settings.name)
    return Replayed(
        same=isclose(found["score"], trial.score, rel_tol=TOLERANCE),
        score=found["score"],
        recorded=trial.score,
        study=found["study"],
        same_study=found["study"] == origin.study,
        rows=found["rows"],
        data_version=origin.rows,
        code=code_version(project.root),
        recorded_code=origin.code,
        params=trial.params,
    )


def _lay_out(project: Project, settings: Settings, origin: Origin, scratch: Path) -> None:
    """Make a project of the same code with the restored rows as its accepted rows."""
    for entry in project.root.iterdir():
        if entry.name not in OWN and not entry.name.startswith("."):
            (scratch / entry.name).symlink_to(entry)
    shutil.copytree(project.root / "conf" / "base", scratch / "conf" / "base")
    (scratch / "conf" / "local").mkdir()
    rows = scratch / "data" / "02_intermediate" / settings.name / "accepted"
    restore(project.root, settings.name, origin.rows, into=rows)
    lookups = scratch / LOOKUPS
    if (rows / LOOKUPS).exists():
        (rows / LOOKUPS).rename(lookups)
    names = origin.batches or _in_order(settings, rows)
    values = origin.settings or settings.model_dump(mode="json")
    _write_problem(values, rows / f"{names[0]}.parquet", lookups, scratch)
    kept = {"labelled_rows": {"type": "pandas.ParquetDataset", "filepath": "data/labelled.parquet"}}
    (scratch / "conf" / "base" / "catalog_replay.yml").write_text(yaml.safe_dump(kept))
    job = {
        "problem": settings.name,
        "batches": names,
        "study": origin.study,
        "trial": asdict(origin.first_trial) if origin.first_trial else {},
        "until": origin.tags.get("driftune.search_until"),
        "start": int(origin.tags.get("driftune.start", 0)),
        "count": int(origin.tags.get("driftune.search_rows", 0)),
    }
    (scratch / JOB).write_text(json.dumps(job), encoding="utf-8")


def _in_order(settings: Settings, rows: Path) -> list[str]:
    """The batches of a version that did not record them: the initial rows, then by name."""
    first = settings.rows.stem
    return sorted((file.stem for file in rows.glob("*.parquet")), key=lambda n: (n != first, n))


def _write_problem(values: dict[str, Any], rows: Path, lookups: Path, scratch: Path) -> None:
    """Write the recorded problem, reading what was restored instead of the live files."""
    values = {key: value for key, value in values.items() if value is not None}
    values = {**values, "rows": str(rows), "source": None}
    for name in ("batches", "labels"):
        values.pop(name, None)
    joins = [
        {**join, "table": str(lookups / Path(join["table"]).name)}
        for join in values.get("features", {}).get("joins", ())
        if (lookups / Path(join["table"]).name).exists()
    ]
    values["features"] = {**values.get("features", {}), "joins": joins}
    file = scratch / "conf" / "problems" / f"{values['name']}.yml"
    file.parent.mkdir(parents=True)
    file.write_text(yaml.safe_dump(values), encoding="utf-8")


def _run(scratch: Path, problem: str) -> dict[str, Any]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(OUTSIDE)}
    done = subprocess.run(
        [sys.executable, "-m", "driftune.lineage.replaying", str(scratch)],
        cwd=scratch,
        env={**inherited, "DRIFTUNE_PROJECT": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not (scratch / DONE).exists():
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise DriftuneError(
            f"The replay of {problem!r} stopped: {without_secrets(said[-1]) if said else 'killed'}"
        )
    found: dict[str, Any] = json.loads((scratch / DONE).read_text(encoding="utf-8"))
    return found
