"""Where a model came from: data versions under DVC, the record of a version, and its replay.

A data version is the hash that DVC gives to a folder of rows. The rows lie in DVC's cache (and in
its remote, when there is one); nothing is written into the user's working tree before somebody
asks for them back. This package is the only place that talks to DVC.
"""

from driftune.lineage.origin import REPLAY_TAG, Origin, read_origin, record_of
from driftune.lineage.remote import describe, push_waiting
from driftune.lineage.replay import Replayed, replay
from driftune.lineage.restoring import PRIMARY, read_version, restore
from driftune.lineage.rows import SNAPSHOT, snapshot_batches, snapshot_decision
from driftune.lineage.snapshots import listed, snapshot
from driftune.lineage.versions import code_version, file_version

__all__ = [
    "PRIMARY",
    "REPLAY_TAG",
    "SNAPSHOT",
    "Origin",
    "Replayed",
    "code_version",
    "describe",
    "file_version",
    "listed",
    "push_waiting",
    "read_origin",
    "read_version",
    "record_of",
    "replay",
    "restore",
    "snapshot",
    "snapshot_batches",
    "snapshot_decision",
]
