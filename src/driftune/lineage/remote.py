"""DVC's remote: versions wait in a folder until they are pushed, so that an outage loses none.

A remote on this machine is pushed to at once. One behind a network is pushed to by a process of
its own that is stopped when it takes too long: its libraries repeat themselves for minutes.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.errors import ServiceUnavailable
from driftune.lineage.repository import STATE, opened
from driftune.lineage.wording import reason

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = logging.getLogger(__name__)
PUSH_SECONDS = 60.0  # for a remote behind a network
PAUSE_SECONDS = 300.0  # after a push that failed


def describe(root: Path) -> str:
    """Say where the DVC repository is, where it pushes to, and what waits.

    Raises:
        ServiceUnavailable: It cannot be opened.
    """
    with opened(root) as repo:
        remote = remote_name(repo)
    if not remote:
        return f"repository {root}, no remote"
    count = len(waiting(root))
    waits = f", {count} data versions wait for it" if count else ""
    return f"repository {root}, pushes to remote {remote!r}{waits}"


def remote_name(repo: Any) -> str | None:
    """Return the default remote's name (``dvc remote default``)."""
    name = repo.config["core"].get("remote")
    return None if name is None else str(name)


def wait_for_push(root: Path, repo: Any, version: str) -> None:
    """Note that a version is to be pushed, when there is a remote."""
    if remote_name(repo):
        _folder(root).mkdir(parents=True, exist_ok=True)
        (_folder(root) / version).touch()


def waiting(root: Path) -> list[str]:
    """Return the versions that no remote has got yet, oldest first."""
    found = [file for file in _folder(root).glob("*") if file.suffix == ".dir"]
    return [file.name for file in sorted(found, key=lambda file: file.stat().st_mtime)]


def push_waiting(root: Path, *, again: bool = False) -> list[str]:
    """Push the versions that wait; a failure is a warning, and they go on waiting.

    After a failure nothing is tried for five minutes, so that a remote that is away does not slow
    down every tick.

    Args:
        root: The project's folder.
        again: Try at once, whatever happened before.

    Returns:
        The versions that the remote has now.
    """
    from filelock import FileLock, Timeout

    versions = waiting(root)
    failed = _folder(root) / ".failed"
    rested = not failed.exists() or not 0 <= time.time() - failed.stat().st_mtime < PAUSE_SECONDS
    if not versions or not (rested or again):
        return []
    try:
        with FileLock(_folder(root) / ".lock", timeout=0):  # else another process is at it
            why = _push(root, versions)
    except Timeout:
        return []
    left = set(waiting(root))
    if why is None:
        failed.unlink(missing_ok=True)
    else:
        failed.touch()
        logger.warning(
            "%d data versions are stored here but not in the DVC remote: %s. A later snapshot"
            " tries again; the remote is set in .dvc/config.", len(left), why,
        )  # fmt: skip
    return [version for version in versions if version not in left]


def fetch(repo: Any, version: str) -> None:
    """Bring what the cache lacks of a version from the remote, first the list of its files.

    Raises:
        ServiceUnavailable: The remote does not answer, or there is none.
    """
    name = remote_name(repo)
    if not name:
        raise ServiceUnavailable("there is no DVC remote to ask (`dvc remote add -d`)")
    try:
        repo.cloud.pull(_objects([version]))
        repo.cloud.pull(_objects(files_of(repo, version).values()))
    except Exception as error:  # each kind of remote has errors of its own
        raise ServiceUnavailable(f"the DVC remote {name!r} says: {reason(error)}") from None


def files_of(repo: Any, version: str) -> dict[str, str]:
    """Return name -> hash of the files of a data version.

    Raises:
        ValueError: The list in the cache is damaged.
        OSError: There is none.
    """
    try:
        entries = json.loads(Path(repo.cache.local.oid_to_path(version)).read_bytes())
        return {entry["relpath"]: entry["md5"] for entry in entries}
    except (TypeError, KeyError) as error:
        raise ValueError(f"{version} is no list of files") from error


def _objects(names: Iterable[str]) -> list[Any]:
    from dvc_data.hashfile.hash_info import HashInfo

    return [HashInfo("md5", name) for name in names]


def push_now(root: Path, repo: Any, versions: list[str]) -> str | None:
    """Push in this process; returns what went wrong, if anything did."""
    for version in versions:
        try:  # the list of files last: a version that the remote knows is whole
            result = repo.cloud.push(_objects(files_of(repo, version).values()))
            if not result.failed:
                result = repo.cloud.push(_objects([version]))
        except Exception as error:  # each kind of remote has errors of its own
            return reason(error)
        if result.failed:
            return f"{len(result.failed)} files of {version} were not taken"
        (_folder(root) / version).unlink(missing_ok=True)
    return None


def _push(root: Path, versions: list[str]) -> str | None:
    try:
        with opened(root) as repo:
            if not remote_name(repo):
                return "the remote was taken out of the configuration"
            if _is_near(repo):
                return push_now(root, repo, versions)
    except ServiceUnavailable as error:
        return str(error)
    command = [sys.executable, "-m", "driftune.lineage.pushing", str(root)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PUSH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PUSH_SECONDS:g} s"
    if done.returncode:
        return done.stdout.strip() or f"the push ended with code {done.returncode}"
    return None


def _is_near(repo: Any) -> bool:
    """Whether the remote is a folder of this machine."""
    try:
        return bool(repo.cloud.get_remote().fs.protocol == "local")
    except Exception:  # the push itself says it again
        return False


def _folder(root: Path) -> Path:
    return root / STATE / "unpushed"
