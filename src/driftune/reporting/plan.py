"""The files of a plan: its numbers as JSON, three pictures, and the section of the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from driftune.files import replace_file
from driftune.ledger.tables import now
from driftune.reporting.ink import draw
from driftune.reporting.plan_pictures import HEIGHT, PICTURES, save_png

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.loop.planning import Plan

NUMBERS = "plan.json"


@dataclass(frozen=True)
class WrittenPlan:
    """What the report shows of a plan.

    Attributes:
        numbers: As :meth:`driftune.loop.planning.Plan.to_dict`, and ``made``, when.
        pictures: Caption and ``<svg>`` element of each.
    """

    numbers: dict[str, Any]
    pictures: list[tuple[str, str]]


def write_plan(plan: Plan) -> list[Path]:
    """Write ``plan.json``, and each picture as PNG and as an element for the report.

    The numbers are written last: a plan that was killed on the way leaves the one before it whole,
    or new pictures beside old numbers, and never half a file.

    Returns:
        The PNG files.
    """
    written = []
    for name, (caption, painter) in PICTURES.items():
        paint = partial(painter, plan=plan)
        save_png(plan.home / f"{name}.png", paint)
        with replace_file(plan.home / f"{name}.svg") as path:
            path.write_text(draw(HEIGHT, f"plan-{name}", caption, paint), encoding="utf-8")
        written.append(plan.home / f"{name}.png")
    numbers = {**plan.to_dict(), "made": now().isoformat(timespec="seconds")}
    with replace_file(plan.home / NUMBERS) as path:
        path.write_text(json.dumps(numbers, indent=2), encoding="utf-8")
    return written


def read_plan(home: Path) -> WrittenPlan | None:
    """Read what :func:`write_plan` wrote; ``None`` where there is none, or it cannot be read."""
    try:
        numbers = json.loads((home / NUMBERS).read_text(encoding="utf-8"))
        pictures = [
            (caption, (home / f"{name}.svg").read_text(encoding="utf-8"))
            for name, (caption, _) in PICTURES.items()
        ]
    except (OSError, ValueError):
        return None
    return WrittenPlan(numbers, pictures)
