"""The retraining matrix: what models of every age would have predicted about every later batch.

Model i has learned from everything that was known after batch i. With its predictions on all later
batches any schedule of retrainings can be replayed without another fit: which model would have
served, what it would have scored, what the gate would have said. Predictions are kept, not only
scores, so that paired tests are replayed as they would have run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from driftune.errors import UsageError
from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from driftune.metrics import FloatArray

    # Fit on these rows, predict every row from that number on.
    Learn: TypeAlias = Callable[["Rows", int], FloatArray]
    # Which of these rows are kept from the search, for the gate.
    HoldOut: TypeAlias = Callable[["Rows"], "Rows"]

Rows: TypeAlias = npt.NDArray[np.int64]
_NEAR = 0.01  # a proof model may learn from so many fewer of its rows, if such a model is there


@dataclass(frozen=True)
class History:
    """Labelled rows in the order in which they arrived; rows are numbers 0..n-1 from here on.

    Args:
        names: Of the batches, oldest first; batch 0 holds the initial rows.
        ends: For each batch the number after that of its last row, ascending.
        labels: (n,) targets, classes numbered; NaN where no label ever came.

    Raises:
        UsageError: fewer than two batches, or ends that do not fit.

    >>> history = History(("initial", "week_1"), (3, 5), np.array([1.0, np.nan, 3.0, 4.0, 5.0]))
    >>> history.batch(1), history.known(0)
    (array([3, 4]), array([0, 2]))
    """

    names: tuple[str, ...]
    ends: tuple[int, ...]
    labels: FloatArray

    def __post_init__(self) -> None:
        """Refuse what is no history."""
        if len(self.names) < 2:
            raise UsageError(f"A history needs initial rows and a batch; there is {self.names!r}.")
        if len(self.names) != len(self.ends) or self.ends[-1] != len(self.labels):
            raise UsageError(
                f"{len(self.names)} batches, {len(self.ends)} ends up to row {self.ends[-1]} and"
                f" {len(self.labels)} labels do not make a history."
            )

    def batch(self, number: int) -> Rows:
        """Return the rows of one batch that have a label."""
        return self._labelled(self.ends[number - 1] if number else 0, self.ends[number])

    def known(self, last: int, first: int = 0) -> Rows:
        """Return the labelled rows of the batches ``first`` to ``last``."""
        return self._labelled(self.ends[first - 1] if first else 0, self.ends[last])

    def _labelled(self, start: int, end: int) -> Rows:
        return np.flatnonzero(~np.isnan(self.labels[start:end])).astype(np.int64) + start


@dataclass(frozen=True)
class Fitted:
    """One model: what it learned from, and what it predicts about the rows after that.

    Args:
        rows: Row numbers that it learned from, ascending.
        first: Number of the first row that it predicts.
        predictions: (n - first,) or (n - first, classes) float32; NaN for rows it learned from.
        seconds: That the fit and the predictions took.
    """

    rows: Rows
    first: int
    predictions: npt.NDArray[np.float32]
    seconds: float

    def has_seen(self, rows: Rows) -> bool:
        """Return whether it learned from any of these rows."""
        return bool(np.isin(rows, self.rows, assume_unique=True).any())

    def predict(self, rows: Rows) -> FloatArray:
        """Return predictions for rows that it has not learned from, in the order given.

        Raises:
            UsageError: Rows before the first that it predicts.
        """
        if len(rows) and rows.min() < self.first:
            raise UsageError(f"This model predicts rows from {self.first} on, not {rows.min()}.")
        return self.predictions[rows - self.first].astype(np.float64)


@dataclass
class RetrainingMatrix:
    """Models by what they learned from; each is fitted when first asked for, and then kept.

    Args:
        history: The rows.
        learn: ``learn(rows, first)`` fits and returns predictions for the rows ``first`` to the
            last; called from threads.
        hold_out: Which of the known rows the gate keeps from the search; raises ``DataError``
            where there are too few.
        folder: Where fitted models' predictions are kept between runs; it must belong to this very
            history and configuration. ``None``: in memory only.
        workers: Fits at a time.
        fits: How many models were fitted by this object.
    """

    history: History
    learn: Learn
    hold_out: HoldOut
    folder: Path | None = None
    workers: int = 1
    fits: int = 0
    _models: dict[str, Fitted] = field(default_factory=dict, repr=False)

    def serving(self, last: int, first: int = 0) -> Fitted:
        """Return the model that knows all labels of the batches ``first`` to ``last``."""
        return self.fitted(*self._serving(last, first))

    def proof(self, last: int, first: int = 0) -> Fitted:
        """Return the same without the rows that the gate keeps.

        A serving model that knows at most a hundredth fewer rows, and no other, stands in: weekly
        batches and a week for the gate need no fits of their own.

        Raises:
            DataError: Too few rows for search and gate.
        """
        return self.fitted(*self._proof(last, first))

    def held(self, last: int, first: int = 0) -> Rows:
        """Return the rows that the gate judges on once batch ``last`` is known."""
        return self.hold_out(self.history.known(last, first))

    def fill(
        self, firsts: Sequence[int] = (0,), *, on_fit: Callable[[int, int], None] | None = None
    ) -> None:
        """Fit every serving model that is not there yet, several at a time.

        Args:
            firsts: First batches that models may learn from: 0 for all of the history.
            on_fit: Called with (models there, models wanted) after each fit. Ctrl-C between two
                fits loses none that is done.
        """
        wanted = {
            self._key(*ask): ask
            for first in firsts
            for last in range(first, len(self.history.names) - 1)
            for ask in [self._serving(last, first)]
        }
        missing = [ask for key, ask in wanted.items() if self._recall(key, *ask) is None]
        for done, _ in enumerate(self._fit_all(missing), start=1 + len(wanted) - len(missing)):
            if on_fit:
                on_fit(done, len(wanted))

    def fitted(self, rows: Rows, first: int) -> Fitted:
        """Return the model of these rows, from memory, from the folder, or newly fitted."""
        key = self._key(rows, first)
        return self._recall(key, rows, first) or self._fit(key, rows, first)

    def _serving(self, last: int, first: int) -> tuple[Rows, int]:
        return self.history.known(last, first), self.history.ends[last]

    def _proof(self, last: int, first: int) -> tuple[Rows, int]:
        held = self.held(last, first)
        allowed = np.setdiff1d(self.history.known(last, first), held, assume_unique=True)
        for earlier in range(last - 1, first - 1, -1):
            rows, start = self._serving(earlier, first)
            if len(rows) < (1 - _NEAR) * len(allowed):
                break
            if start <= held.min() and np.isin(rows, allowed, assume_unique=True).all():
                return rows, start
        return allowed, int(held.min())

    def _fit_all(self, asks: Sequence[tuple[Rows, int]]) -> Iterator[Fitted]:
        """Fit in threads, those of the most rows first; after Ctrl-C no further one begins."""
        pool = ThreadPoolExecutor(max_workers=max(1, self.workers))
        largest = sorted(asks, key=lambda ask: -len(ask[0]))
        try:
            futures = [pool.submit(self._fit, self._key(*ask), *ask) for ask in largest]
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _fit(self, key: str, rows: Rows, first: int) -> Fitted:
        began = perf_counter()
        predictions = np.asarray(self.learn(rows, first), dtype=np.float32)
        predictions[rows[rows >= first] - first] = np.nan
        made = Fitted(rows, first, predictions, perf_counter() - began)
        if self.folder is not None:
            with replace_file(self.folder / f"{key}.npz") as path, path.open("wb") as stream:
                np.savez(stream, predictions=made.predictions, seconds=made.seconds)
        self._models[key] = made
        self.fits += 1
        return made

    def _recall(self, key: str, rows: Rows, first: int) -> Fitted | None:
        if key not in self._models and self.folder is not None:
            try:
                with (self.folder / f"{key}.npz").open("rb") as stream, np.load(stream) as kept:
                    predictions, seconds = kept["predictions"], float(kept["seconds"])
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                return None  # not there, or not whole: it is fitted again
            self._models[key] = Fitted(rows, first, predictions, seconds)
        return self._models.get(key)

    @staticmethod
    def _key(rows: Rows, first: int) -> str:
        digest = sha256(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
        return f"{len(rows):08d}-{first:08d}-{digest.hexdigest()[:16]}"
