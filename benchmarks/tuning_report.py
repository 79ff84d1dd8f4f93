"""Printed tables of the tuning race."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tuning_races import OURS, Race
from tuning_statistics import NOISE

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES: dict[str, dict[str, Any]] = {
    "by its folds": {},
    "within 0.1 %": {"tolerance": NOISE},
    "0.1 %, computed": {"tolerance": NOISE, "clock": "cpu"},
    "neutral": {"score": "neutral_score"},
    "neutral, computed": {"score": "neutral_score", "clock": "cpu"},
    "whole study": {"whole": True},
}
GRID = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the seconds of plain Optuna's study


def print_report(races: Sequence[Race], claims: Sequence[dict[str, Any]]) -> None:
    """Print who reached what when, what it cost, and the bounds."""
    _print_times([race for race in races if race.has("plain", OURS)])
    _print_scores(races)
    _print_equal_times([race for race in races if race.has("plain", OURS)])
    _print_costs(races)
    if claims:
        print("\nagainst the bounds of the specification")
    for claim in claims:
        print(f"  {claim['what']:66s}{claim['measured']:>34s}  {claim['bound']:>14s}: "
              f"{claim['verdict']}")  # fmt: skip


def print_incumbents(races: Sequence[Race]) -> None:
    """Print every incumbent of every run, for who works on the speed."""
    for race in races:
        for arm, run in race.runs.items():
            print(f"\n{race.table}, seed {race.seed}, {arm}: incumbents")
            for moment in run.get("moments", ()):
                cpu = "" if moment["cpu"] is None else f" ({moment['cpu']:.2f} computed)"
                print(
                    f"  {moment['seconds']:8.2f} s{cpu}  own score {moment['value']:.5f}"
                    f"  plain {moment['plain_score']:.5f}"
                    f"  neutral {moment.get('neutral_score', float('nan')):.5f}"
                    f"  test {moment['test']:.5f}"
                )


def _print_times(races: Sequence[Race]) -> None:
    if not races:
        return
    print(
        "\nhow many times sooner tune() has an answer as good as that of plain Optuna's study: by"
        " the five folds that\nchose it; within 0.1 % of it; by neutral folds; these two in"
        " computed seconds, which\nthe load of the machine changes less; by its folds against its"
        " whole study\n"
        f"{'table':14s}{'seed':>5s}{'plain study':>12s}{'to best':>10s}{'ours':>10s}"
        + "".join(f"{head:>24s}" for head in TIMES)
    )
    for race in races:
        plain, ours = race.runs["plain"], race.seconds_to_target
        cells = [race.speed(**choices) for choices in TIMES.values()]
        print(
            f"{race.table:14s}{race.seed:5d}{plain['seconds']:10.1f} s"
            f"{plain['moments'][-1]['seconds']:8.1f} s"
            f"{'never' if ours is None else f'{ours:.1f} s':>10s}"
            + "".join(f"{cell!s:>24s}" for cell in cells)
            + (f"  two processes: {race.speed('plain2')}" if race.has("plain2") else "")
        )
    for head, choices in TIMES.items():
        counted = [race.speed(**choices).counted for race in races]
        print(f"{head:>38s}: median {np.median(counted):.1f}x, least {min(counted):.1f}x")


def _print_scores(races: Sequence[Race]) -> None:
    print("\nscore of the last incumbent: by plain Optuna's five folds, and on the test rows")
    for race in races:
        cells = []
        for arm, run in race.runs.items():
            last = run["moments"][-1] if "moments" in run else run
            folds = f"{last['plain_score']:.5f}" if "plain_score" in last else "-"
            cells.append(f"{arm} {folds} {last['test']:.5f}")
        print(f"{race.table:14s}{race.seed:5d}  {race.metric.name:9s}{'; '.join(cells)}")


def _print_equal_times(races: Sequence[Race]) -> None:
    """Median relative difference of the test loss, where both had an answer."""
    rows = []
    for table in dict.fromkeys(race.table for race in races):
        mine = [race for race in races if race.table == table]
        cells = []
        for share in GRID:
            found = [r.test_difference("plain", share * r.runs["plain"]["seconds"]) for r in mine]
            known = [difference for difference in found if difference is not None]
            cells.append(f"{np.median(known):+.2%}" if known else "-")
        rows.append(f"{table:14s}" + "".join(f"{cell:>12s}" for cell in cells))
    if rows:
        heads = "".join(f"{f'1/{round(1 / share)}':>12s}" for share in GRID)
        print("\ntest loss against plain Optuna's at equal time, as shares of its study (median)")
        print("\n".join([f"{'':14s}{heads}", *rows]))


def _print_costs(races: Sequence[Race]) -> None:
    print(
        "\ncost: study, in units of the final fit on all rows; wall time outside LightGBM; slots"
        " idle beside a fit; memory\n"
        f"{'table':14s}{'seed':>5s}  {'arm':14s}{'study':>9s}{'final fit':>11s}{'units':>8s}"
        f"{'to target':>11s}{'outside':>9s}{'idle':>7s}{'memory':>9s}{'tracking':>10s}  load"
    )
    for race in races:
        for arm, run in race.runs.items():
            print(f"{race.table:14s}{race.seed:5d}  {arm:14s}{_costs(race, arm, run)}")


def _costs(race: Race, arm: str, run: dict[str, Any]) -> str:
    profile, refit = run.get("profile"), run.get("refit_seconds")
    reached = race.seconds_to_target if arm == OURS and race.has("plain") else None
    tracking = run["tracking"]["log_seconds"] / run["seconds"] if "tracking" in run else None
    cells = [
        f"{run['seconds']:7.1f} s",
        "-" if refit is None else f"{refit:.2f} s",
        "-" if refit is None else f"{race.fits(arm):.0f}",
        "-" if reached is None else f"{race.fits(arm, reached):.0f}",
        "-" if profile is None else f"{profile['outside']:.1%}",
        "-" if profile is None else f"{profile['idle']:.0%}",
        f"{run['peak_mb']:.0f} MB",
        "-" if tracking is None else f"{tracking:.1%}",
    ]
    widths = (9, 11, 8, 11, 9, 7, 9, 10)
    line = "".join(f"{cell:>{width}s}" for cell, width in zip(cells, widths, strict=True))
    parts = "" if profile is None else f"  {profile['main']}"
    return f"{line}  {run['load'][0]:.1f}-{run['load'][1]:.1f}{parts}"
