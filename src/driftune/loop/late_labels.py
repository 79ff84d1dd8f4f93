"""Labels that arrive late: which batches they change.

A batch's content is its file, its repaired rows, and the labels that the folder ``labels`` has for
it. Content that has changed since the batch was observed makes a further revision of the
observation; what was decided on the earlier ones stays as it is.
"""

from __future__ import annotations

import json
import logging
from hashlib import md5
from typing import TYPE_CHECKING, Any

from driftune.errors import DataError
from driftune.files import replace_file
from driftune.label_files import label_paths, read_label_files
from driftune.lineage import file_version
from driftune.validation import batch_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    from driftune.label_files import LabelFile
    from driftune.project import Project
    from driftune.settings import Settings

logger = logging.getLogger(__name__)


def batches_with_new_labels(project: Project, settings: Settings) -> list[str]:
    """Return the observed batches whose content is not that of their newest observation.

    That is a label that has arrived or was corrected, or a file that was repaired. Oldest first.

    Raises:
        DataError: See :func:`content_versions`.
    """
    known = {row.batch: row for row in project.ledger.latest_observations(settings.name)}
    return [
        batch
        for batch, version in content_versions(project, settings).items()
        if batch in known and known[batch].data_version != version
    ]


def content_version(project: Project, settings: Settings, batch: str) -> str:
    """Return a hash of what has arrived of a batch: its rows, and its labels from elsewhere.

    Without labels from elsewhere it is :func:`driftune.validation.batch_version`.

    Raises:
        DataError: A file of labels cannot be used.
    """
    files = read_label_files(settings)
    labels, _ = _match(settings, batch, settings.batch_files()[batch], files)
    return _combine(batch_version(project.root, settings, batch), labels)


def content_versions(project: Project, settings: Settings) -> dict[str, str]:
    """Return :func:`content_version` of every batch that has arrived, oldest first.

    A file whose size and time of change are known is not read again; as long as no file has
    changed, no table is read at all.

    Raises:
        DataError: A file of labels cannot be used, or has a label for rows of two batches.
    """
    kept = project.state / "content" / f"{settings.name}.json"
    before: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    hashes = _Hashes(before.get("files", {}))
    arrived = settings.batch_files().items()
    batches = {batch: path for batch, path in arrived if path.is_file()}  # the first may not be
    rows = {
        batch: batch_version(project.root, settings, batch, hash_of=hashes.of) for batch in batches
    }
    label_hashes = [hashes.of(path) for path in label_paths(settings)]
    key = [settings.problem.model_dump_json(), rows, label_hashes]
    same = before.get("key") == key
    labels = before["labels"] if same else _match_all(settings, batches)
    after = {"files": hashes.seen, "key": key, "labels": labels}
    if after != before:
        with replace_file(kept) as temporary:
            temporary.write_text(json.dumps(after), encoding="utf-8")
    return {batch: _combine(version, labels.get(batch, "")) for batch, version in rows.items()}


class _Hashes:
    """Hashes of files; one that is as long and as old as last time is not read again.

    Args:
        known: What ``seen`` was last time.
    """

    def __init__(self, known: Mapping[str, dict[str, Any]]) -> None:
        self._known = known
        self.seen: dict[str, dict[str, Any]] = {}

    def of(self, path: Path) -> str:
        """Return the hash of a file."""
        stat = path.stat()
        mark = [stat.st_mtime_ns, stat.st_size, stat.st_ino]
        known = self._known.get(str(path), {})
        version = known["md5"] if known.get("mark") == mark else file_version(path)
        self.seen[str(path)] = {"mark": mark, "md5": version}
        return str(version)


def _combine(rows: str, labels: str) -> str:
    return md5(f"{rows}+{labels}".encode(), usedforsecurity=False).hexdigest() if labels else rows


def _match_all(settings: Settings, batches: Mapping[str, Path]) -> dict[str, str]:
    """Return the hash of labels of each batch that has some; refuses what fits two batches."""
    files = read_label_files(settings)
    owners: list[dict[int, str]] = [{} for _ in files]
    versions = {}
    for batch, path in batches.items():
        versions[batch], used = _match(settings, batch, path, files)
        for file, owner, lines in zip(files, owners, used, strict=True):
            _refuse_shared(settings, file, owner, lines, batch)
            owner.update(dict.fromkeys(lines.tolist(), batch))
    for file, owner in zip(files, owners, strict=True):
        _tell_unknown(file, owner)
    return {batch: version for batch, version in versions.items() if version}


def _match(
    settings: Settings, batch: str, path: Path, files: Sequence[LabelFile]
) -> tuple[str, list[NDArray[np.intp]]]:
    """Return the hash of a batch's labels, and which lines of each file they are."""
    if not files:
        return "", []
    from driftune.labels import find_labels, labels_version

    rows = _read_keys(path, settings)
    found, used = find_labels(rows, files, settings.problem, batch)
    return labels_version(rows, found, settings.target), used


def _read_keys(path: Path, settings: Settings) -> DataFrame:
    """Return ids, time and target of a batch; no row of a file that cannot be read.

    What is wrong with that file is for validation to say.
    """
    import pandas as pd

    wanted = [name for name in (*settings.ids, settings.time, settings.target) if name]
    try:
        if path.suffix == ".csv":
            return pd.read_csv(path, usecols=lambda name: name in wanted, low_memory=False)
        from pyarrow.parquet import read_schema

        present = set(read_schema(path).names)
        return pd.read_parquet(path, columns=[name for name in wanted if name in present])
    except (ValueError, OSError) as error:
        logger.info("No labels are joined to %s, which cannot be read: %s", path, error)
        return pd.DataFrame()


def _refuse_shared(
    settings: Settings,
    file: LabelFile,
    owner: Mapping[int, str],
    lines: NDArray[np.intp],
    batch: str,
) -> None:
    """Refuse a label that rows of two batches could take."""
    shared = [line for line in lines.tolist() if line in owner]
    if shared:
        raise DataError(
            f"{file.path} has a label for {file.name_row(shared[0])}, and both"
            f" {owner[shared[0]]!r} and {batch!r} have such a row."
            f" {file.how_to_tell_apart(settings.problem)}"
        )


def _tell_unknown(file: LabelFile, owner: Mapping[int, str]) -> None:
    unknown = [line for line in range(len(file.rows)) if line not in owner]
    if unknown:
        logger.warning(
            "%s labels in %s are of rows that have not arrived, e.g. %s; they wait for them.",
            f"{len(unknown):,}", file.path, file.name_row(unknown[0]),
        )  # fmt: skip
