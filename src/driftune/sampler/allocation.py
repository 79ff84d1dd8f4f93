"""Which source proposes the next trial: one method, and three ways to answer."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Protocol

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from driftune.sampler.history import Outcome


class Allocation(Protocol):
    """Chooses a source. It keeps no state: all it may use is in the study."""

    def choose(
        self, history: Sequence[Outcome], sources: Sequence[str], rng: np.random.Generator
    ) -> str:
        """Return one of ``sources``.

        Args:
            history: The finished trials in the order in which they finished.
            sources: Who could propose now; the partner first, then ``jitter`` and ``llm`` if they
                can.
            rng: Seeded by the sampler's seed and the trial's number.
        """
        ...


@dataclass(frozen=True)
class FixedShare:
    """A coin for every trial, as in the SLLMBO paper (arXiv 2410.20302), but per configuration.

    >>> import numpy as np
    >>> FixedShare(1.0).choose([], ["tpe", "jitter", "llm"], np.random.default_rng(0))
    'llm'
    >>> FixedShare(1.0).choose([], ["tpe", "jitter"], np.random.default_rng(0))
    'tpe'

    Args:
        share: Chance of the language model, 0 to 1.
        jitter_share: Chance of the null model, 0 to 1; the partner has the rest.

    Raises:
        UsageError: If the two do not leave a chance between 0 and 1 to the partner.
    """

    share: float = 0.5
    jitter_share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse shares that are no chances."""
        if min(self.share, self.jitter_share) < 0 or self.share + self.jitter_share > 1:
            raise UsageError(
                f"share={self.share} and jitter_share={self.jitter_share} must not be negative "
                "and must sum to at most 1."
            )

    def choose(
        self, history: Sequence[Outcome], sources: Sequence[str], rng: np.random.Generator
    ) -> str:
        """Throw the coin; a source that cannot propose leaves its turn to the partner."""
        draw = rng.random()
        if draw < self.share:
            return "llm" if "llm" in sources else sources[0]
        if draw < self.share + self.jitter_share:
            return "jitter" if "jitter" in sources else sources[0]
        return sources[0]


@dataclass(frozen=True)
class DecayingShare:
    """The language model proposes often at first and hardly at all later, whatever it earns.

    Its chance is ``share * 2 ** (-n / half_life)`` after ``n`` finished trials beyond the warm
    start, so that it has about ``1.44 * share * half_life`` trials in a study of any length, and
    the partner alone decides how good the study gets in the end. The idea is the decreasing trust
    of LLINBO (arXiv 2505.14756), whose schedules decay as a power; it suits models that help in
    the first ten trials and lag behind after thirty.

    >>> import numpy as np
    >>> DecayingShare(1.0).choose([], ["tpe", "jitter", "llm"], np.random.default_rng(0))
    'llm'

    Args:
        share: Chance of the language model at first, 0 to 1.
        half_life: Trials in which it falls to half.
        jitter_share: Chance of the null model among the other trials, 0 to 1.

    Raises:
        UsageError: If a share lies outside 0 to 1 or ``half_life`` is not positive.
    """

    share: float = 0.5
    half_life: float = 10.0
    jitter_share: float = 0.3

    def __post_init__(self) -> None:
        """Refuse what is no chance or no time."""
        _check_chances(share=self.share, jitter_share=self.jitter_share)
        if not self.half_life > 0:
            raise UsageError(f"half_life={self.half_life} must be positive.")

    def choose(
        self, history: Sequence[Outcome], sources: Sequence[str], rng: np.random.Generator
    ) -> str:
        """Throw the model's coin, then the null model's."""
        coin, jitter_coin = rng.random(2)
        searched = sum(outcome.source != "warm_start" for outcome in history)
        if "llm" in sources and coin < self.share * 2.0 ** (-searched / self.half_life):
            return "llm"
        if "jitter" in sources and jitter_coin < self.jitter_share:
            return "jitter"
        return sources[0]


@dataclass(frozen=True)
class EarnedShare:
    """The language model must earn its turns; the null model has a modest share of its own.

    Credit is improvement, and half of it a place in the best quarter. Where the objective tells
    what a trial cost (``trial.set_user_attr("cost", ...)``, in any unit), a trial that cost twice
    the median earns half. A turn for which the model brought nothing that could be run counts as a
    trial without credit.

    Thompson sampling (Thompson 1933) between the model and everybody else: each side's chance of
    a creditable trial is drawn from a Beta posterior on its credits (see ``Outcome``), and the
    model proposes when its draw is the higher one. A model that never earns credit loses its turns
    within a few trials; beside that a floor of exploration that shrinks as ``floor / (1 + n)^2``
    after ``n`` trials of the model, so that its sum, and with it the harm, is bounded.

    Args:
        max_share: Highest chance of the model per trial: the partner needs trials of its own.
        jitter_share: Chance of the null model among the other trials, scaled down as far as it
            earns less per trial than the partner.
        floor: Chance of the model at its first turn, whatever the draws say.
        evidence: How many observations one trial counts for; more shuts out faster.
        doubt: Observations without credit that the model begins with.

    Raises:
        UsageError: If a share lies outside 0 to 1, ``evidence`` is not positive or ``doubt`` is
            negative.
    """

    max_share: float = 0.6
    jitter_share: float = 0.3
    floor: float = 0.2
    evidence: float = 2.0
    doubt: float = 2.0

    def __post_init__(self) -> None:
        """Refuse shares that are no chances."""
        _check_chances(max_share=self.max_share, jitter_share=self.jitter_share, floor=self.floor)
        if self.evidence <= 0 or self.doubt < 0:
            raise UsageError(
                f"evidence={self.evidence} must be positive, doubt={self.doubt} not negative."
            )

    def choose(
        self, history: Sequence[Outcome], sources: Sequence[str], rng: np.random.Generator
    ) -> str:
        """Draw for the model against the rest, then for the null model against the partner."""
        # One draw each, always: the stream does not depend on who could propose.
        coin, explore, jitter_coin = rng.random(3)
        searched = [outcome for outcome in history if outcome.source != "warm_start"]
        typical = _find_median([o.cost for o in searched if o.cost is not None])
        model = [_per_cost(o, typical) for o in searched if o.source == "llm"]
        model += [0.0 for o in searched if o.declined]
        rest = [_per_cost(o, typical) for o in searched if o.source != "llm"]
        if "llm" in sources:
            won, lost = self._posterior(model)
            earned = rng.beta(won, lost + self.doubt) > rng.beta(*self._posterior(rest))
            if (earned and coin < self.max_share) or explore < self.floor / (1 + len(model)) ** 2:
                return "llm"
        if "jitter" in sources and jitter_coin < self.jitter_share * self._worth(searched):
            return "jitter"
        return sources[0]

    def _posterior(self, credits: Sequence[float]) -> tuple[float, float]:
        won = sum(credits) * self.evidence
        return 1.0 + won, 1.0 + len(credits) * self.evidence - won

    def _worth(self, searched: Sequence[Outcome]) -> float:
        jitter = [outcome.credit for outcome in searched if outcome.source == "jitter"]
        partner = [o.credit for o in searched if o.source not in ("jitter", "llm")]
        means = [won / (won + lost) for won, lost in map(self._posterior, (jitter, partner))]
        return min(1.0, means[0] / means[1])


def _per_cost(outcome: Outcome, typical: float) -> float:
    expensive = outcome.cost is not None and outcome.cost > typical
    return outcome.credit * typical / outcome.cost if expensive and outcome.cost else outcome.credit


def _find_median(costs: list[float]) -> float:
    return median(costs) if costs else 1.0


def _check_chances(**chances: float) -> None:
    for name, chance in chances.items():
        if not 0 <= chance <= 1:
            raise UsageError(f"{name}={chance} must lie between 0 and 1.")
