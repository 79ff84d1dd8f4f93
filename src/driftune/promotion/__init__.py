"""The gate that a challenger must pass. The registry is in ``driftune.promotion.registry``."""

from driftune.promotion.gate import Gate, Verdict
from driftune.promotion.holdout import hold_out_newest

__all__ = ["Gate", "Verdict", "hold_out_newest"]
