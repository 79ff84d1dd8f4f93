"""A small project with a real ledger, a real MLflow store and real models; only Kedro is absent."""

from dataclasses import dataclass, field

import ibis
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sqlalchemy.orm import Session

from driftune.ledger import DecisionRow, ObservationRow, PromotionRow, RetuneRow
from driftune.metrics import get_metric
from driftune.project import Project
from driftune.scoring import score
from driftune.settings import Settings
from driftune.tracking import Tracker
from driftune.tuning import TuningResult
from driftune.tuning.result import TRIAL_COLUMNS

HOSTILE = '<script>alert("boo")</script><img src="http://evil.example/x.png">'
ENVIRONMENT = ("DRIFTUNE_STATE", "DRIFTUNE_LEDGER_URL", "MLFLOW_TRACKING_URI")
SLOPES = {"b_1": 2, "b_2": 2, "b_3": 3, "b_4": 3, "b_$5$": 3, "b_6<i>": 3, "b_7": 2.2}


@dataclass(frozen=True)
class Stand(Project):
    """A project whose datasets are given instead of loaded by Kedro."""

    datasets: dict = field(default_factory=dict)

    def load_dataset(self, name, **parameters):
        if name not in self.datasets:
            raise FileNotFoundError(name)
        return self.datasets[name]


def make_settings(root, name="pump", **changes):
    values = {"name": name, "target": "y", "metric": "rmse", "time": "t"}
    return Settings(**values, rows=root / "start.parquet", batches=root / "batches", **changes)


def make_rows(slope, seed=0, n=60):
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 10, n)
    t = pd.date_range("2026-01-01", periods=n, freq="h")
    return pd.DataFrame({"t": t, "x": x, "y": slope * x + rng.normal(0, 0.5, n)})


def make_result(**changes):
    values = [12.5, 11.0, 950.0, 10.5, None, 10.0]
    sources = ["warm_start", "random", "random", "tpe", "jitter", "llm"]
    trials = pd.DataFrame(
        [
            dict.fromkeys(TRIAL_COLUMNS)
            | {"number": n, "value": v, "source": s, "params": {"a": n}, "state": "COMPLETE"}
            for n, (v, s) in enumerate(zip(values, sources, strict=True))
        ]
    ).astype({"value": float})
    trials["rationale"] = trials["rationale"].astype(object)
    trials.loc[5, "rationale"] = f"Fewer leaves, because {HOSTILE}"
    entry = {"completed": 1, "calls": 0, "fallbacks": 0}
    credit = [
        {**entry, "source": "jitter", "trials": 1, "improvements": 0, "gain": 0.0, "tokens": 0,
         "cost_usd": 0.0},
        {**entry, "source": "llm", "trials": 1, "improvements": 1, "gain": 0.5, "tokens": 1234,
         "cost_usd": 0.0123},
    ]  # fmt: skip
    content = {
        "problem": "pump", "family": "lightgbm", "metric": "rmse", "direction": "minimize",
        "best_params": {"a": 5}, "best_value": 10.0, "best_rounds": 40, "rows": 180,
        "fold_rows": 90, "trials": trials, "by_source": credit, "stop_reason": "trials",
        "llm_cost_usd": 0.0123, "llm_calls": 2, "study_name": "pump-study", "storage": None,
        "seconds": 7.0, "seed": 0,
    }  # fmt: skip
    return TuningResult(**(content | changes))


def verdict(low, value, high, *, promoted):
    word = "Promoted" if promoted else "Refused"
    gain = {"low": low, "value": value, "high": high}
    return {
        "promoted": promoted, "reason": f"{word}: because of the numbers.", "metric": "rmse",
        "rows": 1847, "confidence": 0.95, "challenger_score": 13.26, "champion_score": 16.84,
        "improvement": gain,
    }  # fmt: skip


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory):
    """One MLflow database for all; making its tables takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    return f"sqlite:///{folder / 'mlflow.db'}"


@pytest.fixture(scope="session", autouse=True)
def environment(mlflow_store):
    with pytest.MonkeyPatch.context() as patch:
        for name in ENVIRONMENT:
            patch.delenv(name, raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_store)
        yield


@pytest.fixture
def make_project(environment, tmp_path):
    """Return a function that makes a project and a problem on which nothing has happened."""
    return lambda name: (Stand(tmp_path), make_settings(tmp_path, name))


@pytest.fixture
def result():
    """Return a function that makes the outcome of a study with a language model, or changes it."""
    return make_result


def register(project, settings, retune, slope):
    tracker = Tracker(project.tracking_uri, project.state / "artifacts")
    run = tracker.retune_run(settings.name, retune, **{"driftune.stop_reason": "trials"})
    tracker.log(run, metrics={"study_seconds": 7.0, "source.random.trials": 6})
    rows = make_rows(slope, seed=9)
    model = LinearRegression().fit(rows[["x"]], rows["y"])
    tags = {"driftune.data_version": f"hash-of-{retune}.dir", "driftune.code": "c0ffee"}
    tags["driftune.batches"] = "start..b_3"
    registry = project.registry(settings.name)
    return registry.register(model, rows[["x"]].head(), run_id=run, retune_id=retune, tags=tags)


def observe(project, settings, batch, version, **changes):
    rows = project.datasets["features"][batch]().to_pandas()
    labels, predictions = score(
        project.registry(settings.name).load(version), settings.problem, rows
    )
    value = get_metric("rmse").score(labels, predictions)
    values = {"status": "ok", "value": value, "low": 0.9 * value, "high": 1.1 * value}
    decision = {"outcome": "no_drift", "trigger": None, "breach": False, "reason": f"{batch} fine"}
    decision |= {key: changes.pop(key) for key in list(changes) if key in decision}
    project.ledger.record(
        ObservationRow(
            key=f"{settings.name}-{batch}", problem=settings.name, batch=batch,
            sequence=len(project.ledger.observations(settings.name)), data_version="d",
            **(
                values
                | {"champion_version": version}
                | {"details": {"rows": len(rows), "reference_value": 0.5 * version}}
                | changes
            ),
        ),
        DecisionRow(**decision, policy="p"),
    )  # fmt: skip
    return value


def close_retune(project, settings, name, status, through, gain, version):
    ledger = project.ledger
    ledger.request_retune(
        name, settings.name, trigger="performance_drop", reason="two breaches", through=through
    )
    ledger.set_retune(
        name, status, best_params={"a": 1}, version=version,
        verdict=verdict(*gain, promoted=status == "promoted"),
    )  # fmt: skip


def promote(project, settings, version, after, retune=None, kind="promotion"):
    registry = project.registry(settings.name)
    previous = registry.promote(version)
    project.ledger.record_promotion(
        PromotionRow(
            problem=settings.name, version=version, previous=previous, kind=kind, reason="why not",
            retune_id=retune, after_batch=after,
        )
    )  # fmt: skip


@pytest.fixture(scope="session")
def house(tmp_path_factory, environment):
    """The whole story: first model, drift, a retune, bad data, no labels, a refusal, a rollback."""
    root = tmp_path_factory.mktemp("house")
    tables = {name: make_rows(slope, seed) for seed, (name, slope) in enumerate(SLOPES.items())}
    features = {name: lambda rows=rows: ibis.memtable(rows) for name, rows in tables.items()}
    project = Stand(root, {"features": features, "tuning_result": make_result().to_dict()})
    settings = make_settings(root)
    none = {"value": None, "low": None, "high": None}
    one = register(project, settings, "r1", 2)
    close_retune(project, settings, "r1", "promoted", "start", (0.9, 0.95, 0.96), one)
    promote(project, settings, one, None, "r1")
    observe(project, settings, "b_1", one)
    observe(project, settings, "b_2", one, breach=True)
    observe(project, settings, "b_3", one, breach=True, outcome="queued", reason=HOSTILE)
    two = register(project, settings, "r2", 3)
    close_retune(project, settings, "r2", "promoted", "b_3", (0.146, 0.2129, 0.275), two)
    promote(project, settings, two, "b_3", "r2")
    observe(project, settings, "b_4", two)
    bad = {"status": "invalid_data", "champion_version": None, "details": {"refusal": "bad"}}
    observe(project, settings, "b_$5$", two, outcome="alert", **none, **bad)
    observe(
        project, settings, "b_6<i>", two, outcome="insufficient_data", status="insufficient_data",
        **none,
    )  # fmt: skip
    close_retune(project, settings, "r3", "refused", "b_6<i>", (-0.05, 0.002, 0.04), None)
    observe(project, settings, "b_7", two)
    promote(project, settings, one, "b_7", kind="rollback")
    return project, settings


def drift_report(alarm):
    """What drift monitoring leaves in the ledger, with fields of its own time only."""
    column = {
        "column": "wind", "kind": "numeric", "psi": 0.31, "threshold": 0.25, "alarm": alarm,
        "missing": 0.02, "unseen": 0.0, "wasserstein": 0.9, "wasserstein_threshold": 0.4,
        "ks": 0.12,
    }  # fmt: skip
    calm = column | {"column": HOSTILE, "psi": 0.01, "wasserstein": None, "alarm": False}
    joint = {
        "auc": 0.81, "threshold": 0.62, "alarm": alarm, "p_value": 0.001, "rows": 900,
        "columns": [["wind", 0.7], ["rain", 0.2]], "left_out": [],
    }  # fmt: skip
    return {"batch": "", "rows": 1234, "status": "ok", "columns": [calm, column], "joint": joint}


def details(accumulated=0.0, **changes):
    """What the watcher leaves in the ledger beside the metric itself."""
    return {
        "rows": 300, "unlabelled": 7, "reference_value": 9.5, "relative_drop": 0.25,
        "drift": drift_report(alarm=False), "estimate": None,
        "regret": [
            {"strategy": "all_history", "gains": [0.04, 0.06], "error": 0.01, "rows": 300},
            {"strategy": "window", "gains": [0.01, 0.02], "error": 0.01, "rows": 300},
        ],
        "recall": [{"version": 1, "gain": -0.1, "error": 0.02, "rows": 300}],
        "evidence": {"accumulated": accumulated, "cost": 0.15},
    } | changes  # fmt: skip


def see(project, settings, batch, value, *, revision=0, kind="realised", **changes):
    """Write an observation and its decision, with no model and no table behind them."""
    decision = {"outcome": "no_drift", "trigger": None, "breach": False, "reason": f"{batch} fine"}
    decision |= {"retune_id": None}
    decision |= {key: changes.pop(key) for key in list(changes) if key in decision}
    ends = {"low": None, "high": None} if value is None else {"low": value - 1, "high": value + 1}
    status = "ok" if value is not None else "insufficient_data"
    row = {"status": status, "champion_version": 1, "details": details()} | changes
    project.ledger.record(
        ObservationRow(
            key=f"{settings.name}-{batch}-{revision}", problem=settings.name, batch=batch,
            revision=revision, kind=kind, value=value, **ends,
            sequence=len(project.ledger.observations(settings.name)),
            data_version=f"bytes-of-{batch}-{revision}", **row,
        ),
        DecisionRow(**decision, policy=settings.policy.digest()),
    )  # fmt: skip


def ask(project, settings, name, through, *, action="retune", **changes):
    """Enter a retune, and let it go through the states that are given."""
    ledger = project.ledger
    row = {"trigger": "cost", "reason": "waiting cost 0.2 of a batch", "through": through}
    ledger.request_retune(name, settings.name, **row)
    with Session(ledger.engine) as session, session.begin():
        session.get_one(RetuneRow, name).action = action
    for status, facts in changes.items():
        ledger.set_retune(name, status, **facts)


def proof(**changes):
    """A verdict with all that the gate looks at."""
    part = {"name": "carrier = <b>AA</b>", "rows": 210}
    return verdict(0.1, 0.2, 0.3, promoted=True) | {
        "champion_version": 1, "over_previous": {"low": 0.0, "value": 0.1, "high": 0.2},
        "previous_is_better": False, "slices_judged": 17,
        "slices": [part | {"improvement": {"low": -0.04, "value": 0.01, "high": 0.06}}],
    } | changes  # fmt: skip


@pytest.fixture(scope="session")
def tell_plant(environment, tmp_path_factory):
    """Return a function that makes a problem with everything on record but models and tables."""

    def tell(name):
        root = tmp_path_factory.mktemp(name)
        project, settings = Stand(root), make_settings(root, name)
        registry = project.registry(name)
        registry.client.create_registered_model(name)
        for number in (1, 2):
            registry.client.create_model_version(name, "file:///nowhere")
            registry.tag(number, driftune__data_version=f"dvc-{number}", driftune__code="c0ffee")
        told = (project, settings)
        tracker = Tracker(project.tracking_uri, project.state / "artifacts")
        for retune in ("r1", "r2"):
            run = tracker.retune_run(name, f"{name}-{retune}", **{"driftune.stop_reason": "time"})
            tracker.log(run, metrics={"study_seconds": 33.0, "source.tpe.trials": 12})
        ask(*told, f"{name}-r1", "start", promoted={"version": 1, "verdict": proof()})
        promote(*told, 1, None, f"{name}-r1")
        see(*told, "w_1", 10.0)
        expected = {"value": 10.4, "low": 9.0, "high": 12.0, "estimated": True, "method": "x"}
        see(*told, "w_2", None, kind="estimated", details=details(estimate=expected))
        see(*told, "w_2", 12.5, revision=1)
        see(*told, "w_3", 11.0)
        see(*told, "w_3", 14.0, revision=1, reason="labels came")
        drifted = details(0.21, drift=drift_report(alarm=True))
        see(*told, "w_4", 15.0, breach=True, outcome="queued", trigger="cost", details=drifted,
            reason=HOSTILE, retune_id=f"{name}-r2")  # fmt: skip
        ask(*told, f"{name}-r2", "w_4", awaiting_approval={"version": 2, "verdict": proof()})
        return told

    return tell


@pytest.fixture(scope="session")
def end_plant():
    """Return a function that tells the end of that story: approved, bad data, taken back."""

    def end(project, settings):
        told, name = (project, settings), settings.name
        said = {"approved_by": "Ada <ada@example>", "approved_because": "the slices look right"}
        beside = {"w_4": {"rows": 300, "challenger": 9.5, "champion": 10.25}}
        project.ledger.set_retune(f"{name}-r2", "promoted", shadow=beside, **said)
        promote(*told, 2, "w_4", f"{name}-r2")
        see(*told, "w_5", None, kind="invalid", outcome="alert", trigger="data_quality",
            status="invalid_data", champion_version=None, details={"refusal": "no column wind"},
            reason="Batch w_5 is refused: no column wind")  # fmt: skip
        see(*told, "w_6", 11.0, champion_version=2, outcome="queued", trigger="recall",
            retune_id=f"{name}-r3")  # fmt: skip
        said = {"rejected_by": "Bob", "because": "not on a Friday"}
        ended = {"candidate": 1, "verdict": proof(), **said}
        ask(*told, f"{name}-r3", "w_6", action="recall", rejected=ended)
        promote(*told, 1, "w_6", kind="rollback")

    return end
