"""Data versions: which rows a run read, under DVC. The only file that talks to DVC.

The rows of a run are laid out as ``data/03_primary/<problem>/<batch>.parquet`` and added to DVC;
the hash that DVC gives to that folder is the data version. Equal batches are stored once.
"""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import contextmanager
from hashlib import md5
from typing import TYPE_CHECKING, Any

import yaml

from driftune.errors import DriftuneError, ServiceUnavailable
from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PRIMARY = "data/03_primary"
LOCK_SECONDS = 300


def file_version(path: Path) -> str:
    """Return the hash that DVC gives to one file (MD5 of its bytes; a name, not a safeguard)."""
    digest = md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def code_version(root: Path) -> str:
    """Return the commit that is checked out, with ``-dirty`` when files differ, or ``no-git``."""
    from dvc.exceptions import DvcException
    from dvc.scm import SCM, NoSCM, SCMError
    from scmrepo.exceptions import SCMError as NoCommit

    try:
        scm = SCM(str(root))
    except (SCMError, DvcException):
        return "no-git"
    if isinstance(scm, NoSCM):
        return "no-git"
    try:
        return f"{scm.get_rev()}{'-dirty' if scm.is_dirty() else ''}"
    except NoCommit:
        return "no-git"
    finally:
        scm.close()


def snapshot(root: Path, problem: str, files: Sequence[Path]) -> str:
    """Put ``files`` under DVC as the rows of ``problem``; return the data version.

    Serialised by a lock of ours, because parallel writers fail on DVC's own. Pushes when a remote
    is configured; a remote that does not answer costs a warning, not the run.

    Raises:
        ServiceUnavailable: DVC cannot store the files (for example, the disk is full).
    """
    from dvc.exceptions import DvcException

    folder = root / PRIMARY / problem
    with _writer(root) as repo:
        _lay_out(folder, files)
        try:
            repo.add(str(folder))
            version = read_version(root, problem)
            if repo.config["core"].get("remote"):
                _push(repo, folder)
        except (DvcException, OSError) as error:
            raise ServiceUnavailable(
                f"DVC could not store the rows of {problem!r}: {error}. The champion is unchanged;"
                " `driftune doctor` checks DVC."
            ) from error
    return version


def read_version(root: Path, problem: str) -> str:
    """Return the data version that lies in ``data/03_primary`` now."""
    pointer = yaml.safe_load(_pointer(root, problem).read_text(encoding="utf-8"))
    return str(pointer["outs"][0]["md5"])


def restore(root: Path, problem: str, version: str) -> Path:
    """Bring back exactly the bytes of a data version into ``data/03_primary/<problem>``.

    Raises:
        ServiceUnavailable: Neither the cache nor the remote holds that version.
    """
    from dvc.exceptions import DvcException

    pointer = {"outs": [{"md5": version, "hash": "md5", "path": problem}]}
    target = _pointer(root, problem)
    before = target.read_text(encoding="utf-8") if target.exists() else None
    with _writer(root) as repo:
        _write(target, yaml.safe_dump(pointer))
        try:
            if repo.config["core"].get("remote"):
                repo.fetch([str(target)])
            repo.checkout([str(target)], force=True)
        except DvcException as error:
            if before is not None:  # DVC has emptied the folder by now
                _write(target, before)
                repo.checkout([str(target)], force=True)
            raise ServiceUnavailable(
                f"Data version {version} of {problem!r} is not in DVC's cache or remote: {error}"
            ) from error
    return root / PRIMARY / problem


def describe(root: Path) -> str:
    """Say where the DVC repository is and where it pushes to.

    Raises:
        ServiceUnavailable: It cannot be opened.
    """
    with _open(root) as repo:
        remote = repo.config["core"].get("remote")
    return f"repository {root}, " + (f"pushes to remote {remote!r}" if remote else "no remote")


def _write(path: Path, text: str) -> None:
    with replace_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _pointer(root: Path, problem: str) -> Path:
    return root / PRIMARY / f"{problem}.dvc"


def _lay_out(folder: Path, files: Sequence[Path]) -> None:
    """Make ``folder`` hold exactly ``files``, by hard links where the file system has them."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file for file in files}
    for old in folder.iterdir():
        if old.name not in wanted:
            old.unlink()
    for name, file in wanted.items():
        with replace_file(folder / name) as path:
            try:
                os.link(file, path)
            except OSError:
                shutil.copy2(file, path)


@contextmanager
def _writer(root: Path) -> Iterator[Any]:
    """Open the DVC repository as its only writer, making one when there is none."""
    from filelock import FileLock, Timeout

    logging.getLogger("dvc").setLevel(logging.ERROR)  # our messages say what matters
    lock = root / ".driftune" / "dvc.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(lock, timeout=LOCK_SECONDS):
            repo = _open(root)
            try:
                yield repo
            finally:
                repo.close()
    except Timeout:
        raise DriftuneError(
            f"Another process has held the DVC lock {lock} for {LOCK_SECONDS} s; is one stuck?"
        ) from None


def _open(root: Path) -> Any:
    """Open the DVC repository, with or without git around it; makes one when there is none."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    bare = not any((folder / ".git").exists() for folder in (root, *root.parents))
    try:
        if not (root / ".dvc").exists():
            Repo.init(str(root), no_scm=bare).close()
        return Repo(str(root), config={"core": {"no_scm": True}} if bare else None)
    except (DvcException, OSError) as error:
        raise ServiceUnavailable(f"DVC cannot be used in {root}: {error}") from error


def _push(repo: Any, folder: Path) -> None:
    from dvc.exceptions import DvcException

    try:
        repo.push([str(folder)])
    except (DvcException, OSError) as error:
        logging.getLogger(__name__).warning(
            "Data was stored locally but not pushed to the DVC remote %r: %s",
            repo.config["core"]["remote"],
            error,
        )
