from __future__ import annotations

import pytest

from driftune.errors import LanguageModelError, UsageError
from driftune.language_model import CachedLanguageModel, Reply, ScriptedLanguageModel

QUESTION = [{"role": "user", "content": "Which one?"}]


def test_asks_once_and_replays_without_the_model(tmp_path):
    inner = ScriptedLanguageModel(["the first", "the second"], model="m")
    cached = CachedLanguageModel(inner, tmp_path)
    first = cached.complete(QUESTION, {})
    assert cached.complete(QUESTION, {}) == first
    assert len(inner.asked) == 1
    replay = CachedLanguageModel(None, tmp_path, model="m")
    assert replay.complete(QUESTION, {}) == first


def test_a_miss_without_a_model_is_an_error(tmp_path):
    with pytest.raises(LanguageModelError):
        CachedLanguageModel(None, tmp_path, model="m").complete(QUESTION, {})
    with pytest.raises(UsageError):
        CachedLanguageModel(None, tmp_path)


def test_every_part_of_the_question_counts(tmp_path):
    def key(model="m", settings=None, content="a", schema=None):
        cache = CachedLanguageModel(None, tmp_path, model=model, settings=settings or {})
        return cache.key([{"role": "user", "content": content}], schema or {})

    keys = {
        key(),
        key(model="n"),
        key(settings={"temperature": 0}),
        key(content="b"),
        key(schema={"type": "object"}),
    }
    assert len(keys) == 5
    assert key() == key()


def test_errors_are_not_kept(tmp_path):
    inner = ScriptedLanguageModel([LanguageModelError("down"), "up"])
    cached = CachedLanguageModel(inner, tmp_path)
    with pytest.raises(LanguageModelError):
        cached.complete(QUESTION, {})
    assert cached.complete(QUESTION, {}).text == "up"


def test_a_broken_file_is_named(tmp_path):
    cached = CachedLanguageModel(ScriptedLanguageModel(["x"]), tmp_path)
    path = tmp_path / f"{cached.key(QUESTION, {})}.json"
    path.write_text("{half")
    with pytest.raises(LanguageModelError, match=path.name):
        cached.complete(QUESTION, {})


def test_settings_and_name_come_from_the_model(tmp_path):
    class Model:
        model = "own-name"
        settings = {"temperature": 0.5}  # noqa: RUF012

        def complete(self, messages, schema):
            return Reply("hello", 1, 2, 0.25, 0.5, "own-name")

    cached = CachedLanguageModel(Model(), tmp_path)
    reply = cached.complete(QUESTION, {})
    replay = CachedLanguageModel(None, tmp_path, model="own-name", settings={"temperature": 0.5})
    assert replay.complete(QUESTION, {}) == reply
    assert not list(tmp_path.glob("*.tmp"))


def test_a_reply_on_disk_costs_nothing(tmp_path):
    class Model(ScriptedLanguageModel):
        def worst_cost(self, messages, schema):
            return 0.25

    cached = CachedLanguageModel(Model(["x"]), tmp_path)
    assert cached.worst_cost(QUESTION, {}) == 0.25
    cached.complete(QUESTION, {})
    assert cached.worst_cost(QUESTION, {}) == 0.0
    assert cached.worst_cost(QUESTION, {"type": "object"}) == 0.25
    assert CachedLanguageModel(ScriptedLanguageModel([]), tmp_path).worst_cost(QUESTION, {}) == 0.0
    assert CachedLanguageModel(None, tmp_path, model="m").worst_cost(QUESTION, {}) == 0.0
