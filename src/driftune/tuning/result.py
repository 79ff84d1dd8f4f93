"""What a study found: the best configuration, every trial, who proposed what, and its worth."""

from __future__ import annotations

import json
import math
from dataclasses import InitVar, asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.scaling.curves.rounds import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from optuna.trial import FrozenTrial

    from driftune.sampler.history import Outcome
    from driftune.sampler.worth import Worth
    from driftune.tuning.budget import RowSelection

EXPLANATIONS = (
    "fold_scores",
    "spread",
    "train_gap",
    "best_iteration",
    "fit_seconds",
    "model_kb",
    "latency_us",
    "memory_mb",
    "resident_mb",
)
TRIAL_COLUMNS = (
    "number",
    "state",
    "value",
    "source",
    "rationale",
    "duration",
    "params",
    *EXPLANATIONS,
    "failure",
)
SOURCE_COLUMNS = ("source", "trials", "improvements", "gain", "share")
CALL_COLUMNS = ("calls", "tokens", "cost_usd", "unpriced_calls", "fallbacks", "vetoes")


@dataclass(frozen=True)
class TuningResult:
    """The outcome of :func:`driftune.tuning.tune`, with all that a refit needs.

    Attributes:
        problem: Name of the problem.
        family: Model family.
        metric: Name of the metric.
        direction: ``minimize`` or ``maximize``.
        best_params: The best configuration that keeps the constraints, by the family's own
            parameter names.
        best_value: Its mean score over the folds, in the metric's natural units.
        best_rounds: Median over its folds of the best boosting round.
        rows: Labelled rows of the study.
        fold_rows: Mean number of training rows in a fold.
        trials: One row per finished trial: ``number``, ``state``, ``value``, ``source``,
            ``rationale``, ``duration`` (seconds), ``params`` (dict), ``fold_scores``, ``spread``,
            ``train_gap`` (validation minus training loss), ``best_iteration``, ``fit_seconds``,
            ``model_kb``, ``latency_us`` and ``memory_mb`` as the final model is expected to have
            them (see :mod:`driftune.tuning.constraints`), ``resident_mb`` of the process that
            fitted, ``failure``; missing where it does not apply.
        by_source: One dict per source, as the sampler credits them; see
            :class:`driftune.sampler.SourceCredit`.
        stop_reason: See :data:`driftune.tuning.budget.StopReason`.
        llm_cost_usd: Dollars spent on language-model calls in this study.
        llm_calls: Language-model calls in this study.
        study_name: Optuna's name of the study.
        storage: Where the study lives, without the password; ``None`` when it was in memory.
        seconds: Wall time of this call.
        seed: Of the folds, the fits and the sampler.
        rounds_exponent: Of the growth of boosting rounds with the rows, for a refit; see
            :func:`driftune.tuning.rounds.find_exponent`.
        max_rows: Most labelled rows that the budget allowed; a refit keeps to it.
        row_selection: Which ones, as :class:`driftune.tuning.Budget` has it; a refit keeps to it.
        transfer: What the nearest earlier study of this problem was worth as a start: ``study``,
            ``weight``, ``drift``, ``reason``, ``tried``; ``None`` where there was none. See
            :mod:`driftune.tuning.transfer`.
        constraints: Limits by name, which the best configuration keeps.
        worth: Whether the language model earned its money, and what the study is estimated to have
            reached without it; see :func:`driftune.sampler.worth.estimate_without_model`.
        kept_worth: The same as a dict from an earlier run; ``None`` estimates it now.
    """

    problem: str
    family: str
    metric: str
    direction: str
    best_params: dict[str, Any]
    best_value: float
    best_rounds: int
    rows: int
    fold_rows: int
    trials: pd.DataFrame
    by_source: list[dict[str, Any]]
    stop_reason: str
    llm_cost_usd: float
    llm_calls: int
    study_name: str
    storage: str | None
    seconds: float
    seed: int
    constraints: dict[str, float] = field(default_factory=dict)
    worth: Worth = field(init=False)
    max_rows: int | None = None
    transfer: dict[str, Any] | None = None
    rounds_exponent: float = DEFAULT
    row_selection: RowSelection = "auto"
    kept_worth: InitVar[dict[str, Any] | None] = None

    def __post_init__(self, kept_worth: dict[str, Any] | None) -> None:
        """Estimate what the language model was worth, unless that was done when it was stored."""
        from driftune.sampler.worth import Worth

        worth = Worth(**kept_worth) if kept_worth else self._estimate_worth()
        object.__setattr__(self, "worth", worth)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; NaN becomes ``None``."""
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        content |= {"trials": self.trials.to_dict("records"), "worth": asdict(self.worth)}
        plain: dict[str, Any] = json.loads(json.dumps(_plain(content)))
        return plain

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TuningResult:
        """Read what :meth:`to_dict` wrote, in this version or in one that knew no worth."""
        given = {key: value for key, value in content.items() if key not in ("trials", "worth")}
        return cls(**given, trials=_table(content["trials"]), kept_worth=content.get("worth"))

    def table_by_source(self) -> str:
        """A text table: one line per source, with its trials and what they brought and cost.

        ``share`` is a source's part of all improvement after the warm start. The columns of calls
        are left out of a study without a language model.
        """
        import pandas as pd

        if not self.by_source:
            return "no trials"
        asked = self.worth.verdict != "no model"
        columns = [*SOURCE_COLUMNS, *(CALL_COLUMNS if asked else ())]
        table = pd.DataFrame(self.by_source).reindex(columns=columns)
        table["share"] = [_percent(share) for share in table["share"]]
        others = table["source"] != "llm"
        for name in columns[len(SOURCE_COLUMNS) :]:
            table[name] = table[name].astype(object).mask(others, "-")
        table = table.rename(columns={"cost_usd": "cost, $", "unpriced_calls": "unpriced"})
        return str(table.to_string(index=False, float_format="{:.4g}".format))

    def summary_metrics(self) -> dict[str, float]:
        """Return what a tracker should plot over many studies, by names that MLflow takes.

        Per source ``source.<name>.trials``, ``.improvements``, ``.gain`` and, but for the warm
        start, ``.share``; ``llm.calls``, ``llm.cost_usd``; and, where it could be estimated,
        ``without_model``, ``without_model.low`` and ``without_model.high`` in the metric's units.
        """
        metrics: dict[str, float] = {
            "llm.calls": float(self.llm_calls),
            "llm.cost_usd": float(self.llm_cost_usd),
        }
        for entry in self.by_source:
            for name in ("trials", "improvements", "gain", "share"):
                if entry.get(name) is not None:
                    metrics[f"source.{entry['source']}.{name}"] = float(entry[name])
        ends = {"": self.worth.estimate, ".low": self.worth.low, ".high": self.worth.high}
        without = {f"without_model{end}": value for end, value in ends.items() if value is not None}
        return metrics | without

    def _estimate_worth(self) -> Worth:
        from driftune.sampler import SourceCredit
        from driftune.sampler.worth import judge_worth

        known = {f.name for f in fields(SourceCredit)}
        searched = sum(e["gain"] for e in self.by_source if e["source"] != "warm_start")
        credits = []
        for entry in self.by_source:  # of an older version, it has no share
            facts = {"share": entry["gain"] / searched if searched else 0.0, **entry}
            credits.append(SourceCredit(**{k: v for k, v in facts.items() if k in known}))
        return judge_worth(
            _history(self.trials, self.direction, self.constraints), credits, self.direction
        )


def trial_table(trials: list[FrozenTrial]) -> pd.DataFrame:
    """The finished trials of a study as :attr:`TuningResult.trials`."""
    from driftune.sampler import source_of

    return _table([_record(t, source_of(t)) for t in trials if t.state.is_finished()])


def credit(trials: list[FrozenTrial], direction: str) -> list[dict[str, Any]]:
    """Who proposed what, and what it brought, by the sampler's own accounting."""
    from driftune.sampler import credit_by_source

    return [asdict(entry) for entry in credit_by_source(trials, direction=direction)]


def _history(trials: pd.DataFrame, direction: str, limits: Mapping[str, float]) -> list[Outcome]:
    """The trials by number, as the sampler judges them; with one worker they finish so."""
    from driftune.sampler import Outcome
    from driftune.tuning.constraints import keep_limits

    sign = -1.0 if direction == "maximize" else 1.0
    best, history = math.inf, []
    kept = dict(zip(trials["number"], keep_limits(trials, limits), strict=True))
    for row in trials.sort_values("number").to_dict("records"):
        usable = not math.isnan(row["value"]) and bool(kept[row["number"]])
        loss = sign * row["value"] if usable else None
        gain = 0.0 if loss is None or not math.isfinite(best) else max(0.0, best - loss)
        best = best if loss is None else min(best, loss)
        history.append(Outcome(int(row["number"]), str(row["source"]), usable, gain, 0.0, loss))
    return history


def _record(trial: FrozenTrial, source: str) -> dict[str, Any]:
    from driftune.tuning.objective import EVALUATION, FAILURE

    record: dict[str, Any] = {
        "number": trial.number,
        "state": trial.state.name,
        "value": trial.value if trial.state.name == "COMPLETE" else None,
        "source": source,
        "rationale": trial.system_attrs.get("driftune:rationale"),
        "duration": trial.duration.total_seconds() if trial.duration else None,
        "params": dict(trial.params),
        "failure": None,
    }
    evaluation = trial.user_attrs.get(EVALUATION, {})
    record |= {name: evaluation.get(name) for name in EXPLANATIONS}
    if trial.state.name == "FAIL":
        record["failure"] = trial.user_attrs.get(FAILURE, "interrupted")
    return record


def _table(records: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(records, columns=list(TRIAL_COLUMNS), dtype=object)
    numbers = ("value", "duration", *(name for name in EXPLANATIONS if name != "fold_scores"))
    types = dict.fromkeys(numbers, "float64") | {"number": "int64"}
    return frame.astype(types)


def _percent(share: float | None) -> str:
    return "-" if share is None or math.isnan(share) else f"{share:.0%}"


def _plain(value: Any) -> Any:
    """JSON values only."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
