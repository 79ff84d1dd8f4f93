"""What is to be planned: a budget, and the rows that there are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from driftune.errors import UsageError


@dataclass(frozen=True)
class Wish:
    """What is to be planned.

    Attributes:
        seconds: The whole budget.
        spent: What the pilots took of it.
        rows: Training rows of a fold with all rows of the table.
        table_rows: Labelled rows of the table.
        max_rows: Rows of the table that may be used.
        more: Further rows that could be had.
        row_cost: Price of one of them.
        training_cost: Price of the training that they need.
        value_per_unit_loss: Worth of one unit of loss, in the same currency.
        min_gain: Least share of the loss that is worth anything.
        rarest: Share of the rarest class.
    """

    seconds: float
    spent: float
    rows: int
    table_rows: int
    max_rows: int
    more: int
    row_cost: float = 0.0
    training_cost: float = 0.0
    value_per_unit_loss: float | None = None
    min_gain: float = 0.0
    rarest: float = 1.0

    @property
    def scale(self) -> float:
        """Rows of the table for each training row of a fold."""
        return self.table_rows / self.rows

    @property
    def usable(self) -> int:
        """Training rows of a fold that may be used."""
        return max(1, round(min(self.max_rows, self.table_rows) / self.scale))

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant."""
        value = self.value_per_unit_loss or 0.0
        for name, number, least in (
            ("seconds", self.seconds, 0), ("rows", self.rows, 1), ("max_rows", self.max_rows, 1),
            ("row_cost", self.row_cost, 0), ("training_cost", self.training_cost, 0),
            ("min_gain", self.min_gain, 0), ("value_per_unit_loss", value, 0),
        ):  # fmt: skip
            if not (math.isfinite(number) and number >= least):
                raise UsageError(f"{name} is {number!r}; it must be a number of at least {least}.")
        if self.seconds <= self.spent:
            raise UsageError(
                f"The pilots took {self.spent:.0f} s, all of the budget of {self.seconds:.0f} s:"
                " give a larger one."
            )
