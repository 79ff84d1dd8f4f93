"""A fitted drift monitor as one file: counts and limits, no row except the classifier's sample.

NumPy's ``.npz`` with a JSON header, read without pickle: a file from elsewhere can run nothing.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError
from driftune.files import replace_file
from driftune.monitoring.binning import LevelBins, NumericBins
from driftune.monitoring.calibration import Wandering
from driftune.monitoring.joint import DomainClassifier
from driftune.monitoring.judging import Limits
from driftune.monitoring.reference import ReferenceColumn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
_ARRAYS = ("edges", "starts", "positions")  # of numeric bins


def write_monitor(
    path: Path,
    settings: dict[str, Any],
    columns: Mapping[str, ReferenceColumn],
    classifier: DomainClassifier | None,
    limits: Mapping[int, Limits],
) -> None:
    """Write what a monitor has learnt; a reader never meets half of it."""
    arrays: dict[str, Any] = {}
    kept = []
    for place, column in enumerate(columns.values()):
        arrays[f"{place}.counts"] = np.diff(column.counts, axis=0).astype(np.uint32)
        arrays[f"{place}.sums"] = column.sums
        bins = asdict(column.bins)
        arrays |= {f"{place}.{key}": bins.pop(key) for key in _ARRAYS if key in bins}
        kept.append({"name": column.name, "bins": bins})
    header: dict[str, Any] = {"format": FORMAT, "settings": settings, "columns": kept}
    header["limits"] = {size: asdict(found) for size, found in limits.items()}
    if classifier:
        arrays["sample"] = classifier.rows
        header["classifier"] = {"names": list(classifier.bins), "total": classifier.total}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with replace_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_monitor(
    path: Path,
) -> tuple[dict[str, Any], dict[str, ReferenceColumn], DomainClassifier | None, dict[int, Limits]]:
    """Return what `write_monitor` was given.

    Raises:
        DataError: No such file, or not one of ours.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        header = json.loads(arrays.pop("header").tobytes())
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} holds no drift monitor: {error}.") from error
    if header["format"] != FORMAT:
        raise DataError(
            f"{path} was written in format {header['format']}, this version reads {FORMAT}: fit"
            " the monitor again."
        )
    columns = {
        kept["name"]: _read_column(kept, arrays, place)
        for place, kept in enumerate(header["columns"])
    }
    limits = {int(size): _read_limits(found) for size, found in header["limits"].items()}
    classifier = None
    if "classifier" in header:
        bins = {name: columns[name].bins for name in header["classifier"]["names"]}
        classifier = DomainClassifier(
            arrays["sample"], bins, header["classifier"]["total"], header["settings"]["seed"]
        )
    return header["settings"], columns, classifier, limits


def _read_column(kept: dict[str, Any], arrays: dict[str, Any], place: int) -> ReferenceColumn:
    bins = kept["bins"]
    reads: NumericBins | LevelBins
    if bins["kind"] == "numeric":
        reads = NumericBins(**bins, **{key: arrays[f"{place}.{key}"] for key in _ARRAYS})
    else:
        reads = LevelBins(tuple(bins["levels"]))
    counts = np.cumsum(arrays[f"{place}.counts"], axis=0, dtype=np.int32)
    before = np.zeros((1, reads.size), dtype=np.int32)
    return ReferenceColumn(
        kept["name"], reads, np.vstack([before, counts]), arrays[f"{place}.sums"]
    )


def _read_limits(found: dict[str, Any]) -> Limits:
    return Limits(
        columns={
            name: (Wandering(**psi), Wandering(**transport) if transport else None)
            for name, (psi, transport) in found["columns"].items()
        },
        standing=tuple(found["standing"]),
        left_out=tuple(found["left_out"]),
        joint=Wandering(**found["joint"]) if found["joint"] else None,
    )
