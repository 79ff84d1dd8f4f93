"""What is known of the champion: its configuration, and how far it has learned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from driftune.promotion.registry import CHAMPION
from driftune.tracking import answering
from driftune.tracking.client import brisk

if TYPE_CHECKING:
    from driftune.project import Project
    from driftune.settings import Settings


@dataclass(frozen=True)
class Champion:
    """A version that serves, or did.

    Attributes:
        version: Its number.
        through: The newest batch that it was made with.
        start: Number of the first labelled row that it learned from, oldest first.
        configuration: As :func:`driftune.tuning.known.configuration_of` wrote it.
    """

    version: int
    through: str
    start: int
    configuration: dict[str, Any]


def known_champion(
    project: Project, settings: Settings, version: int | None = None
) -> Champion | None:
    """Return the champion (or another version); None where there is none, or none of ours.

    Raises:
        ServiceUnavailable: The registry does not answer.
    """
    registry = project.registry(settings.name)
    with brisk(), answering(project.tracking_uri):
        chosen = version or registry.version_of(CHAMPION)
        tags = registry.tags(chosen) if chosen else {}
    if chosen is None:
        return None
    if "driftune.configuration" not in tags:
        return None
    return Champion(
        chosen,
        tags.get("driftune.through", settings.rows.stem),
        int(tags.get("driftune.start", 0)),
        json.loads(tags["driftune.configuration"]),
    )
