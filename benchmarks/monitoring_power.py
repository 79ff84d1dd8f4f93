"""(b) How often driftune rings for shifts of known size, by kind, size and rows of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from monitoring_streams import shuffle_days

from driftune.monitoring import DriftMonitor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    import pandas as pd

ROWS = (500, 1000, 2000)
REFERENCE = 14_000
NEVER_SEEN = "ZZ"


def smooth(table: pd.DataFrame, column: str, seed: int) -> pd.DataFrame:
    """Add noise to a number that has few values: else any shift makes all of them new."""
    noise = np.random.default_rng(seed).normal(scale=0.2 * table[column].std(), size=len(table))
    return table.assign(**{column: table[column] + noise})


def shift_mean(batch: pd.DataFrame, size: float, column: str, spread: float) -> pd.DataFrame:
    """Move a number by so many standard deviations of the reference."""
    return batch.assign(**{column: batch[column] + size * spread})


def stretch(batch: pd.DataFrame, size: float, column: str, _: float) -> pd.DataFrame:
    """Multiply a number's distance from its mean."""
    mean = batch[column].mean()
    return batch.assign(**{column: mean + size * (batch[column] - mean)})


def lose(batch: pd.DataFrame, size: float, column: str, _: float) -> pd.DataFrame:
    """Make this share of the values missing."""
    return batch.assign(**{column: batch[column].mask(_chosen(batch, size))})


def rename(batch: pd.DataFrame, size: float, column: str, _: float) -> pd.DataFrame:
    """Give this share of the rows a level that the reference never had."""
    text = batch[column].astype(object)
    return batch.assign(**{column: text.mask(_chosen(batch, size), NEVER_SEEN)})


def mix(batch: pd.DataFrame, size: float, column: str, _: float) -> pd.DataFrame:
    """Give this share of the rows the least frequent level of the batch."""
    text = batch[column].astype(object)
    return batch.assign(**{column: text.mask(_chosen(batch, size), text.value_counts().index[-1])})


def unrelate(batch: pd.DataFrame, size: float, column: str, _: float) -> pd.DataFrame:
    """Swap values among this share of the rows: the column stays, its relations go."""
    chosen = np.flatnonzero(_chosen(batch, size))
    values = batch[column].to_numpy().copy()
    values[chosen] = np.random.default_rng(1).permutation(values[chosen])
    return batch.assign(**{column: values})


def _chosen(batch: pd.DataFrame, share: float) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).random(len(batch)) < share


KINDS: dict[str, tuple[Callable[..., pd.DataFrame], str, tuple[float, ...]]] = {
    "mean of seats, sd": (shift_mean, "seats", (0.1, 0.3, 0.4, 0.5, 0.7, 1.0)),
    "mean of temp (wanders), sd": (shift_mean, "temp", (0.5, 1.0, 2.0, 3.0, 4.0)),
    "spread of seats, factor": (stretch, "seats", (1.2, 1.5, 2.0, 3.0)),
    "missing seats, share": (lose, "seats", (0.02, 0.05, 0.1, 0.2, 0.3)),
    "new carrier, share": (rename, "carrier", (0.01, 0.03, 0.05, 0.1)),
    "mix of carriers, share": (mix, "carrier", (0.02, 0.05, 0.1, 0.2, 0.3)),
    "relations of distance, share": (unrelate, "distance", (0.25, 0.5, 0.75, 1.0)),
}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Plant every shift in ``options.repeats`` clean windows of each length."""
    rang: dict[tuple[str, float, int], list[tuple[bool, bool]]] = {}
    seed = 0
    while not rang or len(min(rang.values(), key=len)) < options.repeats:
        frame = smooth(shuffle_days(1000 + seed), "seats", seed)
        monitor = DriftMonitor().fit(frame[:REFERENCE])
        spread = frame[:REFERENCE].std(numeric_only=True)
        for rows in ROWS:
            for start in range(REFERENCE, len(frame) - rows, 2000):
                batch = frame[start : start + rows]
                _plant(monitor, batch, spread, rang, most=options.repeats)
        seed += 1
        print(f"  {len(min(rang.values(), key=len))} of {options.repeats}", flush=True)
    return {
        "repeats": options.repeats,
        "kinds": {
            kind: {
                str(rows): {
                    str(size): {
                        "power": float(np.mean([any(one) for one in rang[kind, size, rows]])),
                        "joint": float(np.mean([one[1] for one in rang[kind, size, rows]])),
                    }
                    for size in sizes
                }
                for rows in ROWS
            }
            for kind, (_, _, sizes) in KINDS.items()
        },
    }


def _plant(
    monitor: DriftMonitor,
    batch: pd.DataFrame,
    spread: pd.Series[float],
    rang: dict[tuple[str, float, int], list[tuple[bool, bool]]],
    *,
    most: int,
) -> None:
    """Observe a window with each shift; note whether the column rang, and the joint test."""
    for kind, (change, column, sizes) in KINDS.items():
        for size in sizes:
            known = rang.setdefault((kind, size, len(batch)), [])
            if len(known) < most:
                changed = change(batch, size, column, float(spread.get(column, 1.0)))
                report = monitor.observe(changed)
                joint = bool(report.joint and report.joint.alarm)
                known.append((column in report.alarms, joint))


def print_report(found: dict[str, Any]) -> None:
    """Print the share of windows that rang, a line per kind and rows."""
    print(
        f"\npower: share of {found['repeats']} windows in which the column or the joint test rang"
    )
    for kind, by_rows in found["kinds"].items():
        sizes = list(next(iter(by_rows.values())))
        print(f"{kind:32}{'rows':>6}" + "".join(f"{size:>7}" for size in sizes))
        for rows, by_size in by_rows.items():
            print(f"{'':32}{rows:>6}" + "".join(f"{by_size[s]['power']:7.0%}" for s in sizes))
