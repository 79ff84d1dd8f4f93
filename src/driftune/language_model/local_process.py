"""Starts the local model's process, talks to it over loopback, and ends it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

from driftune.errors import LanguageModelError

_PROGRAM = Path(__file__).with_name("local_server.py")
_SECONDS_TO_START = 120.0
_SECONDS_TO_END = 5.0
# Waiting threads sleep at once; read when libgomp is loaded, so only a new process can have them.
_OPENMP = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


class LocalProcess:
    """A model server on 127.0.0.1 behind a random key; it ends with this object or this process.

    Args:
        weights: A GGUF file.
        threads: Of the model.
        context: Longest prompt and answer together, in tokens.

    Raises:
        LanguageModelError: If the server does not start.
    """

    def __init__(self, weights: Path, *, threads: int, context: int) -> None:
        self._key = secrets.token_hex(16)
        self._process = subprocess.Popen(
            # -P: else the files beside the program would hide packages of the same name.
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_OPENMP},
            text=True,
        )
        self.close = weakref.finalize(self, _end, self._process, os.getpid())
        wanted = {
            "path": str(weights),
            "key": self._key,  # not as an argument: other users can read those
            "threads": threads,
            "context": context,
            "parent": os.getpid(),
        }
        self._port = self._start(wanted)

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    def post(self, path: str, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Send a request and return the JSON answer.

        Raises:
            LanguageModelError: If there is none within ``timeout`` seconds, or it is an error.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        try:
            connection.request("POST", path, json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
            document: dict[str, Any] = json.loads(content)
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            kind = type(error).__name__
            raise LanguageModelError(f"The local model did not answer: {kind}.") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            told = str(document.get("error", {}))[:200]
            raise LanguageModelError(f"The local model refused ({response.status}): {told}")
        return document

    def _start(self, wanted: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        alarm = threading.Timer(_SECONDS_TO_START, self._process.kill)
        alarm.start()
        try:
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:
            line = ""
        finally:
            alarm.cancel()
        answer = json.loads(line) if line.startswith("{") else {"error": "it ended at its start"}
        if "port" not in answer:
            self.close()
            raise LanguageModelError(f"No local model from {wanted['path']}: {answer['error']}.")
        return int(answer["port"])


def _end(process: subprocess.Popen[str], owner: int) -> None:
    if os.getpid() != owner:
        return  # a fork holds a copy of the object, but the server is its parent's
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.terminate()
    try:
        process.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
