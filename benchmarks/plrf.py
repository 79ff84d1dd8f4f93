"""Seconds that loss curves of the random features model take, at widths from 1e2 to 1e13.

The yardstick is the exact recursion over the d by d covariance of the error of one draw of the
features, at d = 400 over 2,000 steps: what one runs who does not know that the loss is a sum of
modes.
Run ``OMP_NUM_THREADS=1 python benchmarks/plrf.py``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from driftune.scaling import PLRF, compute_optimal

if TYPE_CHECKING:
    from collections.abc import Callable

PHASES = {
    "Ia": (1.0, 0.3),
    "Ib": (0.4, 0.3),
    "Ic": (0.2, 0.7),
    "II": (1.0, 0.7),
    "III": (0.7, 1.2),
    "IVa": (0.45, 1.0),
    "IVb": (0.27, 0.8),
}
WIDTHS = 16 * 2 ** (np.arange(23) / 2)


def recurse(model: PLRF, steps: int) -> float:
    """Run the recursion of the error's covariance C, d^2 numbers per step; return the last loss."""
    drawn, lr = model.sample(seed=0), model.lr
    lam = drawn.eigenvalues
    covariance = np.outer(drawn.optimum, drawn.optimum)
    decay = 1 - lr * (lam + lam[:, None]) + 2 * lr**2 * lam * lam[:, None]
    loss = drawn.residual + float(lam @ np.diag(covariance))
    for _ in range(steps):
        covariance = decay * covariance
        np.einsum("ii->i", covariance)[:] += lr**2 * lam * loss  # a view of the diagonal
        loss = drawn.residual + float(lam @ np.diag(covariance))
    return loss


def stopwatch(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    PLRF(1.0, 0.7, 100).loss_curve(10)  # imports SciPy
    model = PLRF(1.0, 0.7, 400)
    yardstick = stopwatch(lambda: recurse(model, 2000))
    drawn = stopwatch(lambda: model.sample(seed=0).loss_curve(2000, growth=1))
    off = model.sample(seed=0).loss_curve(2000, growth=1).loss[-1] / recurse(model, 2000) - 1
    print(f"exact d^2 recursion, d = 400, 2,000 steps: {yardstick:.2f} s")
    print(f"the same by its modes: {drawn:.2f} s, relative difference {off:.0e}")
    for exponent in (2, 3, 5, 7, 9, 11, 13):
        for name in ("II", "IVb"):
            model = PLRF(*PHASES[name], 10.0**exponent)
            seconds = stopwatch(lambda model=model: model.loss_curve(10**15))
            print(
                f"d = 1e{exponent:<2} phase {name:3} 1e15 steps: {seconds:.3f} s, "
                f"{len(model.modes.drop):3d} modes, {seconds / yardstick:.3f} of the recursion"
            )
    total = 0.0
    for name, point in PHASES.items():
        compute = [1e6, 1e7 if name.startswith("IV") else 1e8]
        seconds = stopwatch(
            lambda point=point, compute=compute: compute_optimal(*point, compute, WIDTHS)
        )
        total += seconds
        print(f"best of {len(WIDTHS)} widths, phase {name:3}: {seconds:.2f} s")
    print(f"all seven phases: {total:.2f} s, {total / yardstick:.1f} of the recursion")


if __name__ == "__main__":
    main()
