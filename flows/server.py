"""A Prefect server: the one that is configured, or a local one for as long as we serve."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings

from driftune.errors import ServiceUnavailable

START_SECONDS = 180
LOCAL = {"127.0.0.1", "localhost", "::1"}
DEFAULT_URL = "http://127.0.0.1:4200/api"


@contextmanager
def reachable_server(state: Path) -> Iterator[str]:
    """Give the API's URL; start a server on loopback when none answers there.

    Args:
        state: Folder for the server's log.

    Raises:
        ServiceUnavailable: A configured server elsewhere does not answer, or ours does not start.
    """
    url = PREFECT_API_URL.value() or DEFAULT_URL
    with temporary_settings({PREFECT_API_URL: url}):
        os.environ["PREFECT_API_URL"] = url  # for the flow runs, which are processes of their own
        if is_healthy(url):
            yield url
            return
        if urlparse(url).hostname not in LOCAL:
            raise ServiceUnavailable(
                f"The Prefect server at {url} does not answer; start it, or unset PREFECT_API_URL"
                " to serve with a local one."
            )
        server = _start(url, state / "prefect-server.log")
        try:
            yield url
        finally:
            _stop(server)


def is_healthy(url: str) -> bool:
    """Return whether a Prefect API answers at ``url``."""
    try:
        return httpx.get(f"{url}/health", timeout=5).text == "true"
    except httpx.HTTPError:
        return False


def _start(url: str, log: Path) -> subprocess.Popen[bytes]:
    parsed = urlparse(url)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "prefect", "server", "start"]
    command += ["--host", str(parsed.hostname), "--port", str(parsed.port or 4200)]
    with log.open("ab") as stream:
        # A group of its own: Ctrl-C must reach the deployments first, and they need the server.
        server = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if is_healthy(url):
            return server
        time.sleep(0.5)
    _stop(server)
    raise ServiceUnavailable(
        f"Prefect's server did not start at {url} within {START_SECONDS} s; see {log}. Is the port"
        " taken? PREFECT_API_URL=http://127.0.0.1:PORT/api chooses another."
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
