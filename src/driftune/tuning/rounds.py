"""How many boosting rounds a fit on more rows makes than the folds did."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from driftune.scaling.curves.observation import Observation
from driftune.scaling.curves.rounds import DEFAULT, growth_exponent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from optuna.trial import FrozenTrial

    from driftune.tuning.splitters import Fold

# Longer extrapolations are guesses. On drawn data with five times the rows of a fold, 1.9 times the
# rounds had 0.1 to 0.9 % less loss than 1.5 times; beyond nothing was measured.
MOST_GROWTH = 2.0
FEWEST_TRIALS = 5  # completed; fewer do not tell how rounds grow
FEWEST_GROWTH = 1.5  # times the rows of the smallest fold in the largest; else slopes are noise


def scaled_rounds(rounds: int, fold_rows: float, rows: int, exponent: float = DEFAULT) -> int:
    """Boosting rounds for more rows than a fold trained on.

    More rows bear more rounds before overfitting begins: a power of the ratio, at most
    :data:`MOST_GROWTH` times as many.

    Args:
        rounds: Best round found by early stopping in the folds.
        fold_rows: Rows that a fold trained on, on average.
        rows: Rows of the final fit.
        exponent: Of the growth; see :func:`find_exponent`.

    >>> scaled_rounds(100, 1000, 1440), scaled_rounds(100, 1000, 10_000), scaled_rounds(100, 9, 8)
    (116, 200, 100)
    """
    growth = math.pow(max(1.0, rows / fold_rows), exponent)
    return max(1, round(rounds * min(MOST_GROWTH, growth)))


def find_exponent(
    trials: Iterable[FrozenTrial], folds: Sequence[Fold], best: FrozenTrial, *, limited: bool
) -> float:
    """How the best round of a study's trials grew with the rows of their folds.

    Forward in time, a later fold has more rows and another time as well, and so has the final fit:
    on flights, where the weeks differ, the best round grew with neither, and a model of air time
    without growth was 0.5 % better than one by the square root. Folds of one size tell nothing: the
    default, which on drawn data was as good as the square root; no growth cost up to 0.6 % there.

    Args:
        trials: Of the study.
        folds: With all rows.
        best: The trial whose rounds will grow; where several families are searched, only those of
            its own count.
        limited: The size of the model has a limit, and trials were judged by the default: the
            exponent is not above it.

    Returns:
        From 0 to 1.
    """
    sizes = [len(fold.train) for fold in folds]
    if max(sizes) < FEWEST_GROWTH * min(sizes):
        return DEFAULT
    known = [(t.number, facts) for t in trials if (facts := _facts(t, best))]
    if len(known) < FEWEST_TRIALS:
        return DEFAULT
    found = growth_exponent(
        Observation(rows, loss=1.0, rounds=rounds, config_id=str(number))
        for number, facts in known
        for rows, rounds in zip(sizes, facts["fold_rounds"], strict=True)
    )
    return min(found, DEFAULT) if limited else found


def _facts(trial: FrozenTrial, best: FrozenTrial) -> Mapping[str, Any] | None:
    """What a trial says that trained to its best round on every fold; ``None`` for others."""
    from driftune.tuning.families.union import CHOICE
    from driftune.tuning.objective import EVALUATION

    facts: Mapping[str, Any] = trial.user_attrs.get(EVALUATION, {})
    whole = trial.state.name == "COMPLETE" and "fold_rounds" in facts and "cut" not in facts
    same_family = trial.params.get(CHOICE) == best.params.get(CHOICE)
    return facts if whole and same_family else None
