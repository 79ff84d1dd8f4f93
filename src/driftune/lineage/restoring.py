"""Bring the bytes of a data version back, and prove that they are those."""

from __future__ import annotations

import json
import shutil
from hashlib import md5
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import yaml

from driftune.errors import DriftuneError, ServiceUnavailable, UsageError
from driftune.files import replace_file
from driftune.lineage.remote import fetch
from driftune.lineage.repository import writer

PRIMARY = "data/03_primary"
CHUNK = 1 << 20


class Damaged(ServiceUnavailable):
    """An object of the cache is missing, or is not what its name says."""


def read_version(root: Path, problem: str) -> str:
    """Return the data version that was last restored into ``data/03_primary``.

    Raises:
        DriftuneError: None was, or its pointer cannot be read.
    """
    pointer = _pointer(root, problem)
    try:
        content = yaml.safe_load(pointer.read_text(encoding="utf-8"))
        return str(content["outs"][0]["md5"])
    except FileNotFoundError:
        why = "is not there"
    except (yaml.YAMLError, TypeError, KeyError, IndexError, UnicodeDecodeError):
        why = "is damaged"
    raise DriftuneError(
        f"DVC's pointer {pointer} {why}; `driftune lineage {problem} VERSION --restore` writes it."
    )


def restore(root: Path, problem: str, version: str, *, into: Path | None = None) -> Path:
    """Bring back exactly the bytes of a data version.

    Each file is hashed on its way, and so is the list of files. What the cache has lost, or what
    was damaged in it, comes from the remote. All files are there or none: they are gathered beside
    the folder, which is then put in place.

    Args:
        root: The project's folder.
        problem: Its rows go to ``data/03_primary/<problem>``, with DVC's pointer beside them.
        version: As :func:`driftune.lineage.snapshot` returned it.
        into: Another folder, not there or empty; DVC's pointer stays as it is.

    Raises:
        UsageError: ``into`` has something in it.
        ServiceUnavailable: Neither the cache nor the remote holds that version.
    """
    if into is not None and into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError(f"{into} is not an empty folder; rows are restored into a new one.")
    target = into or root / PRIMARY / problem
    gathered = target.with_name(f".{target.name}.{uuid4().hex[:8]}.tmp")
    with writer(root) as repo:
        try:
            _gather(repo, version, gathered)
            _put_in_place(gathered, target)
        except (ServiceUnavailable, OSError) as error:
            raise ServiceUnavailable(
                f"Data version {version} of {problem!r} cannot be restored: {error}."
                f" {target} is unchanged."
            ) from error
        finally:
            shutil.rmtree(gathered, ignore_errors=True)
        if into is None:
            _point_to(root, problem, version)
    return target


def _gather(repo: Any, version: str, folder: Path) -> None:
    """Copy the files of a version; once more from the remote when the cache is not whole."""
    try:
        _copy_all(repo, version, folder)
    except Damaged as damage:
        try:
            fetch(repo, version)
            _copy_all(repo, version, folder)
        except ServiceUnavailable as error:
            raise ServiceUnavailable(f"{damage}, and {error}") from None


def _copy_all(repo: Any, version: str, folder: Path) -> None:
    store = repo.cache.local
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    listing = folder.with_name(f"{folder.name}.list")
    try:
        _copy(store, version, listing)
        entries = json.loads(listing.read_bytes())
    finally:
        listing.unlink(missing_ok=True)
    for entry in entries:
        name = PurePosixPath(entry["relpath"])
        if name.is_absolute() or ".." in name.parts:
            raise ServiceUnavailable(f"its list names {str(name)!r}, outside the folder")
        _copy(store, entry["md5"], folder / name)


def _copy(store: Any, name: str, to: Path) -> None:
    """Copy one object, hashing it; a damaged one is dropped, so that it can be fetched again."""
    source = Path(store.oid_to_path(name))
    digest = md5(usedforsecurity=False)
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as stream, to.open("wb") as copy:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                copy.write(chunk)
    except FileNotFoundError:
        raise Damaged(f"{name} is not in DVC's cache") from None
    if digest.hexdigest() != name.removesuffix(".dir"):
        store.delete(name)
        raise Damaged(f"{source} was damaged (its bytes have another hash) and is removed")


def _put_in_place(gathered: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    old = gathered.with_suffix(".old")
    if target.exists():
        target.rename(old)
    gathered.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _point_to(root: Path, problem: str, version: str) -> None:
    """Write what ``dvc add`` would have, so that DVC's own commands know the folder."""
    _hide_from_git(root / PRIMARY / ".gitignore", f"/{problem}")
    pointer = {"outs": [{"md5": version, "hash": "md5", "path": problem}]}
    with replace_file(_pointer(root, problem)) as temporary:
        temporary.write_text(yaml.safe_dump(pointer, sort_keys=False), encoding="utf-8")


def _hide_from_git(file: Path, line: str) -> None:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    if line not in lines:
        with replace_file(file) as temporary:
            temporary.write_text("\n".join([*lines, line, ""]), encoding="utf-8")


def _pointer(root: Path, problem: str) -> Path:
    return root / PRIMARY / f"{problem}.dvc"
