"""The gate that a challenger must pass. The registry is in ``driftune.promotion.registry``."""

from driftune.promotion.gate import Gate
from driftune.promotion.holdout import hold_out_newest
from driftune.promotion.limits import Traits
from driftune.promotion.rows import Guards
from driftune.promotion.slices import cut_slices
from driftune.promotion.verdict import SliceVerdict, Verdict

__all__ = ["Gate", "Guards", "SliceVerdict", "Traits", "Verdict", "cut_slices", "hold_out_newest"]
