"""Prove and promote: the gate on a registered version, and what follows from its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftune.errors import ChampionChanged, DriftuneError
from driftune.loop.judging import judge
from driftune.loop.succession import ANYBODY, succession
from driftune.promotion import Verdict
from driftune.promotion.registry import CHAMPION

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftune.ledger import Lease, PromotionRow
    from driftune.project import Project
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings

__all__ = ["champion_or_refuse", "conclude", "judge", "promote", "read_verdict"]

ASKED_BY_A_PERSON = "manual"


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
    return Verdict.from_dict(stored)


def conclude(
    project: Project,
    settings: Settings,
    version: int,
    verdict: Verdict,
    *,
    retune_id: str,
    lease: Lease | None = None,
    judge_again: Callable[[], Verdict] | None = None,
) -> str:
    """Do what follows from a verdict; safe to call again.

    A challenger that passed is promoted, or waits: for approval or further batches when
    ``gate.mode`` says so, and for approval also when somebody has rolled back while an automatic
    retune was on its way. One that was compared with a champion that no longer serves is judged
    again.

    Args:
        project: Where ledger and registry are.
        settings: The problem.
        version: The challenger.
        verdict: Of the gate.
        retune_id: Its retune.
        lease: The right to retune, which must still be ours.
        judge_again: Judges, and keeps the verdict.

    Returns:
        The retune's status: ``promoted``, ``refused``, ``awaiting_approval`` or ``shadow``.

    Raises:
        LeaseLost: Another owner took over; nothing was changed.
    """
    if any(row.retune_id == retune_id for row in project.ledger.promotions(settings.name)):
        return "promoted"  # killed before it could say so; what came after that stands
    judge_again = judge_again or (lambda: judge(project, settings, version))
    while verdict.promoted:
        status = _next_status(project, settings, verdict, retune_id)
        if status != "promoted":
            return status
        try:
            promote(
                project, settings, version, verdict.reason,
                retune_id=retune_id, lease=lease, instead_of=verdict.champion_version,
            )  # fmt: skip
        except ChampionChanged:
            verdict = judge_again()
        else:
            return status
    return "refused"


def _next_status(project: Project, settings: Settings, verdict: Verdict, retune_id: str) -> str:
    """Return what a challenger that passed comes to."""
    mode = settings.gate.mode
    if mode == "shadow" and verdict.champion_version is None:
        mode = "automatic"  # there is nobody to run beside
    automatic = project.ledger.retune(retune_id).trigger != ASKED_BY_A_PERSON
    if automatic and pausing_rollback(project, settings) is not None:
        mode = "approval"
    return {"automatic": "promoted", "approval": "awaiting_approval", "shadow": "shadow"}[mode]


def pausing_rollback(project: Project, settings: Settings) -> PromotionRow | None:
    """Return the rollback since which no more batches than ``policy.cooldown`` were observed."""
    changes = project.ledger.promotions(settings.name)
    cooldown = settings.policy.cooldown
    if not changes or changes[-1].kind != "rollback" or not cooldown:
        return None
    batches = [row.batch for row in project.ledger.latest_observations(settings.name)]
    after = changes[-1].after_batch
    since = len(batches) - (batches.index(after) + 1 if after in batches else 0)
    return changes[-1] if since <= cooldown else None


def promote(
    project: Project,
    settings: Settings,
    version: int,
    reason: str,
    *,
    retune_id: str | None = None,
    lease: Lease | None = None,
    instead_of: int | None = ANYBODY,
) -> None:
    """Make a version the champion and write that down, fenced by the lease when there is one.

    Raises:
        LeaseLost: Another owner took over; nothing was changed.
        ChampionChanged: Another champion serves than ``instead_of``.
        DriftuneError: The version was never judged.
    """
    if "driftune.reference" not in project.registry(settings.name).tags(version):
        raise DriftuneError(f"Version {version} of {settings.name!r} was never judged by the gate.")
    with succession(project, settings, lease=lease) as change:
        change.change(
            version, kind="promotion", reason=reason, retune_id=retune_id, instead_of=instead_of
        )
