"""The DVC repository of a project: opened without git, by one writer at a time.

DVC is always told that there is no git: it would add to the user's index, write ``.gitignore``
files and, with ``core.autostage``, stage. Of its repository we use the object database, which
needs neither ``dvc.yaml`` nor a walk through the project.
"""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError, ServiceUnavailable
from driftune.files import replace_file
from driftune.lineage.wording import reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_SECONDS = 300
STATE = ".driftune"
CONFIG_WITHOUT_GIT = "[core]\n    no_scm = True\n"
NOT_FOR_GIT = "/config.local\n/tmp\n/cache\n"  # as `dvc init` has it


@contextmanager
def writer(root: Path) -> Iterator[Any]:
    """Open the DVC repository as its only writer, making one when there is none.

    Raises:
        DriftuneError: Another process has held the lock for too long.
        ServiceUnavailable: DVC cannot be used here.
    """
    from filelock import FileLock, Timeout

    lock = root / STATE / "dvc.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=LOCK_SECONDS), opened(root) as repo:
            yield repo
    except Timeout:
        raise DriftuneError(
            f"Another process has held the DVC lock {lock} for {LOCK_SECONDS} s; is one stuck?"
        ) from None


@contextmanager
def opened(root: Path) -> Iterator[Any]:
    """Open the DVC repository, making one when there is none.

    Raises:
        ServiceUnavailable: It cannot be opened; says what stands in the way.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # our messages say what matters
    for name in ("dvc_data", "dvc_objects"):  # they log addresses, password and all
        logging.getLogger(name).setLevel(logging.CRITICAL)
    remembered = root / STATE / "dvc"
    ours = {"core": {"no_scm": True, "site_cache_dir": str(remembered)}}
    try:
        _make(root)
        try:
            repo = Repo(str(root), config=ours)
        except sqlite3.Error:  # hashes by inode, time and size: they can be worked out again
            shutil.rmtree(remembered)
            repo = Repo(str(root), config=ours)
    except (DvcException, OSError, sqlite3.Error) as error:
        raise ServiceUnavailable(
            f"DVC cannot be used in {root}: {reason(error)}. See {root / '.dvc' / 'config'};"
            " `dvc doctor` there says more. The champion is unchanged."
        ) from None
    try:
        yield repo
    finally:
        repo.close()


def _make(root: Path) -> None:
    """Make an empty repository; ``dvc init`` would stage its files in git."""
    config = root / ".dvc" / "config"
    if config.exists():
        return
    ignored = config.with_name(".gitignore")
    if not ignored.exists():
        with replace_file(ignored) as temporary:
            temporary.write_text(NOT_FOR_GIT, encoding="utf-8")
    bare = not any((folder / ".git").exists() for folder in (root, *root.parents))
    with replace_file(config) as temporary:
        temporary.write_text(CONFIG_WITHOUT_GIT if bare else "", encoding="utf-8")
