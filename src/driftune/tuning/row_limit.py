"""Fewer rows than there are, where rows are limited or cost money: which ones are taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from driftune.tuning.budget import RowSelection
    from driftune.tuning.prepared import Prepared


def take_rows(
    prepared: Prepared, most: int | None, *, selection: RowSelection = "auto", seed: int = 0
) -> Prepared:
    """Keep at most ``most`` rows: the newest, or without a time column a stratified random sample.

    The same table, number and seed give the same rows, and a larger number gives these rows and
    more: what was bought is never left out. The sample keeps the class shares and at least one row
    of each class, where ``most`` allows it.

    Args:
        prepared: The labelled rows, in time order if they have one.
        most: How many rows to keep; ``None`` for all.
        selection: ``k_center`` for rows that cover the table, old ones and new ones, instead.
        seed: Of the sample.

    Raises:
        UsageError: To choose so many of so many rows by k-center would take minutes.
    """
    n = len(prepared.y)
    if most is None or most >= n:
        return prepared
    if selection == "k_center":
        rows = np.sort(_cover(prepared, most, seed))
    elif prepared.time is not None:
        rows = np.arange(n - most, n)
    else:
        order = _spread_classes(prepared.y if prepared.classes is not None else None, n, seed)
        rows = np.sort(order[:most])
    return replace(
        prepared,
        X=prepared.X.iloc[rows].reset_index(drop=True),
        y=prepared.y[rows],
        time=None if prepared.time is None else prepared.time.iloc[rows].reset_index(drop=True),
        groups=None if prepared.groups is None else prepared.groups[rows],
    )


def _cover(prepared: Prepared, most: int, seed: int) -> NDArray[np.intp]:
    from driftune.tuning.coreset import choose_spread
    from driftune.tuning.encoding import build_encoder

    return choose_spread(
        build_encoder(prepared).fit_transform(prepared.X),
        most,
        n_categorical=len(prepared.categorical),
        classes=None if prepared.classes is None else prepared.y,
        seed=seed,
    )


def _spread_classes(y: NDArray[np.int64] | None, n: int, seed: int) -> NDArray[np.intp]:
    """Shuffle rows so that every beginning of the order has nearly the class shares of the whole.

    Row number j of a class of m rows, both in random order, comes after the share j/m of the rows.
    """
    order = np.random.default_rng(seed).permutation(n)
    if y is None:
        return order
    place = np.empty(n)
    for label in np.unique(y):
        of_class = order[y[order] == label]
        place[of_class] = np.arange(len(of_class)) / len(of_class)
    return order[np.argsort(place[order], kind="stable")]
