"""Every error that driftune raises on purpose.

Each message names the thing, the value, the limit and the setting that changes it. ``exit_code``
is what the command line returns: 1 = refused or failed, 2 = bad usage or bad data.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class DriftuneError(Exception):
    """The root: catch this to catch all of ours."""

    exit_code = 1


class UsageError(DriftuneError):
    """A setting, a name or an argument that cannot be right."""

    exit_code = 2


class DataError(DriftuneError):
    """A table that cannot be used: missing file, wrong column, text where numbers belong."""

    exit_code = 2


class InsufficientPoints(DataError):
    """Too few points to fit a curve through; names how many there are and how many it takes."""


class UnstableLearningRate(UsageError):
    """Gradient descent with this learning rate does not converge.

    Attributes:
        kernel_norm: Of the Volterra kernel; 1 and above, or infinite, diverges.
    """

    def __init__(self, message: str, *, kernel_norm: float) -> None:
        super().__init__(message)
        self.kernel_norm = kernel_norm


class ValidationFailed(DataError):
    """A critical expectation failed; names the expectation, the column and the value."""


class MissingPackage(DriftuneError):
    """An optional package is not installed; the message says what to install."""


class MissingKey(UsageError):
    """The environment holds no key for the provider of the language model."""


class LanguageModelError(DriftuneError):
    """The language model did not answer, or its answer cannot be used.

    Attributes:
        cost_usd: Dollars that the requests may have cost all the same.
    """

    def __init__(self, message: str = "", *, cost_usd: float = 0.0) -> None:
        super().__init__(message)
        self.cost_usd = cost_usd


class SpendLimitReached(LanguageModelError):
    """The next call would exceed a spend limit, or its price is unknown."""


class WorkerLost(DriftuneError):
    """A worker process died of a fit, and the next one that tried it died too."""


class LeaseLost(DriftuneError):
    """Another process took over the retune of this problem while we were away."""


class ChampionChanged(DriftuneError):
    """A challenger was compared with a champion that no longer serves."""


class ExportFailed(DriftuneError):
    """A model cannot be written for a device, or what was written predicts something else."""


class ServiceUnavailable(DriftuneError):
    """A service that this step needs (registry, Prefect, data store) does not answer."""


def close_match(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known name, or the list of known names.

    >>> close_match("rsme", ["rmse", "mae"])
    " Did you mean 'rmse'?"
    >>> close_match("zzz", ["rmse", "mae"])
    ' Known: mae, rmse.'
    """
    known = sorted(known)
    matches = get_close_matches(name, known, n=1)
    if matches:
        return f" Did you mean {matches[0]!r}?"
    return f" Known: {', '.join(known)}." if known else ""
