"""MLflow tracking: one parent run per retune, one child run per trial, a spool while it is away.

Runs are found by a tag, not by a variable that a crash would lose: the same retune always gets
the same parent run, the same trial the same child. What is to be written goes to a file first
(:mod:`driftune.tracking.spool`) and from there to MLflow, so that a kill between any two lines, or
a server that is away, costs a later replay and nothing else.
"""

from driftune.tracking.client import answering, global_uri, open_client
from driftune.tracking.experience import EXPERIENCE_TAG, FAMILY_TAG, TrackedExperience
from driftune.tracking.record import TRIAL_TAG, RunRecord, study_record
from driftune.tracking.spool import Spool
from driftune.tracking.tracker import Tracker
from driftune.tracking.writing import RETUNE_TAG

__all__ = [
    "EXPERIENCE_TAG",
    "FAMILY_TAG",
    "RETUNE_TAG",
    "TRIAL_TAG",
    "RunRecord",
    "Spool",
    "TrackedExperience",
    "Tracker",
    "answering",
    "global_uri",
    "open_client",
    "study_record",
]
