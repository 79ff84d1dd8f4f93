"""The retraining matrix: what models of every age would have predicted about every later batch.

Model i has learned from everything that was known after batch i. With its predictions on all later
batches any schedule of retrainings can be replayed without another fit: which model would have
served, what it would have scored, what the gate would have said. Predictions are kept, not only
scores, so that paired tests are replayed as they would have run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from driftune.errors import UsageError
from driftune.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from driftune.metrics import FloatArray

    # Fit on these rows; predict those from the first number up to, without, the second.
    Learn: TypeAlias = Callable[["Rows", int, int], FloatArray]

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
class Ask:
    """A model that is wanted.

    Args:
        rows: Row numbers that it learns from, ascending.
        first: Number of the first row that it predicts.
        end: Number after the last one.
    """

    rows: Rows
    first: int
    end: int

    @cached_property
    def key(self) -> str:
        """A name made of the content."""
        digest = sha256(np.ascontiguousarray(self.rows, dtype=np.int64).tobytes()).hexdigest()
        return f"{len(self.rows):08d}-{self.first:08d}-{self.end:08d}-{digest[:16]}"


@dataclass(frozen=True)
class Fitted:
    """One model: what it learned from, and what it predicts about the rows after that.

    Args:
        key: Its name; equal for equal models.
        rows: Row numbers that it learned from, ascending.
        first: Number of the first row that it predicts.
        predictions: (k,) or (k, classes) float32; NaN for rows that it learned from.
        seconds: That the fit and the predictions took.
    """

    key: str
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
            UsageError: Rows before the first or after the last that it predicts.
        """
        end = self.first + len(self.predictions)
        if len(rows) and not self.first <= rows.min() <= rows.max() < end:
            raise UsageError(
                f"This model predicts rows from {self.first} to {end - 1}, not {rows.min()} to"
                f" {rows.max()}."
            )
        return self.predictions[rows - self.first].astype(np.float64)


@dataclass
class RetrainingMatrix:
    """Models by what they learned from; each is fitted when first asked for, and then kept.

    Args:
        history: The rows.
        learn: ``learn(rows, first, end)`` fits and predicts; called from threads.
        folder: Where predictions are kept between runs; it must belong to this very history and
            configuration. None: in memory only.
        workers: Fits at a time.
        fits: How many models were fitted by this object.
    """

    history: History
    learn: Learn
    folder: Path | None = None
    workers: int = 1
    fits: int = 0
    _models: dict[str, Fitted] = field(default_factory=dict, repr=False)

    @property
    def seconds_per_fit(self) -> float:
        """Mean seconds of a fit, of the models in memory; 0 while there is none."""
        taken = [model.seconds for model in self._models.values()]
        return sum(taken) / len(taken) if taken else 0.0

    def serving(self, last: int) -> Fitted:
        """Return the model that knows all labels up to batch ``last``."""
        return self.fitted(self.ask_serving(last))

    def ask_serving(self, last: int) -> Ask:
        """Say which model :meth:`serving` returns."""
        return self.ask(self.history.known(last), self.history.ends[last])

    def ask(self, rows: Rows, first: int, end: int | None = None) -> Ask:
        """Say which model is wanted; without an end it predicts to the end of the history."""
        return Ask(rows, first, len(self.history.labels) if end is None else end)

    def proof(self, allowed: Rows, held: Rows) -> Fitted:
        """Return a model of the rows allowed, which predicts those that the gate keeps.

        A serving model that knows at most a hundredth fewer rows, and no other, stands in: weekly
        batches and a week for the gate need no fits of their own.
        """
        for last in range(len(self.history.names) - 1, -1, -1):
            known = self.history.known(last)
            if len(known) < (1 - _NEAR) * len(allowed):
                break
            before = self.history.ends[last] <= held.min()
            if before and np.isin(known, allowed, assume_unique=True).all():
                return self.serving(last)
        return self.fitted(self.ask(allowed, int(held.min())))

    def fill(
        self, asks: Sequence[Ask], *, on_fit: Callable[[int, int], None] | None = None
    ) -> None:
        """Fit what is not there yet, several at a time, those of the most rows first.

        Args:
            asks: What is wanted.
            on_fit: Called with (models there, models wanted) after each fit. Ctrl-C between two
                fits loses none that is done.
        """
        wanted = {ask.key: ask for ask in asks}
        missing = [ask for ask in wanted.values() if self._recall(ask) is None]
        missing.sort(key=lambda ask: -len(ask.rows))
        pool = ThreadPoolExecutor(max_workers=max(1, self.workers))
        try:
            futures = [pool.submit(self._fit, ask) for ask in missing]
            there = len(wanted) - len(missing)
            for done, future in enumerate(as_completed(futures), start=there + 1):
                future.result()
                if on_fit:
                    on_fit(done, len(wanted))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def fitted(self, ask: Ask) -> Fitted:
        """Return a model, from memory, from the folder, or newly fitted."""
        return self._recall(ask) or self._fit(ask)

    def _fit(self, ask: Ask) -> Fitted:
        began = perf_counter()
        predictions = np.asarray(self.learn(ask.rows, ask.first, ask.end), dtype=np.float32)
        learned = ask.rows[(ask.rows >= ask.first) & (ask.rows < ask.end)]
        predictions[learned - ask.first] = np.nan
        made = Fitted(ask.key, ask.rows, ask.first, predictions, perf_counter() - began)
        if self.folder is not None:
            with replace_file(self.folder / f"{ask.key}.npz") as path, path.open("wb") as stream:
                np.savez(stream, predictions=made.predictions, seconds=made.seconds)
        self._models[ask.key] = made
        self.fits += 1
        return made

    def _recall(self, ask: Ask) -> Fitted | None:
        key = ask.key
        if key not in self._models and self.folder is not None:
            try:
                with (self.folder / f"{key}.npz").open("rb") as stream, np.load(stream) as kept:
                    predictions, seconds = kept["predictions"], float(kept["seconds"])
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                return None  # not there, or not whole: it is fitted again
            self._models[key] = Fitted(key, ask.rows, ask.first, predictions, seconds)
        return self._models.get(key)
