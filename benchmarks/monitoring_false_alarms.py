"""(a) How often detectors ring on clean windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitoring_streams import FLIGHTS, draw_stream, read_flights

from driftune.monitoring import DriftMonitor

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import pandas as pd

    from driftune.monitoring import DriftReport

SIGNIFICANCE = 0.05
EFFECT = 0.2
DETECTORS = ("driftune", "ks_05", "psi_02")
LABELS = {
    "driftune": "driftune",
    "ks_05": "KS / chi-square p < .05 in a column",
    "psi_02": "PSI > 0.2 in a column",
}


@dataclass(frozen=True)
class Clean:
    """A clean stream cut into a reference and windows after it.

    Attributes:
        table: Whose rows are shuffled, see ``monitoring_streams``.
        reference: Rows of the reference.
        window: Rows of a window.
        min_rows: Of the monitor.
        share: Of the windows asked for; long windows take long.
    """

    table: str
    reference: int
    window: int
    min_rows: int = 200
    share: float = 1.0

    @property
    def name(self) -> str:
        """Table and window."""
        return f"{self.table}, {self.window} rows"


STREAMS = (
    Clean(FLIGHTS, 12_000, 500),
    Clean(FLIGHTS, 16_000, 1850, share=0.1),  # about a week
    Clean("digits", 1000, 200, share=0.2),
    Clean("diabetes", 300, 60, min_rows=50, share=0.2),
    Clean("breast_cancer", 360, 60, min_rows=50, share=0.2),
)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Count the windows in which each detector rings, and those with an unlimited effect too."""
    streams = {}
    for stream in STREAMS:
        windows = max(1, round(options.windows * stream.share))
        streams[stream.name] = {
            "windows": windows,
            **_share(list(_reports(stream, windows))),
        }
        print(stream.name, streams[stream.name], flush=True)
    return {
        "significance": SIGNIFICANCE,
        "effect": EFFECT,
        "streams": streams,
        "weeks_left_out": _share(list(_weeks())),
    }


def _reports(stream: Clean, windows: int) -> Iterator[DriftReport]:
    """Yield reports of clean windows, shuffling anew where a shuffling is used up."""
    given = seed = 0
    while given < windows:
        frame = draw_stream(stream.table, seed)
        monitor = DriftMonitor(significance=SIGNIFICANCE, effect=EFFECT, min_rows=stream.min_rows)
        monitor.fit(frame[: stream.reference])
        later = frame[stream.reference :]
        count = min(len(later) // stream.window, windows - given)
        for place in range(count):
            yield monitor.observe(later[place * stream.window : (place + 1) * stream.window])
        given, seed = given + count, seed + 1


def _weeks() -> Iterator[DriftReport]:
    """Yield reports of each of the weeks 0 to 12 against all others, in the order of life."""
    import pandas as pd

    frame: pd.DataFrame = read_flights()
    size = len(frame) // 13
    for week in range(13):
        window = frame[week * size : (week + 1) * size]
        rest = pd.concat([frame[: week * size], frame[(week + 1) * size :]])
        yield DriftMonitor(significance=SIGNIFICANCE, effect=EFFECT).fit(rest).observe(window)


def _share(reports: list[DriftReport]) -> dict[str, float]:
    """Return the share of reports in which each detector rang, and the part of each of our tests.

    ``significant`` leaves out that an alarm needs an effect: what the calibration alone lets by.
    """
    rang = {name: 0 for name in (*DETECTORS, "significant", "columns", "joint")}
    for report in reports:
        columns, joint = report.columns, report.joint
        chances = [column.p_value for column in columns] + ([joint.p_value] if joint else [])
        rang["driftune"] += report.drifted
        rang["significant"] += min(chances) <= SIGNIFICANCE
        rang["columns"] += bool(report.alarms)
        rang["joint"] += bool(joint and joint.alarm)
        rang["ks_05"] += any(
            (column.chi_square_p if column.ks_p is None else column.ks_p) < 0.05
            for column in columns
        )
        rang["psi_02"] += any(column.psi > 0.2 for column in columns)
    return {name: count / len(reports) for name, count in rang.items()}


def print_report(found: dict[str, Any]) -> None:
    """Print a table."""
    print(f"\nfalse alarms (ours: at most {found['significance']:.0%} of clean windows)")
    print(f"{'stream':32}{'windows':>8}{'driftune':>10}{'p alone':>9}{'KS .05':>8}{'PSI .2':>8}")
    rows = [*found["streams"].items(), ("weeks 0-12, each left out", found["weeks_left_out"])]
    for name, one in rows:
        print(
            f"{name:32}{one.get('windows', 13):8}{one['driftune']:10.1%}{one['significant']:9.1%}"
            f"{one['ks_05']:8.1%}{one['psi_02']:8.1%}"
        )
