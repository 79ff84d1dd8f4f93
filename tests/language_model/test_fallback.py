from __future__ import annotations

import pytest

from driftune.errors import LanguageModelError, SpendLimitReached, UsageError
from driftune.language_model import (
    CachedLanguageModel,
    FallbackLanguageModel,
    LiteLLMLanguageModel,
    ScriptedLanguageModel,
)

QUESTION = [{"role": "user", "content": "Which one?"}]


class PricedModel(ScriptedLanguageModel):
    def worst_cost(self, messages, schema):
        return 0.25


def test_the_second_is_asked_when_the_first_fails_and_is_named():
    first = ScriptedLanguageModel([LanguageModelError("down"), "one"], model="first")
    second = ScriptedLanguageModel(["two"], model="second")
    both = FallbackLanguageModel([first, second])
    assert [both.complete(QUESTION, {}).model for _ in range(2)] == ["second", "first"]
    assert len(second.asked) == 1


def test_what_a_failed_request_may_have_cost_is_not_forgotten():
    lost = LanguageModelError("too late", cost_usd=0.5)
    first = ScriptedLanguageModel([lost, lost])
    second = ScriptedLanguageModel(["two", LanguageModelError("down")])
    both = FallbackLanguageModel([first, second])
    assert both.complete(QUESTION, {}).cost_usd == 0.5
    with pytest.raises(LanguageModelError) as caught:
        both.complete(QUESTION, {})
    assert caught.value.cost_usd == 0.5


def test_all_failures_are_told():
    models = [ScriptedLanguageModel([LanguageModelError(f"{n} is down")]) for n in "ab"]
    with pytest.raises(LanguageModelError, match="a is down; b is down"):
        FallbackLanguageModel(models).complete(QUESTION, {})
    with pytest.raises(UsageError):
        FallbackLanguageModel([])


def test_a_spend_limit_is_not_asked_around():
    first = ScriptedLanguageModel([SpendLimitReached("spent")])
    second = ScriptedLanguageModel(["two"])
    with pytest.raises(SpendLimitReached):
        FallbackLanguageModel([first, second]).complete(QUESTION, {})
    assert second.asked == []


def test_the_worst_cost_is_the_sum(tmp_path):
    models = [PricedModel(["x"]), ScriptedLanguageModel(["y"]), PricedModel(["z"])]
    both = FallbackLanguageModel(models)
    assert both.worst_cost(QUESTION, {}) == 0.5
    assert CachedLanguageModel(both, tmp_path).worst_cost(QUESTION, {}) == 0.5


def test_replies_of_one_list_are_not_those_of_another(tmp_path):
    def key(*names):
        models = [ScriptedLanguageModel([], model=name) for name in names]
        return CachedLanguageModel(FallbackLanguageModel(models), tmp_path).key(QUESTION, {})

    assert len({key("a", "b"), key("b", "a"), key("a")}) == 3


def test_over_http_each_model_has_its_own_circuit(server):
    pytest.importorskip("litellm", reason="needs the extra [llm]")

    def make(name):
        return LiteLLMLanguageModel(name, api_base=server.url, timeout=10.0, max_retries=0)

    both = FallbackLanguageModel([make("openai/gpt-4o-mini"), make("openai/gpt-4.1-mini")])
    server.script = [server.failure(500), {}] * 3
    assert {both.complete(QUESTION, {}).model for _ in range(3)} == {"openai/gpt-4.1-mini"}
    assert len(server.requests) == 6
    both.complete(QUESTION, {})
    assert [sent["model"] for sent in server.requests[6:]] == ["gpt-4.1-mini"]
