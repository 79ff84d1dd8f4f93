"""Everything on record about a problem, read once; the story of any moment is cut from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from driftune.ledger.ledger import INVALID
from driftune.reporting.first_model_scores import Score, observed_first_model, score_first_model
from driftune.reporting.story import Check
from driftune.reporting.tracked import Tracked, read_tracked, read_trials

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlflow.entities import Run

    from driftune.ledger import ObservationRow, PromotionRow, RetuneRow
    from driftune.ledger.tables import SpendRow
    from driftune.project import Project
    from driftune.settings import Settings


@dataclass(frozen=True)
class Records:
    """What the ledger, MLflow and the files of validation say.

    Attributes:
        project: Where they are.
        settings: The problem.
        observations: All revisions of all batches, in the order they were made.
        promotions: Every change of the champion, oldest first.
        retunes: All, oldest first.
        spend: What searches paid.
        tracked: What MLflow holds.
        checks: How each table did in validation, in the order in which they arrived.
        first_model: Key of the observation -> score of the first champion there.
    """

    project: Project
    settings: Settings
    observations: Sequence[ObservationRow]
    promotions: Sequence[PromotionRow]
    retunes: Sequence[RetuneRow]
    spend: Sequence[SpendRow]
    tracked: Tracked
    checks: list[Check] = field(default_factory=list)
    first_model: dict[str, Score] = field(default_factory=dict)

    @cached_property
    def tuning_result(self) -> dict[str, Any]:
        """The last search, as :meth:`TuningResult.to_dict` wrote it.

        Raises:
            DriftuneError: It was deleted.
            OSError: Likewise.
        """
        found: dict[str, Any] = self.project.load_dataset(
            "tuning_result", problem=self.settings.name
        )
        return found

    @cached_property
    def trials(self) -> dict[str, list[Run]]:
        """Runs of all trials by their retune's run; asked for when a page shows an old search."""
        return read_trials(self.project.registry(self.settings.name))


def read_records(project: Project, settings: Settings) -> Records:
    """Read everything; changes nothing but the kept scores of the first model.

    Raises:
        ServiceUnavailable: The ledger does not answer. MLflow's being away is part of the records.
    """
    ledger, name = project.ledger, settings.name
    observations, promotions = ledger.observations(name), ledger.promotions(name)
    tracked = read_tracked(project.registry(name))
    latest = {row.batch: row for row in observations}.values()  # the last revision wins
    first = first_version(promotions, tracked)
    observed = observed_first_model(latest, first, settings)
    unknown = [row for row in latest if row.key not in observed and row.status != INVALID]
    return Records(
        project=project,
        settings=settings,
        observations=observations,
        promotions=promotions,
        retunes=ledger.retunes(name),
        spend=ledger.spend(name),
        tracked=tracked,
        checks=read_checks(project, settings),
        first_model=observed
        | score_first_model(project, settings, first, unknown, known_only=tracked.away is not None),
    )


def first_version(promotions: Sequence[PromotionRow], tracked: Tracked) -> int | None:
    """The first version that was ever champion and still exists, as far as is known."""
    known = [row.version for row in promotions if tracked.away or row.version in tracked.versions]
    return known[0] if known else None


def read_checks(project: Project, settings: Settings) -> list[Check]:
    """Read the validation reports, in the order in which the batches arrived."""
    folder = project.reports / settings.name / "validation"
    order = {name: number for number, name in enumerate(settings.batch_files())}
    files = sorted(folder.glob("*.json"), key=lambda f: (order.get(f.stem, len(order)), f.stem))
    return [_read_check(file) for file in files]


def _read_check(file: Path) -> Check:
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        why = f"its validation report {file.name} cannot be read ({error})"
        return Check(file.stem, success=True, rows=0, quarantined=0, warnings=(why,), refusal=None)
    return _check(report, file)


def _check(report: dict[str, Any], file: Path) -> Check:
    page = file.with_suffix(".html")
    return Check(
        batch=str(report.get("batch", file.stem)),
        success=bool(report.get("success")),
        rows=int(report.get("rows", 0)),
        quarantined=int(report.get("quarantined", 0)),
        warnings=tuple(str(warning) for warning in report.get("warnings", ())),
        refusal=report.get("refusal"),
        page=page if page.is_file() else file,
    )
