"""LiteLLMLanguageModel against a real server on loopback that speaks OpenAI's chat completions."""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from driftune.errors import LanguageModelError, MissingPackage, SpendLimitReached
from driftune.language_model import LiteLLMLanguageModel

pytest.importorskip("litellm", reason="needs the extra [llm]")

KEY = "sk-not-to-be-told-4711"
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
QUESTION = [{"role": "user", "content": "Say something."}]


class Server(ThreadingHTTPServer):
    """Answers the next step of a script: (status, body or None for good, headers, delay)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[dict] = []
        self.requests: list[dict] = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        step = self.server.script.pop(0) if self.server.script else {}
        time.sleep(step.get("delay", 0))
        payload = step.get("body", json.dumps(good_answer()).encode())
        self.send_response(step.get("status", 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in step.get("headers", {}).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # the client timed out
            self.wfile.write(payload)

    def log_message(self, *args):
        pass


def good_answer(text='{"answer": "yes"}'):
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    }


def error_body(message):
    return json.dumps({"error": {"message": message, "type": "x", "code": "x"}}).encode()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


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
    server.script = [{"status": 500, "body": error_body("boom")}]
    model = make(server)
    with pytest.raises(LanguageModelError):
        model.complete(QUESTION, SCHEMA)
    assert len(server.requests) == 1
    assert model.limit.spent_usd == pytest.approx(0.0)


def test_too_many_requests_is_retried(server):
    busy = {"status": 429, "body": error_body("slow down"), "headers": {"Retry-After": "0"}}
    server.script = [busy, busy]
    assert "yes" in make(server).complete(QUESTION, SCHEMA).text
    assert len(server.requests) == 3


def test_retry_after_is_honoured(server):
    server.script = [
        {"status": 429, "body": error_body("slow down"), "headers": {"Retry-After": "0.7"}}
    ]
    started = time.perf_counter()
    make(server).complete(QUESTION, SCHEMA)
    assert time.perf_counter() - started >= 0.7


def test_a_retry_after_beyond_patience_is_not_waited_for(server):
    server.script = [
        {"status": 429, "body": error_body("tomorrow"), "headers": {"Retry-After": "86400"}}
    ]
    with pytest.raises(LanguageModelError):
        make(server).complete(QUESTION, SCHEMA)
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b"{}", json.dumps(good_answer("")).encode()])
def test_garbage_is_a_language_model_error(server, body):
    server.script = [{"body": body}] * 3
    with pytest.raises(LanguageModelError):
        make(server, max_retries=0).complete(QUESTION, SCHEMA)


def test_timeout_keeps_its_reservation(server):
    server.script = [{"delay": 2.0}]
    model = make(server, timeout=0.3, max_retries=0)
    started = time.perf_counter()
    with pytest.raises(LanguageModelError):
        model.complete(QUESTION, SCHEMA)
    assert time.perf_counter() - started < 2.0
    assert model.limit.spent_usd > 0


def test_breaker_opens_after_repeated_failures(server):
    server.script = [{"status": 500, "body": error_body("boom")}] * 9
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
    server.script = [{"status": 429, "body": error_body("no"), "headers": {"Retry-After": "0"}}] * 9
    with pytest.raises(SpendLimitReached):
        make(server, max_retries=5, max_calls=2).complete(QUESTION, SCHEMA)
    assert len(server.requests) == 2


def test_unknown_price_is_refused_unless_allowed(server):
    name = "openai/a-model-that-nobody-sells"
    with pytest.raises(SpendLimitReached):
        make(server, name).complete(QUESTION, SCHEMA)
    assert server.requests == []
    assert make(server, name, allow_unpriced=True).complete(QUESTION, SCHEMA).cost_usd is None


def test_key_is_told_to_nobody(server):
    server.script = [{"status": 401, "body": error_body(f"Incorrect API key provided: {KEY}")}]
    model = make(server)
    with pytest.raises(LanguageModelError) as caught:
        model.complete(QUESTION, SCHEMA)
    assert KEY not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert KEY not in repr(model)
    assert KEY.encode() not in pickle.dumps(model)


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"driftune\[llm\]"):
        LiteLLMLanguageModel("gpt-4o-mini")
