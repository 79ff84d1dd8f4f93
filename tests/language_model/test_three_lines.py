"""The whole use in any Optuna script: a name, a key in the environment, a study."""

from __future__ import annotations

import json

import optuna
import pytest

from driftune.errors import UsageError
from driftune.sampler import LLMTPESampler, source_of

pytest.importorskip("litellm", reason="needs the extra [llm]")


def objective(trial):
    return (trial.suggest_float("x", -10, 10) - 2) ** 2


def propose(*values):
    entries = [{"configuration": {"x": x}, "rationale": "", "expected": 0.0} for x in values]
    return json.dumps({"proposals": entries, "notes": "", "ranges": []})


def run_study(n_trials):
    sampler = LLMTPESampler(language_model="gpt-5-mini", seed=1, max_wait=None)
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_a_study_asks_the_model_by_name(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    server.script = [server.success(propose(step / 10, 2 + step / 7)) for step in range(1, 40)]
    study = run_study(8)
    assert server.requests[0]["model"] == "gpt-5-mini"
    assert server.requests[0]["response_format"]["type"] == "json_schema"
    sources = [source_of(trial) for trial in study.trials]
    assert "llm" in sources
    costs = [trial.system_attrs.get("driftune:cost_usd", 0.0) for trial in study.trials]
    assert 0 < sum(costs) < 0.01


def test_a_study_goes_on_when_the_provider_is_down(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    server.script = [server.failure(503)] * 50
    study = run_study(8)
    assert all(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.trials)
    assert "llm" not in [source_of(trial) for trial in study.trials]
    assert len(server.requests) <= 3


def test_a_missing_key_ends_it_before_the_first_trial():
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        LLMTPESampler(language_model="gpt-5-mini")
