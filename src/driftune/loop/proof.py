"""Prove and promote: the gate on a registered version, and the change of the champion."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from driftune.errors import DriftuneError
from driftune.ledger import PromotionRow
from driftune.loop.reference import keep_reference
from driftune.monitoring import PerformanceMonitor
from driftune.promotion import Verdict
from driftune.promotion.registry import CHAMPION
from driftune.resampling import Interval
from driftune.scoring import score

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.ledger import Lease
    from driftune.project import Project
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings


def champion_or_refuse(registry: Registry) -> int:
    """Return the champion's version.

    Raises:
        DriftuneError: There is none; says how to get one.
    """
    version = registry.version_of(CHAMPION)
    if version is None:
        raise DriftuneError(
            f"{registry.name!r} has no champion yet; `driftune retune {registry.name}` makes one."
        )
    return version


def read_verdict(stored: dict[str, Any]) -> Verdict:
    """Return a verdict from what ``dataclasses.asdict`` made of it."""
    gain = stored["improvement"]
    return Verdict(**{**stored, "improvement": Interval(**gain) if gain else None})


def judge(
    project: Project, settings: Settings, version: int, *, rows: DataFrame | None = None
) -> Verdict:
    """Put a version before the gate, against the champion of this moment.

    Args:
        project: Where the models are.
        settings: The problem.
        version: Which one; its proof model is judged.
        rows: What to judge on; default: the promotion rows of the latest search.
    """
    registry = project.registry(settings.name)
    if rows is None:
        rows = project.load_dataset("promotion_rows", problem=settings.name)
    keep_reference(project, settings, version, rows)
    labels, challenger = score(registry.load_proof(version), settings.problem, rows)
    champion = registry.version_of(CHAMPION)
    theirs = None
    if champion not in (None, version):
        assert champion is not None
        theirs = score(registry.load(champion), settings.problem, rows)[1]
    monitor = PerformanceMonitor(settings.metric, min_rows=settings.gate.min_rows)
    reference = monitor.fit(labels, challenger).reference
    registry.tag(version, driftune__reference=json.dumps(asdict(reference)))
    return settings.gate.judge(
        labels, challenger, theirs, metric=settings.metric, champion_name=f"version {champion}"
    )


def promote(
    project: Project,
    settings: Settings,
    version: int,
    reason: str,
    *,
    retune_id: str | None = None,
    lease: Lease | None = None,
) -> None:
    """Make a version the champion and write that down, fenced by the lease when there is one.

    The ledger is asked first: a revived owner whose lease was taken over changes nothing.

    Raises:
        LeaseLost: Another owner took over.
        DriftuneError: The version was never judged.
    """
    registry = project.registry(settings.name)
    if "driftune.reference" not in registry.tags(version):
        raise DriftuneError(f"Version {version} of {settings.name!r} was never judged by the gate.")
    observed = project.ledger.observations(settings.name)
    if lease:
        lease.renew()
    previous = registry.promote(version)
    project.ledger.record_promotion(
        PromotionRow(
            problem=settings.name,
            version=version,
            previous=previous,
            kind="promotion",
            reason=reason,
            retune_id=retune_id,
            after_batch=observed[-1].batch if observed else None,
        )
    )
