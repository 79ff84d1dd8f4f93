"""The durable record of observations, decisions, retunes, leases, promotions and spend.

The ledger is the queue: schedulers and events only wake the loop, which then asks the ledger what
there is to do. A lost or doubled event loses or doubles nothing.
"""

from driftune.ledger.lease import Lease
from driftune.ledger.ledger import Ledger
from driftune.ledger.tables import DecisionRow, ObservationRow, PromotionRow, RetuneRow

__all__ = ["DecisionRow", "Lease", "Ledger", "ObservationRow", "PromotionRow", "RetuneRow"]
