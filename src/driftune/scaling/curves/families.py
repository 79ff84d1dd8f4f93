"""The shapes of a learning curve: three that level off at a floor.

All three are ``L(n) = E + S g(n)`` with a floor ``E >= 0``, a scale ``S >= 0`` and a falling shape
``g``. Families without a floor (pow2, exp) were 5 to 42 per cent off at eight times the rows on
LightGBM, and none of them helps a mixture, so they are not offered. MMF and pow4 are the families
that did well in LCDB (Mohr, Viering, Loog and van Rijn 2022).

Rows are in units of the largest pilot throughout, ``u = n / N``, so that every number is near 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FloatArray: TypeAlias = npt.NDArray[np.float64]

EXPONENTS = (0.01, 3.0)  # a slower curve is flat, a faster one has ended
_LOG_A = (float(np.log(EXPONENTS[0])), float(np.log(EXPONENTS[1])))


@dataclass(frozen=True)
class Family:
    """A shape with its one or two coordinates.

    Args:
        name: As users write it.
        parameters: How many numbers it has in all, ``E`` and the scale included.
        box: (low, high) of each coordinate that the search walks in.
        grid: Points per coordinate at which the search starts.
        shape: ``(u (p,), coordinates (..., k)) -> g (..., p)``.
        constants: ``(E, S, coordinates (k,), N) -> `` the constants of the textbook formula.
    """

    name: str
    parameters: int
    box: tuple[tuple[float, float], ...]
    grid: tuple[int, ...]
    shape: Callable[[FloatArray, FloatArray], FloatArray]
    constants: Callable[[float, float, FloatArray, float], dict[str, float]]


def _pow3(u: FloatArray, at: FloatArray) -> FloatArray:
    """Return ``u^-a``; coordinate: log a."""
    return np.asarray(np.exp(-np.exp(at[..., :1]) * np.log(u)))


def _pow4(u: FloatArray, at: FloatArray) -> FloatArray:
    """Return ``(u + c)^-a``; coordinates: log a, and c's fourth root, which is dense near 0."""
    return np.asarray(np.exp(-np.exp(at[..., :1]) * np.log(u + at[..., 1:] ** 4)))


def _mmf4(u: FloatArray, at: FloatArray) -> FloatArray:
    """Return ``1 / (1 + (u/h)^d)``; coordinates: log d, log h."""
    return np.asarray(1 / (1 + np.exp(np.exp(at[..., :1]) * (np.log(u) - at[..., 1:]))))


def _constants3(floor: float, scale: float, at: FloatArray, largest: float) -> dict[str, float]:
    a = float(np.exp(at[0]))
    return {"E": floor, "A": scale * largest**a, "a": a}


def _constants4(floor: float, scale: float, at: FloatArray, largest: float) -> dict[str, float]:
    return {**_constants3(floor, scale, at, largest), "c": float(at[1]) ** 4 * largest}


def _constants_mmf(floor: float, scale: float, at: FloatArray, largest: float) -> dict[str, float]:
    d, half = float(np.exp(at[0])), float(np.exp(at[1])) * largest
    return {"E": floor, "A": floor + scale, "b": half**d, "d": d}


FAMILIES = {
    "pow3": Family("pow3", 3, (_LOG_A,), (60,), _pow3, _constants3),  # E + A n^-a
    "pow4": Family(  # E + A (n + c)^-a
        "pow4", 4, (_LOG_A, (0.0, 1.0)), (40, 10), _pow4, _constants4
    ),
    "mmf4": Family(  # (A b + E n^d) / (b + n^d)
        "mmf4",
        4,
        (_LOG_A, (float(np.log(1e-4)), float(np.log(3)))),
        (30, 14),
        _mmf4,
        _constants_mmf,
    ),
}


def get_families(names: Iterable[str]) -> list[Family]:
    """Look families up.

    Raises:
        UsageError: An unknown name, or none at all.
    """
    names = list(names)
    if not names:
        raise UsageError(f"families is empty; name one or more of {', '.join(FAMILIES)}.")
    for name in names:
        if name not in FAMILIES:
            raise UsageError(
                f"There is no family {name!r} of learning curves.{close_match(name, FAMILIES)}"
            )
    return [FAMILIES[name] for name in dict.fromkeys(names)]
