"""Take a promotion back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.ledger import PromotionRow

if TYPE_CHECKING:
    from driftune.project import Project
    from driftune.settings import Settings


def roll_back(project: Project, settings: Settings, reason: str = "asked for") -> tuple[int, int]:
    """Make the previous champion the champion again.

    Returns:
        The champion now, and the one that was taken back.

    Raises:
        DriftuneError: There is no previous champion.
    """
    registry = project.registry(settings.name)
    champion, taken_back = registry.rollback()
    observed = project.ledger.observations(settings.name)
    project.ledger.record_promotion(
        PromotionRow(
            problem=settings.name, version=champion, previous=taken_back, kind="rollback",
            reason=reason, after_batch=observed[-1].batch if observed else None,
        )
    )  # fmt: skip
    return champion, taken_back
