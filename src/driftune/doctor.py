"""Checks of an installation; each says how to mend what is wrong."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from driftune.environment import NO_TELEMETRY
from driftune.errors import DriftuneError, UsageError
from driftune.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable

PREFECT_SECONDS = 150
MINIMUM = {
    "kedro": "1.7", "prefect": "3.8", "optuna": "5.0", "mlflow": "3.17", "dvc": "3.67",
    "lightgbm": "4.7", "scikit-learn": "1.8", "great-expectations": "1.24",
}  # fmt: skip
BELOW = {"fastapi": "0.151", "sqlalchemy": "2.1"}
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AZURE_API_KEY", "MISTRAL_API_KEY")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: What was checked.
        state: ``bad`` fails the command; ``note`` is worth knowing.
        said: What was found.
        remedy: What to do; empty when nothing is to be done.
    """

    name: str
    state: Literal["ok", "note", "bad"]
    said: str
    remedy: str = ""


def check_versions() -> list[Finding]:
    """Compare the installed packages with those that are known to work together."""
    wanted = {name: f">={lowest}" for name, lowest in MINIMUM.items()}
    wanted |= {name: f"<{limit}" for name, limit in BELOW.items()}
    return [_python(), *(_package(name, range_) for name, range_ in wanted.items())]


def check_project() -> list[Finding]:
    """Look for the project and its problems."""
    try:
        project = Project.find()
    except UsageError as error:
        return [_no_project("project", error)]
    try:
        for name in project.problems():
            project.settings(name)
    except DriftuneError as error:
        return [Finding("project", "bad", str(error), "Correct the file.")]
    return [Finding("project", "ok", f"{project.root}: {', '.join(project.problems())}")]


def check_ledger() -> list[Finding]:
    """Open the ledger and take, and give back, a lease."""
    try:
        project = Project.find()
    except UsageError as error:
        return [_no_project("ledger", error)]
    try:
        lease = project.ledger.lease("driftune-doctor", seconds=5)
        if lease:
            lease.release()
    except DriftuneError as error:
        return [Finding("ledger", "bad", str(error), "Set DRIFTUNE_LEDGER_URL.")]
    return [Finding("ledger", "ok", "opens, and gives a lease")]


def check_mlflow() -> list[Finding]:
    """Ask the tracking store for its experiments."""
    try:
        project = Project.find()
    except UsageError as error:
        return [_no_project("mlflow", error)]
    try:
        project.tracker.experiment("Default")
    except DriftuneError as error:
        return [Finding("mlflow", "bad", str(error), "Set MLFLOW_TRACKING_URI or start it.")]
    where = project.tracking_uri.split("@")[-1]
    return [Finding("mlflow", "ok", f"answers at {where}")]


def check_spool() -> list[Finding]:
    """Look for studies that MLflow has not got yet."""
    try:
        project = Project.find()
    except UsageError as error:
        return [_no_project("spool", error)]
    spool = project.tracker.spool
    files = spool.files() if spool else []
    if not spool or not files:
        return [Finding("spool", "ok", "empty: MLflow has every study")]
    entries = spool.entries()
    trials = sum(len(entry.record.trials) for entry in entries)
    said = f"{len(entries)} records with {trials} trials wait for MLflow in {spool.folder}"
    unreadable = len(files) - len(entries)
    if unreadable:
        said += f"; {unreadable} more files cannot be read"
    return [Finding("spool", "note", said, "`driftune reconcile` once MLflow answers.")]


def check_dvc() -> list[Finding]:
    """Open the DVC repository and look at its remote."""
    from driftune.lineage import describe

    try:
        project = Project.find()
    except UsageError as error:
        return [_no_project("dvc", error)]
    if not (project.root / ".dvc").exists():  # opening it would make it, which is not our job
        return [Finding("dvc", "note", "no repository yet: the first retune makes one")]
    try:
        said = describe(project.root)
    except DriftuneError as error:
        return [Finding("dvc", "bad", str(error), "`dvc init` in the project's folder.")]
    return [Finding("dvc", "ok", said)]


def check_prefect() -> list[Finding]:
    """Ask the configured server, or start one on a free port and stop it again."""
    url = os.environ.get("PREFECT_API_URL")
    if url:
        if _healthy(url):
            return [Finding("prefect", "ok", f"server answers at {url}")]
        return [
            Finding(
                "prefect",
                "bad",
                f"no server answers at {url}",
                "Start it, or unset PREFECT_API_URL.",
            )
        ]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        port = _free_port()
        log = Path(home) / "server.log"
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1"]
        with log.open("wb") as stream:
            server = subprocess.Popen(
                [*command, "--port", str(port)], stdout=stream, stderr=stream,
                env={**os.environ, "PREFECT_HOME": home},
            )  # fmt: skip
        try:
            while time.monotonic() - began < PREFECT_SECONDS and server.poll() is None:
                if _healthy(f"http://127.0.0.1:{port}/api"):
                    took = time.monotonic() - began
                    return [Finding("prefect", "ok", f"server starts ({took:.0f} s)")]
                time.sleep(0.5)
            last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["no output"]
        finally:
            server.terminate()
            server.wait(timeout=30)
    remedy = "Install the locked versions: pip install --no-deps -r requirements.lock"
    return [Finding("prefect", "bad", f"server does not start: {last[0]}", remedy)]


def check_language_model() -> list[Finding]:
    """Say whether a language model could be asked; none is needed, and none is called."""
    try:
        version("litellm")
    except PackageNotFoundError:
        return [Finding("language model", "note", "litellm is absent: tuning runs without one",
                        'pip install "driftune[llm]"')]  # fmt: skip
    keys = [key for key in KEYS if os.environ.get(key)]
    if not keys:
        said = "no provider key in the environment: tuning uses portfolio, TPE and jitter"
        return [Finding("language model", "note", said)]
    return [Finding("language model", "ok", f"key present: {', '.join(keys)}")]


def check_telemetry() -> list[Finding]:
    """Say which switches of other packages' telemetry are off."""
    on = [name for name, off in NO_TELEMETRY.items() if os.environ.get(name) != off]
    if on:
        return [Finding("telemetry", "note", f"left as you set it: {', '.join(on)}")]
    return [Finding("telemetry", "ok", "off for Prefect, Kedro, MLflow, DVC, Great Expectations")]


def check_browser() -> list[Finding]:
    """Look for a browser that can show the report."""
    names = ("chromium", "chromium-browser", "google-chrome", "firefox")
    browser = next((name for name in names if shutil.which(name)), None)
    if browser:
        return [Finding("browser", "ok", browser)]
    return [Finding("browser", "note", "none found: open the report elsewhere")]


CHECKS: tuple[Callable[[], list[Finding]], ...] = (
    check_versions,
    check_project,
    check_ledger,
    check_mlflow,
    check_spool,
    check_dvc,
    check_language_model,
    check_telemetry,
    check_browser,
    check_prefect,
)


def _no_project(name: str, error: UsageError) -> Finding:
    return Finding(name, "bad", str(error), "Run inside the clone.")


def _python() -> Finding:
    said = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("python", "ok", said)
    return Finding("python", "bad", said, "Use Python 3.11 to 3.13.")


def _package(name: str, wanted: str) -> Finding:
    from packaging.specifiers import SpecifierSet

    try:
        have = version(name)
    except PackageNotFoundError:
        return Finding(name, "bad", "not installed", 'pip install "driftune[pipeline]"')
    if have in SpecifierSet(wanted):
        return Finding(name, "ok", have)
    return Finding(name, "bad", f"{have}, but {wanted} is needed", f"pip install '{name}{wanted}'")


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=5) as reply:  # noqa: S310
            return bool(reply.read() == b"true")
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
