"""Find, and close, what a crash left open. Idempotent: call it as often as you like."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from driftune.errors import ServiceUnavailable
from driftune.ledger.tables import now
from driftune.lineage import push_waiting
from driftune.loop.shadow import finish_shadow
from driftune.loop.succession import settle

if TYPE_CHECKING:
    from driftune.ledger import RetuneRow
    from driftune.project import Project
    from driftune.settings import Settings

logger = logging.getLogger(__name__)
ANNOUNCE_AGAIN = timedelta(minutes=5)


def due_retunes(project: Project, settings: Settings) -> list[RetuneRow]:
    """Return the retunes that wait for somebody to carry them out.

    Those in the queue, and those whose owner died. One that was announced in the last five minutes
    is left alone: its run is on the way.
    """
    if project.ledger.is_leased(settings.name):
        return []
    latest = now()
    earliest = (latest - ANNOUNCE_AGAIN).isoformat()
    waiting = project.ledger.open_retunes(settings.name)
    # one from the future was announced before somebody set the clock back
    return [
        row
        for row in waiting
        if not earliest <= row.details.get("announced_at", "") <= latest.isoformat()
    ]


def reconcile(project: Project, settings: Settings) -> list[str]:
    """Close what a crash left open.

    1. Free the leases of owners that are gone; 2. fail the trials whose process is gone, so that
    the study queues them again; 3. write to MLflow what waits in the spool; 4. close its runs whose
    retune has ended; 5. finish a change of champion that was begun: aliases and ledger agree again;
    6. push the data versions that a remote lacks; 7. merge waiting retunes of older data into the
    newest. While MLflow is away its part waits, and the rest is done.

    Returns:
        What was done, a sentence each; empty when all was well.
    """
    done = [
        f"freed the lease of {name}: {owner} is gone"
        for name, owner in project.ledger.release_dead()
    ]
    done += [
        f"failed {count} trials of the study {study}: their process is gone"
        for study, count in _abandoned_trials(project, settings)
    ]
    done += [
        f"wrote the {record.kind} of {record.retune_id} from the spool to MLflow"
        for record in project.tracker.replay(settings.name)
    ]
    done += [
        f"closed MLflow run {run} of the ended retune {retune_id}"
        for retune_id, run in _forgotten_runs(project, settings)
    ]
    done += _settle(project, settings)
    done += [f"pushed data version {version}" for version in push_waiting(project.root)]
    waiting = due_retunes(project, settings)
    for older in waiting[:-1]:
        if project.ledger.merge_retune(older, waiting[-1]):
            done.append(f"merged the waiting retune {older.id} into {waiting[-1].id}")
    return done


def _abandoned_trials(project: Project, settings: Settings) -> list[tuple[str, int]]:
    """Fail the RUNNING trials of processes that are gone; returns studies and how many each."""
    if not project.ledger.retunes(settings.name):
        return []  # do not make a storage only to find it empty
    import optuna

    from driftune.tuning.storage import fail_abandoned, open_storage

    storage = open_storage(project.study_storage)
    assert storage is not None
    failed = []
    for name in optuna.get_all_study_names(storage):
        if name.rpartition("-")[0] == settings.name:  # PROBLEM-DIGEST
            count = fail_abandoned(optuna.load_study(study_name=name, storage=storage))
            failed.append((name, count))
    return [(name, count) for name, count in failed if count]


def _forgotten_runs(project: Project, settings: Settings) -> list[tuple[str, str]]:
    """Finish parent runs that are RUNNING although their retune is not."""
    open_ids = {row.id for row in project.ledger.open_retunes(settings.name)}
    tracker = project.tracker
    closed = []
    try:
        for retune_id, run in tracker.running(settings.name):
            if retune_id not in open_ids:
                tracker.finish(run, failed=True)
                closed.append((retune_id, run))
    except ServiceUnavailable as error:  # the rest of the reconciling does not need it
        logger.warning("Runs of ended retunes stay open for now: %s", error)
    return closed


def _settle(project: Project, settings: Settings) -> list[str]:
    try:
        done = settle(project, settings)
        row = finish_shadow(project, settings)
    except ServiceUnavailable as error:
        logger.warning("A change of champion may stay half done for now: %s", error)
        return []
    return done + ([f"ended the shadow of {row.id}: {row.status}"] if row else [])
