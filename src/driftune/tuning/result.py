"""What a study found: the best configuration, every trial, and who proposed what."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial

EXPLANATIONS = ("fold_scores", "spread", "train_gap", "best_iteration", "fit_seconds")
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


@dataclass(frozen=True)
class TuningResult:
    """The outcome of :func:`driftune.tuning.tune`, with all that a refit needs.

    Attributes:
        problem: Name of the problem.
        family: Model family.
        metric: Name of the metric.
        direction: ``minimize`` or ``maximize``.
        best_params: The best configuration, by the family's own parameter names.
        best_value: Its mean score over the folds, in the metric's natural units.
        best_rounds: Median over its folds of the best boosting round.
        rows: Labelled rows of the study.
        fold_rows: Mean number of training rows in a fold.
        trials: One row per finished trial: ``number``, ``state``, ``value``, ``source``,
            ``rationale``, ``duration`` (seconds), ``params`` (dict), ``fold_scores``, ``spread``,
            ``train_gap`` (validation minus training loss), ``best_iteration``, ``fit_seconds``,
            ``failure``; missing where it does not apply.
        by_source: One dict per source, as the sampler credits them.
        stop_reason: ``time``, ``trials``, ``converged``, ``llm_cost`` or ``user``.
        llm_cost_usd: Dollars spent on language-model calls in this study.
        llm_calls: Language-model calls in this study.
        study_name: Optuna's name of the study.
        storage: Where the study lives; ``None`` when it was in memory.
        seconds: Wall time of this call.
        seed: Of the folds, the fits and the sampler.
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

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values; NaN becomes ``None``."""
        content = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "trials"}
        content["trials"] = self.trials.to_dict("records")
        plain: dict[str, Any] = json.loads(json.dumps(_plain(content)))
        return plain

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> TuningResult:
        """Read what :meth:`to_dict` wrote."""
        return cls(**{**content, "trials": _table(content["trials"])})

    def table_by_source(self) -> str:
        """A text table: one line per source, with its trials and what they brought.

        The columns are those of :func:`driftune.sampler.credit_by_source`.
        """
        import pandas as pd

        if not self.by_source:
            return "no trials"
        return str(
            pd.DataFrame(self.by_source).to_string(index=False, float_format="{:.4g}".format)
        )


def trial_table(trials: list[FrozenTrial]) -> pd.DataFrame:
    """The finished trials of a study as :attr:`TuningResult.trials`."""
    from driftune.sampler import source_of

    return _table([_record(t, source_of(t)) for t in trials if t.state.is_finished()])


def credit(trials: list[FrozenTrial], direction: str) -> list[dict[str, Any]]:
    """Who proposed what, and what it brought, by the sampler's own accounting."""
    from driftune.sampler import credit_by_source

    return [asdict(entry) for entry in credit_by_source(trials, direction=direction)]


def _record(trial: FrozenTrial, source: str) -> dict[str, Any]:
    from driftune.tuning.objective import FAILURE

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
    record |= {name: trial.user_attrs.get(name) for name in EXPLANATIONS}
    if trial.state.name == "FAIL":
        record["failure"] = trial.user_attrs.get(FAILURE, "interrupted")
    return record


def _table(records: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(records, columns=list(TRIAL_COLUMNS), dtype=object)
    numbers = ("value", "duration", "spread", "train_gap", "best_iteration", "fit_seconds")
    types = dict.fromkeys(numbers, "float64") | {"number": "int64"}
    return frame.astype(types)


def _plain(value: Any) -> Any:
    """JSON values only."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
