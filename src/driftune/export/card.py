"""The card of an exported model: what goes in, in which order, and what comes out.

LightGBM's text has it as a JSON file of the same name and ``.json`` beside it, ONNX in its metadata
under the key ``driftune``::

    {"format": "driftune-card/1", "task": "binary", "classes": ["no", "yes"], "rounds": 120,
     "columns": [{"name": "carrier", "categories": ["9E", "AA"], "missing": 2},
                 {"name": "distance"}]}

``columns`` are in the order of the model's input. A category goes in as its number in
``categories``, from 0; one that is not in the list as NaN; a missing one as the number ``missing``,
or as NaN where the card has none. Other columns are numbers; a missing one is NaN. Categories are
text: a number or a boolean in a categorical column is written as Python writes it. The ONNX graph
encodes by itself: it takes the text, and for a missing category the empty text (where that is a
category, the shortest row of ``?`` that is none).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, ExportFailed, close_match
from driftune.tuning.encoding import as_float, as_text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

FORMAT = "driftune-card/1"
KEY = "driftune"  # in ONNX metadata


@dataclass(frozen=True)
class Column:
    """A raw feature.

    Attributes:
        name: As in the table.
        categories: Texts by their number; ``None`` for a numeric column.
        missing: Number of a missing category; ``None`` for NaN.
    """

    name: str
    categories: tuple[str, ...] | None = None
    missing: int | None = None

    @property
    def missing_text(self) -> str:
        """The text that stands for a missing category: the empty one, unless it is a category.

        >>> Column("a", ("x",)).missing_text, Column("a", ("", "?")).missing_text
        ('', '??')
        """
        text = ""
        while text in (self.categories or ()):
            text += "?"
        return text


@dataclass(frozen=True)
class Card:
    """What a device must know to feed a model.

    Attributes:
        task: ``regression``, ``binary`` or ``multiclass``.
        columns: In the order of the model's input.
        classes: Labels in the order of the probabilities; ``None`` for a regression.
        rounds: Boosting rounds; ``None`` where the model has none.
    """

    task: str
    columns: tuple[Column, ...]
    classes: tuple[Any, ...] | None
    rounds: int | None

    @classmethod
    def of(cls, pipeline: Pipeline, task: str) -> Card:
        """Read it from a fitted pipeline of :func:`driftune.tuning.refit`.

        Raises:
            ExportFailed: It is another kind of pipeline.
        """
        encoder = getattr(pipeline, "named_steps", {}).get("encoder")
        if encoder is None or not hasattr(encoder, "transformers_"):
            raise ExportFailed(
                "Only a pipeline that driftune fitted can be exported: this one has no step"
                f" 'encoder' of columns ({type(pipeline).__name__})."
            )
        model = pipeline[-1]
        classes = getattr(model, "classes_", None)
        return cls(
            task=task,
            columns=tuple(_columns(encoder)),
            classes=None if classes is None else tuple(np.asarray(classes).tolist()),
            rounds=getattr(model, "n_estimators_", None),
        )

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column.name for column in self.columns]

    def to_json(self) -> str:
        """As text."""
        content = {"format": FORMAT, **asdict(self)}
        for column in content["columns"]:
            for name in ("categories", "missing"):
                if column[name] is None:
                    del column[name]
        return json.dumps(content, ensure_ascii=False, default=str)

    @classmethod
    def from_json(cls, text: str) -> Card:
        """Read what :meth:`to_json` wrote.

        Raises:
            DataError: It is something else.
        """
        try:
            content = json.loads(text)
            known = content.pop("format", None) == FORMAT
        except (ValueError, AttributeError):
            known = False
        if not known:
            raise DataError(f"This is no card of an exported model ({FORMAT}): {text[:60]!r}.")
        columns = tuple(
            Column(
                entry["name"],
                tuple(entry["categories"]) if "categories" in entry else None,
                entry.get("missing"),
            )
            for entry in content["columns"]
        )
        classes = content["classes"]
        return cls(
            content["task"], columns, None if classes is None else tuple(classes), content["rounds"]
        )

    def take(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Pick the columns, as text (missing: ``None``) and float64 (missing: NaN).

        Raises:
            DataError: A column is missing, or holds text where numbers belong.
        """
        import pandas as pd

        for name in self.names:
            if name not in rows.columns:
                raise DataError(f"no column {name!r}.{close_match(name, rows.columns)}")
        taken = {
            column.name: as_float(rows[[column.name]])[:, 0].astype(np.float64)
            if column.categories is None
            else as_text(rows[[column.name]])[column.name].to_numpy(dtype=object)
            for column in self.columns
        }
        return pd.DataFrame(taken, index=rows.index, columns=self.names)

    def encode(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Encode raw rows as the model takes them, ``(n, p)``."""
        taken = self.take(rows)
        return np.column_stack([_encode(column, taken[column.name]) for column in self.columns])


def _encode(column: Column, values: pd.Series[Any]) -> NDArray[np.float64]:
    if column.categories is None:
        return values.to_numpy(dtype=float)
    numbers = {text: float(number) for number, text in enumerate(column.categories)}
    missing = np.nan if column.missing is None else float(column.missing)
    return np.array(
        [numbers.get(v, np.nan) if isinstance(v, str) else missing for v in values], dtype=float
    )


def _columns(encoder: Any) -> list[Column]:
    columns = []
    for name, transformer, names in encoder.transformers_:
        if name == "categorical":
            columns += _categorical(transformer, list(names))
        elif name == "numeric":
            columns += [Column(str(column)) for column in names]
    return columns


def _categorical(transformer: Any, names: list[str]) -> list[Column]:
    """Read the categories, and ask what the encoder makes of a missing one."""
    import pandas as pd

    nothing = pd.DataFrame({name: pd.Series([None], dtype=object) for name in names})
    codes = np.asarray(transformer.transform(nothing), dtype=float)[0]
    found = transformer.named_steps["codes"].categories_
    return [
        Column(
            str(name),
            tuple(text for text in texts if isinstance(text, str)),
            None if np.isnan(code) else int(code),
        )
        for name, texts, code in zip(names, found, codes, strict=True)
    ]
