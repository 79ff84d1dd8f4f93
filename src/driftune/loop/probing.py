"""Measure on one batch what retraining, or an earlier champion, would have saved."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError
from driftune.loop.champion import known_champion
from driftune.monitoring.probes import draw_probes, first_row, plan_probes
from driftune.monitoring.regret import Recall, Regret, measure_recall, measure_regret
from driftune.scoring import score
from driftune.tuning import refit
from driftune.tuning.cores import usable_cores
from driftune.tuning.known import known_result, quick

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from pandas import DataFrame

    from driftune.metrics import FloatArray
    from driftune.monitoring.regret import Strategy
    from driftune.project import Project
    from driftune.resampling import IntArray
    from driftune.settings import Settings
    from driftune.tuning import TuningResult

logger = logging.getLogger(__name__)
MOST_RECALLED = 6  # earlier champions that are scored beside the one in service
FEWEST_ROWS = 50  # of a probe; fewer say nothing about the model
STRATEGIES: tuple[Strategy, ...] = ("all_history", "window")


@dataclass(frozen=True)
class KnownRows:
    """The labelled rows of some batches, oldest first, without holding them all in memory.

    Attributes:
        settings: The problem.
        features: Batch -> a function that opens its features.
        names: The batches.
    """

    settings: Settings
    features: dict[str, Callable[[], Any]]
    names: Sequence[str]

    def counts(self) -> list[int]:
        """Return the labelled rows of each batch."""
        target = self.settings.target
        return [int(self.features[name]()[target].count().execute()) for name in self.names]

    def take(self, rows: IntArray, counts: Sequence[int]) -> DataFrame:
        """Return some rows, by their number over all batches."""
        import pandas as pd

        parts, first = [], 0
        for name, count in zip(self.names, counts, strict=True):
            wanted = rows[(rows >= first) & (rows < first + count)] - first
            first += count
            if len(wanted):
                table = self.features[name]().to_pandas()
                parts.append(table[table[self.settings.target].notna()].iloc[wanted])
        taken: DataFrame = pd.concat(parts, ignore_index=True)
        return taken


def labelled_rows(
    settings: Settings, features: dict[str, Callable[[], Any]], names: Sequence[str]
) -> DataFrame:
    """Return all labelled rows of some batches, in the order of the batches.

    Raises:
        DataError: There are none.
    """
    import pandas as pd

    tables = [features[name]().to_pandas() for name in names if name in features]
    found = [table[table[settings.target].notna()] for table in tables]
    if not any(map(len, found)):
        raise DataError(f"No labelled row of {settings.name!r} is newer than its models.")
    rows: DataFrame = pd.concat(found, ignore_index=True)
    return rows


def measure_regrets(
    project: Project, settings: Settings, version: int, batch: str, rows: DataFrame
) -> tuple[Regret, ...]:
    """Fit small models on what the champion knew and on what is known now; compare them here.

    Args:
        project: Where features and models are.
        settings: The problem; ``policy.probe_rows`` limits the work.
        version: The champion.
        batch: The batch; probes know what came before it.
        rows: Its features with labels.

    Returns:
        One per strategy; none where the batch is not labelled enough, nothing new was known before
        it, or the champion's configuration is not on record.
    """
    champion = known_champion(project, settings, version)
    if settings.policy.cost is None or champion is None:
        return ()
    features = project.load_dataset("features", problem=settings.name)
    history = KnownRows(settings, features, _names_before(project, settings, batch, features))
    counts = history.counts()
    known, kept = sum(counts), sum(counts)
    if champion.through in history.names:
        kept = sum(counts[: history.names.index(champion.through) + 1])
    start = min(champion.start, kept)
    plan = plan_probes(kept - start, settings.policy.probe_rows)
    if plan.size < FEWEST_ROWS or known <= kept:
        return ()
    drawn = {"kept": draw_probes(start, kept, plan)}
    for strategy in STRATEGIES:
        drawn[strategy] = draw_probes(first_row(strategy, known, plan), known, plan)
    wanted = np.unique(np.concatenate([each for sets in drawn.values() for each in sets]))
    sample = history.take(wanted, counts)  # every batch is read once
    probes = Probes(settings, quick(known_result(champion.configuration), plan.size), rows)
    samples = {
        name: [sample.iloc[np.searchsorted(wanted, each)] for each in sets]
        for name, sets in drawn.items()
    }
    found = (probes.compare(samples["kept"], samples[name], name) for name in STRATEGIES)
    return tuple(regret for regret in found if regret is not None)


@dataclass
class Probes:
    """Small models of one quick configuration, and the batch that they are compared on.

    Attributes:
        settings: The problem.
        plain: The configuration.
        rows: The batch.
    """

    settings: Settings
    plain: TuningResult
    rows: DataFrame
    _kept: tuple[FloatArray, list[FloatArray]] | None = None

    def compare(
        self, kept: Sequence[DataFrame], retrained: Sequence[DataFrame], strategy: Strategy
    ) -> Regret | None:
        """Measure what probes on newer rows save; None where these rows cannot tell.

        Args:
            kept: Samples of what the champion knew, the same in every call.
            retrained: Samples of what is known now.
            strategy: How the second were drawn.
        """
        try:
            labels, before = self._kept = self._kept or self._predict(kept)
            after = self._predict(retrained)[1]
            metric = self.settings.metric
            return measure_regret(labels, before, after, metric=metric, strategy=strategy)
        except DataError as error:  # a sample lacks a class or a column
            logger.info("No regret by %s is measured on this batch: %s", strategy, error)
            return None

    def _predict(self, samples: Sequence[DataFrame]) -> tuple[FloatArray, list[FloatArray]]:
        """Fit one model per sample; return the batch's labels and each one's predictions."""
        with ThreadPoolExecutor(usable_cores()) as pool:  # a fit leaves Python's lock alone
            scored = list(pool.map(self._fit_and_score, samples))
        there = ~np.isnan(scored[0][0])
        return scored[0][0][there], [predictions[there] for _, predictions in scored]

    def _fit_and_score(self, sample: DataFrame) -> tuple[FloatArray, FloatArray]:
        problem, family = self.settings.problem, self.settings.tuning.family
        model = refit(problem, sample, self.plain, n_jobs=1, family=family)
        return score(model, problem, self.rows)


def _names_before(
    project: Project, settings: Settings, batch: str, features: Container[str]
) -> list[str]:
    """Return the batches whose rows were known before ``batch``, oldest first."""
    accepted = project.ledger.accepted_batches(settings.name)
    before = accepted[: accepted.index(batch)] if batch in accepted else accepted
    return [name for name in (settings.rows.stem, *before) if name in features]


def measure_recalls(
    project: Project, settings: Settings, version: int, rows: DataFrame
) -> tuple[Recall, ...]:
    """Score earlier champions on a batch beside the one in service; newest first."""
    if not settings.policy.recall or rows[settings.target].notna().sum() < FEWEST_ROWS:
        return ()
    registry = project.registry(settings.name)
    labels, champion = score(registry.load(version), settings.problem, rows)
    there = ~np.isnan(labels)
    return tuple(
        measure_recall(
            labels[there], champion[there], theirs[there], metric=settings.metric, version=earlier
        )
        for earlier, theirs in _earlier_predictions(project, settings, version, rows)
        if theirs.shape == champion.shape
    )


def _earlier_predictions(
    project: Project, settings: Settings, version: int, rows: DataFrame
) -> Iterator[tuple[int, FloatArray]]:
    for earlier in earlier_champions(project, settings, version):
        try:
            model = project.registry(settings.name).load(earlier)
            yield earlier, score(model, settings.problem, rows)[1]
        except DataError as error:  # it cannot read these rows, or lacks a class: no candidate
            logger.info("Version %s is not scored beside the champion: %s", earlier, error)


def earlier_champions(project: Project, settings: Settings, version: int) -> list[int]:
    """Return the champions before ``version`` that nobody took back: the newest, and the first."""
    promotions = project.ledger.promotions(settings.name)
    taken_back = {row.previous for row in promotions if row.kind == "rollback"}
    served = dict.fromkeys(row.version for row in promotions)
    known = [one for one in served if one != version and one not in taken_back]
    newest = known[-MOST_RECALLED:]
    return list(dict.fromkeys([*reversed(newest), *known[:1]]))
