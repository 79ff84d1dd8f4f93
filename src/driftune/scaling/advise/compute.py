"""Is more time worth it, or would less do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.scaling.advise.advice import Compute
from driftune.scaling.advise.ways import FEWEST_TRIALS

if TYPE_CHECKING:
    from driftune.scaling.advise.outlook import Outlook
    from driftune.scaling.advise.threshold import Threshold


def judge_compute(worth: float, seconds: float, limit: Threshold, outlook: Outlook) -> Compute:
    """Judge twice the time, and find out how much would be enough.

    Args:
        worth: Of the search, in trials on all rows.
        seconds: Of the search.
        limit: What a difference of losses must exceed.
        outlook: What trials bring.
    """
    now = outlook.loss(worth)
    gain = now - outlook.loss(2 * worth)
    share = 1.0
    while share * worth > 2 * FEWEST_TRIALS and outlook.loss(share / 2 * worth) - now < limit.value:
        share /= 2
    said = f"Twice the time would lower the loss by {gain:.2g}"
    if gain > limit.value:
        return Compute(gain, limit.value, True, seconds, f"{said}, beyond {limit}.")
    enough = max(1.0, share * seconds)
    less = "" if share == 1 else f" About {enough:,.0f} s of search would do as well."
    reason = f"{said}, not beyond {limit}.{less}"
    return Compute(gain, limit.value, False, min(enough, seconds), reason)
