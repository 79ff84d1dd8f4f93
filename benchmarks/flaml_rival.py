"""FLAML's side of the tuning race: ``flaml_rival.py FOLDER``, by an interpreter that has FLAML.

Reads ``order.json``, ``train.parquet``, ``test.parquet`` and ``folds.npz`` in the folder; writes
``out.json``: seconds, peak memory, the configuration, and a prediction for every test row.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from flaml import AutoML

TARGET = "__target__"


class GivenFolds:
    """The splits that everybody has."""

    shuffle = False

    def __init__(self, folds):
        self.folds = folds

    def get_n_splits(self, *_, **__):
        """Return how many there are."""
        return len(self.folds)

    def split(self, *_, **__):
        """Return training and validation positions."""
        return iter(self.folds)


def main():
    """Fit within the budget, predict the test rows."""
    folder = Path(sys.argv[1])
    order = json.loads((folder / "order.json").read_text())
    train, test = (pd.read_parquet(folder / f"{part}.parquet") for part in ("train", "test"))
    arrays = np.load(folder / "folds.npz")
    count = len(arrays.files) // 2
    folds = [(arrays[f"train{n}"], arrays[f"valid{n}"]) for n in range(count)]
    model = AutoML()
    began = time.perf_counter()
    model.fit(
        train.drop(columns=TARGET),
        train[TARGET],
        task=order["task"],
        metric=order["metric"],
        estimator_list=["lgbm"],
        time_budget=order["budget"],
        eval_method="cv",
        split_type=GivenFolds(folds),
        n_splits=count,
        n_jobs=order["n_jobs"],
        seed=order["seed"],
        verbose=0,
    )
    seconds = time.perf_counter() - began
    classes = order["task"] == "classification"
    prediction = model.predict_proba(test) if classes else model.predict(test)
    outcome = {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "params": {name: float(value) for name, value in model.best_config.items()},
        "prediction": np.asarray(prediction, dtype=float).tolist(),
    }
    (folder / "out.json").write_text(json.dumps(outcome))


if __name__ == "__main__":
    main()
