"""The model that was never retrained: what would have been without driftune."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftune.errors import DriftuneError
from driftune.resampling import BlockDraws, Interval, block_length, percentile_interval
from driftune.scoring import score

if TYPE_CHECKING:
    from pandas import DataFrame

    from driftune.project import Project
    from driftune.reporting.story import Batch, Story
    from driftune.settings import Settings

FEWEST_BATCHES = 8
"""Fewer batches than this give no interval: resampling them would claim more than they know."""


@dataclass(frozen=True)
class Comparison:
    """The champions in service against the first model, over the batches since the first retune.

    Attributes:
        first: First batch compared.
        last: Last one.
        batches: How many.
        champion: Mean of the champions' metric over these batches, each batch counting once.
        never_retrained: Mean of the first model's metric over the same batches.
        gain: Share of loss saved (0.1 = a tenth less); negative when retuning cost performance.
        interval: 95 % block bootstrap interval of ``gain`` over batches; ``None`` with too few.
        better: Batches in which the champion had less loss.
        left_out: Measured batches without a comparable score of the first model.
    """

    first: str
    last: str
    batches: int
    champion: float
    never_retrained: float
    gain: float
    interval: Interval | None
    better: int
    left_out: int


def score_first_model(
    project: Project, settings: Settings, version: int | None
) -> dict[str, tuple[float, int]]:
    """Score a version on the features of every batch that is at hand.

    Args:
        project: Where the model and the features are.
        settings: The problem.
        version: The first champion; ``None`` scores nothing.

    Returns:
        Batch -> the metric in natural units and the number of labelled rows. Batches on which it
        is undefined (no labels, a class that the model never saw) are left out.
    """
    names = [row.batch for row in project.ledger.observations(settings.name)]
    if version is None or not names:
        return {}
    try:
        features = project.load_dataset("features", problem=settings.name)
    except (DriftuneError, OSError):  # derived data may be deleted; the report goes on without
        return {}
    model = project.registry(settings.name).load(version)
    scores = {}
    for name in names:
        if name in features:
            found = _score(model, settings, features[name]().to_pandas())
            if found is not None:
                scores[name] = found
    return scores


def _score(model: object, settings: Settings, rows: DataFrame) -> tuple[float, int] | None:
    try:
        labels, predictions = score(model, settings.problem, rows)
        known = ~np.isnan(labels)
        value = settings.metric_object.score(labels[known], predictions[known])
    except DriftuneError:  # not defined on these rows
        return None
    return value, int(known.sum())


def compare(story: Story) -> Comparison | None:
    """Compare what served with what would have served; ``None`` before the first retune."""
    later = [c.position for c in story.changes if c.version != story.first_version]
    if not later:
        return None
    measured = [b for b in story.batches if b.position > later[0] and b.value is not None]
    usable = [b for b in measured if b.first_model is not None and b.same_rows]
    if not usable:
        return None
    return _compare(story, usable, left_out=len(measured) - len(usable))


def _compare(story: Story, batches: list[Batch], *, left_out: int) -> Comparison:
    scores = np.array([[b.value, b.first_model] for b in batches], dtype=float)
    losses = 1 - scores if story.metric.greater_is_better else scores
    ours, frozen = losses[:, 0], losses[:, 1]
    gain = float(1 - ours.mean() / frozen.mean()) if frozen.mean() else 0.0
    return Comparison(
        first=batches[0].name,
        last=batches[-1].name,
        batches=len(batches),
        champion=float(scores[:, 0].mean()),
        never_retrained=float(scores[:, 1].mean()),
        gain=gain,
        interval=_interval(ours, frozen, gain) if len(batches) >= FEWEST_BATCHES else None,
        better=int((ours < frozen).sum()),
        left_out=left_out,
    )


def _interval(
    ours: np.ndarray[tuple[int], np.dtype[np.float64]],
    frozen: np.ndarray[tuple[int], np.dtype[np.float64]],
    gain: float,
) -> Interval | None:
    """Both models are drawn in the same batches; neighbouring batches stay together."""
    if not frozen.all():
        return None
    draws = BlockDraws(len(ours), n_resamples=2000, block_length=block_length(frozen - ours))
    return percentile_interval(1 - draws.means(ours) / draws.means(frozen), gain)
