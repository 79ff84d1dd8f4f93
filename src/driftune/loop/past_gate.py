"""Challengers of a replay: split, trained and judged as the pipelines and the loop do it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError
from driftune.monitoring import PerformanceMonitor
from driftune.monitoring.world import Attempt, Cost, Version
from driftune.promotion import Guards, cut_slices, hold_out_newest

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.loop.past_spans import Spans
    from driftune.monitoring.matrix import Fitted, History, RetrainingMatrix, Rows
    from driftune.resampling import Interval
    from driftune.settings import Settings

RIVALS = ("champion", "previous")


@dataclass
class PastGate:
    """Answers what came of a challenger.

    Attributes:
        settings: The problem; its gate judges.
        table: All rows of the history, without ids and dropped columns.
        matrix: Models of the known configuration.
        spans: Chooses how far back a challenger learns from.
    """

    settings: Settings
    table: DataFrame
    matrix: RetrainingMatrix
    spans: Spans
    _kept: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def history(self) -> History:
        """The rows."""
        return self.matrix.history

    def first(self) -> Attempt:
        """Put the first model before the gate; it learns from all there is."""
        return self._attempt(1, 0, "all_history", None, None)

    def challenge(
        self, number: int, last: int, strategy: str, champion: Version, previous: Version | None
    ) -> Attempt:
        """Train a challenger on what is known after batch ``last``; put it before the gate."""
        return self._attempt(number, last, strategy, champion, previous)

    def recall(
        self, earlier: Version, last: int, over: int, champion: Version, previous: Version | None
    ) -> Attempt:
        """Put an earlier champion before the gate, on the newest batches, where it was better."""
        known = self.history.known(last)
        older = last - min(over, last)
        held = known[len(self.history.known(older)) :]
        if not len(held):
            return Attempt("failed", "No labelled row is newer than both models.")
        return self._judged(earlier, held, champion, previous)

    def _attempt(
        self,
        number: int,
        last: int,
        strategy: str,
        champion: Version | None,
        previous: Version | None,
    ) -> Attempt:
        try:
            known, held = self._split(last)
        except DataError as error:
            return Attempt("failed", str(error))
        start = self.spans.start(known, strategy, len(held))
        allowed = np.sort(known[start:])
        proof = self.matrix.proof(allowed, held)
        serving = proof
        if getattr(self.settings.gate, "refit", True):
            whole = np.union1d(allowed, held)
            serving = self.matrix.fitted(self.matrix.ask(whole, self.history.ends[last]))
        version = Version(number, last, proof, serving, start)
        fits = 1 if serving is proof else 2
        seconds = proof.seconds + (serving.seconds if fits == 2 else 0.0)
        judged = self._judged(version, held, champion, previous)
        return replace(judged, cost=Cost(fits, seconds))

    def _split(self, last: int) -> tuple[Rows, Rows]:
        """Return (search rows, promotion rows), oldest first, as the tuning pipeline splits them.

        Raises:
            DataError: Too few rows for both.
        """
        key = ("split", last)
        if key not in self._kept:
            rows = self.history.known(last)
            counts = (len(self.history.batch(one)) for one in range(last, 0, -1))
            newest = next((count for count in counts if count), None)
            columns = list(filter(None, (self.settings.target, self.settings.time)))
            seen = self.table[columns].iloc[rows].assign(__row__=rows)
            search, held = hold_out_newest(
                seen, self.settings.problem, self.settings.gate, newest=newest, in_order=last > 0
            )
            self._kept[key] = search["__row__"].to_numpy(), held["__row__"].to_numpy()
        found: tuple[Rows, Rows] = self._kept[key]
        return found

    def _judged(
        self, version: Version, held: Rows, champion: Version | None, previous: Version | None
    ) -> Attempt:
        """Judge a version on rows that it has not seen, and measure its reference there.

        As :func:`driftune.loop.judging.judge`, without what only a fitted model can say: its size
        and speed, and whether what would serve is sane on the promotion rows.
        """
        ours = _fresh(version, held)
        rivals = {
            name: _fresh(one, held)
            for name, one in zip(RIVALS, (champion, previous), strict=True)
            if one and one.number != version.number
        }
        keys = (ours.key, *(rivals[name].key if name in rivals else None for name in RIVALS))
        key = ("verdict", *keys, int(held[0]), len(held))
        if key not in self._kept:
            learned = version.proof.rows
            self._kept[key] = self._compare(ours, rivals, held, learned)
        status, reason, reference = self._kept[key]
        return Attempt(status, reason, replace(version, reference=reference))

    def _compare(
        self, ours: Fitted, rivals: dict[str, Fitted], held: Rows, learned: Rows
    ) -> tuple[str, str, Interval | None]:
        settings, gate = self.settings, self.settings.gate
        labels, predicted = self.history.labels[held], ours.predict(held)
        theirs = {name: model.predict(held) for name, model in rivals.items()}
        columns = [name for name in gate.slices if name in self.table.columns]
        slices = cut_slices(self.table.iloc[held], columns, min_rows=gate.min_slice_rows)
        verdict = gate.judge(
            labels,
            predicted,
            theirs.get("champion"),
            metric=settings.metric,
            guards=Guards(
                slices=slices,
                previous=theirs.get("previous"),
                learned=self.history.labels[learned],
            ),
        )
        try:
            monitor = PerformanceMonitor(settings.metric, min_rows=gate.min_rows)
            reference = monitor.fit(labels, predicted).reference
        except DataError:  # too few rows: the verdict says so
            return "refused", verdict.reason, None
        return "promoted" if verdict.promoted else "refused", verdict.reason, reference


def _fresh(version: Version, held: Rows) -> Fitted:
    """The model of a version that has not learned from these rows: the serving one if it can."""
    return version.proof if version.serving.has_seen(held) else version.serving
