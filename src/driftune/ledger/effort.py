"""How long a retune took: on record only where one owner did it from beginning to end.

A retune that was killed and taken up again has stood still in between, and one that failed and ran
again found half of its study done: neither says what a retune takes.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from driftune.ledger.tables import now

if TYPE_CHECKING:
    from driftune.ledger.lease import Lease
    from driftune.ledger.tables import RetuneRow

ENDED = ("promoted", "refused", "awaiting_approval", "shadow")  # the work is done


def note_effort(row: RetuneRow, status: str, lease: Lease | None) -> dict[str, Any]:
    """Return what to add to a retune's details when it changes to ``status``.

    ``began`` with the owner's token when the work begins; ``seconds`` of wall time when it is done.
    """
    if lease is None or row.status == status:
        return {}
    if status == "running":
        return {"began": {"at": now().isoformat(), "token": lease.token}}
    began = row.details.get("began") or {}
    once = row.attempts == 1 and began.get("token") == lease.token
    if status not in ENDED or not once:
        return {}
    return {"seconds": (now() - datetime.fromisoformat(began["at"])).total_seconds()}
