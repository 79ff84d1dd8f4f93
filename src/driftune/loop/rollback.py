"""Take a promotion back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftune.errors import DriftuneError
from driftune.loop.succession import succession
from driftune.promotion.registry import CHAMPION, PREVIOUS

if TYPE_CHECKING:
    from driftune.loop.succession import Succession
    from driftune.project import Project
    from driftune.settings import Settings


def roll_back(
    project: Project,
    settings: Settings,
    reason: str = "asked for",
    *,
    to: int | None = None,
    by: str | None = None,
) -> tuple[int, int]:
    """Make the previous champion, or an earlier one, the champion again.

    It waits for no retune. One that is under way is judged again, against the champion that is
    back; and until ``policy.cooldown`` more batches were observed, automatic retunes promote
    nothing: what passes the gate waits for approval.

    Args:
        project: Where ledger and registry are.
        settings: The problem.
        reason: Why, for the record.
        to: An earlier champion; default: the previous one.
        by: Who, for the record.

    Returns:
        The champion now, and the one that was taken back.

    Raises:
        DriftuneError: There is no previous champion, or ``to`` never was one.
    """
    with succession(project, settings) as change:
        target = _target(change, to)
        before = change.change(
            target, kind="rollback", reason=f"{reason} (by {by})" if by else reason
        )
    assert before is not None
    return target, before


def _target(change: Succession, to: int | None) -> int:
    """Return the version to go back to."""
    registry = change.registry
    champion, previous = registry.version_of(CHAMPION), registry.version_of(PREVIOUS)
    there = registry.versions()
    served = {row.version for row in change.promotions()} | {previous}
    earlier = [version for version in there if version in served and version != champion]
    others = f"earlier champions are {earlier}" if earlier else "no earlier champion is left"
    if champion is None:
        raise DriftuneError(f"{registry.name!r} has no champion, so there is nothing to take back.")
    if to is None and previous in (None, champion):
        hint = f" `driftune rollback {registry.name} --to VERSION` takes one." if earlier else ""
        raise DriftuneError(
            f"{registry.name!r} has no previous champion to go back to: {others}, its versions are"
            f" {there}.{hint}"
        )
    if to is not None and to not in earlier:
        state = "serves now" if to == champion else "was never champion or is gone"
        raise DriftuneError(
            f"Version {to} of {registry.name!r} {state}; {others}."
            f" `driftune promote {registry.name} --version VERSION` puts any version before the"
            " gate."
        )
    return to if to is not None else int(previous or 0)
