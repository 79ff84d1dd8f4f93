"""A problem's history as a replay needs it: every question is answered by the loop's own functions.

The models come from two retraining matrices: one of the known configuration, and one of the small
probes that regret is measured with.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError
from driftune.loop.probing import FEWEST_ROWS, MOST_RECALLED
from driftune.loop.reference import MOST_ROWS
from driftune.monitoring import DriftMonitor, PerformanceMonitor
from driftune.monitoring.probes import ProbePlan, draw_probes, first_row, plan_probes
from driftune.monitoring.regret import measure_recall, measure_regret
from driftune.monitoring.world import Cost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from driftune.loop.past_gate import PastGate
    from driftune.loop.pricing import Pricing
    from driftune.metrics import FloatArray
    from driftune.monitoring import DriftReport, Observation
    from driftune.monitoring.matrix import Ask, Fitted, History, RetrainingMatrix, Rows
    from driftune.monitoring.regret import Recall, Regret, Strategy
    from driftune.monitoring.world import Attempt, Decides, Version
    from driftune.settings import Settings

STRATEGIES: tuple[Strategy, ...] = ("all_history", "window")


@dataclass
class PastWorld:
    """Implements :class:`driftune.monitoring.world.World`.

    Attributes:
        settings: The problem; its gate judges.
        table: All rows of the history, without ids and dropped columns.
        matrix: Of the known configuration.
        probes: Of the quick one.
        gate: Trains challengers and judges them.
        months: See the protocol.
        label_delay: See the protocol.
        pricing: What a retune is assumed to cost, the same all along; ``None``: ``policy.cost``.
    """

    settings: Settings
    table: DataFrame
    matrix: RetrainingMatrix
    probes: RetrainingMatrix
    gate: PastGate
    months: tuple[str, ...]
    label_delay: int = 0
    pricing: Pricing | None = None
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def history(self) -> History:
        """The rows."""
        return self.matrix.history

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the batches."""
        return self.history.names

    # What serves

    def retrained(self, last: int) -> Fitted:
        """Return the model of all rows known after batch ``last``."""
        return self.matrix.serving(last)

    def value(self, model: Fitted, batch: int) -> float | None:
        """Return a model's metric on a later batch."""
        key = ("value", model.key, batch)
        if key not in self._kept:
            self._kept[key] = self._value(model, self.history.batch(batch))
        found: float | None = self._kept[key]
        return found

    def _value(self, model: Fitted, rows: Rows) -> float | None:
        if len(rows) < 2:
            return None
        metric = self.settings.metric_object
        try:
            return metric.score(self.history.labels[rows], model.predict(rows))
        except DataError:  # undefined on these rows: one class only, a constant target
            return None

    def loss(self, value: float) -> float:
        """Turn a metric into a loss."""
        return self.settings.metric_object.flip(value)

    # What is observed

    def observe(
        self, policy: Decides, champion: Version, earlier: Sequence[Version], batch: int
    ) -> Observation:
        """Measure a batch, and what retraining or an earlier champion would have saved on it."""
        rows = self.history.batch(batch)
        seen = self._measure(policy, champion, batch, rows)
        if seen.status != "ok":
            return replace(seen, drift=self._drift(policy, champion, batch))
        return replace(
            seen,
            regret=self._regrets(policy, champion, batch),
            recall=self._recalls(policy, champion, earlier, rows),
            drift=self._drift(policy, champion, batch),
            retune_cost=self.pricing.price(policy, seen) if self.pricing else None,
        )

    def observe_unlabelled(self, policy: Decides, champion: Version, batch: int) -> Observation:
        """Look at a batch whose labels are not there yet: only its inputs can say something."""
        seen = self._measure(policy, champion, batch, np.array([], dtype=np.int64))
        return replace(seen, drift=self._drift(policy, champion, batch))

    def _measure(self, policy: Decides, champion: Version, batch: int, rows: Rows) -> Observation:
        assert champion.reference is not None
        least = getattr(policy, "min_rows", self.settings.policy.min_rows)
        key = ("seen", champion.serving.key, champion.reference, batch, least, len(rows))
        if key not in self._kept:
            monitor = PerformanceMonitor.from_reference(
                self.settings.metric, champion.reference, min_rows=least
            )
            labels, predictions = self.history.labels[rows], champion.serving.predict(rows)
            self._kept[key] = monitor.observe(labels, predictions, batch=self.names[batch])
        found: Observation = self._kept[key]
        return found

    def _regrets(self, policy: Decides, champion: Version, batch: int) -> tuple[Regret, ...]:
        """As :func:`driftune.loop.probing.measure_regrets`, with probes out of the matrix."""
        most = getattr(policy, "probe_rows", None)
        if getattr(policy, "cost", None) is None or most is None:
            return ()
        kept, known = len(self.history.known(champion.last)), len(self.history.known(batch - 1))
        start = min(champion.start, kept)
        plan = plan_probes(kept - start, most)
        if plan.size < FEWEST_ROWS or known <= kept:
            return ()
        key = ("regret", champion.last, start, batch, plan)
        if key not in self._kept:
            kept_probes = self.ask_probes(champion.last, start, plan, len(self.names) - 1)
            found_each = (self._regret(kept_probes, batch, plan, name) for name in STRATEGIES)
            self._kept[key] = tuple(one for one in found_each if one is not None)
        found: tuple[Regret, ...] = self._kept[key]
        return found

    def _regret(
        self, kept: Sequence[Ask], batch: int, plan: ProbePlan, strategy: Strategy
    ) -> Regret | None:
        try:
            return measure_regret(
                self.history.labels[self.history.batch(batch)],
                self._predict(kept, batch),
                self._predict(self.ask_retrained(batch, plan, strategy), batch),
                metric=self.settings.metric,
                strategy=strategy,
            )
        except DataError:  # a sample lacks a class or a column: as in the loop
            return None

    def _predict(self, asks: Sequence[Ask], batch: int) -> list[FloatArray]:
        rows = self.history.batch(batch)
        return [self.probes.fitted(ask).predict(rows) for ask in asks]

    def ask_retrained(self, batch: int, plan: ProbePlan, strategy: Strategy) -> list[Ask]:
        """Say which probes know what came before a batch, and predict that batch."""
        known = len(self.history.known(batch - 1))
        return self.ask_probes(batch - 1, first_row(strategy, known, plan), plan, batch)

    def ask_probes(self, last: int, start: int, plan: ProbePlan, until: int) -> list[Ask]:
        """Say which probes know a sample of what was known after ``last``, but the oldest rows."""
        known, ends = self.history.known(last), self.history.ends
        drawn = draw_probes(start, len(known), plan)
        return [self.probes.ask(known[rows], ends[last], ends[until]) for rows in drawn]

    def ask_all_probes(self, plan: ProbePlan) -> list[Ask]:
        """Say which probes regret needs on every batch while the first champion serves."""
        if plan.size < FEWEST_ROWS:
            return []
        kept = self.ask_probes(0, 0, plan, len(self.names) - 1)
        later = range(2, len(self.names))
        retrained = [self.ask_retrained(at, plan, way) for at in later for way in STRATEGIES]
        return [*kept, *(ask for asks in retrained for ask in asks)]

    def probe_cost(self, seen: Observation) -> Cost:
        """Return what measuring regret on this batch takes: the loop fits all its probes anew."""
        fits = sum(2 * len(one.gains) for one in seen.regret)
        return Cost(fits, fits * self.probes.seconds_per_fit)

    def _recalls(
        self, policy: Decides, champion: Version, earlier: Sequence[Version], rows: Rows
    ) -> tuple[Recall, ...]:
        """As :func:`driftune.loop.probing.measure_recalls`: the newest champions, and the first."""
        if not getattr(policy, "recall", False) or len(rows) < FEWEST_ROWS:
            return ()
        chosen = [*reversed(earlier[-MOST_RECALLED:]), *earlier[:1]]
        found = []
        for one in dict.fromkeys(version.number for version in chosen):
            version = next(each for each in chosen if each.number == one)
            key = ("recall", champion.serving.key, version.serving.key, int(rows[0]))
            if key not in self._kept:
                self._kept[key] = measure_recall(
                    self.history.labels[rows],
                    champion.serving.predict(rows),
                    version.serving.predict(rows),
                    metric=self.settings.metric,
                    version=one,
                )
            found.append(replace(self._kept[key], version=one))
        return tuple(found)

    def _drift(self, policy: Decides, champion: Version, batch: int) -> DriftReport | None:
        """Drift, where this policy acts on it: with labels only when drift asks for retunes."""
        wanted = getattr(policy, "drift", "record")
        if wanted == "record" or (wanted == "alert" and not self.label_delay):
            return None
        start = self.history.ends[batch - 1]
        rows = self._inputs(start, self.history.ends[batch])
        key = ("drift", champion.last, batch)
        if key not in self._kept:
            monitor = self._drift_monitor(champion.last)
            name = self.names[batch]
            self._kept[key] = monitor.observe(rows, batch=name) if monitor else None
        found: DriftReport | None = self._kept[key]
        return found

    def _drift_monitor(self, last: int) -> DriftMonitor | None:
        key = ("drift monitor", last)
        if key not in self._kept:
            end = self.history.ends[last]
            try:
                monitor = DriftMonitor().fit(self._inputs(max(0, end - MOST_ROWS), end))
            except DataError:  # too few rows to learn limits from
                monitor = None
            self._kept[key] = monitor
        found: DriftMonitor | None = self._kept[key]
        return found

    def _inputs(self, start: int, end: int) -> DataFrame:
        unused = {self.settings.target, self.settings.time, self.settings.group}
        return self.table.iloc[start:end].drop(columns=list(unused & set(self.table.columns)))

    # What the gate says

    def first(self) -> Attempt:
        """Put the first model before the gate."""
        return self.gate.first()

    def challenge(
        self, policy: Decides, number: int, last: int, champion: Version, previous: Version | None
    ) -> Attempt:
        """Train a challenger with the known configuration; put it before the gate."""
        strategy = getattr(policy, "strategy", "all_history")
        return self.gate.challenge(number, last, strategy, champion, previous)

    def recall(
        self, earlier: Version, last: int, over: int, champion: Version, previous: Version | None
    ) -> Attempt:
        """Put an earlier champion before the gate, on the newest batches."""
        return self.gate.recall(earlier, last, over, champion, previous)
