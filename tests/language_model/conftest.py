"""A provider on loopback that speaks OpenAI's chat completions, and a key that nobody may tell."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

KEY = "sk-not-to-be-told-4711"


class Server(ThreadingHTTPServer):
    """Answers the next step of a script: (status, body or None for good, headers, delay)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[dict] = []
        self.requests: list[dict] = []
        self.keys: list[str] = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    key = KEY

    @staticmethod
    def failure(status, message="no", **headers):
        """Return a step of the script; ``Retry_After`` becomes ``Retry-After``."""
        body = json.dumps({"error": {"message": message, "type": "x", "code": "x"}}).encode()
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return {"status": status, "body": body, "headers": headers}

    @staticmethod
    def success(text):
        return {"body": json.dumps(good_answer(text)).encode()}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
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
