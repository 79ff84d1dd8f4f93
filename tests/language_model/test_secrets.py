"""A key in the environment goes to the provider and nowhere else."""

from __future__ import annotations

import io
import logging
import pickle

import pytest

from driftune.errors import LanguageModelError, UsageError
from driftune.language_model import (
    CachedLanguageModel,
    FallbackLanguageModel,
    LiteLLMLanguageModel,
    ScriptedLanguageModel,
    SpendLimit,
    open_language_model,
)

pytest.importorskip("litellm", reason="needs the extra [llm]")

QUESTION = [{"role": "user", "content": "Say something."}]


@pytest.fixture
def model(server):
    return LiteLLMLanguageModel(
        "openai/gpt-4o-mini", api_base=server.url, timeout=10.0, max_retries=0
    )


def everything_in(error):
    """All text of an error: its own, and what a traceback would print before it."""
    seen = [str(error), repr(error)]
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return seen + (everything_in(before) if before is not None else [])


def test_the_provider_gets_it(server, model):
    model.complete(QUESTION, {})
    assert server.keys == [f"Bearer {server.key}"]


def test_not_in_errors_although_the_provider_quotes_it(server, model):
    server.script = [server.failure(401, f"Incorrect API key provided: {server.key}")]
    with pytest.raises(LanguageModelError) as caught:
        model.complete(QUESTION, {})
    assert server.key not in " ".join(everything_in(caught.value))


def test_not_in_errors_of_opening(server):
    for spec in ("gpt-5-mni", "openai/gpt-5-mni", "gpt-5-mini, claude-haiku-4-5"):
        with pytest.raises(UsageError) as caught:
            open_language_model(spec)
        assert server.key not in " ".join(everything_in(caught.value))


def test_not_in_repr_pickle_or_the_cache(server, model, tmp_path):
    cached = CachedLanguageModel(FallbackLanguageModel([model]), tmp_path)
    cached.complete(QUESTION, {})
    (file,) = tmp_path.iterdir()
    assert server.key not in file.read_text()
    assert server.key not in file.name
    assert server.key not in repr(model) + repr(vars(model)) + repr(cached)
    assert server.key.encode() not in pickle.dumps(cached)


def test_not_in_the_log(server, model, caplog, capfd, request, monkeypatch):
    # litellm's handler may write to the stderr of an earlier test, which is closed by now
    monkeypatch.setattr(logging, "raiseExceptions", False)
    caplog.set_level(logging.DEBUG)
    written = io.StringIO()  # with tracebacks, as an application's own handler writes them
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    request.addfinalizer(lambda: logging.getLogger().removeHandler(handler))
    server.script = [{}, server.failure(401, f"Incorrect API key provided: {server.key}")]
    model.complete(QUESTION, {})
    with pytest.raises(LanguageModelError):
        model.complete(QUESTION, {})
    told = [record.getMessage() for record in caplog.records]
    assert told  # whoever logs, litellm and its client included
    assert server.key not in " ".join(told)
    assert server.key not in written.getvalue()
    printed = capfd.readouterr()
    assert server.key not in printed.out + printed.err


def test_all_models_are_copied_by_pickle(server, model, tmp_path):
    models = [
        model,
        ScriptedLanguageModel(["one", LanguageModelError("down"), "three"]),
        open_language_model("scripted:tuner"),
        FallbackLanguageModel([model, ScriptedLanguageModel(["x"])]),
        CachedLanguageModel(model, tmp_path),
    ]
    for original in models:
        copy = pickle.loads(pickle.dumps(original))
        assert copy.complete(QUESTION, {}).text == original.complete(QUESTION, {}).text
    limit = pickle.loads(pickle.dumps(SpendLimit(1.0, 3)))
    limit.reserve(0.5)
    assert limit.spent_usd == 0.5
    assert limit.calls == 1
