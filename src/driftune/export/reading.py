"""Read an exported model and predict with it: no pickle, and nothing of the training is needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, MissingPackage
from driftune.export.card import KEY, Card

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


class ExportedModel(ABC):
    """A model that was read from a file.

    Attributes:
        card: What goes in and comes out.
    """

    card: Card

    def predict(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Predict raw rows; the shape is that of :func:`driftune.tuning.predict`."""
        return self.run(self.encode(rows))

    @abstractmethod
    def encode(self, rows: pd.DataFrame) -> Any:
        """Turn raw rows into what the file takes."""

    @abstractmethod
    def run(self, inputs: Any) -> NDArray[np.float64]:
        """Predict what :meth:`encode` returned, on one thread."""


def card_path(path: Path) -> Path:
    """Where the card of a LightGBM text lies.

    >>> card_path(Path("out/model.txt")).name
    'model.txt.json'
    """
    return path.with_name(f"{path.name}.json")


def load_exported(path: str | Path, *, card: str | Path | None = None) -> ExportedModel:
    """Read a file that :func:`driftune.export.export_model` wrote.

    Args:
        path: ONNX file or LightGBM text.
        card: Of a LightGBM text, when it does not lie beside it.

    Raises:
        DataError: A file is missing, or is something else.
        MissingPackage: What runs the model is not installed.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"There is no file {file}.")
    with file.open("rb") as stream:
        is_text = stream.read(5) == b"tree\n"
    if not is_text:
        return OnnxModel(file)
    beside = Path(card) if card else card_path(file)
    if not beside.is_file():
        raise DataError(f"There is no file {beside}, which says what {file.name} takes in.")
    return TextModel(file, Card.from_json(beside.read_text(encoding="utf-8")))


class TextModel(ExportedModel):
    """LightGBM's own text, run by the ``lightgbm`` package."""

    def __init__(self, path: Path, card: Card) -> None:
        import lightgbm

        self.card = card
        self._booster = lightgbm.Booster(model_file=str(path))

    def encode(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """As numbers, ``(n, p)``."""
        return self.card.encode(rows)

    def run(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict encoded rows."""
        return np.asarray(self._booster.predict(inputs, num_threads=1), dtype=float)


class OnnxModel(ExportedModel):
    """An ONNX graph that takes the raw columns, run by ``onnxruntime`` on one thread.

    Each column is an input of its name and the shape ``(n, 1)``: text for categories, float64 for
    numbers; see :mod:`driftune.export.card` for missing ones. Its last output is the prediction:
    ``(n, 1)`` numbers, or ``(n, k)`` probabilities in the order of ``classes``.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise MissingPackage(
                'Reading an ONNX file needs onnxruntime: pip install "driftune[export]".'
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options)
            meta = self._session.get_modelmeta().custom_metadata_map
        except Exception as error:  # what onnxruntime raises has no common class but this one
            raise DataError(f"{path} is neither ONNX nor LightGBM's text: {error}") from error
        self.card = Card.from_json(meta.get(KEY, ""))

    def encode(self, rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """As one array per raw column."""
        taken = self.card.take(rows)
        feed: dict[str, NDArray[Any]] = {}
        for column in self.card.columns:
            values = taken[column.name].to_numpy()
            if column.categories is not None:
                texts = [v if isinstance(v, str) else column.missing_text for v in values]
                values = np.array(texts, dtype=object)
            feed[column.name] = values.reshape(-1, 1)
        return feed

    def run(self, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        """Predict the raw columns."""
        found = np.asarray(self._session.run(None, inputs)[-1], dtype=float)
        if self.card.task == "regression":
            return found.reshape(-1)
        return found[:, 1] if self.card.task == "binary" else found
