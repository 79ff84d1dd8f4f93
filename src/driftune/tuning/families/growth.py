"""Ways to train a scikit-learn estimator so that ``stop()`` can end it between two steps.

None of them lets the clock decide what comes out of a fit that is not stopped.
"""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from driftune.tuning.families import Stop

STEP_SECONDS = 0.5  # what a step that need not be of a certain size should take
ITERATIONS = 25  # of a solver in one step, at most
STEP_CELLS = 30_000_000  # non-zero cells times classes that a solver may pass over in one step
SLICE_BATCHES = 100  # of an epoch, between two looks at the clock
PATIENCE = 10  # epochs without gain before a network's training ends


@dataclass(frozen=True)
class FoldRows:
    """One fold as a model takes it; ``y`` scaled where the family asks for that.

    Attributes:
        X: Training rows, ``(n, p)``, dense or sparse.
        y: ``(n,)``.
        X_valid: Validation rows.
        y_valid: ``(n_valid,)``.
        n_classes: 0 for regression.
    """

    X: Any
    y: NDArray[Any]
    X_valid: Any
    y_valid: NDArray[Any]
    n_classes: int


@dataclass(frozen=True)
class Trained:
    """A model after its training.

    Attributes:
        model: Predicts with its best round.
        rounds: The best round; 1 where there are none.
        cut: Whether ``stop()`` ended the training.
        curve: Validation loss after each round, where it was measured.
    """

    model: Any
    rounds: int = 1
    cut: bool = False
    curve: Sequence[float] = field(default=())


def fit_once(model: Any, rows: FoldRows, stop: Stop) -> Trained:
    """One call of ``fit``, which nothing can end; cut when it was overtaken by the deadline."""
    model.fit(rows.X, rows.y)
    return Trained(model, cut=stop())


def grow_trees(model: Any, rows: FoldRows, stop: Stop) -> Trained:
    """Trees by ``warm_start``, as many at a time as half a second allows.

    The trees do not depend on how many are made at a time, so that the clock changes nothing. The
    threads of the model share the trees of a step.
    """
    wanted, grown, step = int(model.n_estimators), 0, max(1, getattr(model, "n_jobs", None) or 1)
    model.set_params(warm_start=True)
    while grown < wanted:
        began = time.monotonic()
        step = min(step, wanted - grown)
        model.set_params(n_estimators=grown + step).fit(rows.X, rows.y)
        grown += step
        if stop():
            break
        quicker = STEP_SECONDS / max(time.monotonic() - began, 1e-3)
        step = max(1, int(step * min(quicker, 4.0)))
    return Trained(model, rounds=grown, cut=grown < wanted)


def grow_iterations(model: Any, rows: FoldRows, stop: Stop, *, forgetful: bool) -> Trained:
    """A solver's iterations by ``warm_start``, a fixed number at a time, until it has converged.

    Args:
        model: Has ``warm_start`` and ``max_iter``, which is the most iterations.
        rows: The fold.
        stop: Asked after every step.
        forgetful: Whether a solver loses, at the end of a step, what it has learnt of the slopes,
            as L-BFGS does: then its steps stay long on large tables too.
    """
    cells = (rows.X.nnz if hasattr(rows.X, "nnz") else rows.X.size) * max(1, rows.n_classes)
    most, done, cut = int(model.max_iter), 0, False
    longest = ITERATIONS if forgetful else min(ITERATIONS, max(1, STEP_CELLS // cells))
    model.set_params(warm_start=True)
    while done < most and not cut:
        step = min(longest, most - done)
        model.set_params(max_iter=step).fit(rows.X, rows.y)
        taken = int(np.max(model.n_iter_))
        done += taken
        if taken < step:
            break
        cut = done < most and stop()
    return Trained(model, rounds=max(1, done), cut=cut)


def run_epochs(
    model: Any, rows: FoldRows, stop: Stop, loss: Callable[[Any], float], seed: int
) -> Trained:
    """Epochs by ``partial_fit``, shuffled, until the validation loss stops falling.

    Args:
        model: An ``MLPRegressor`` or ``MLPClassifier``; ``max_iter`` is the most epochs.
        rows: The fold.
        stop: Asked after every 100 batches.
        loss: Of the model on the validation rows.
        seed: Of the shuffles.
    """
    rng = np.random.default_rng(seed)
    extra = {"classes": np.arange(rows.n_classes)} if rows.n_classes else {}
    batch = 200 if model.batch_size == "auto" else int(model.batch_size)
    parts = -(-len(rows.y) // (batch * SLICE_BATCHES))
    curve: list[float] = []
    best: Any = None
    cut = False
    while len(curve) < model.max_iter and not cut:
        for part in np.array_split(rng.permutation(len(rows.y)), parts):
            model.partial_fit(rows.X[part], rows.y[part], **extra)
            cut = stop()
            if cut:
                break
        curve.append(loss(model))
        if best is None or curve[-1] < min(curve[:-1]):
            best = deepcopy((model.coefs_, model.intercepts_))
        if len(curve) - 1 - int(np.argmin(curve)) >= PATIENCE:
            break
    model.coefs_, model.intercepts_ = best
    return Trained(model, rounds=int(np.argmin(curve)) + 1, cut=cut, curve=curve)
