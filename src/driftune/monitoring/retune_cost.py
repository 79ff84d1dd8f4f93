"""What a retune costs, beside what waiting costs: in money, and in the regret that pays for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetuneCost:
    """The price of one retune, as the loop has worked it out; its text is part of the reason.

    Args:
        regret: From how much regret on it pays for itself, in losses of one batch.
        batch_loss: What the loss of one batch costs, in money: what a regret of 1 is worth.
        seconds: That a retune takes.
        dollars: What its language model is paid.
        fixed: What is paid for every retune, whatever it takes.

    >>> cost = RetuneCost(regret=0.08, batch_loss=300, seconds=360, dollars=0.4, fixed=20)
    >>> print(cost)
    0.08 (24.00: 6 min, 0.40 of the language model and 20.00 fixed)
    >>> cost.worth(0.12)
    36.0
    """

    regret: float
    batch_loss: float
    seconds: float
    dollars: float = 0.0
    fixed: float = 0.0

    def worth(self, regret: float) -> float:
        """Return what so much regret costs, in money."""
        return regret * self.batch_loss

    def __str__(self) -> str:
        """Say the regret, the money, and what the money is made of."""
        parts = [_in_words(self.seconds)]
        if self.dollars:
            parts.append(f"{self.dollars:.2f} of the language model")
        if self.fixed:
            parts.append(f"{self.fixed:.2f} fixed")
        listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
        return f"{self.regret:.3g} ({self.worth(self.regret):.2f}: {listed})"


def _in_words(seconds: float) -> str:
    """Say a duration as people do.

    >>> [_in_words(seconds) for seconds in (8.4, 360, 9000)]
    ['8 s', '6 min', '2.5 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
