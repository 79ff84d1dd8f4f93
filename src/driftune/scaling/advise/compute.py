"""Is more time worth it, or would less do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.scaling.advise.advice import Compute
from driftune.scaling.advise.ways import FEWEST_TRIALS

if TYPE_CHECKING:
    from driftune.scaling.advise.outlook import Outlook


def judge_compute(worth: float, seconds: float, noise: float, outlook: Outlook) -> Compute:
    """Judge twice the time, and find out how much would be enough.

    Args:
        worth: Of the search, in trials on all rows.
        seconds: Of the search.
        noise: What a difference of losses must exceed.
        outlook: What trials bring.
    """
    now = outlook.loss(worth)
    gain = now - outlook.loss(2 * worth)
    share = 1.0
    while share * worth > 2 * FEWEST_TRIALS and outlook.loss(share / 2 * worth) - now < noise:
        share /= 2
    said = f"Twice the time would lower the loss by {gain:.2g}"
    if gain > noise:
        return Compute(gain, noise, True, seconds, f"{said}, beyond noise ({noise:.2g}).")
    enough = max(1.0, share * seconds)
    less = "" if share == 1 else f" About {enough:,.0f} s of search would do as well."
    reason = f"{said}, not beyond noise ({noise:.2g}).{less}"
    return Compute(gain, noise, False, min(enough, seconds), reason)
