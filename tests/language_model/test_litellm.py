"""LiteLLMLanguageModel against a real server on loopback that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from driftune.errors import LanguageModelError, MissingPackage, SpendLimitReached
from driftune.language_model import LiteLLMLanguageModel

pytest.importorskip("litellm", reason="needs the extra [llm]")

SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
QUESTION = [{"role": "user", "content": "Say something."}]


def make(server, model="openai/gpt-4o-mini", **settings):
    settings = {"timeout": 10.0, "backoff": 0.01, **settings}
    return LiteLLMLanguageModel(model, api_base=server.url, **settings)


def test_good_answer_has_text_tokens_and_price(server):
    model = make(server)
    reply = model.complete(QUESTION, SCHEMA)
    assert json.loads(reply.text) == {"answer": "yes"}
    assert (reply.prompt_tokens, reply.completion_tokens) == (100, 10)
    # 0.15 and 0.60 USD per million tokens
    assert reply.cost_usd == pytest.approx(100 * 0.15e-6 + 10 * 0.60e-6)
    assert model.limit.spent_usd == pytest.approx(reply.cost_usd)
    assert reply.seconds > 0
    sent = server.requests[0]
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["answer"]


def test_server_error_is_final_and_costs_nothing(server):
    server.script = [server.failure(500)]
    model = make(server)
    with pytest.raises(LanguageModelError):
        model.complete(QUESTION, SCHEMA)
    assert len(server.requests) == 1
    assert model.limit.spent_usd == pytest.approx(0.0)


def test_too_many_requests_is_retried(server):
    server.script = [server.failure(429, Retry_After="0")] * 2
    assert "yes" in make(server).complete(QUESTION, SCHEMA).text
    assert len(server.requests) == 3


def test_retry_after_is_honoured(server):
    server.script = [server.failure(429, Retry_After="0.7")]
    started = time.perf_counter()
    make(server).complete(QUESTION, SCHEMA)
    assert time.perf_counter() - started >= 0.7


@pytest.mark.parametrize("dated", [False, True])
def test_a_retry_after_beyond_patience_is_not_waited_for(server, dated):
    tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1))
    server.script = [server.failure(429, Retry_After=tomorrow if dated else "86400")]
    with pytest.raises(LanguageModelError):
        make(server).complete(QUESTION, SCHEMA)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b"{}", None])
def test_garbage_is_a_language_model_error(server, body):
    server.script = [server.success("") if body is None else {"body": body}] * 3
    with pytest.raises(LanguageModelError):
        make(server, max_retries=0).complete(QUESTION, SCHEMA)


def test_timeout_keeps_its_reservation(server):
    server.script = [{"delay": 2.0}]
    model = make(server, timeout=0.3, max_retries=0)
    started = time.perf_counter()
    with pytest.raises(LanguageModelError) as caught:
        model.complete(QUESTION, SCHEMA)
    assert time.perf_counter() - started < 2.0
    assert model.limit.spent_usd > 0
    assert caught.value.cost_usd == model.limit.spent_usd


def test_breaker_opens_after_repeated_failures(server):
    server.script = [server.failure(500)] * 9
    model = make(server)
    for _ in range(5):
        with pytest.raises(LanguageModelError):
            model.complete(QUESTION, SCHEMA)
    assert len(server.requests) == 3


def test_no_money_no_call(server):
    with pytest.raises(SpendLimitReached):
        make(server, max_cost_usd=0.0).complete(QUESTION, SCHEMA)
    # 2048 completion tokens at 0.60 USD per million are 0.0012 USD
    with pytest.raises(SpendLimitReached):
        make(server, max_cost_usd=0.001).complete(QUESTION, SCHEMA)
    assert server.requests == []


def test_max_calls_counts_requests(server):
    server.script = [server.failure(429, Retry_After="0")] * 9
    with pytest.raises(SpendLimitReached):
        make(server, max_retries=5, max_calls=2).complete(QUESTION, SCHEMA)
    assert len(server.requests) == 2


def test_unknown_price_is_refused_unless_allowed(server):
    name = "openai/a-model-that-nobody-sells"
    with pytest.raises(SpendLimitReached):
        make(server, name).complete(QUESTION, SCHEMA)
    assert server.requests == []
    assert make(server, name, allow_unpriced=True).complete(QUESTION, SCHEMA).cost_usd is None


def test_without_structured_output_the_schema_is_in_the_messages(server):
    make(server, "openai/some-local-model", allow_unpriced=True).complete(QUESTION, SCHEMA)
    (sent,) = server.requests
    assert "response_format" not in sent
    told = sent["messages"][-1]["content"]
    assert told.startswith(QUESTION[0]["content"])
    assert json.loads(told.splitlines()[-1]) == SCHEMA


def test_a_refused_schema_is_sent_in_the_messages_from_then_on(server):
    server.script = [server.failure(400, "Invalid schema for response_format")]
    model = make(server)
    assert "yes" in model.complete(QUESTION, SCHEMA).text
    model.complete(QUESTION, SCHEMA)
    assert ["response_format" in sent for sent in server.requests] == [True, False, False]


def test_a_model_that_reasons_unasked_is_told_to_be_brief(server):
    make(server, "openai/gpt-5-mini").complete(QUESTION, SCHEMA)
    make(server, "openai/gpt-4o-mini").complete(QUESTION, SCHEMA)
    assert [sent.get("reasoning_effort") for sent in server.requests] == ["low", None]


def test_a_server_of_ones_own_needs_no_key(server, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_API_BASE", server.url)
    model = LiteLLMLanguageModel("openai/some-local-model", allow_unpriced=True, timeout=10.0)
    assert "yes" in model.complete(QUESTION, SCHEMA).text
    assert server.key not in server.keys[0]


def test_worst_cost_covers_every_retry_and_the_schema(server):
    model = make(server, max_retries=2, max_tokens=1000)
    worst = model.worst_cost(QUESTION, SCHEMA)
    assert worst > 3 * 1000 * 0.60e-6  # the completions alone
    assert worst < 3 * 1200 * 0.60e-6
    long = {**SCHEMA, "description": "word " * 5000}
    assert model.worst_cost(QUESTION, long) > worst + 3 * 4000 * 0.15e-6
    assert server.requests == []


def test_worst_cost_of_an_unknown_price(server):
    name = "openai/a-model-that-nobody-sells"
    with pytest.raises(SpendLimitReached):
        make(server, name).worst_cost(QUESTION, SCHEMA)
    assert make(server, name, allow_unpriced=True).worst_cost(QUESTION, SCHEMA) == 0.0


def test_a_price_of_zero_for_a_name_out_of_the_blue_is_no_price(server):
    # LiteLLM prices any claude-... at 0, known or not.
    with pytest.raises(SpendLimitReached):
        make(server, "claude-of-the-year-2099").complete(QUESTION, SCHEMA)


def test_threads_share_the_limit_and_the_circuit(server):
    server.script = [server.failure(500)] * 40
    model = make(server, max_calls=100)
    gate = threading.Barrier(8)

    def ask(_):
        gate.wait()
        with pytest.raises(LanguageModelError):
            model.complete(QUESTION, SCHEMA)
        return model.limit.calls

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    made = len(server.requests)
    assert model.limit.calls == made <= 8
    assert model.limit.spent_usd == pytest.approx(0.0)
    with pytest.raises(LanguageModelError):
        model.complete(QUESTION, SCHEMA)
    assert len(server.requests) == made


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"driftune\[llm\]"):
        LiteLLMLanguageModel("gpt-4o-mini")
