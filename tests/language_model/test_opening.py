from __future__ import annotations

import subprocess
import sys

import pytest

from driftune.errors import LanguageModelError, SpendLimitReached, UsageError
from driftune.language_model import (
    CachedLanguageModel,
    FallbackLanguageModel,
    LanguageModel,
    LiteLLMLanguageModel,
    ScriptedLanguageModel,
    open_language_model,
)


@pytest.mark.parametrize("spec", [None, "none", "None", ""])
def test_no_model(spec):
    assert open_language_model(spec) is None


def test_scripted_and_real(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    assert isinstance(open_language_model("scripted:tuner"), ScriptedLanguageModel)
    assert isinstance(open_language_model("gpt-4o-mini"), LiteLLMLanguageModel)
    cached = open_language_model("gpt-4o-mini", cache_folder=tmp_path)
    assert isinstance(cached, CachedLanguageModel)
    assert isinstance(cached, LanguageModel)


def test_a_wrong_script_offers_the_right_one():
    with pytest.raises(UsageError, match="scripted:tuner"):
        open_language_model("scripted:tunr")


def test_names_between_commas_are_tried_in_order_and_share_one_limit(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-y")
    model = open_language_model("gpt-5-mini, claude-haiku-4-5", max_cost_usd=0.5, max_calls=7)
    assert isinstance(model, FallbackLanguageModel)
    first, second = model.models
    assert (first.model, second.model) == ("gpt-5-mini", "claude-haiku-4-5")
    assert first.limit is second.limit
    assert (first.limit.max_cost_usd, first.limit.max_calls) == (0.5, 7)


@pytest.mark.parametrize(
    ("spec", "offered"),
    [
        ("gpt-5-mni", "gpt-5-mini"),
        ("claude-haiku-4-6", "claude-haiku-4-5"),
        ("opnai/gpt-4o", "openai/gpt-4o"),
        ("openai/gpt-5-mni", "gpt-5-mini"),
        ("gpt-4o-mini, gpt-5-mni", "gpt-5-mini"),
        ("something-quite-else", "OPENAI_API_BASE"),
    ],
)
def test_a_misspelt_name_is_said_at_the_start(monkeypatch, spec, offered):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-y")
    with pytest.raises(UsageError, match=offered):
        open_language_model(spec)


@pytest.mark.parametrize(
    ("spec", "variable"),
    [
        ("gpt-5-mini", "OPENAI_API_KEY"),
        ("claude-haiku-4-5", "ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-flash", "GEMINI_API_KEY"),
        ("gemini-2.5-flash", "gemini/gemini-2.5-flash"),
        ("mistral/mistral-large-latest", "MISTRAL_API_KEY"),
    ],
)
def test_a_missing_key_is_named(spec, variable):
    with pytest.raises(UsageError, match=variable):
        open_language_model(spec)


def test_ones_own_servers_open_without_a_key(monkeypatch):
    assert isinstance(open_language_model("ollama/llama3.1"), LiteLLMLanguageModel)
    assert isinstance(open_language_model("hosted_vllm/mine"), LiteLLMLanguageModel)
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    assert isinstance(open_language_model("openai/mine"), LiteLLMLanguageModel)
    assert isinstance(open_language_model("openai/mine", allow_unpriced=True), LanguageModel)


def test_an_unknown_price_is_said_at_the_start_unless_allowed(monkeypatch):
    monkeypatch.setenv("MISTRAL_API_KEY", "x")
    with pytest.raises(UsageError, match="allow_unpriced"):
        open_language_model("mistral/of-tomorrow")
    assert open_language_model("mistral/of-tomorrow", allow_unpriced=True) is not None


def test_without_money_nothing_is_checked_and_nothing_asked():
    model = open_language_model("gpt-5-mini", max_cost_usd=0)
    with pytest.raises(SpendLimitReached):
        model.complete([{"role": "user", "content": "?"}], {})


def test_replay_asks_nobody_and_needs_no_key(tmp_path, monkeypatch):
    question, spec = [{"role": "user", "content": "?"}], "gpt-5-mini, claude-haiku-4-5"
    with monkeypatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-x")
        patch.setenv("ANTHROPIC_API_KEY", "sk-y")
        recorder = open_language_model(spec, cache_folder=tmp_path)
    recorder.inner = ScriptedLanguageModel(["hello"])
    recorder.complete(question, {})
    replay = open_language_model(f"replay:{spec}", cache_folder=tmp_path)
    assert replay.complete(question, {}).text == "hello"
    with pytest.raises(LanguageModelError):
        replay.complete(question, {"type": "object"})
    with pytest.raises(UsageError):
        open_language_model(f"replay:{spec}")


def test_importing_pulls_in_nothing_heavy():
    code = (
        "import sys, driftune.sampler, driftune.language_model\n"
        "heavy = {'litellm', 'pydantic', 'sklearn', 'pandas', 'lightgbm', 'mlflow', 'openai'}\n"
        "heavy.add('xllamacpp')\n"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
