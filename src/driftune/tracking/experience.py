"""What earlier studies found, kept as tags of their retunes' runs, for all problems of a store."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.errors import ServiceUnavailable, UsageError
from driftune.tracking.client import answering, brisk
from driftune.tracking.record import RunRecord, now_ms

if TYPE_CHECKING:
    from driftune.sampler.experience import EarlierStudy
    from driftune.tracking.tracker import Tracker

logger = logging.getLogger(__name__)
FAMILY_TAG = "driftune.family"
EXPERIENCE_TAG = "driftune.experience"
RECALLED = 500  # studies of a family that are looked at, the newest
RECALL_SECONDS = 10.0  # for what waits in the spool, before the study begins


@dataclass(frozen=True)
class TrackedExperience:
    """What studies found, as tags of their retunes' runs; all problems of the store share it.

    A store that does not answer teaches nothing: the study runs without.

    Attributes:
        tracker: The store.
        problem: That is tuned.
        retune_id: Names the run; ``None`` for the study's name.
    """

    tracker: Tracker
    problem: str
    retune_id: str | None = None

    def recall(self, family: str) -> list[EarlierStudy]:
        """The newest studies of a family, of any problem; two queries, whatever their number."""
        try:
            self.tracker.replay(seconds=RECALL_SECONDS)
            with brisk(), answering(self.tracker.uri):
                texts = self._texts(family)
        except ServiceUnavailable as error:
            logger.warning("No earlier studies: %s", error)
            return []
        found = (_read_experience(text) for text in texts)
        return [study for study in found if study is not None]

    def keep(self, study: EarlierStudy) -> None:
        """Hand the record over; with a spool that takes no request, so MLflow cannot fail it."""
        tags = {FAMILY_TAG: study.family, EXPERIENCE_TAG: study.to_json()}
        tags |= {f"driftune.meta.{name}": f"{x:.6g}" for name, x in study.features.items()}
        name = self.retune_id or study.study
        record = RunRecord(self.problem, name, "experience", now_ms(), tags)
        try:
            self.tracker.hand_over(record)
        except ServiceUnavailable as error:
            logger.warning("Later studies will not know %s: %s", study.study, error)

    def _texts(self, family: str) -> list[str]:
        client = self.tracker.client
        runs = client.search_runs(
            [found.experiment_id for found in client.search_experiments()],
            f"tags.`{FAMILY_TAG}` = '{family}'",
            order_by=["attributes.start_time DESC"],
            max_results=RECALLED,
        )
        return [str(run.data.tags.get(EXPERIENCE_TAG, "")) for run in runs]


def _read_experience(text: str) -> EarlierStudy | None:
    from driftune.sampler.experience import EarlierStudy

    try:
        return EarlierStudy.from_json(text)
    except UsageError:  # another version's
        return None
