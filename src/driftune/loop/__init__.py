"""The loop: watch, decide, retune, prove, promote. Each step is one function with a key.

The command line calls the steps one after another; the Prefect flows wrap each in a task. Both are
safe to stop anywhere and to call again.
"""

from driftune.loop.approval import approve, reject
from driftune.loop.proof import conclude, judge, promote
from driftune.loop.reconcile import due_retunes, reconcile
from driftune.loop.retune import Retune, carry_out, claim, request, retune
from driftune.loop.rollback import roll_back
from driftune.loop.watch import pending_batches, watch, watch_batch, watching

__all__ = [
    "Retune",
    "approve",
    "carry_out",
    "claim",
    "conclude",
    "due_retunes",
    "judge",
    "pending_batches",
    "promote",
    "reconcile",
    "reject",
    "request",
    "retune",
    "roll_back",
    "watch",
    "watch_batch",
    "watching",
]
