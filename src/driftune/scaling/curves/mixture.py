"""Several families fitted to the same points, weighted by how well they foresee the last one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.scaling.curves.families import FAMILIES
from driftune.scaling.curves.projection import Fits, fit_family

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.scaling.curves.families import Family, FloatArray

_FLOOR = 0.2  # of the median: the SE of few folds is itself noisy, and one point must not rule


@dataclass(frozen=True)
class FittedFamily:
    """One family, fitted.

    Args:
        name: Of the family.
        params: The constants of its formula, see ``families``; they are strongly correlated, so
            that an interval belongs to a predicted loss, never to one of them.
        weight: Share in the mixture.
        held_out_error: Relative error at the largest number of rows when fitted without it.
    """

    name: str
    params: dict[str, float]
    weight: float
    held_out_error: float
    fit: Fits = field(repr=False, compare=False)
    draws: Fits = field(repr=False, compare=False)

    def predict(self, u: float) -> tuple[float, FloatArray]:
        """Return the loss at ``u`` largest pilots, and its bootstrap draws (r,)."""
        at = np.array([u])
        return float(self.fit.values(at)[0, 0]), self.draws.values(at)[:, 0]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, without the draws."""
        names = ("name", "params", "weight", "held_out_error")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Points:
    """An envelope as arrays, each (p,); ``se`` is None unless every point has one.

    Args:
        u: Rows in units of ``largest``.
        losses: In the unit of the metric.
        se: Standard errors in the same unit, none of them absurdly small.
        largest: Rows of the largest pilot.
    """

    u: FloatArray
    losses: FloatArray
    se: FloatArray | None
    largest: float

    def without_last(self) -> Points:
        """Drop the largest; units stay."""
        se = None if self.se is None else self.se[:-1]
        return Points(self.u[:-1], self.losses[:-1], se, self.largest)

    def ordinary_errors(self) -> FloatArray:
        """Return what residuals are measured in: standard errors, or else relative errors."""
        return self.losses if self.se is None else self.se


def make_points(rows: FloatArray, losses: FloatArray, se: FloatArray | None) -> Points:
    """Scale rows, and lift standard errors that are far below the others.

    Args:
        rows: (p,), ascending.
        losses: (p,), positive.
        se: (p,), or None.
    """
    largest = float(rows[-1])
    if se is not None:
        se = np.maximum(se, max(_FLOOR * float(np.median(se)), 1e-9 * float(losses.max())))
    return Points(rows / largest, losses, se, largest)


def fit_mixture(
    families: Sequence[Family], points: Points, n_boot: int, seed: int
) -> tuple[FittedFamily, ...]:
    """Fit each family, and weight it by ``1 / (held-out error^2 + noise^2)``.

    Noise is the relative error of the last point: families that miss it by less count alike. All
    families see the same draws of noise, so that their differences are differences of shape.
    """
    noise = _draw_noise(points, n_boot, seed)
    fitted = [_fit_one(family, points, noise) for family in families]
    last = min(float(sigma(points, one.fit)[-1]) for one in fitted) / points.losses[-1]
    raw = np.array([1 / (one.held_out_error**2 + last**2 + 1e-12) for one in fitted])
    shares = raw / raw.sum()
    return tuple(replace(one, weight=float(w)) for one, w in zip(fitted, shares, strict=True))


def _draw_noise(points: Points, n_boot: int, seed: int) -> FloatArray:
    """Draw errors in units of sigma, (n_boot, p).

    Both branches are wider than normal errors, with which 90 per cent intervals from five points
    held the truth 82 to 86 times in 100. Given standard errors are widened by ``sqrt(n / (n - 3))``
    for the constants of the leanest family. A sigma from a few residuals is itself drawn, which
    makes the errors Student's.
    """
    rng = np.random.default_rng(seed)
    n = len(points.u)
    free = n - FAMILIES["pow3"].parameters
    noise = rng.standard_normal((n_boot, n))
    if points.se is not None:
        return np.asarray(noise * np.sqrt(n / free))
    return np.asarray(noise * np.sqrt(free / rng.chisquare(free, (n_boot, 1))))


def sigma(points: Points, fit: Fits) -> FloatArray:
    """Return the standard deviation of each point around a curve, (p,).

    Without standard errors it is what the residuals say, ``n - p`` of them being free, which is
    the root mean square widened by ``sqrt(n / (n - p))``. With them it is never less than they
    are, and more if the curve misses the points by more (Birge's ratio).
    """
    free = max(1, len(points.u) - fit.family.parameters)
    unit = points.ordinary_errors()
    misses = (points.losses - fit.values(points.u)[0]) / unit
    ratio = float(np.sqrt((misses**2).sum() / free))
    return unit * (max(ratio, 1e-9) if points.se is None else max(ratio, 1.0))


def standard_errors(points: Points, fit: Fits) -> FloatArray:
    """Return the given ones, or else what the middle residual says, (p,).

    The middle one, since a bump must not hide itself by making all errors look large.
    """
    if points.se is not None:
        return points.se
    n = len(points.u)
    misses = np.abs(points.losses / fit.values(points.u)[0] - 1)
    middle = 1.4826 * float(np.median(misses))  # of a normal distribution its standard deviation
    middle *= np.sqrt(n / max(1, n - fit.family.parameters))
    return np.asarray(np.minimum(middle * points.losses, sigma(points, fit)))


def _fit_one(family: Family, points: Points, noise: FloatArray) -> FittedFamily:
    """Fit the points, the points but the last, and every draw of noise around the fit."""
    fit = _fit_points(family, points)
    held_out = _fit_points(family, points.without_last()).values(points.u[-1:])[0, 0]
    error = abs(float(held_out) - points.losses[-1]) / points.losses[-1]
    spread = sigma(points, fit)
    drawn = fit.values(points.u) + spread * noise
    drawn = np.maximum(drawn, 0.05 * points.losses)  # a loss is above 0
    draws = fit_family(family, points.u, drawn, spread)
    params = family.constants(float(fit.floor[0]), float(fit.scale[0]), fit.at[0], points.largest)
    return FittedFamily(family.name, params, 1.0, float(error), fit, draws)


def _fit_points(family: Family, points: Points) -> Fits:
    """Fit twice without standard errors: what an ordinary error is, the first fit tells."""
    losses, unit = points.losses[None], points.ordinary_errors()
    fit = fit_family(family, points.u, losses, unit)
    if points.se is None:
        fit = fit_family(family, points.u, losses, sigma(points, fit))
    return fit
