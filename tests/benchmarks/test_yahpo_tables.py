from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from driftune.errors import DataError, MissingPackage

TASKS = ["3", "11", "12", "1040"]


def _widths(repl_is_category, width=13):
    return (4, width) if repl_is_category else (3, width + 1)


def _write_folder(folder, *, repl_is_category: bool, width: int = 13):
    """A data folder whose network likes a small eta, few rounds and the last of the tasks."""
    scenario = folder / "rbv2_xgboost"
    scenario.mkdir(parents=True)
    _write_json(scenario, repl_is_category=repl_is_category)
    path = scenario / ("new_model.onnx" if repl_is_category else "model.onnx")
    categories, numbers = _widths(repl_is_category, width)
    try:
        import onnx
    except ImportError:
        path.write_text(json.dumps([categories, numbers]))  # for the stand-in below
        return
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "weights": np.array([[-1e-4], [-0.3], *[[0.0]] * (numbers - 2)], dtype=np.float32),
        "share": np.array([[0.01], *[[0.0]] * (categories - 1)], dtype=np.float32),
        "one": np.ones((1, 1), dtype=np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["x_cat"], ["codes"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["codes", "share"], ["by_task"]),
        helper.make_node("MatMul", ["x_cont", "weights"], ["by_number"]),
        helper.make_node("Add", ["by_task", "by_number"], ["sum"]),
        helper.make_node("Add", ["sum", "one"], ["accuracy"]),
        helper.make_node("Concat", ["accuracy", "sum"], ["y"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "surrogate",
        [
            helper.make_tensor_value_info("x_cat", TensorProto.INT32, [None, categories]),
            helper.make_tensor_value_info("x_cont", TensorProto.FLOAT, [None, numbers]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


class _StandInSession:
    """Computes what the network above does, where onnx and onnxruntime are not installed."""

    def __init__(self, path, options):
        widths = json.loads(Path(path).read_text())
        kinds = ("tensor(int32)", "tensor(float)")
        self._inputs = [
            SimpleNamespace(name=name, type=kind, shape=[None, width])
            for name, kind, width in zip(("x_cat", "x_cont"), kinds, widths, strict=True)
        ]

    def get_inputs(self):
        return self._inputs

    def run(self, names, columns):
        codes, numbers = columns["x_cat"], columns["x_cont"]
        assert codes.dtype == np.int32 and numbers.dtype == np.float32
        assert [array.shape[1] for array in (codes, numbers)] == [i.shape[1] for i in self._inputs]
        total = 0.01 * codes[:, 0] - 1e-4 * numbers[:, 0] - 0.3 * numbers[:, 1]
        return [np.stack([1 + total, total], axis=1)]


@pytest.fixture
def runtime(monkeypatch):
    """onnxruntime with onnx where both are installed, else a stand-in for the two."""
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        stand_in = SimpleNamespace(InferenceSession=_StandInSession, SessionOptions=SimpleNamespace)
        monkeypatch.setitem(sys.modules, "onnxruntime", stand_in)
        monkeypatch.setitem(sys.modules, "onnx", None)


def _write_json(scenario, *, repl_is_category: bool):
    encoding = {
        "task_id": {"#na#": 0, **{name: i + 1 for i, name in enumerate(TASKS)}},
        "booster": {"#na#": 0, "dart": 1, "gblinear": 2, "gbtree": 3},
        "num.impute.selected.cpo": {"#na#": 0, "impute.hist": 1, "impute.mean": 2},
    }
    if repl_is_category:
        encoding["repl"] = {"#na#": 0, "1": 1, "10": 2}
    (scenario / "encoding.json").write_text(json.dumps(encoding))
    logs = {"eta": (0.001, 1.0), "gamma": (1e-4, 7.0), "lambda": (1e-3, 1e3), "alpha": (1e-3, 1e3)}
    logs |= {"min_child_weight": (2.7, 148.0)}
    plain = {name: (0.1, 1.0) for name in ("subsample", "colsample_bytree", "colsample_bylevel")}
    entries = [
        {"name": n, "type": "uniform_float", "log": n in logs, "lower": low, "upper": high}
        for n, (low, high) in {**logs, **plain}.items()
    ]
    entries += [
        {"name": "nrounds", "type": "uniform_int", "log": True, "lower": 7, "upper": 2981},
        {"name": "max_depth", "type": "uniform_int", "log": False, "lower": 1, "upper": 15},
        {"name": "task_id", "type": "categorical", "choices": [*TASKS, "unknown to the network"]},
        {"name": "booster", "type": "categorical", "choices": ["gbtree", "dart"]},
    ]
    (scenario / "config_space.json").write_text(json.dumps({"hyperparameters": entries}))


@pytest.mark.parametrize("repl_is_category", [True, False])
def test_a_data_folder_becomes_tasks_in_ten_dimensions(tmp_path, bench, runtime, repl_is_category):
    _write_folder(tmp_path, repl_is_category=repl_is_category)
    yahpo = bench("yahpo_tables")
    tasks = yahpo.load_yahpo_tables(tmp_path, most=3)
    assert [task.name for task in tasks] == ["3", "12", "1040"]
    space = tasks[0].space
    assert len(space) == 10 and space["eta"].log and space["nrounds"].high == 2981
    middle = {n: (d.low + d.high) // 2 for n, d in space.items()}
    low = {**middle, "eta": 0.001, "nrounds": 7}
    accuracy = tasks[0].network.accuracy("3", [middle, low])
    expected = [1 + 0.01 - 1e-4 * c["nrounds"] - 0.3 * c["eta"] for c in (middle, low)]
    np.testing.assert_allclose(accuracy, expected, rtol=1e-5)
    better = tasks[0].network.accuracy("12", [low]) - tasks[0].network.accuracy("3", [low])
    np.testing.assert_allclose(better, 0.02, atol=1e-5)
    random = [task.regrets(bench("positions").draw_configurations(999, space)) for task in tasks]
    for task, regrets in zip(tasks, random, strict=True):
        assert np.median(regrets) == pytest.approx(1, abs=0.25)
        assert task.regret(task.best) == 0
        assert 0 < regrets.min() < 0.2
        assert task.regret(task.worst) > np.quantile(regrets, 0.99)
    entries = yahpo.learn_portfolio(tasks[1:], size=2)
    assert len(entries) == 2
    assert tasks[0].regret(entries[0]) < 0.2


def test_a_data_folder_of_another_version_is_refused(tmp_path, bench, runtime):
    _write_folder(tmp_path, repl_is_category=True, width=20)
    with pytest.raises(DataError, match="20"):
        bench("yahpo_tables").load_yahpo_tables(tmp_path)


def test_what_is_missing_is_named(tmp_path, bench, monkeypatch):
    yahpo = bench("yahpo_tables")
    with pytest.raises(DataError, match=r"config_space\.json"):
        yahpo.load_yahpo_tables(tmp_path)
    _write_json(tmp_path, repl_is_category=True)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackage, match="pip install onnxruntime"):
        yahpo.load_yahpo_tables(tmp_path)
