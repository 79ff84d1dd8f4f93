"""Loss as a function of rows and of model size: ``L = E + A n^-a + B m^-b``.

The form of Chinchilla's third approach (Hoffmann et al. 2022, arXiv 2203.15556). For boosted trees
with ``m`` = rounds at a fixed number of leaves it was 1 to 9 per cent off at larger ``n``, with
leaves mixed in 25: it is a diagnosis of one class of trees, and ``usable`` says whether it may be
leaned on. What a tuned model reaches is the envelope's business (``learning_curve``).

Rows carry ``A`` and ``a``, sizes ``B`` and ``b``; Chinchilla's paper writes it the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DataError, InsufficientPoints, UsageError
from driftune.scaling.curves.observation import check_points
from driftune.scaling.curves.prediction import Prediction, make_prediction
from driftune.scaling.curves.surface import Surface, fit_surfaces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.curves.families import FloatArray
    from driftune.scaling.curves.observation import Observation


ROWS, SIZES, POINTS = 4, 3, 8  # fewest different rows, different sizes, and points
USABLE = 0.05  # relative held-out error up to which the surface may be leaned on
_CONSTANTS = 5


@dataclass(frozen=True)
class JointCurve:
    """A fitted surface; made by :func:`fit_joint`.

    Args:
        E: Floor, in the unit of the loss.
        A: Scale of the rows' term.
        a: Exponent of the rows.
        B: Scale of the size's term.
        b: Exponent of the size.
        held_out_error: Mean relative error at the largest rows when fitted without them.
        level: Of the intervals.
    """

    E: float
    A: float
    a: float
    B: float
    b: float
    held_out_error: float
    level: float
    draws: Surface = field(repr=False, compare=False)

    @property
    def usable(self) -> bool:
        """Whether the largest rows were foreseen to five per cent."""
        return self.held_out_error <= USABLE

    def predict(self, rows: float, size: float) -> Prediction:
        """Predict the loss of a fit of ``size`` rounds on ``rows`` rows (both above 0)."""
        if not (rows > 0 and size > 0):
            raise UsageError(f"rows is {rows} and size is {size}; both must be above 0.")
        loss = self.E + self.A * rows**-self.a + self.B * size**-self.b
        draws = self.draws.values(np.array([rows]), np.array([size]))[:, 0]
        return make_prediction(loss, draws, self.level)

    def compute_optimal(self, compute: float, per: float = 6.0) -> tuple[float, float, float]:
        """Split ``compute = per * rows * size`` so that the loss is least.

        ``n = (aA / bB)^(1/(a+b)) K^(b/(a+b))`` with ``K = compute / per``, where both terms fall
        equally fast.

        Returns:
            Rows, size and the predicted loss.

        Raises:
            UsageError: ``compute`` or ``per`` is not above 0.
            DataError: One of the terms is 0, so that there is nothing to trade.
        """
        if not (compute > 0 and per > 0):
            raise UsageError(f"compute is {compute} and per is {per}; both must be above 0.")
        if self.A == 0 or self.B == 0:
            what = "rows" if self.A == 0 else "size"
            raise DataError(f"The fitted loss does not fall with {what}: nothing to trade off.")
        product = compute / per
        ratio = self.a * self.A / (self.b * self.B)
        rows = (ratio * product**self.b) ** (1 / (self.a + self.b))
        size = product / rows
        return rows, size, self.predict(rows, size).loss


def fit_joint(
    points: Sequence[Observation], *, n_boot: int = 200, level: float = 0.9, seed: int = 0
) -> JointCurve:
    """Fit loss against rows and rounds, by relative error.

    The interval is a bootstrap of the residuals, widened by ``sqrt(n / (n - 5))`` since a fit goes
    closer to its own points than the truth does.

    Args:
        points: Of one number of leaves; those without rounds are left out.
        n_boot: Draws.
        level: Of the interval, in (0, 1).
        seed: The same seed gives the same interval.

    Raises:
        InsufficientPoints: Fewer than 8 points, 4 different rows or 3 different rounds.
        DataError: A loss that is not finite or not above 0, or several numbers of leaves.
        UsageError: A level outside (0, 1), fewer than 2 draws.

    >>> from driftune.scaling.curves.observation import Observation
    >>> tried = [Observation(n, 1 + 9 * n**-0.5 + m**-0.3, rounds=m)
    ...          for n in (500, 1000, 4000, 8000) for m in (10, 50, 250)]
    >>> surface = fit_joint(tried)
    >>> round(surface.E, 3), round(surface.a, 3), round(surface.b, 3), surface.usable
    (1.0, 0.5, 0.3, True)
    """
    if not 0 < level < 1 or n_boot < 2:
        raise UsageError(f"level is {level}, n_boot is {n_boot}; need 0 < level < 1, n_boot >= 2.")
    rows, sizes, losses = _columns(points)
    fit = fit_surfaces(rows, sizes, losses[None])
    fitted = fit.values(rows, sizes)[0]
    draws = fit_surfaces(rows, sizes, _resample(losses, fitted, n_boot, seed), near=fit)
    E, A, B = (float(term[0]) for term in fit.terms)
    a, b = (float(exponent) for exponent in fit.exponents[0])
    return JointCurve(E, A, a, B, b, _held_out_error(rows, sizes, losses), level, draws)


def _columns(points: Sequence[Observation]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return rows, rounds and losses (p,) of points that can carry a surface."""
    complete = [point for point in points if point.rounds is not None and point.rounds > 0]
    check_points(complete)
    if len({point.leaves for point in complete}) > 1:
        raise DataError("The points have several numbers of leaves; fit each of them alone.")
    rows = np.array([point.rows for point in complete], dtype=float)
    sizes = np.array([point.rounds for point in complete], dtype=float)
    found = (len(complete), len(np.unique(rows)), len(np.unique(sizes)))
    if any(have < need for have, need in zip(found, (POINTS, ROWS, SIZES), strict=True)):
        raise InsufficientPoints(
            f"A joint curve takes {POINTS} points with rounds, of {ROWS} different rows and "
            f"{SIZES} different rounds; there are {found[0]}, {found[1]} and {found[2]}."
        )
    return rows, sizes, np.array([point.loss for point in complete])


def _resample(losses: FloatArray, fitted: FloatArray, n_boot: int, seed: int) -> FloatArray:
    """Draw relative residuals with replacement around the fit: (n_boot, p)."""
    rng = np.random.default_rng(seed)
    n = len(losses)
    residuals = (losses / fitted - 1) * np.sqrt(n / (n - _CONSTANTS))
    drawn = rng.choice(residuals - residuals.mean(), (n_boot, n))
    return np.asarray(fitted * np.maximum(1 + drawn, 0.05))  # a loss is above 0


def _held_out_error(rows: FloatArray, sizes: FloatArray, losses: FloatArray) -> float:
    """Mean relative error at the largest rows of the fit without them."""
    known = rows < rows.max()
    fit = fit_surfaces(rows[known], sizes[known], losses[None, known])
    foreseen = fit.values(rows[~known], sizes[~known])[0]
    return float(np.mean(np.abs(foreseen / losses[~known] - 1)))
