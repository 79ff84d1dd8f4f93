"""Rungs of rows: how many configurations are looked at on a part of the rows first.

Successive halving (Jamieson & Talwalkar 2016) over rows. The rows of a rung are a part of those of
the next, and the best ``1 / eta`` of a rung climb. Below a few hundred rows per leaf fewer rows
hardly save time, and a small part of the rows ranks badly: rungs pay only where there are many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ETA = 3  # each rung has so many times the rows of the one below; Hyperband's and ASHA's default
ROWS_PER_LEAF = 850  # below it half the rows cost as much: 670 to 1,500 were measured (LightGBM)
WORTHWHILE = 4  # times the break-even: rows of a fold from which a lower rung pays
FEWEST_OF_A_CLASS = 50  # rows of the rarest class on the lowest rung
FEWEST = 2_000  # rows on the lowest rung
MOST_CONFIGS = 100_000  # on a rung; nobody looks at more
RESERVE = 0.25  # of the budget: the final fit, and the trials that must not be stopped


@dataclass(frozen=True)
class Rung:
    """What happens on one size.

    Attributes:
        rows: Training rows of a fold.
        configs: Configurations that are fitted on them.
        seconds: Expected for all of them together.
    """

    rows: int
    configs: int
    seconds: float


def rung_parts(
    rows: int, *, break_even: float, rarest: float = 1.0, eta: int = ETA, forced: bool = False
) -> list[int]:
    """Choose the sizes of the rungs, as one over the share of the rows; the last is 1.

    Args:
        rows: Training rows of a fold.
        break_even: Rows from which the cost of a fit grows with the rows, see
            :meth:`driftune.scaling.CostModel.break_even`.
        rarest: Share of the rarest class.
        eta: Ratio between neighbouring rungs.
        forced: Do not ask whether they pay, only whether there are enough rows.

    >>> rung_parts(93_000, break_even=26_350), rung_parts(120_000, break_even=26_350)
    ([1], [9, 3, 1])
    """
    if rows < WORTHWHILE * break_even and not forced:
        return [1]
    smallest = max(break_even / 2, FEWEST_OF_A_CLASS / rarest, FEWEST)
    parts = [1]
    while rows // (parts[0] * eta) >= smallest:
        parts.insert(0, parts[0] * eta)
    return parts


def plan_rungs(
    rows: int,
    seconds: float,
    cost: Callable[[float], float],
    *,
    parts: Sequence[int] = (9, 3, 1),
    reserve: float = RESERVE,
) -> tuple[Rung, ...]:
    """Share a budget out over rungs: as many configurations as fit, a part of which climbs.

    The number ``K`` on the lowest rung is the largest whole number for which ``sum over rungs of
    K / parts[0] * parts[i] * cost(rows / parts[i])`` stays within ``(1 - reserve) * seconds``.

    Args:
        rows: Training rows on the top rung.
        seconds: The whole budget.
        cost: Seconds of one configuration on so many rows, all folds.
        parts: One over the share of the rows, from the lowest rung to the top, which is 1.
        reserve: Share of the budget that is left for the final fit.

    Returns:
        From the lowest rung to the top; no configurations on the top where the budget does not
        reach it once.

    Raises:
        UsageError: The parts do not fall to 1, or the reserve is no share.

    >>> rungs = plan_rungs(90_000, 800, lambda rows: 20 * rows / 90_000)
    >>> [(rung.rows, rung.configs, rung.seconds) for rung in rungs]
    [(10000, 90, 200.0), (30000, 30, 200.0), (90000, 10, 200.0)]
    """
    _check(parts, reserve)
    sizes = [rows // part for part in parts]
    costs = [cost(size) for size in sizes]
    allowed = (1 - reserve) * seconds
    most = min(int(allowed / max(costs[0], 1e-9)) + 1, MOST_CONFIGS)
    shares = [part / parts[0] for part in parts]

    def total(number: int) -> float:
        return sum(int(number * share + 1e-9) * c for share, c in zip(shares, costs, strict=True))

    low, high = 0, most
    while low < high:  # the total grows with the number
        middle = (low + high + 1) // 2
        low, high = (middle, high) if total(middle) <= allowed * (1 + 1e-9) else (low, middle - 1)
    counts = [int(low * share + 1e-9) for share in shares]
    return tuple(
        Rung(size, count, round(count * c, 3))
        for size, count, c in zip(sizes, counts, costs, strict=True)
    )


def _check(parts: Sequence[int], reserve: float) -> None:
    if not parts or parts[-1] != 1 or list(parts) != sorted(set(parts), reverse=True):
        raise UsageError(f"parts {list(parts)} of the rows must fall to 1, as in [9, 3, 1].")
    if not 0 <= reserve < 1:
        raise UsageError(f"reserve is {reserve!r}; it must be a share of the budget in [0, 1).")
