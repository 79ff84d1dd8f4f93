"""An older search, put together again from its runs in MLflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftune.sampler.worth import Worth
from driftune.tracking import FAMILY_TAG, TRIAL_TAG
from driftune.tuning import TuningResult
from driftune.tuning.result import EXPLANATIONS

if TYPE_CHECKING:
    from mlflow.entities import Run

    from driftune.reporting.records import Records
    from driftune.reporting.story import Retuned
    from driftune.reporting.tracked import TrackedRun

UNTOLD = Worth("too few trials")
"""The run has a sentence on what the language model was worth, not the numbers behind it."""
NO_MODEL = "no model"


def read_past_study(records: Records, retune: Retuned) -> TuningResult | None:
    """Return the search of a retune as far as MLflow has it; ``None`` without a run or trials."""
    run = records.tracked.runs.get(retune.id)
    runs = sorted(records.trials.get(run.id, []) if run else [], key=_number)
    if run is None or not runs:
        return None
    metric = records.settings.metric_object
    asked = run.tags.get("driftune.worth", NO_MODEL) != NO_MODEL
    content: dict[str, Any] = {
        "problem": records.settings.name,
        "family": run.tags.get(FAMILY_TAG, "models"),
        "metric": metric.name,
        "direction": "maximize" if metric.greater_is_better else "minimize",
        "best_params": retune.best_params,
        "best_value": run.metrics.get(f"validation_{metric.name}", float("nan")),
        "best_rounds": 0,
        "rows": 0,
        "fold_rows": 0,
        "trials": [_trial(trial, metric.name) for trial in runs],
        "by_source": _credits(run, runs),
        "stop_reason": retune.stop_reason or "?",
        "llm_cost_usd": retune.llm_cost_usd,
        "llm_calls": retune.llm_calls,
        "study_name": run.tags.get("driftune.study", retune.id),
        "storage": None,
        "seconds": retune.seconds or 0.0,
        "seed": records.settings.tuning.seed,
        "worth": vars(UNTOLD if asked else Worth(NO_MODEL)),
    }
    return TuningResult.from_dict(content)


def _number(run: Run) -> int:
    return int(run.data.tags[TRIAL_TAG])


def _trial(run: Run, metric: str) -> dict[str, Any]:
    tags, metrics = run.data.tags, run.data.metrics
    return {
        "number": _number(run),
        "state": tags.get("driftune.state", "COMPLETE"),
        "value": metrics.get(metric),
        "source": tags.get("driftune.source", "unknown"),
        "rationale": tags.get("driftune.rationale"),
        "params": dict(run.data.params),
        "failure": tags.get("driftune.failure"),
        **{name: metrics.get(name) for name in EXPLANATIONS if name != "fold_scores"},
    }


def _credits(parent: TrackedRun, runs: list[Run]) -> list[dict[str, Any]]:
    """What each source brought, in the order of its first trial."""
    sources = dict.fromkeys(run.data.tags.get("driftune.source", "unknown") for run in runs)
    return [_credit(source, parent.metrics, runs) for source in sources]


def _credit(source: str, metrics: dict[str, float], runs: list[Run]) -> dict[str, Any]:
    own = [run for run in runs if run.data.tags.get("driftune.source", "unknown") == source]
    done = [run for run in own if run.data.tags.get("driftune.state") == "COMPLETE"]

    def found(name: str) -> float | None:
        return metrics.get(f"source.{source}.{name}")

    unknown = dict.fromkeys(("tokens", "fallbacks", "vetoes"))
    calls = {"calls": int(metrics.get("llm.calls", 0)), "cost_usd": metrics.get("llm.cost_usd")}
    return {
        "source": source,
        "trials": len(own),
        "completed": len(done),
        "improvements": int(found("improvements") or 0),
        "gain": found("gain") or 0.0,
        "share": found("share"),
        **(calls | unknown if source == "llm" else {}),
    }
