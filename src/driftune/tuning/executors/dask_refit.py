"""The final fit on a table that no machine could hold: LightGBM's own Dask estimators.

The search is another matter: it ranks configurations well on a sample that one machine holds, and
racing and early stopping make it cheap there. Only the winner must see all rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, UsageError
from driftune.tuning.encoding import as_text, build_encoder
from driftune.tuning.executors.dask import connect
from driftune.tuning.families import Shape, get_family
from driftune.tuning.prepared import prepare
from driftune.tuning.rounds import scaled_rounds

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared
    from driftune.tuning.result import TuningResult


def refit_on_dask(
    problem: Problem, data: Any, result: TuningResult, *, address: str | None = None
) -> Pipeline:
    """Fit the best configuration on all labelled rows of a Dask table, where these rows are.

    Rows never come to this process, but for the first partition, which says what kind each column
    is, and the distinct values of the categorical columns.

    Args:
        problem: The problem of the study.
        data: ``dask.dataframe.DataFrame``, the raw table; every partition needs rows of every
            class.
        result: What :func:`driftune.tuning.tune` returned for a sample of it.
        address: Of the scheduler; see :class:`driftune.tuning.executors.dask.DaskExecutor`.

    Returns:
        As :func:`driftune.tuning.refit`: a fitted local pipeline that takes raw columns.

    Raises:
        DataError: As :func:`driftune.tuning.prepare`, for the first partition; or a class is
            missing in a partition.
        UsageError: The result is not of LightGBM.
        ServiceUnavailable: The cluster cannot be used.
    """
    from sklearn.pipeline import Pipeline

    if result.family != "lightgbm":
        raise UsageError(
            f"The family {result.family!r} (tuning.family) cannot be fitted on a Dask table; only"
            " lightgbm can."
        )
    with connect(address) as client, client.as_current():
        rows = client.persist(data[data[problem.target].notnull()])
        prepared = prepare(problem, rows.get_partition(0).compute())
        encoder = build_encoder(prepared).fit(_all_categories(rows, prepared))
        X, y = _blocks(problem, rows, prepared, encoder)
        model = _fit(problem, prepared, result, client, X, y)
    return Pipeline([("encoder", encoder), ("model", model)])


def _all_categories(rows: Any, prepared: Prepared) -> pd.DataFrame:
    """A small table with every category of every column, from which to learn the encoding."""
    import pandas as pd

    known = {
        name: as_text(rows[[name]].drop_duplicates().compute())[name].tolist()
        for name in prepared.categorical
    }
    length = max([len(values) for values in known.values()] + [1])
    filled = {name: values + values[-1:] * (length - len(values)) for name, values in known.items()}
    numbers = dict.fromkeys(prepared.numeric, 0.0)  # these need no learning
    return pd.DataFrame(filled | numbers, index=range(length))[list(prepared.feature_names)]


def _blocks(problem: Problem, rows: Any, prepared: Prepared, encoder: Any) -> tuple[Any, Any]:
    """Encoded features and target as Dask arrays, one block per partition."""
    import dask.array
    from dask.delayed import delayed

    da: Any = dask.array  # untyped in parts
    lengths = rows.map_partitions(len).compute().tolist()
    if prepared.classes is not None and _classes_differ(rows, problem.target):
        raise DataError(
            f"Some partitions have no row of some class of the target {problem.target!r}, so that"
            " their workers would number the classes differently: shuffle the rows."
        )
    parts = rows.to_delayed()
    encode, target = delayed(_encode), delayed(_target)
    width = len(prepared.feature_names)
    kind = float if prepared.classes is None else prepared.classes.dtype
    X = [
        da.from_delayed(encode(encoder, part, prepared.feature_names), (n, width), float)
        for part, n in zip(parts, lengths, strict=True)
    ]
    y = [
        da.from_delayed(target(part, problem.target, kind), (n,), kind)
        for part, n in zip(parts, lengths, strict=True)
    ]
    return da.concatenate(X), da.concatenate(y)


def _classes_differ(rows: Any, target: str) -> bool:
    found = rows[target].map_partitions(_name_classes, meta=(target, object)).compute()
    return len(set(found)) > 1


def _name_classes(part: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([tuple(sorted(map(str, part.unique())))], dtype=object)


def _encode(encoder: Any, part: pd.DataFrame, features: tuple[str, ...]) -> Any:
    return encoder.transform(part[list(features)])


def _target(part: pd.DataFrame, name: str, kind: Any) -> Any:
    return np.asarray(part[name]).astype(kind)


def _fit(
    problem: Problem, prepared: Prepared, result: TuningResult, client: Any, X: Any, y: Any
) -> Any:
    import lightgbm

    metric = problem.metric_object
    family = get_family(result.family)
    rounds = scaled_rounds(result.best_rounds, result.fold_rows, len(y), result.rounds_exponent)
    # the number of threads is the worker's to say
    shape = Shape(len(y), len(prepared.feature_names), len(prepared.categorical))
    local = family.make_estimator(
        result.best_params, rounds, metric, n_jobs=1, seed=result.seed, shape=shape
    )
    settings = {name: value for name, value in local.get_params().items() if name != "n_jobs"}
    regression = metric.task == "regression"
    kind: Any = lightgbm.DaskLGBMRegressor if regression else lightgbm.DaskLGBMClassifier
    model = kind(client=client, **settings)
    model.fit(X, y, **family.fit_arguments(len(prepared.categorical)))
    return model.to_local()
