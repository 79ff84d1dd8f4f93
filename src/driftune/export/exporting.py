"""Write a model for a device, and leave a file only when it predicts what the original predicts."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.errors import DataError, ExportFailed, UsageError, close_match
from driftune.export.agreement import prove
from driftune.export.card import Card
from driftune.export.reading import card_path, load_exported
from driftune.files import replace_file
from driftune.tuning.footprint import ROWS

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from driftune.export.agreement import Agreement
    from driftune.export.onnx_graph import Precision
    from driftune.export.reading import ExportedModel

CALLS = 4


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        format: One of :data:`FORMATS`.
        files: The model first.
        file_kb: Size of the model's file, in units of 1,000 bytes.
        latency_us: Time to predict one row of many here with one thread, in millionths of a second;
            ONNX encodes the raw columns within it.
        precision: In which features are compared with thresholds.
        agreement: With the original.
        card: What goes in and comes out.
    """

    format: str
    files: tuple[Path, ...]
    file_kb: float
    latency_us: float
    precision: Precision
    agreement: Agreement
    card: Card


def export_model(
    pipeline: Pipeline, rows: pd.DataFrame, task: str, *, to: str, path: str | Path
) -> Exported:
    """Write a fitted pipeline as a file for a device.

    Args:
        pipeline: As :func:`driftune.tuning.refit` returns it.
        rows: Raw rows to prove the agreement on; other columns than features are ignored.
        task: ``regression``, ``binary`` or ``multiclass``.
        to: One of :data:`FORMATS`. ``onnx`` takes the raw columns; ``lightgbm-text`` the encoded
            ones, and a card beside it says how to encode them, see :mod:`driftune.export.card`.
        path: File to write; replaced when it is there.

    Raises:
        UsageError: There is no such format.
        ExportFailed: The model cannot be written so, or the file predicts something else; nothing
            is left behind.
        DataError: The rows lack a column of the model.
        MissingPackage: ``driftune[export]`` is not installed.
    """
    if to not in FORMATS:
        raise UsageError(f"--to {to!r} is no format.{close_match(to, FORMATS)}")
    written: Exported = FORMATS[to](pipeline, Card.of(pipeline, task), rows, Path(path))
    return written


def _write_text(pipeline: Pipeline, card: Card, rows: pd.DataFrame, path: Path) -> Exported:
    booster = getattr(pipeline[-1], "booster_", None)
    if booster is None:
        raise ExportFailed(
            f"A {type(pipeline[-1]).__name__} has no LightGBM text; use --to onnx instead."
        )
    beside = card_path(path)
    with ExitStack() as files:
        model = files.enter_context(replace_file(path))
        description = files.enter_context(replace_file(beside))  # in its place before the model is
        model.write_text(booster.model_to_string(), encoding="utf-8")
        description.write_text(card.to_json() + "\n", encoding="utf-8")
        exported = load_exported(model, card=description)
        agreement = prove(pipeline, exported, rows)
        _refuse(agreement, "lightgbm-text")
        size, latency = model.stat().st_size / 1e3, _time(exported, rows)
    return Exported("lightgbm-text", (path, beside), size, latency, "float64", agreement, card)


def _write_onnx(pipeline: Pipeline, card: Card, rows: pd.DataFrame, path: Path) -> Exported:
    """Try float64, in which LightGBM and most of scikit-learn compute; then float32."""
    try:
        return _try_onnx(pipeline, card, rows, path, "float64")
    except ExportFailed as first:
        try:
            return _try_onnx(pipeline, card, rows, path, "float32")
        except ExportFailed as second:
            raise ExportFailed(f"Nothing was written. {first} {second}") from second


def _try_onnx(
    pipeline: Pipeline, card: Card, rows: pd.DataFrame, path: Path, precision: Precision
) -> Exported:
    from driftune.export.onnx_graph import build_onnx

    with replace_file(path) as file:
        file.write_bytes(build_onnx(pipeline, card, precision).SerializeToString())
        try:
            exported = load_exported(file)
        except DataError as error:
            why = str(error.__cause__ or error).splitlines()[0]
            raise ExportFailed(f"onnxruntime cannot run it in {precision}: {why}.") from error
        agreement = prove(pipeline, exported, rows)
        _refuse(agreement, f"onnx in {precision}")
        size, latency = file.stat().st_size / 1e3, _time(exported, rows)
    return Exported("onnx", (path,), size, latency, precision, agreement, card)


def _time(exported: ExportedModel, rows: pd.DataFrame) -> float:
    """Millionths of a second per row, of the quickest of a few calls."""
    sample = rows.head(ROWS)
    inputs = exported.encode(sample)
    seconds = []
    for _ in range(CALLS):
        before = time.perf_counter()
        exported.run(inputs)
        seconds.append(time.perf_counter() - before)
    return min(seconds) * 1e6 / len(sample)


def _refuse(agreement: Agreement, way: str) -> None:
    if not agreement.holds:
        raise ExportFailed(
            f"The model as {way} does not predict what the original predicts: {agreement}."
        )


FORMATS: dict[str, Any] = {"onnx": _write_onnx, "lightgbm-text": _write_text}
