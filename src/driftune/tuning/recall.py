"""What earlier studies teach a new one, kept in Optuna's storage where nobody keeps it better."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError
from driftune.sampler.experience import (
    EarlierStudy,
    Experience,
    configurations,
    pick_diverse,
)
from driftune.tuning.meta_features import meta_features
from driftune.tuning.sketch import LENGTH, take_sketch
from driftune.tuning.starters import pick_earlier
from driftune.tuning.transfer import Transfer, how_many, judge, weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import optuna
    from optuna.storages import BaseStorage

    from driftune.tuning.task import Task

logger = logging.getLogger(__name__)
EXPERIENCE = "driftune:experience"  # study attribute: its record, for other studies
EARLIER = "driftune:earlier"  # study attribute: what it was given to start from
TRANSFER = "driftune:transfer"  # study attribute: how much the last study's data says, and why
COMPARED = 20  # earlier studies of the same problem, the newest, whose data is compared
LONGEST = 4900  # characters of a record: MLflow keeps 5,000 of a tag


@dataclass(frozen=True)
class StorageExperience:
    """Records as attributes of the studies of one Optuna storage; no trial is loaded.

    Args:
        storage: ``None`` remembers nothing: the study is in memory.
    """

    storage: BaseStorage | None

    def recall(self, family: str) -> list[EarlierStudy]:
        """The studies of a family that left a record."""
        found = [] if self.storage is None else self.storage.get_all_studies()
        texts = [study.user_attrs[EXPERIENCE] for study in found if EXPERIENCE in study.user_attrs]
        return [study for study in map(_read, texts) if study and study.family == family]

    def keep(self, study: EarlierStudy) -> None:
        """Write the record to the study of that name."""
        if self.storage is not None:
            study_id = self.storage.get_study_id_from_name(study.study)
            self.storage.set_study_user_attr(study_id, EXPERIENCE, study.to_json())


def recall_once(
    task: Task,
    study: optuna.Study,
    experience: Experience,
    *,
    first: Sequence[Mapping[str, Any]],
    count: int,
) -> list[dict[str, Any]]:
    """Ask what earlier studies found, and note it in the study.

    A study that goes on, and other workers on it, get what its first call got: warm starts are
    counted off by their place in the list.

    Args:
        task: What is tuned.
        study: The study, perhaps with trials of an earlier call.
        experience: Who remembers.
        first: Configurations that are tried anyway.
        count: How many to take; 0 asks nobody.
    """
    if count == 0:
        return []
    noted = study.user_attrs.get(EARLIER)
    if noted is None:
        started = bool(study.get_trials(deepcopy=False))
        noted = [] if started else _ask(task, study, experience, first=first, count=count)
        study.set_user_attr(EARLIER, noted)
    return list(noted)


def keep_result(task: Task, study: optuna.Study, experience: Experience) -> None:
    """Record what a study with a score found; safe to call again."""
    trials = study.get_trials(deepcopy=False)
    ended = max(trial.datetime_complete for trial in trials if trial.datetime_complete)
    record = EarlierStudy(
        problem=task.problem.name,
        study=study.study_name,
        family=task.family.name,
        features=meta_features(task.prepared),
        best=pick_diverse(trials, study.direction),
        finished=ended.timestamp(),
    )
    room = LONGEST - len(record.to_json())
    experience.keep(replace(record, sketch=take_sketch(task.prepared, length=min(room, LENGTH))))


def _ask(
    task: Task,
    study: optuna.Study,
    experience: Experience,
    *,
    first: Sequence[Mapping[str, Any]],
    count: int,
) -> list[dict[str, Any]]:
    known = experience.recall(task.family.name)
    name = task.problem.name
    own = [e for e in known if e.problem == name and e.study != study.study_name]
    own = sorted(own, key=lambda e: -e.finished)
    transfers = [judge(earlier, task.prepared) for earlier in own[:COMPARED]]
    transfers += [Transfer(e.study, 0.0, None, "it is long ago") for e in own[COMPARED:]]
    candidates = configurations(
        known,
        problem=name,
        study=study.study_name,
        features=meta_features(task.prepared),
        weights=weights(transfers),
    )
    most = how_many(count, transfers, has_incumbent=bool(first))
    if transfers:
        _note(study, transfers, most)
    return pick_earlier(
        task.space, task.family, task.prepared, first=first, candidates=candidates, count=most
    )


def _note(study: optuna.Study, transfers: Sequence[Transfer], most: int) -> None:
    """Keep with the study how much of the nearest earlier one it took, and why."""
    nearest = max(transfers, key=lambda transfer: round(transfer.weight, 1))
    study.set_user_attr(TRANSFER, nearest.to_dict() | {"tried": most})
    logger.info(
        "Of %s up to %d configurations are tried first (weight %.2f): %s.",
        nearest.study, most, nearest.weight, nearest.reason,
    )  # fmt: skip


def _read(text: object) -> EarlierStudy | None:
    """A record, or ``None`` for what another version wrote."""
    try:
        return EarlierStudy.from_json(str(text))
    except UsageError:
        return None
