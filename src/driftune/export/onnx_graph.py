"""A fitted pipeline as one ONNX graph: raw columns in, predictions out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from driftune.errors import ExportFailed, MissingPackage
from driftune.export.card import KEY

if TYPE_CHECKING:
    from onnx import ModelProto
    from sklearn.pipeline import Pipeline

    from driftune.export.card import Card, Column

Precision = Literal["float64", "float32"]
OPSET = 17  # of ONNX 1.12; what older devices read
ENCODED = "encoded"


def build_onnx(pipeline: Pipeline, card: Card, precision: Precision) -> ModelProto:
    """Convert the encoder by hand and the model by skl2onnx.

    Args:
        pipeline: Fitted; an encoder and a model.
        card: Of the pipeline.
        precision: Of the encoded features. Trees compare in it, the last sum is float32.

    Raises:
        ExportFailed: skl2onnx or onnxmltools cannot convert the model.
        MissingPackage: They are not installed.
    """
    try:
        from onnx import compose
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f'Export to ONNX needs {error.name}: pip install "driftune[export]".'
        ) from None
    model = _convert(pipeline[-1], len(card.columns), precision)
    graph = compose.merge_models(
        _encoder(card, precision, model),
        compose.add_prefix(model, "model/"),
        io_map=[(f"driftune/{ENCODED}", f"model/{ENCODED}")],
        producer_name="driftune",
    )
    entry = graph.metadata_props.add()
    entry.key, entry.value = KEY, card.to_json()
    return graph


def _convert(model: Any, n_columns: int, precision: Precision) -> ModelProto:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    from driftune.export.converters import ML_OPSET

    _register(model)
    kind = DoubleTensorType if precision == "float64" else FloatTensorType
    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    try:
        found = convert_sklearn(
            model,
            initial_types=[(ENCODED, kind([None, n_columns]))],
            options=options,
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )
    except Exception as error:  # skl2onnx and onnxmltools raise whatever comes
        raise ExportFailed(
            f"skl2onnx and onnxmltools cannot convert this {type(model).__name__} to ONNX in"
            f" {precision}: {_first_line(error)}"
        ) from error
    _raise_opset(found)
    return found  # type: ignore[no-any-return]


def _raise_opset(model: ModelProto) -> None:
    """Declare the opset that the encoder needs; skl2onnx declares the oldest that will do."""
    from onnx import helper

    from driftune.export.converters import ML_OPSET

    others = [entry for entry in model.opset_import if entry.domain != "ai.onnx.ml"]
    del model.opset_import[:]
    model.opset_import.extend([*others, helper.make_opsetid("ai.onnx.ml", ML_OPSET)])


def _register(model: Any) -> None:
    from driftune.export.converters import (
        register_histograms,
        register_lightgbm,
        register_xgboost,
    )

    homes = {base.__module__.split(".")[0] for part in _parts(model) for base in type(part).__mro__}
    if "lightgbm" in homes:
        register_lightgbm()
    if "xgboost" in homes:
        register_xgboost()
    if "sklearn" in homes:
        register_histograms()


def _parts(model: Any) -> list[Any]:
    """The model, and what is inside it when it is a pipeline."""
    return [model, *(step for _, step in getattr(model, "steps", []))]


def _encoder(card: Card, precision: Precision, model: ModelProto) -> ModelProto:
    """A graph from one input per raw column to the encoded table that the model takes."""
    from onnx import TensorProto, helper

    inputs, nodes, parts = [], [], []
    for number, column in enumerate(card.columns):
        text = column.categories is not None
        kind = TensorProto.STRING if text else TensorProto.DOUBLE
        inputs.append(helper.make_tensor_value_info(column.name, kind, [None, 1]))
        part = column.name
        if column.categories is not None:
            part = f"driftune/code/{number}"
            nodes.append(_codes(column, part))
        nodes.append(
            helper.make_node("Cast", [part], [f"driftune/number/{number}"], to=TensorProto.DOUBLE)
        )
        parts.append(f"driftune/number/{number}")
    nodes.append(helper.make_node("Concat", parts, ["driftune/table"], axis=1))
    kind = TensorProto.DOUBLE if precision == "float64" else TensorProto.FLOAT
    nodes.append(helper.make_node("Cast", ["driftune/table"], [f"driftune/{ENCODED}"], to=kind))
    output = helper.make_tensor_value_info(f"driftune/{ENCODED}", kind, [None, len(card.columns)])
    graph = helper.make_graph(nodes, "driftune", inputs, [output])
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _codes(column: Column, target: str) -> Any:
    """Text to its number; a missing one to its own, where it has one; any other text to NaN."""
    from onnx import helper

    numbers = {text: float(number) for number, text in enumerate(column.categories or ())}
    numbers[column.missing_text] = math.nan if column.missing is None else float(column.missing)
    return helper.make_node(
        "LabelEncoder",
        [column.name],
        [target],
        domain="ai.onnx.ml",
        keys_strings=list(numbers),
        values_floats=list(numbers.values()),
        default_float=math.nan,
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
