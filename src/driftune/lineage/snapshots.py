"""Store a set of files under DVC; the hash of the set is the data version."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError, ServiceUnavailable
from driftune.lineage.remote import files_of, push_waiting, wait_for_push
from driftune.lineage.repository import opened, writer
from driftune.lineage.wording import reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    Files = Iterable[Path] | Mapping[str, Path]


def snapshot(
    root: Path, problem: str, files: Files, *, known: Mapping[str, str] | None = None
) -> str:
    """Put ``files`` under DVC as the rows of ``problem``; return the data version.

    The version is the one that ``dvc add`` gives to a folder with these files. Each file is stored
    once, whatever the number of versions that it is part of, and the list of them last: killed
    anywhere, a version that can be found is whole, and the same call finishes what is missing.

    One writer at a time. Then what waits for the remote is pushed, when there is one; a remote
    that does not answer costs a warning, not the run. No file of the working tree is touched.

    Args:
        root: The project's folder.
        problem: For messages.
        files: Each under its own name, or by name in the snapshot (``/`` for folders).
        known: Hashes, by name in the snapshot, of files that are stored already (:func:`listed`);
            these are not read.

    Raises:
        ServiceUnavailable: DVC cannot store the files (for example, the disk is full).
    """
    from dvc.exceptions import DvcException

    with writer(root) as repo:
        try:
            version = _store(repo, _by_name(files), known or {})
        except DriftuneError:
            raise
        except (DvcException, OSError, sqlite3.Error) as error:
            raise ServiceUnavailable(
                f"DVC could not store the rows of {problem!r}: {reason(error)}. The champion is"
                " unchanged; `driftune doctor` checks DVC."
            ) from error
        wait_for_push(root, repo, version)
    push_waiting(root)
    return version


def listed(root: Path, version: str) -> dict[str, str]:
    """Return name -> hash of the files of a data version; empty when this machine has no list."""
    with opened(root) as repo:
        try:
            return files_of(repo, version)
        except (OSError, ValueError):  # gone or damaged: read the files
            return {}


def _by_name(files: Files) -> dict[str, Path]:
    if hasattr(files, "items"):
        return dict(files.items())
    return {file.name: file for file in files}


def _store(repo: Any, files: dict[str, Path], known: Mapping[str, str]) -> str:
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta
    from dvc_data.hashfile.tree import Tree

    store, tree = repo.cache.local, Tree()  # type: ignore[no-untyped-call]
    for name, file in files.items():
        digest = known.get(name)
        if digest is None or not store.exists(digest):
            digest = _store_file(repo, file)
        tree.add(tuple(name.split("/")), Meta(), HashInfo("md5", digest))
    tree.digest()
    _forget_half(store, tree.oid, len(tree.as_bytes()))
    store.add(tree.path, tree.fs, tree.oid)
    return str(tree.oid)


def _store_file(repo: Any, file: Path) -> str:
    from dvc_data.hashfile.hash import hash_file
    from dvc_objects.fs.local import LocalFileSystem

    local = LocalFileSystem()  # type: ignore[no-untyped-call]
    _, digest = hash_file(str(file), local, "md5", repo.state)  # known by inode, time and size
    name = str(digest.value)
    _forget_half(repo.cache.local, name, file.stat().st_size)
    repo.cache.local.add(str(file), local, name)
    return name


def _forget_half(store: Any, name: str, size: int) -> None:
    """Remove an object of another size: a disk that lost power keeps such files."""
    path = store.oid_to_path(name)
    if os.path.exists(path) and os.path.getsize(path) != size:
        store.delete(name)
