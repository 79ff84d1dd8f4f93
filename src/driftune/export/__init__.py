"""Export: a model as a file for a device, proven to predict what the original predicts.

``export_model(refit(problem, data, result), data, problem.task, to="onnx", path="model.onnx")``
writes a fitted pipeline of :func:`driftune.tuning.refit`; ``driftune export PROBLEM --to onnx --out
model.onnx`` does so with the champion. ``load_exported(path).predict(rows)`` reads either format;
its source is the documentation for a reader in another language.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driftune.export.agreement import Agreement
    from driftune.export.exporting import FORMATS, Exported, export_model
    from driftune.export.reading import ExportedModel, load_exported

_HOMES = {
    "FORMATS": "exporting",
    "Agreement": "agreement",
    "Exported": "exporting",
    "ExportedModel": "reading",
    "export_model": "exporting",
    "load_exported": "reading",
}

__all__ = [
    "FORMATS",
    "Agreement",
    "Exported",
    "ExportedModel",
    "export_model",
    "load_exported",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
