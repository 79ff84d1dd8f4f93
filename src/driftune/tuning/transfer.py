"""How much of what an earlier study found is worth trying again, by how far its data drifted.

Drift is the mean of the target's and the features' population stability index, the latter weighted
by what each column says about the target (:mod:`driftune.tuning.sketch`): on the flights' weeks the
plain mean over the columns is 0.14 to 0.19, for the weather changes, and the weighted one is below
0.015 for the air time, of which the weather says little. The limits are those by which the index is
usually read (Siddiqi, "Credit Risk Scorecards", 2006): below 0.10 no change, from 0.25 on a large
one, in between in proportion::

    weight = (0.25 - drift) / (0.25 - 0.10), within 0 and 1
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from driftune.tuning.sketch import measure_drift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftune.sampler.experience import EarlierStudy
    from driftune.tuning.prepared import Prepared

logger = logging.getLogger(__name__)
NONE, LARGE = 0.10, 0.25  # of the index


@dataclass(frozen=True)
class Transfer:
    """How much an earlier study of the same problem still says.

    Attributes:
        study: Its name.
        weight: 1 without drift, 0 with a large one.
        drift: Population stability index; ``None`` for a record of before it was measured.
        reason: The same in words.
    """

    study: str
    weight: float
    drift: float | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def weigh(drift: float) -> float:
    """The weight of an earlier study.

    >>> [round(weigh(drift), 2) for drift in (0.0, 0.1, 0.16, 0.25, 3.0)]
    [1.0, 1.0, 0.6, 0.0, 0.0]
    """
    return min(1.0, max(0.0, (LARGE - drift) / (LARGE - NONE)))


def judge(earlier: EarlierStudy, prepared: Prepared) -> Transfer:
    """Weigh one earlier study of the same problem against the table of now."""
    if not earlier.sketch:
        return Transfer(earlier.study, 1.0, None, "its drift is not known: it kept no sketch")
    try:
        drift = measure_drift(earlier.sketch, prepared)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        logger.warning("The sketch of %s cannot be read: %r", earlier.study, error)
        return Transfer(earlier.study, 1.0, None, "its sketch cannot be read")
    most = f", most of it in {drift.column!r}" if drift.features > drift.target else ""
    reason = (
        f"its data drifted by {drift.mean:.3f}: the target by {drift.target:.3f}, the features by"
        f" {drift.features:.3f}{most}"
    )
    return Transfer(earlier.study, round(weigh(drift.mean), 3), round(drift.mean, 4), reason)


def how_many(count: int, transfers: Sequence[Transfer], *, has_incumbent: bool) -> int:
    """How many configurations of earlier studies to try, of at most ``count``.

    In proportion to the nearest study's weight; one at least, unless the incumbent is tried anyway.
    """
    if not transfers:
        return count
    weight = max(transfer.weight for transfer in transfers)
    return min(count, max(round(weight * count), 0 if has_incumbent else 1))


def weights(transfers: Sequence[Transfer]) -> Mapping[str, float]:
    """Weight by name of the study."""
    return {transfer.study: transfer.weight for transfer in transfers}
