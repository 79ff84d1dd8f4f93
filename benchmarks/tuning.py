"""The tuning race: ``tune()`` against plain Optuna and FLAML, paired over seeds.

``make bench-tuning`` runs every arm in a process of its own, in turns, and writes
``benchmarks/results/tuning.json`` and ``.png``. A race that was stopped goes on where it was; what
another version of the code measured is measured anew; plain Optuna in two processes runs once per
table. ``--tables digits --seeds 1`` adds the slowest table to the same results.

``--quick`` is for who works on the speed: one table, one core (LightGBM's own threads are no
measure on a busy machine), plain Optuna measured once and kept; ``--quick --arms driftune`` then
measures ``tune()`` alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import platform
import subprocess
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning_claims import find_claims
from tuning_flaml import FLAMLFailed, find_obstacle, run_flaml
from tuning_picture import draw
from tuning_races import BEFORE, OURS, Race
from tuning_report import print_incumbents, print_report
from tuning_tables import FLIGHTS, ROWS, TABLES, load_table, metric_of

from driftune.tuning.cores import usable_cores

if TYPE_CHECKING:
    from tuning_tables import RaceTable

HERE = Path(__file__).parent
ARMS = ("plain", "plain2", OURS, BEFORE)  # in this order where the seed is even
MOST_SEEDS = 20
FLAML_ARMS = ("flaml", "flaml-early")  # as long as our study; as long as we took to plain's score
PACKAGES = ("lightgbm", "optuna", "scikit-learn")
QUICK = {"tables": ["air_time"], "arms": ["plain", OURS], "seeds": 1, "cores": 1}
FULL = {
    "tables": [name for name in TABLES if name != "digits"],
    "arms": [*ARMS[:3], *FLAML_ARMS],
    "seeds": 2,
    "cores": 0,
}
ROOMS = ("tuning", "sampler")  # of the library: they decide what tune() does


def main() -> None:
    """Run what is missing, report, save."""
    options = read_options()
    _leave_out_flaml(options)
    document, path = _open(options)
    for name in options.tables:
        for seed in range(options.seeds):
            _race(document, path, name, seed, options)
    races = gather(document, options)
    document["claims"] = find_claims(races, options.rows)
    _save(document, path)
    if options.quick:
        print_incumbents(races)
    print_report(races, document["claims"])
    draw(races, path.with_suffix(".png"))
    print(f"\n{path} and .png", flush=True)


def gather(document: dict[str, Any], options: argparse.Namespace) -> list[Race]:
    """Return all that was measured by today's code, also what an earlier call asked for.

    With ``--quick`` only what was asked for now.
    """
    tables, seeds = (options.tables, options.seeds) if options.quick else (TABLES, MOST_SEEDS)
    pairs = [(name, seed) for name in tables for seed in range(seeds)]
    races = [_gather_one(document, name, seed, options) for name, seed in pairs]
    return [race for race in races if race.runs]


def _gather_one(
    document: dict[str, Any], name: str, seed: int, options: argparse.Namespace
) -> Race:
    race = Race(name, seed, metric_of(name), {})
    for arm in (*ARMS, *FLAML_ARMS):
        run = document["runs"].get(run_key(arm, name, seed, options))
        if run and run["code"] == fingerprint(arm, flaml_seconds(race, arm), options):
            race.runs[arm] = run
    return race


def flaml_seconds(race: Race, arm: str) -> float | None:
    """Return the seconds that FLAML gets; ``None`` where it does not race."""
    if arm not in FLAML_ARMS or not race.has(OURS):
        return None
    if arm == "flaml":
        return float(race.runs[OURS]["seconds"])
    return race.seconds_to_target if race.has("plain") else None


def _race(
    document: dict[str, Any], path: Path, name: str, seed: int, options: argparse.Namespace
) -> None:
    """Run the arms of one table and seed; which one begins changes from seed to seed."""
    table: RaceTable | None = None
    arms = [arm for arm in ARMS if arm in options.arms and (arm != "plain2" or seed == 0)]
    arms = arms if seed % 2 == 0 else arms[::-1]
    for arm in [*arms, *(arm for arm in FLAML_ARMS if arm in options.arms)]:
        race = _gather_one(document, name, seed, options)
        budget = flaml_seconds(race, arm)
        if race.has(arm) or (arm in FLAML_ARMS and budget is None):
            continue
        key = run_key(arm, name, seed, options)
        table = table or load_table(name, seed=seed, rows=options.rows)
        print(f"{key} ...", end=" ", flush=True)
        known = document["yardstick"].setdefault(yardstick_key(name, seed, options), {})
        try:
            outcome = _run_arm(table, arm, budget, known, options)
        except FLAMLFailed as error:
            print(f"left out: {error}", flush=True)
            continue
        document["runs"][key] = {"code": fingerprint(arm, budget, options), **outcome}
        _save(document, path)
        print(f"{outcome['seconds']:.1f} s", flush=True)


def _run_arm(
    table: RaceTable,
    arm: str,
    budget: float | None,
    known: dict[str, float],
    options: argparse.Namespace,
) -> dict[str, Any]:
    if budget is not None:
        return run_flaml(table, options.flaml, seconds=budget, cores=options.cores)
    order = {"arm": arm, "seed": table.seed, "trials": options.trials, "cores": options.cores}
    source = options.before if arm == BEFORE else None
    outcome = run_apart(table, {**order, "known": known}, source)
    known.update(outcome.pop("known"))
    return outcome


def run_apart(
    table: RaceTable, order: dict[str, Any], source: Path | None = None
) -> dict[str, Any]:
    """Run an arm in a process of its own, so that times and memory are its own.

    Args:
        table: The table.
        order: See ``tuning_arm.run_arm``.
        source: Another checkout, whose library is measured.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table_file, order_file = folder / "table.pickle", folder / "order.json"
        table_file.write_bytes(pickle.dumps(table))
        order_file.write_text(json.dumps(order | {"table_file": str(table_file)}))
        command = [sys.executable, str(HERE / "tuning_arm.py"), str(order_file)]
        paths = [] if source is None else [str(source / "src"), str(source)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)} if paths else None
        subprocess.run(command, check=True, env=environment)
        outcome: dict[str, Any] = json.loads(order_file.with_suffix(".out.json").read_text())
    return outcome


def run_key(arm: str, name: str, seed: int, options: argparse.Namespace) -> str:
    """Name a run by all that was asked for."""
    rows = f" {options.rows} rows" if name in FLIGHTS else ""
    cores = options.cores or usable_cores()
    return f"{arm} {name}{rows} seed {seed}, {options.trials} trials, {cores} cores"


def yardstick_key(name: str, seed: int, options: argparse.Namespace) -> str:
    """Name the folds of the yardstick: by time they are the same for all seeds."""
    return f"{name} {options.rows} rows" if name in FLIGHTS else f"{name} seed {seed}"


def fingerprint(arm: str, budget: float | None, options: argparse.Namespace) -> str:
    """Return a hash of what decides the outcome of an arm."""
    from tuning_plain import RULES

    if arm in FLAML_ARMS:
        parts = [(HERE / "flaml_rival.py").read_text(), str(budget)]
    else:
        parts = [*(f"{name} {version(name)}" for name in PACKAGES), str(RULES)]
    if arm in (OURS, BEFORE):
        parts.append(_hash_library(options.before if arm == BEFORE else None))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def _hash_library(source: Path | None) -> str:
    import driftune

    folder = Path(driftune.__file__).parent if source is None else source / "src" / "driftune"
    files = [file for room in ROOMS for file in sorted((folder / room).rglob("*.py"))]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _leave_out_flaml(options: argparse.Namespace) -> None:
    if not set(FLAML_ARMS) & set(options.arms):
        return
    obstacle = find_obstacle(options.flaml)
    if obstacle is not None:
        print(f"left out: FLAML; {obstacle}", flush=True)
        options.arms = [arm for arm in options.arms if arm not in FLAML_ARMS]


def _open(options: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    path = options.out / ("tuning-quick.json" if options.quick else "tuning.json")
    document = json.loads(path.read_text()) if path.exists() else {}
    versions = {name: version(name) for name in PACKAGES}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"cores": usable_cores(), "processor": platform.machine()},
        "runs": document.get("runs", {}),
        "yardstick": document.get("yardstick", {}),
    }, path


def _save(document: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(half, path)


def read_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; ``--quick`` changes what is not said."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arms", nargs="+", choices=[*ARMS, *FLAML_ARMS], help="who is measured")
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=TABLES,
        help="all but digits, where plain Optuna alone takes ten minutes: ask for it by name",
    )
    parser.add_argument("--seeds", type=int, help="repetitions")
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--rows", type=int, default=ROWS, help="flights to tune on")
    parser.add_argument("--cores", type=int, help="that every arm may use; 0: all")
    parser.add_argument("--quick", action="store_true", help="air_time, one seed, one core")
    parser.add_argument("--flaml", type=Path, help="a Python interpreter that has FLAML")
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version: arm before")
    parser.add_argument("--out", type=Path, help="folder of the results")
    options = parser.parse_args(arguments)
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.before is not None:
        options.arms = [*(arm for arm in options.arms if arm != BEFORE), BEFORE]
    elif BEFORE in options.arms:
        parser.error("the arm before needs --before FOLDER")
    quick_folder = Path(tempfile.gettempdir()) / "driftune-tuning-race"
    options.out = options.out or (quick_folder if options.quick else HERE / "results")
    return options


if __name__ == "__main__":
    main()
