"""Gradient boosting for skl2onnx: onnxmltools' converters, LightGBM's with every digit kept.

onnxmltools writes thresholds and leaves of LightGBM as float32. A value that lies within float32
rounding of a threshold then goes the other way, and one flipped split moves a prediction by a whole
leaf: 1 row of 20,000 by up to 0.06 in a probability, in a try on normal features. ONNX 1.10 and
later (ai.onnx.ml 3) can hold them as float64, which is what happens here for float64 input.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

DOUBLES = ("nodes_values", "nodes_hitrates", "target_weights", "class_weights", "base_values")
ML_OPSET = 3  # the first whose trees may be float64


class TreeContainer:
    """A container of skl2onnx that writes trees as ONNX wants them.

    Args:
        container: What nodes are added to in the end.
        double: Turn the numbers of trees into float64 tensors.
    """

    def __init__(self, container: Any, *, double: bool) -> None:
        self._container = container
        self._double = double

    def __getattr__(self, name: str) -> Any:
        """Everything else is the container's."""
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        """Add a node."""
        from onnx import numpy_helper

        for name, value in attributes.items():
            if isinstance(value, list):  # onnx 1.22 refuses booleans, which skl2onnx 1.20 writes
                attributes[name] = [int(v) if isinstance(v, bool | np.bool_) else v for v in value]
        if self._double and op_type.startswith("TreeEnsemble"):
            for name in DOUBLES:
                if name in attributes:
                    numbers = np.asarray(attributes.pop(name), dtype=np.float64)
                    tensor = numpy_helper.from_array(numbers, name=name)
                    attributes[f"{name}_as_tensor"] = tensor
            attributes["op_version"] = ML_OPSET
        self._container.add_node(op_type, inputs, outputs, **attributes)


def _keep_digits(convert: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
    from skl2onnx.common.data_types import DoubleTensorType

    def convert_trees(scope: Any, operator: Any, container: Any) -> None:
        double = isinstance(operator.inputs[0].type, DoubleTensorType)
        convert(scope, operator, TreeContainer(container, double=double))

    return convert_trees


def _shape_regressor(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType

    operator.outputs[0].type = FloatTensorType([None, 1])  # ONNX' trees always end in float32


def _shape_classifier(operator: Any) -> None:
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    calculate_linear_classifier_output_shapes(operator)
    operator.outputs[1].type = FloatTensorType(operator.outputs[1].type.shape)


@cache
def register_lightgbm() -> None:
    """Teach skl2onnx LightGBM, once per process."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter

    convert = _keep_digits(convert_lightgbm)
    update_registered_converter(LGBMRegressor, "LightGBMRegressor", _shape_regressor, convert)
    update_registered_converter(
        LGBMClassifier, "LightGBMClassifier", _shape_classifier, convert, options=CLASSIFIER
    )


@cache
def register_xgboost() -> None:
    """Teach skl2onnx XGBoost, once per process; it computes in float32 itself."""
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from xgboost import XGBClassifier, XGBRegressor

    from driftune.tuning.families.xgboost_labels import LabelledXGBClassifier

    update_registered_converter(XGBRegressor, "XGBoostRegressor", _shape_regressor, convert_xgboost)
    for kind in (XGBClassifier, LabelledXGBClassifier):
        update_registered_converter(
            kind, kind.__name__, _shape_classifier, convert_xgboost, options=CLASSIFIER
        )


@cache
def register_histograms() -> None:
    """Mend skl2onnx' own converters of scikit-learn's HistGradientBoosting, once per process."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common._registration import get_converter
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    for kind in (HistGradientBoostingRegressor, HistGradientBoostingClassifier):
        alias = f"Sklearn{kind.__name__}"
        classifies = kind is HistGradientBoostingClassifier
        update_registered_converter(
            kind,
            alias,
            _shape_classifier if classifies else _shape_regressor,
            _keep_digits(get_converter(alias)),
            options=CLASSIFIER | {"raw_scores": [True, False]} if classifies else None,
        )


CLASSIFIER = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
