"""Refuses wrong arguments of the sampler at once, in a sentence that names value and limit."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution

from driftune.errors import UsageError
from driftune.sampler.dynamic_space import DynamicSpace


def check_numbers(**limits: tuple[Any, float, float]) -> None:
    """Refuse numbers outside their limits.

    >>> check_numbers(veto=(2, 0, 1))
    Traceback (most recent call last):
    driftune.errors.UsageError: veto=2 must be a number from 0 to 1.

    Args:
        limits: By argument, the value with the lowest and the highest that are allowed. ``None``
            is allowed as "no limit" or "by chance".
    """
    for name, (value, low, high) in limits.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (number and low <= value <= high):
            upper = f" to {high:g}" if math.isfinite(high) else " up"
            raise UsageError(f"{name}={value!r} must be a number from {low:g}{upper}.")


def check_objects(
    *, language_model: Any, allocation: Any, warm_start: Any, search_space: Any, dynamic_space: Any
) -> None:
    """Refuse what cannot do what its argument is for."""
    if language_model is not None and not isinstance(language_model, str):
        _check_method("language_model", language_model, "complete")
    if allocation is not None:
        _check_method("allocation", allocation, "choose")
    if not isinstance(warm_start, Sequence) or not all(isinstance(c, Mapping) for c in warm_start):
        raise UsageError("warm_start must be a list of configurations, each a dict.")
    if search_space is not None:
        known = isinstance(search_space, Mapping)
        if not known or not all(isinstance(d, BaseDistribution) for d in search_space.values()):
            raise UsageError("search_space must be a dict of Optuna's distributions by parameter.")
    if dynamic_space is not None and not isinstance(dynamic_space, DynamicSpace):
        raise UsageError(f"dynamic_space={dynamic_space!r} must be a DynamicSpace().")
    if dynamic_space is not None and search_space is not None:
        dynamic_space.check(search_space, all_known=True)


def _check_method(name: str, value: Any, method: str) -> None:
    if inspect.isclass(value) or not callable(getattr(value, method, None)):
        raise UsageError(f"{name}={value!r} must be an object with a method {method}().")
