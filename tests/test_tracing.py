"""Each call of a language model is one MLflow trace; MLflow never fails or delays a study."""

import logging
import pickle
import shutil
import threading
import time

import pytest

from driftune.errors import LanguageModelError
from driftune.language_model import CachedLanguageModel, Reply, ScriptedLanguageModel
from driftune.sampler import LLMTPESampler
from driftune.tracing import WAITING, Traces
from driftune.tracking import Tracker

QUESTION = [{"role": "system", "content": "You tune."}, {"role": "user", "content": "And now?"}]


class Priced:
    """A model with everything that a real one has."""

    def __init__(self, cost_usd=0.25):
        self.model = "priced-1"
        self.settings = {"temperature": 0.5}
        self.cost_usd = cost_usd

    def complete(self, messages, schema):
        return Reply("Slower.", 30, 4, cost_usd=self.cost_usd, seconds=1.5, model=self.model)

    def worst_cost(self, messages, schema):
        return 0.5


@pytest.fixture
def tracker(mlflow_database, tmp_path):
    path = shutil.copy(mlflow_database, tmp_path / "mlflow.db")
    return Tracker(f"sqlite:///{path}", tmp_path / "artifacts")


def written(tracker, problem="p", **wanted):
    """The traces of a problem, oldest first."""
    places = [tracker.experiment(problem)]
    return tracker.client.search_traces(
        locations=places, order_by=["attributes.timestamp_ms ASC"], **wanted
    )


def test_a_call_is_a_trace_with_question_answer_tokens_cost_and_run(tracker):
    with tracker.traces("p", "retune-1") as traces:
        reply = traces.of(Priced()).complete(QUESTION, {})
    assert reply.text == "Slower."
    run = tracker.retune_run("p", "retune-1")
    (trace,) = written(tracker, run_id=run)
    (span,) = trace.data.spans
    assert trace.info.state == "OK"
    assert span.inputs == {"messages": QUESTION}
    assert span.outputs == "Slower."
    assert trace.info.cost["total_cost"] == 0.25
    assert span.attributes["model"] == "priced-1"
    assert span.attributes["seconds"] == 1.5
    assert trace.info.token_usage == {"input_tokens": 30, "output_tokens": 4, "total_tokens": 34}
    assert trace.info.tags["driftune.retune_id"] == "retune-1"


def test_a_price_that_is_unknown_is_not_guessed(tracker):
    with tracker.traces("p") as traces:
        traces.of(Priced(cost_usd=None)).complete(QUESTION, {})
    (trace,) = written(tracker)
    assert not trace.info.cost


def test_a_run_that_is_known_only_afterwards_gets_its_traces(tracker):
    with tracker.traces("p") as traces:
        model = traces.of(ScriptedLanguageModel(["a", "b"]))
        for _ in range(2):
            model.complete(QUESTION, {})
        traces.belong_to("study-7")
    found = written(tracker, run_id=tracker.retune_run("p", "study-7"))
    assert sorted(trace.data.spans[0].outputs for trace in found) == ["a", "b"]


def test_an_error_of_the_model_is_a_trace_too_and_still_an_error(tracker):
    with tracker.traces("p") as traces:
        model = traces.of(ScriptedLanguageModel([LanguageModelError("no answer today")]))
        with pytest.raises(LanguageModelError, match="no answer today"):
            model.complete(QUESTION, {})
    (trace,) = written(tracker)
    assert trace.info.state == "ERROR"
    assert "no answer today" in trace.data.spans[0].status.description


def test_the_model_shows_through(tracker):
    traces = tracker.traces("p")
    model = traces.of(Priced())
    assert (model.model, model.settings) == ("priced-1", {"temperature": 0.5})
    assert model.worst_cost(QUESTION, {}) == 0.5
    assert traces.of(ScriptedLanguageModel([])).worst_cost(QUESTION, {}) == 0.0
    assert traces.of(None) is None


def test_a_reply_from_the_cache_is_no_call(tracker, tmp_path):
    cached = CachedLanguageModel(Priced(), tmp_path / "replies")
    with tracker.traces("p") as traces:
        model = traces.of(cached)
        for _ in range(3):
            model.complete(QUESTION, {})
    assert len(written(tracker)) == 1
    assert isinstance(cached.inner, Priced)  # the caller's own cache is left alone


def test_calls_from_several_threads_are_all_written(tracker):
    with tracker.traces("p") as traces:
        model = traces.of(Priced())
        threads = [threading.Thread(target=model.complete, args=(QUESTION, {})) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(written(tracker)) == 5


def test_mlflows_global_state_is_left_alone(tracker):
    import mlflow

    before = mlflow.get_tracking_uri()
    with tracker.traces("p") as traces:
        traces.of(Priced()).complete(QUESTION, {})
    assert mlflow.get_tracking_uri() == before
    assert len(written(tracker)) == 1


def test_a_server_that_is_away_is_mentioned_once_and_the_model_still_answers(monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    caplog.set_level(logging.WARNING, "driftune")
    with Tracker("http://127.0.0.1:9").traces("p", "r") as traces:  # the discard port
        model = traces.of(Priced())
        assert [model.complete(QUESTION, {}).text for _ in range(4)] == ["Slower."] * 4
    mine = [record for record in caplog.records if record.name.startswith("driftune")]
    assert len(mine) == 1


def test_a_server_that_hangs_costs_no_call_any_time_and_the_end_only_a_moment(caplog):
    caplog.set_level(logging.WARNING, "driftune")
    hang = threading.Event()

    class Hanging:
        uri = "http://127.0.0.1:9"

        def experiment(self, problem):
            hang.wait(20)
            raise OSError("gone")

    traces = Traces(Hanging(), "p", "r")
    model = traces.of(Priced())
    started = time.monotonic()
    for _ in range(WAITING + 10):
        model.complete(QUESTION, {})
    assert time.monotonic() - started < 1
    traces.close(seconds=0.2)
    assert time.monotonic() - started < 2
    hang.set()
    assert len(caplog.records) == 1


def test_a_traced_model_can_be_pickled_with_its_sampler(tracker):
    with tracker.traces("p") as traces:
        model = traces.of(Priced())
        model.complete(QUESTION, {})
        copied = pickle.loads(pickle.dumps(LLMTPESampler(language_model=model)))
        assert pickle.loads(pickle.dumps(model)).complete(QUESTION, {}).text == "Slower."
    assert isinstance(copied, LLMTPESampler)
