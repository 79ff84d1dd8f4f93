"""Trigger policies on a year of flights: what they gain, how often they retrain, false alarms.

Writes ``benchmarks/results/monitoring_policies.json`` and a picture per problem. For both of the
demo's problems (100,000 flights, forty weekly batches) it replays

- never, always and the best schedule in hindsight, without a gate,
- our default policy, its gate included,
- ``drop``: a drop of 40 % in 2 of 3 weeks, or 8 weeks without a retune (our default until 0.5),
- ``ks``: the naive drift alarm, a Kolmogorov-Smirnov test (chi-squared for text) at p < .05 of
  each column against what the champion learned from, which asks for a retune every time,

and counts the retunes that they ask for where nothing drifts: weeks 0 to 12 alone, days in random
order, the first two fifths as initial rows and the rest as batches of a tenth of them. The same
with blocks of three days: batches then differ more, as they are little more than one block each.

    python benchmarks/monitoring_policies.py [--problems air_time late] [--parts replay clean]
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.demo.flights import build_flights
from driftune.loop.backtesting import Worlds, replay_all, without_unused
from driftune.loop.past_rows import PastRows, read_past
from driftune.loop.past_shuffled import shuffle_past
from driftune.loop.retraining import default_configuration
from driftune.monitoring import Decision, TriggerPolicy
from driftune.monitoring.backtest import replay
from driftune.project import Project
from driftune.reporting.backtest_plot import draw_backtest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from driftune.loop.backtesting import Judged
    from driftune.monitoring import Observation, PastDecision
    from driftune.settings import Settings

RESULTS = Path(__file__).parent / "results"
ALPHA = 0.05
SAMPLE = 5000  # rows of each side of a test; more make it reject still more
INITIAL, BATCH = 0.4, 0.04  # of the clean rows
DAYS = (1, 3)  # in a block
DROP = TriggerPolicy(
    cost=None, recall=False, min_drop=0.4, k=2, m=3, hysteresis=0, every=8, strategy="all_history"
)


@dataclass
class KolmogorovSmirnov:
    """Asks for a retune whenever any column of a batch differs with p < .05.

    Attributes:
        past: The history whose columns are tested.
        settings: Says which columns are no inputs.
    """

    past: PastRows
    settings: Settings
    strategy: str = "all_history"
    _found: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    def decide(
        self,
        history: Sequence[PastDecision],
        observation: Observation,
        *,
        retunes_this_month: int = 0,
    ) -> Decision:
        """Test the newest batch against all rows up to the last promotion."""
        last = max([at + 1 for at, past in enumerate(history) if past.retuned], default=0)
        batch = len(history) + 1
        if (last, batch) not in self._found:
            self._found[last, batch] = self._drifted(last, batch)
        columns = self._found[last, batch]
        if not columns:
            return Decision("no_drift", None, "no column differs", breach=False)
        reason = f"p < {ALPHA} in {', '.join(columns)}"
        return Decision("queued", "drift", reason, breach=False, action="retune")

    def _drifted(self, last: int, batch: int) -> list[str]:
        unused = [name for name in (self.settings.target, self.settings.time) if name]
        table = self.past.table.drop(columns=unused)
        ends = self.past.ends
        old = table.iloc[: ends[last]]
        old = old.sample(min(SAMPLE, len(old)), random_state=0)
        new = table.iloc[ends[batch - 1] : ends[batch]]
        return [name for name in table.columns if _p_value(old[name], new[name]) < ALPHA]


def _p_value(old: pd.Series[Any], new: pd.Series[Any]) -> float:
    from scipy.stats import chi2_contingency, ks_2samp

    if old.dtype.kind in "if":
        return float(ks_2samp(old.dropna(), new.dropna()).pvalue)
    levels = sorted({*old.dropna(), *new.dropna()})
    counts = np.array([each.value_counts().reindex(levels).fillna(0) for each in (old, new)])
    return float(chi2_contingency(counts).pvalue)


def policies(past: PastRows, settings: Settings) -> dict[str, Any]:
    """Return our default and its rivals."""
    return {
        "default": TriggerPolicy(),
        "drop": DROP,
        "ks": KolmogorovSmirnov(past, settings),
    }


def clean_past(past: PastRows, settings: Settings) -> PastRows:
    """Return the initial rows alone, cut into new initial rows and batches."""
    table = past.table.iloc[: past.ends[0]].reset_index(drop=True)
    first, size = int(INITIAL * len(table)), int(BATCH * len(table))
    ends = [first, *range(first + size, len(table) + 1, size)]
    names = ("initial", *(f"batch_{number:02d}" for number in range(1, len(ends))))
    return PastRows(table.iloc[: ends[-1]], names, tuple(ends), (), past.share, f"{past.key}-clean")


def measure(problem: str, part: str, options: argparse.Namespace) -> dict[str, Any]:
    """Replay one problem; what is fitted is kept in the project's ``.driftune/backtest``."""
    project = Project.find(Path(__file__).resolve().parent)
    build_flights(project.root / "data" / "01_raw")
    settings = project.settings(problem)
    began = time.perf_counter()
    past = read_past(project, settings, most_rows=10**9)
    home = project.state / "backtest" / settings.name
    settings = without_unused(settings)
    worlds = Worlds(settings, default_configuration(settings, past, home), home, 0, _tell)
    if part == "replay":
        found = _measure_replay(worlds, past, options.out)
    else:
        clean = clean_past(past, settings)
        found = {f"blocks of {days} days": _measure_clean(worlds, clean, days) for days in DAYS}
    seconds = round(time.perf_counter() - began)
    return {**found, "seconds": seconds, "load_1m": round(os.getloadavg()[0], 1)}


def _measure_replay(worlds: Worlds, past: PastRows, out: Path) -> dict[str, Any]:
    settings, result = worlds.settings, worlds.known.result
    found = replay_all(worlds, past, policies(past, settings), shuffles=0)
    draw_backtest(found, out.with_name(f"{out.stem}_{settings.name}.png"))
    return {
        "metric": found.metric,
        "batches": len(found.batches),
        "rows": len(past.table),
        "configuration": result.best_params | {"rounds": result.best_rounds},
        "schedules": {one.replayed.name: _summary(one) for one in found.schedules},
        "policies": {one.replayed.name: _summary(one) for one in found.policies},
    }


def _tell(stage: str, done: int, wanted: int) -> None:
    if done % 40 == 0:
        print(f"  {stage} {done}/{wanted}", flush=True)


def _summary(one: Judged) -> dict[str, Any]:
    replayed = one.replayed
    acts = [step for step in replayed.steps if step.outcome == "queued"]
    return {
        "mean": replayed.mean,
        "retunes": replayed.retunes,
        "promotions": replayed.promotions,
        "share_of_always": one.share,
        "best_with_as_many": one.oracle,
        "fits": replayed.fits,
        "acts": [f"{step.batch}: {step.action} by {step.trigger}, {step.verdict}" for step in acts]
        if replayed.kind == "policy"
        else [step.batch for step in acts],
        "by_batch": [step.value for step in replayed.steps],
    }


def _measure_clean(worlds: Worlds, clean: PastRows, days: int) -> dict[str, Any]:
    """Count what is asked for where nothing drifts; a schedule's retunes are no alarms."""
    dates = clean.table[worlds.settings.time].dt.date.nunique()
    block = round(len(clean.table) / dates * days)
    stream = shuffle_past(clean, worlds.settings, block=block, seed=0)
    rivals = policies(stream, worlds.settings)
    world = worlds.open(stream, rivals.values(), f"clean stream, blocks of {days} days")
    found = {name: replay(world, policy, name) for name, policy in rivals.items()}
    return {
        "batches": len(clean.names) - 1,
        "rows_per_batch": clean.ends[1] - clean.ends[0],
        "rows_per_block": block,
        "alarms": {name: one.alarms for name, one in found.items()},
        "promotions": {name: one.promotions for name, one in found.items()},
    }


def print_report(document: dict[str, Any]) -> None:
    """Print a table per problem."""
    for name, parts in document.items():
        one, clean = parts.get("replay"), parts.get("clean", {})
        if one is None:
            continue
        streams = {key: value for key, value in clean.items() if key.startswith("blocks")}
        print(f"\n{name}: {one['batches']} weekly batches, mean {one['metric']}")
        print(f"{'':<10}{'mean':>9}{'of always':>11}{'retunes':>9}{'promoted':>10}  false alarms")
        for who, row in (one["schedules"] | one["policies"]).items():
            share = "" if row["share_of_always"] is None else f"{row['share_of_always']:.0%}"
            alarms = [
                f"{stream['alarms'][who]} in {stream['batches']} ({key})"
                for key, stream in streams.items()
                if who in stream["alarms"]
            ]
            print(
                f"{who:<10}{row['mean']:>9.4g}{share:>11}{row['retunes']:>9}"
                f"{row['promotions']:>10}  {', '.join(alarms)}"
            )


def main() -> None:
    """Measure, write after each part, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--problems", nargs="+", default=["air_time", "late"])
    parser.add_argument("--parts", nargs="+", default=["replay", "clean"])
    parser.add_argument("--out", type=Path, default=RESULTS / "monitoring_policies.json")
    options = parser.parse_args()
    document: dict[str, Any] = {}
    if options.out.exists():
        document = json.loads(options.out.read_text(encoding="utf-8"))
    for name in options.problems:
        for part in options.parts:
            found = measure(name, part, options)
            document.setdefault(name, {})[part] = found
            options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print_report(document)


if __name__ == "__main__":
    main()
