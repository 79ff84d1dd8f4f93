"""A version before the gate: which models meet, on which rows, with which guards."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from driftune.errors import DataError
from driftune.loop.contenders import Contender, choose_model, predict_all
from driftune.loop.reference import keep_reference
from driftune.monitoring import PerformanceMonitor
from driftune.promotion import Guards, Traits, Verdict, cut_slices
from driftune.promotion.freshness import SEARCH_TAG
from driftune.promotion.limits import range_of_labels
from driftune.promotion.registry import CHAMPION, PREVIOUS
from driftune.scoring import encode_labels

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.metrics import FloatArray
    from driftune.project import Project
    from driftune.settings import Settings


def judge(
    project: Project, settings: Settings, version: int, *, rows: DataFrame | None = None
) -> Verdict:
    """Put a version before the gate, against the champion of this moment and the one before it.

    Each is judged by the model that serves where that has not learned from these rows, else by
    its proof model; rows that the challenger's proof has learned from are left out.

    Args:
        project: Where the models are.
        settings: The problem.
        version: Which one.
        rows: What to judge on; default: the promotion rows of the latest search.

    Raises:
        DataError: The version cannot read these rows.
        UsageError: A slice by a column that is not there.
    """
    registry = project.registry(settings.name)
    first = None
    if rows is None:
        rows = project.load_dataset("promotion_rows", problem=settings.name)
        told = registry.tags(version).get(SEARCH_TAG)
        first = int(told) if told and not settings.time else None
    if settings.time:
        rows = rows.sort_values(settings.time, kind="stable")
    return _Proof(project, settings, version, rows, first).verdict()


class _Proof:
    """One version before the gate.

    Args:
        project: Where the models are.
        settings: The problem.
        version: Which one.
        rows: What to judge on, in time order.
        first: Without a time: how many labelled rows arrived before these.
    """

    def __init__(
        self,
        project: Project,
        settings: Settings,
        version: int,
        rows: DataFrame,
        first: int | None,
    ) -> None:
        self.project, self.settings, self.version = project, settings, version
        self.registry = project.registry(settings.name)
        challenger = choose_model(self.registry, settings.problem, version, rows, first=first)
        self.first = first if first is None else first + int(challenger.seen.argmin())
        self.rows = rows[~challenger.seen]
        self.challenger = replace(challenger, seen=challenger.seen[~challenger.seen])

    def verdict(self) -> Verdict:
        """Judge, and keep what the challenger will be measured against when it serves."""
        gate, champion = self.settings.gate, self.registry.version_of(CHAMPION)
        if len(self.rows) == 0:
            return self._nothing_fresh(champion)
        champion_now = None if champion == self.version else champion
        found = self._predict(champion_now)
        labels = found.pop("labels")
        verdict = gate.judge(
            labels,
            found["challenger"],
            found.get("champion"),
            metric=self.settings.metric,
            champion_name=f"version {champion}",
            guards=Guards(
                slices=cut_slices(self.rows, gate.slices, min_rows=gate.min_slice_rows),
                previous=found.get("champion before"),
                previous_name=f"version {self.registry.version_of(PREVIOUS)}",
                serving=found.get("model that would serve"),
                traits=self._traits(labels),
                learned=self._known_labels(),
            ),
        )
        self._keep_reference(labels, found["challenger"])
        return replace(verdict, champion_version=champion_now)

    def _predict(self, champion: int | None) -> dict[str, FloatArray]:
        """Return labels and predictions by name."""
        models = {"challenger": self.challenger.model}
        if champion is not None:
            models["champion"] = self._fresh_model(champion).model
        previous = self._champion_before()
        if champion is not None and previous not in (None, champion, self.version):
            assert previous is not None
            before = self._fresh_model(previous)
            if not before.seen.any():
                models["champion before"] = before.model
        if self.challenger.is_proof:
            models["model that would serve"] = self.registry.load(self.version)
        labels, found = predict_all(self.settings.problem, self.rows, models)
        return {"labels": labels, **found}

    def _champion_before(self) -> int | None:
        """Return the champion before this one; None when somebody took it back, for a reason."""
        changes = self.project.ledger.promotions(self.settings.name)
        taken_back = {row.previous for row in changes if row.kind == "rollback"}
        previous = self.registry.version_of(PREVIOUS)
        return None if previous in taken_back else previous

    def _fresh_model(self, version: int) -> Contender:
        """Return how an earlier version may be judged.

        Where even its proof has learned from some of the rows it is judged on them all the same:
        that favours it, so nothing worse is promoted.
        """
        problem = self.settings.problem
        return choose_model(self.registry, problem, version, self.rows, first=self.first)

    def _traits(self, labels: FloatArray) -> Traits:
        """Return what is known of the challenger from its tags, and of the labels."""
        tags = self.registry.tags(self.version)
        known = {
            name: float(tags[f"driftune.{name}"])
            for name in ("latency_us_per_row", "model_size_kb")
            if f"driftune.{name}" in tags
        }
        if self.settings.problem.task == "regression":
            known |= range_of_labels(labels, *self._learned_labels())
        return Traits(**known)

    def _known_labels(self) -> FloatArray | None:
        """Return the labels that the search knew, for the constant that a first model must beat."""
        if self.settings.problem.task == "multiclass":  # numbered over all models, here unknown
            return None
        try:
            rows = self.project.load_dataset("search_rows", problem=self.settings.name)
            labels = rows[self.settings.target]
            return encode_labels(self.challenger.model, self.settings.problem, labels)
        except DataError:
            return None

    def _learned_labels(self) -> list[Any]:
        try:
            rows = self.project.load_dataset("search_rows", problem=self.settings.name)
        except DataError:  # a recalled version may be judged after the last search was cleared
            return []
        return [rows[self.settings.target].to_numpy(dtype=float)]

    def _keep_reference(self, labels: FloatArray, predicted: FloatArray) -> None:
        monitor = PerformanceMonitor(self.settings.metric, min_rows=self.settings.gate.min_rows)
        try:
            reference = monitor.fit(labels, predicted).reference
        except DataError:  # too few rows, or predictions of no use: the verdict says so
            return
        keep_reference(self.project, self.settings, self.version, self.rows)
        self.registry.tag(self.version, driftune__reference=json.dumps(asdict(reference)))

    def _nothing_fresh(self, champion: int | None) -> Verdict:
        reason = (
            f"Refused: version {self.version} has learned from all rows that it could be judged on;"
            " a retune with newer rows makes others."
        )
        gate = self.settings.gate
        return Verdict(
            False, reason, self.settings.metric, 0, gate.confidence, champion_version=champion
        )
