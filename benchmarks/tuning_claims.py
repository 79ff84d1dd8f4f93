"""The tuning race held against the bounds of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tuning_races import OURS, Race
from tuning_statistics import NOISE, paired_interval
from tuning_tables import FLIGHTS, ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_SPEED, MOST_OVERHEAD, MOST_TRACKING, AIM_FITS, WINS = 8.0, 0.10, 0.05, 20, 2 / 3
TIE = 0.01  # of the loss: nobody's win


def find_claims(races: Sequence[Race], rows: int = ROWS) -> list[dict[str, Any]]:
    """Return one entry per bound, with what was measured; losses included.

    Args:
        races: What was run; a bound that needs other arms is left out.
        rows: Flights to tune on.
    """
    against = [race for race in races if race.has("plain", OURS)]
    claims = [*_speed(against)] if against else []
    claims += _overhead(against, rows)
    for rival in ("flaml", "flaml-early"):
        claims += _flaml([race for race in races if race.has(rival, OURS)], rival)
    return claims


def _speed(races: Sequence[Race]) -> list[dict[str, Any]]:
    ratios = [race.speed() for race in races]
    neutral = [race.speed(score="neutral_score").counted for race in races]
    near = [race.speed(tolerance=NOISE).counted for race in races]
    counted = [ratio.counted for ratio in ratios]
    missed = sum(not ratio.reached for ratio in ratios)
    low, mean, high = paired_interval([_end_difference(race, "plain") for race in races])
    costs = [_units(race) for race in races]
    return [
        _claim("sooner at plain Optuna's score: median", f"{np.median(counted):.1f}x",
               f">= {LEAST_SPEED:g}x", np.median(counted) >= LEAST_SPEED),
        _claim("... never slower: the least", f"{min(counted):.1f}x", ">= 1x", min(counted) >= 1),
        _claim("... score not reached", f"{missed} of {len(ratios)}", "0", missed == 0),
        _claim("... within 0.1 %: median", f"{np.median(near):.1f}x", f">= {LEAST_SPEED:g}x",
               np.median(near) >= LEAST_SPEED),
        _claim("... within 0.1 %: the least", f"{min(near):.1f}x", ">= 1x", min(near) >= 1),
        _claim("... by neutral folds: median", f"{np.median(neutral):.1f}x",
               f">= {LEAST_SPEED:g}x", np.median(neutral) >= LEAST_SPEED),
        _claim("... by neutral folds: the least", f"{min(neutral):.1f}x", ">= 1x",
               min(neutral) >= 1),
        _claim("test loss against plain Optuna's, paired mean", _write(low, mean, high), "<= 0",
               low <= 0, open_=low <= 0 < mean),
        _claim("final fits until that score: median", f"{np.median(costs):.0f}",
               f"<= {AIM_FITS}", np.median(costs) <= AIM_FITS),
    ]  # fmt: skip


def _overhead(races: Sequence[Race], rows: int) -> list[dict[str, Any]]:
    """Judged on the flights, where a study has many rows."""
    claims = []
    for table in FLIGHTS:
        runs = [race.runs[OURS] for race in races if race.table == table]
        if not runs:
            continue
        outside = max(run["profile"]["outside"] for run in runs)
        tracking = max(run["tracking"]["log_seconds"] / run["seconds"] for run in runs)
        claims += [
            _claim(f"outside LightGBM, {table}, {rows:,} rows: most", f"{outside:.1%}",
                   f"<= {MOST_OVERHEAD:.0%}", outside <= MOST_OVERHEAD),
            _claim(f"tracking, {table}: most", f"{tracking:.1%}", f"<= {MOST_TRACKING:.0%}",
                   tracking <= MOST_TRACKING),
        ]  # fmt: skip
    return claims


def _flaml(races: Sequence[Race], rival: str) -> list[dict[str, Any]]:
    if not races:
        return []
    at = "of our study" if rival == "flaml" else "to plain Optuna's score"
    by_table: dict[str, list[float]] = {}
    for race in races:
        moment = None if rival == "flaml" else race.runs[rival]["budget"]
        difference = race.test_difference(rival, moment)
        by_table.setdefault(race.table, []).append(2.0 if difference is None else difference)
    means = {table: paired_interval(found) for table, found in by_table.items()}
    good = sum(mean <= TIE for _, mean, _ in means.values())
    wins = sum(mean < -TIE for _, mean, _ in means.values())
    claims = [
        _claim(f"tables as good as FLAML in the seconds {at}", f"{good} of {len(means)}",
               f">= {WINS:.0%}", good >= WINS * len(means)),
        _claim("... won, tied within 1 %, lost", f"{wins}, {good - wins}, {len(means) - good}",
               "", None),
    ]  # fmt: skip
    claims += [
        _claim(f"... test loss on {table}", _write(*interval), "", None)
        for table, interval in means.items()
    ]
    return claims


def _end_difference(race: Race, rival: str) -> float:
    difference = race.test_difference(rival)
    assert difference is not None
    return difference


def _units(race: Race) -> float:
    reached = race.seconds_to_target
    return float("inf") if reached is None else race.fits(OURS, reached)


def _claim(
    what: str, measured: str, bound: str, holds: Any, *, open_: bool = False
) -> dict[str, Any]:
    verdict = "" if holds is None else "open" if open_ else "holds" if holds else "fails"
    return {"what": what, "measured": measured, "bound": bound, "verdict": verdict}


def _write(low: float, mean: float, high: float) -> str:
    if not np.isfinite(low):
        return f"{mean:+.2%} (one pair)"
    return f"{mean:+.2%} [{low:+.2%}, {high:+.2%}]"
