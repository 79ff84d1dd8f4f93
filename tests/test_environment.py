"""Nothing phones home, the user's own settings win, and the tests themselves stay at home."""

import os
import socket
import subprocess
import sys

import pytest
from pytest_socket import SocketConnectBlockedError

from driftune.environment import NO_TELEMETRY, set_defaults

PROBE = """
import {module}
import os
for name in {names}:
    print(name, os.environ.get(name))
"""


@pytest.mark.parametrize("module", ["pipelines", "driftune.cli.app"])
def test_telemetry_is_off_once_the_project_is_used(module):
    before = {k: v for k, v in os.environ.items() if k not in NO_TELEMETRY}
    probe = PROBE.format(module=module, names=list(NO_TELEMETRY))
    if module.endswith("app"):
        probe = "from driftune.environment import set_defaults; set_defaults()\n" + probe
    told = subprocess.run(
        [sys.executable, "-c", probe], env=before, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert dict(line.split() for line in told) == NO_TELEMETRY


def test_the_users_choice_wins(monkeypatch):
    for name in NO_TELEMETRY:
        monkeypatch.setenv(name, "mine")
    set_defaults()
    assert {os.environ[name] for name in NO_TELEMETRY} == {"mine"}


def test_prefect_keeps_its_files_in_the_project(monkeypatch, tmp_path):
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    set_defaults(tmp_path)
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "prefect")
    set_defaults(tmp_path / "other")
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "prefect")


def test_no_test_reaches_further_than_this_machine():
    with socket.socket() as probe, pytest.raises(SocketConnectBlockedError):
        probe.connect(("192.0.2.1", 80))  # a documentation address, RFC 5737


def test_no_key_of_the_developer_reaches_a_test():
    assert not [name for name in os.environ if name.endswith("_API_KEY")]
