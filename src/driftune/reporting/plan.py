"""The files of a plan: its numbers as JSON, and three pictures."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from driftune.files import replace_file
from driftune.ledger.tables import now
from driftune.reporting.ink import draw
from driftune.reporting.plan_pictures import HEIGHT, PAINTERS, save_png
from driftune.reporting.written_plan import CAPTIONS, NUMBERS

if TYPE_CHECKING:
    from pathlib import Path

    from driftune.loop.planning import Plan


def write_plan(plan: Plan) -> list[Path]:
    """Write ``plan.json``, and each picture as PNG and as an element for the report.

    The numbers are written last: a plan that was killed on the way leaves the one before it whole,
    or new pictures beside old numbers, and never half a file.

    Returns:
        The PNG files.
    """
    written = []
    for name, caption in CAPTIONS.items():
        paint = partial(PAINTERS[name], plan=plan)
        save_png(plan.home / f"{name}.png", paint)
        with replace_file(plan.home / f"{name}.svg") as path:
            path.write_text(draw(HEIGHT, f"plan-{name}", caption, paint), encoding="utf-8")
        written.append(plan.home / f"{name}.png")
    numbers = {**plan.to_dict(), "made": now().strftime("%Y-%m-%d %H:%M UTC")}
    with replace_file(plan.home / NUMBERS) as path:
        path.write_text(json.dumps(numbers, indent=2), encoding="utf-8")
    return written
