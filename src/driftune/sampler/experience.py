"""What a study leaves for the next one: its best configurations, and how near two data sets are.

A search that starts from what was best on similar data is ahead of one that starts from nothing:
Feurer, Springenberg and Hutter, "Initializing Bayesian hyperparameter optimization via
meta-learning" (AAAI 2015). Data sets are compared by a few numbers about them, the meta-features;
this module does not care which, as long as one unit means about as much in each.
"""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from driftune.errors import UsageError
from driftune.sampler.history import is_usable, loss_of
from driftune.sampler.unit_cube import place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from dataclasses import Field

    from optuna.distributions import BaseDistribution
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

KEPT = 3  # configurations of one study
DIVERSE = 0.1  # mean distance per parameter, as a share of its range, between two that are kept
TOP_SHARE = 0.25  # of the trials; a third best from further down would be diverse and bad


@dataclass(frozen=True)
class EarlierStudy:
    """One finished study, small enough for a tag.

    Attributes:
        problem: Name of the problem.
        study: Name of the study.
        family: Model family.
        features: Meta-features of its data, by name; all finite.
        best: ``{"params": ..., "value": ...}``, the best first; diverse.
        finished: Seconds since the epoch.
        sketch: What its data looked like, to measure drift by; empty in older records.
    """

    problem: str
    study: str
    family: str
    features: dict[str, float]
    best: list[dict[str, Any]]
    finished: float
    sketch: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Everything, in one line."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> EarlierStudy:
        """Read what :meth:`to_json` wrote.

        Raises:
            UsageError: The text is something else.
        """
        try:
            content = json.loads(text)
            known = [f for f in fields(cls) if f.name in content or _is_needed(f)]
            study = cls(**{f.name: content[f.name] for f in known})
            numbers = [float(x) for x in (*study.features.values(), study.finished)]
            names = (study.problem, study.study, study.family)
            readable = all(isinstance(entry["params"], dict) for entry in study.best)
            readable = readable and isinstance(study.sketch, dict)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{text[:80]!r} is no record of a study: {error!r}.") from None
        if not (readable and all(map(math.isfinite, numbers)) and all(map(_is_text, names))):
            raise UsageError(f"{text[:80]!r} is no record of a study.")
        return study


class Experience(Protocol):
    """Where studies are remembered: an Optuna storage, or MLflow."""

    def recall(self, family: str) -> list[EarlierStudy]:
        """The studies of a family, in any order."""
        ...

    def keep(self, study: EarlierStudy) -> None:
        """Remember a study; an older record of the same study is replaced."""
        ...


def pick_diverse(
    trials: Sequence[FrozenTrial], direction: StudyDirection, count: int = KEPT
) -> list[dict[str, Any]]:
    """Pick the best trial, then the next best ones that differ from those picked.

    Only the best quarter of the trials is looked at, so that there may be fewer than ``count``.

    Args:
        trials: Of one study with one objective.
        direction: Of the study.
        count: At most this many.

    Returns:
        ``{"params": dict, "value": float}`` each, the best first.
    """
    usable = [trial for trial in trials if is_usable(trial) and trial.params]
    ranked = sorted(usable, key=lambda trial: loss_of(trial, direction))
    kept: list[FrozenTrial] = []
    for trial in ranked[: max(1, math.ceil(TOP_SHARE * len(ranked)))]:
        if len(kept) < count and all(_are_diverse(trial, other) for other in kept):
            kept.append(trial)
    return [{"params": dict(trial.params), "value": trial.values[0]} for trial in kept]


def configurations(
    studies: Sequence[EarlierStudy],
    *,
    problem: str,
    study: str,
    features: Mapping[str, float],
    weights: Mapping[str, float] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the configurations of earlier studies in the order in which they are worth trying.

    Studies of the same problem come first, those of the highest weight before the others, newest
    first, then those of other problems, nearest first; data of another kind (other meta-features)
    is never near. Of each study its best, then of each its second best, and so on: what several
    studies found is worth more than one study's rest. Of a study of little weight the rest is
    nothing.

    Args:
        studies: Of one family.
        problem: That is tuned now.
        study: That runs now: never its own teacher.
        features: Meta-features of the data that is tuned on.
        weights: Of studies of the same problem, by name: 1 where their data is like that of now,
            0 where nothing but the best is worth trying. A study that is not named has 1.
    """
    weights = weights or {}
    others = [earlier for earlier in studies if earlier.study != study]
    near = [e for e in others if e.problem == problem or _is_comparable(e, features)]
    ordered = sorted(near, key=lambda e: _order(e, problem, features, weights))
    for rank in range(KEPT):
        for earlier in ordered:
            if rank < min(len(earlier.best), max(1, round(weights.get(earlier.study, 1.0) * KEPT))):
                yield dict(earlier.best[rank]["params"])


def distance(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Sum of the differences of the meta-features, the L1 norm of Feurer et al. (2015).

    >>> distance({"log_rows": 3.0, "missing": 0.5}, {"log_rows": 4.0, "missing": 0.0})
    1.5

    Returns:
        Zero for the same; infinite when the two do not have the same meta-features.
    """
    if first.keys() != second.keys():
        return math.inf
    return sum(abs(first[name] - second[name]) for name in first)


def are_close(
    first: Mapping[str, Any], second: Mapping[str, Any], space: Mapping[str, BaseDistribution]
) -> bool:
    """Whether running both configurations would teach little; they must lie in ``space``.

    The same parameters, and on average less than a twentieth of the range apart.
    """
    return _measure_apart(first, second, space) < 0.05


def _is_comparable(earlier: EarlierStudy, features: Mapping[str, float]) -> bool:
    return math.isfinite(distance(earlier.features, features))


def _order(
    earlier: EarlierStudy,
    problem: str,
    features: Mapping[str, float],
    weights: Mapping[str, float],
) -> tuple[float, float]:
    if earlier.problem == problem:  # a tenth more or less of the weight is chance
        return (-1.0 - round(weights.get(earlier.study, 1.0), 1), -earlier.finished)
    return (distance(earlier.features, features), -earlier.finished)


def _are_diverse(first: FrozenTrial, second: FrozenTrial) -> bool:
    return _measure_apart(first.params, second.params, first.distributions) >= DIVERSE


def _measure_apart(
    first: Mapping[str, Any], second: Mapping[str, Any], space: Mapping[str, BaseDistribution]
) -> float:
    """Mean over the parameters, each from 0 to 1 on its own scale; infinite if they differ."""
    if first.keys() != second.keys():
        return math.inf
    shared = {name: space[name] for name in first}
    return float(np.abs(place(first, shared) - place(second, shared)).mean()) if shared else 0.0


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _is_text(value: object) -> bool:
    return isinstance(value, str)
