"""Export: what a device predicts is what the original predicts, or there is no file."""

import json
import subprocess
import sys

import lightgbm
import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from driftune.errors import DataError, ExportFailed, UsageError
from driftune.export import export_model, load_exported
from driftune.export.card import Card
from driftune.problem import Problem
from driftune.tuning import predict, prepare
from driftune.tuning.encoding import build_encoder

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxmltools")


def make_rows(n=1500):
    """Text categories with a comma, a space and no letter in ASCII, holes, booleans, near ties."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "open": rng.random(n) < 0.5,
            "city": rng.choice(["a,b", "b c", "ü", ""], n),
            "zone": rng.integers(0, 40, n).astype(str),
            "staff": pd.array(rng.integers(1, 9, n), dtype="Int64"),
            "label": rng.normal(size=n),  # a feature that is called like an output of ONNX
        }
    )
    effect = rows["city"].map({"a,b": 0, "b c": 5, "ü": -5, "": 2}).astype(float)
    y = effect + np.sin(rows["zone"].astype(int)) + rows["size"] + 3 * rows["open"]
    rows.loc[::17, "city"] = None
    rows.loc[::13, "staff"] = pd.NA
    rows.loc[::11, "label"] = np.nan
    noise = rng.normal(scale=0.1, size=n)
    classes = pd.cut(y, [-99, 0, 3, 99], labels=["lo", "mid", "hi"]).astype(str)
    return rows.assign(y=y + noise, late=np.where(y > 2, "yes", "no"), kind=classes)


TARGETS = {"regression": ("y", "rmse"), "binary": ("late", "roc_auc"), "multiclass": ("kind", "f1")}


def fit(task, model=None):
    """A pipeline as ``refit`` makes it, without the search."""
    rows = make_rows()
    target, metric = TARGETS[task]
    drop = tuple({"y", "late", "kind"} - {target})
    metric = "accuracy" if task == "multiclass" else metric
    problem = Problem(name="p", target=target, metric=metric, drop=drop)
    prepared = prepare(problem, rows)
    kind = lightgbm.LGBMRegressor if task == "regression" else lightgbm.LGBMClassifier
    own = model is None
    model = kind(n_estimators=60, verbosity=-1, n_jobs=1) if own else model
    pipeline = Pipeline([("encoder", build_encoder(prepared)), ("model", model)])
    categories = list(range(len(prepared.categorical)))
    fit_arguments = {"model__categorical_feature": categories} if own else {}
    y = rows[target]
    return pipeline.fit(prepared.X, y, **fit_arguments), rows


@pytest.fixture(scope="module", params=TARGETS)
def fitted(request):
    return request.param, *fit(request.param)


def test_onnx_takes_raw_columns_and_predicts_the_same(fitted, tmp_path):
    task, pipeline, rows = fitted
    path = tmp_path / "m.onnx"
    written = export_model(pipeline, rows, task, to="onnx", path=path)
    assert written.agreement.holds
    assert (written.precision, written.file_kb > 1) == ("float64", True)
    session = onnxruntime.InferenceSession(str(path))  # by hand, as another device would
    card = Card.of(pipeline, task)
    feed = {}
    for entry in session.get_inputs():
        column = rows[entry.name]
        if entry.type == "tensor(string)":
            (known,) = [c for c in card.columns if c.name == entry.name]
            values = column.astype(object).where(column.notna(), known.missing_text)
            feed[entry.name] = values.to_numpy(dtype=object).reshape(-1, 1)
        else:
            feed[entry.name] = column.to_numpy(dtype=float, na_value=np.nan).reshape(-1, 1)
    found = session.run(None, feed)[-1]
    own = pipeline.predict(rows) if task == "regression" else pipeline.predict_proba(rows)
    np.testing.assert_allclose(found.reshape(own.shape), own, atol=1e-5, rtol=0)


def test_a_lightgbm_text_needs_no_pickle(fitted, tmp_path):
    task, pipeline, rows = fitted
    path = tmp_path / "m.txt"
    written = export_model(pipeline, rows, task, to="lightgbm-text", path=path)
    assert [file.name for file in written.files] == ["m.txt", "m.txt.json"]
    card = json.loads((tmp_path / "m.txt.json").read_text(encoding="utf-8"))
    table = np.column_stack([encode(column, rows[column["name"]]) for column in card["columns"]])
    found = lightgbm.Booster(model_file=str(path)).predict(table)
    np.testing.assert_allclose(found, predict(pipeline, rows, task), atol=1e-9)
    if task != "regression":
        assert card["classes"] == pipeline[-1].classes_.tolist()


def encode(column, values):
    """What the card says, in the words of another language."""
    if "categories" not in column:
        return values.to_numpy(dtype=float, na_value=np.nan)
    numbers = {text: n for n, text in enumerate(column["categories"])}
    missing = column.get("missing", np.nan)
    return [missing if pd.isna(v) else numbers.get(v, np.nan) for v in values]


def test_either_file_is_read_back_whatever_is_in_the_rows(fitted, tmp_path):
    task, pipeline, rows = fitted
    strange = rows.head(50).assign(city="never seen", size=np.nan, staff=pd.NA)
    for to in ("onnx", "lightgbm-text"):
        export_model(pipeline, rows, task, to=to, path=tmp_path / to)
        model = load_exported(tmp_path / to)
        np.testing.assert_allclose(
            model.predict(strange), predict(pipeline, strange, task), atol=1e-5
        )
        with pytest.raises(DataError, match="zone"):
            model.predict(rows.drop(columns="zone"))


class Shifted(Pipeline):
    """Predicts a little more than what its model says."""

    def predict(self, X):
        return super().predict(X) + self.shift


@pytest.mark.parametrize("to", ["onnx", "lightgbm-text"])
def test_a_planted_disagreement_leaves_no_file(to, tmp_path):
    pipeline, rows = fit("regression")
    shifted = Shifted(pipeline.steps)
    scale = pipeline.predict(rows).std()
    shifted.shift = 2e-5 * scale
    with pytest.raises(ExportFailed, match="disagree"):
        export_model(shifted, rows, "regression", to=to, path=tmp_path / "m")
    assert list(tmp_path.iterdir()) == []
    shifted.shift = 5e-6 * scale
    kept = export_model(shifted, rows, "regression", to=to, path=tmp_path / "m").files
    before = [file.read_bytes() for file in kept]
    shifted.shift = np.nan  # what is not a number agrees with nothing
    with pytest.raises(ExportFailed):
        export_model(shifted, rows, "regression", to=to, path=tmp_path / "m")
    assert [file.read_bytes() for file in kept] == before
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_split_within_float32_rounding_is_not_flipped(tmp_path):
    """Thresholds of LightGBM lie between neighbours that are one float32."""
    rng = np.random.default_rng(0)
    steps = 1 + np.arange(2000) * 1e-9
    rows = pd.DataFrame({"x": rng.permutation(steps)})
    rows["y"] = np.floor((rows["x"] - 1) / 2e-7) * 100
    problem = Problem(name="p", target="y", metric="rmse")
    model = lightgbm.LGBMRegressor(n_estimators=20, min_child_samples=5, verbosity=-1, n_jobs=1)
    pipeline = Pipeline([("encoder", build_encoder(prepare(problem, rows))), ("model", model)])
    pipeline.fit(rows[["x"]], rows["y"])
    assert pipeline.predict(rows).std() > 1
    written = export_model(pipeline, rows, "regression", to="onnx", path=tmp_path / "m.onnx")
    assert written.precision == "float64"


def test_a_model_of_scikit_learn_goes_through_skl2onnx(tmp_path):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    forest = RandomForestClassifier(n_estimators=10, max_depth=6, random_state=0)
    pipeline, rows = fit("binary", make_pipeline(SimpleImputer(), forest))
    written = export_model(pipeline, rows, "binary", to="onnx", path=tmp_path / "m.onnx")
    assert written.agreement.holds
    with pytest.raises(ExportFailed, match="--to onnx"):
        export_model(pipeline, rows, "binary", to="lightgbm-text", path=tmp_path / "m.txt")


def test_what_cannot_be_converted_is_named(tmp_path):
    from sklearn.dummy import DummyRegressor

    pipeline, rows = fit("regression", DummyRegressor())
    with pytest.raises(ExportFailed, match="DummyRegressor"):
        export_model(pipeline, rows, "regression", to="onnx", path=tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_wrong_calls_are_refused(tmp_path):
    pipeline, rows = fit("regression")
    with pytest.raises(UsageError, match="'onnx'"):
        export_model(pipeline, rows, "regression", to="onx", path=tmp_path / "m")
    with pytest.raises(ExportFailed, match="no row"):
        export_model(pipeline, rows.head(0), "regression", to="lightgbm-text", path=tmp_path / "m")
    with pytest.raises(ExportFailed, match="encoder"):
        export_model(Pipeline([("model", pipeline[-1])]), rows, "regression", to="onnx", path="m")
    (tmp_path / "x").write_bytes(b"tree\nnothing")
    with pytest.raises(DataError, match=r"x\.json"):
        load_exported(tmp_path / "x")
    (tmp_path / "x").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="neither"):
        load_exported(tmp_path / "x")


def test_the_library_without_the_export_packages_still_imports():
    code = (
        "import sys; import driftune.export; from driftune.cli import export;"
        "print({'onnx', 'onnxruntime', 'skl2onnx'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_xgboost_with_its_own_categories_agrees(task, tmp_path):
    pytest.importorskip("xgboost")
    from driftune.tuning.families import Shape, find_family

    rows = make_rows(400)
    target, metric = TARGETS[task]
    drop = tuple({"y", "late", "kind"} - {target})
    problem = Problem(name="p", target=target, metric=metric, drop=drop)
    prepared = prepare(problem, rows)
    shape = Shape(len(rows), len(prepared.feature_names), len(prepared.categorical))
    model = find_family("xgboost").make_estimator(
        {}, 10, problem.metric_object, n_jobs=1, seed=0, shape=shape
    )
    pipeline = Pipeline([("encoder", build_encoder(prepared)), ("model", model)])
    pipeline.fit(prepared.X, rows[target])
    written = export_model(pipeline, rows, task, to="onnx", path=tmp_path / "m.onnx")
    assert written.precision == "float32"
