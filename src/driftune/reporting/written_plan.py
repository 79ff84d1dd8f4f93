"""A plan as it was written, for the report that shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PLAN = "plan"  # folder of a problem's plan, beside its report
NUMBERS = "plan.json"
CAPTIONS = {  # name of the file -> what it shows
    "learning_curve": "What more rows would bring: the pilots, and the curve through them.",
    "cost": "What a trial costs: measured on the pilots, and as the plan reckons with it.",
    "ways": "The ways to spend the budget, by the loss that each is expected to reach.",
}


@dataclass(frozen=True)
class WrittenPlan:
    """What the report shows of a plan.

    Attributes:
        numbers: As :meth:`driftune.loop.planning.Plan.to_dict`, and ``made``, when.
        pictures: Caption and ``<svg>`` element of each.
    """

    numbers: dict[str, Any]
    pictures: list[tuple[str, str]]


def read_plan(home: Path) -> WrittenPlan | None:
    """Read a plan from its folder; ``None`` where there is none, or it cannot be read."""
    try:
        numbers = json.loads((home / NUMBERS).read_text(encoding="utf-8"))
        pictures = [
            (caption, (home / f"{name}.svg").read_text(encoding="utf-8"))
            for name, caption in CAPTIONS.items()
        ]
    except (OSError, ValueError):
        return None
    return WrittenPlan(numbers, pictures)
