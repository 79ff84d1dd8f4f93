"""A study replayed without its language model, from what its other sources reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from driftune.sampler.history import Outcome

FEWEST_OTHERS = 8  # completed trials of other searching sources; a replay of fewer says nothing
_WINDOW = 12  # trials of other sources that count as "around the same time"
_TAIL = 3  # fewest spacings of the best trials that tell how far below them the next one may lie


def replay_without_model(
    history: Sequence[Outcome], n_resamples: int, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """Return the best loss of each replay; ``None`` if too little is known of the others.

    Each searched trial, the model's and all others, is a fresh draw from what the other sources
    reached around the same time: the 12 of their trials that finished nearest to it. Their values
    are smoothed by Hill's rule: a further exchangeable trial falls into each gap between ``m``
    sorted values with chance ``1 / (m + 1)`` (Hill 1968, JASA 63:677; the gaps' weights are drawn
    once per replay, as in Rubin's Bayesian bootstrap, 1981). So it beats the best of them with the
    chance that it truly has, not with none as in a plain bootstrap. How far below, an exponential
    tail says, whose scale has the posterior given the spacings of the best ones.

    Trials that failed or broke a constraint are turns lost.

    Args:
        history: All finished trials in the order in which they finished.
        n_resamples: Replays.
        rng: Where the randomness comes from.

    Returns:
        Shape (n_resamples,), lower is better; ``None`` if the others completed fewer than
        ``FEWEST_OTHERS`` trials.
    """
    starts = [o.loss for o in history if o.source == "warm_start" and o.loss is not None]
    searched = [outcome for outcome in history if outcome.source != "warm_start"]
    start = min(starts, default=np.inf)
    if sum(o.source != "llm" and np.isfinite(_loss(o)) for o in searched) < FEWEST_OTHERS:
        return None
    pool = _gather(searched, start)
    weights = rng.exponential(size=(n_resamples, len(pool.losses) + 1))  # of the gaps
    scale = pool.excess / rng.gamma(pool.spacings, size=n_resamples)
    owed = rng.random(n_resamples)  # share of their debt to the model that the others lose
    best: NDArray[np.float64] = np.full(n_resamples, start)
    for turn in range(len(searched)):
        gap = _choose_gaps(pool, turn, weights, rng)
        place = np.maximum(gap - 1, 0)
        inside = pool.losses[place] + rng.random(n_resamples) * pool.heights[place]
        below = pool.losses[0] - rng.exponential(size=n_resamples) * scale
        drawn = np.where(gap == 0, below, inside) + owed * pool.debt[place]
        best = np.minimum(best, drawn)
    worst: float = pool.losses[np.isfinite(pool.losses)].max()
    best[best > worst] = worst  # no replay ends without a value
    return best


class _Pool(NamedTuple):
    """What the sources other than the model reached, sorted from the best to the worst.

    Args:
        turns: Shape (m,): when each one finished, counted in searched trials.
        losses: Shape (m,): infinite for a trial without a usable value.
        heights: Shape (m,): of the gap between it and the next one.
        debt: Shape (m,): the most that the trial can owe to the model: what it was ahead of the
            others' own incumbent, but no more than the model's lead on that.
        excess: Sum of the distances of the best ones to the next after them.
        spacings: How many these are.
    """

    turns: NDArray[np.int_]
    losses: NDArray[np.float64]
    heights: NDArray[np.float64]
    debt: NDArray[np.float64]
    excess: float
    spacings: int


def _gather(searched: Sequence[Outcome], start: float) -> _Pool:
    losses = np.array([_loss(outcome) for outcome in searched])
    others = np.array([outcome.source != "llm" for outcome in searched], dtype=bool)
    own = _before(np.where(others, losses, np.inf), start)
    with np.errstate(invalid="ignore"):  # infinite minus infinite, before the first value
        debt = np.minimum(own - _before(losses, start), np.maximum(own - losses, 0.0))
    turns = np.flatnonzero(others)
    turns = turns[np.argsort(losses[turns], kind="stable")]
    ranked = losses[turns]
    finite = ranked[np.isfinite(ranked)]
    heights = np.zeros(len(ranked))
    heights[: len(finite) - 1] = np.diff(finite)
    spacings = max(_TAIL, round(np.sqrt(len(finite)) / 2))
    return _Pool(
        turns=turns,
        losses=ranked,
        heights=heights,
        debt=np.where(np.isfinite(debt), debt, 0.0)[turns],
        excess=float(np.sum(finite[spacings] - finite[:spacings])),
        spacings=spacings,
    )


def _loss(outcome: Outcome) -> float:
    """A score of minus infinity says as little about the next one as a failure does."""
    return outcome.loss if outcome.loss is not None and np.isfinite(outcome.loss) else np.inf


def _before(losses: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """The incumbent before each trial."""
    best: NDArray[np.float64] = np.minimum.accumulate(np.append(start, losses))[:-1]
    return best


def _choose_gaps(
    pool: _Pool, turn: int, weights: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int_]:
    """Choose a gap near ``turn`` for each replay: 0 below the best loss, k above the k-th best."""
    distance = np.abs(pool.turns - turn)
    near = np.lexsort((pool.turns, distance))[:_WINDOW] + 1
    if 1 in near:  # the best was reached around this time: so could be something better
        near = np.append(near, 0)
    heaped = np.cumsum(weights[:, near], axis=1)
    point = rng.random((len(weights), 1)) * heaped[:, -1:]
    chosen: NDArray[np.int_] = near[np.argmax(point < heaped, axis=1)]
    return chosen
