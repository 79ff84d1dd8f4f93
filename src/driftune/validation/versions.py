"""Which version of a batch is there: its raw file, and the rows of it that were repaired.

Imports nothing heavy: an idle watch asks this.
"""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

from driftune.lineage import file_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from driftune.settings import Settings


def repairs_file(root: Path, problem: str, batch: str) -> Path:
    """Return where the repaired rows of a batch lie; beside the raw data, as they are input."""
    return root / "data" / "01_raw" / "repaired" / problem / f"{batch}.parquet"


def batch_version(
    root: Path, settings: Settings, batch: str, hash_of: Callable[[Path], str] = file_version
) -> str:
    """Return the hash of what makes up a batch: its raw file, and its repaired rows if any.

    A batch of another version than the one on record is watched again, as a further revision.
    ``hash_of`` gives the hash of a file, for those who keep them.
    """
    raw = hash_of(settings.batch_files()[batch])
    repaired = repairs_file(root, settings.name, batch)
    if not repaired.exists():
        return raw
    return md5(f"{raw}|{hash_of(repaired)}".encode(), usedforsecurity=False).hexdigest()
