"""The gate that a challenger must pass. The registry is in ``driftune.promotion.registry``."""

from driftune.promotion.gate import Gate, Verdict

__all__ = ["Gate", "Verdict"]
