"""`driftune serve` for real: a Prefect server, served deployments, a drift, one retune."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlparse

import pytest

from driftune.promotion.registry import CHAMPION, PREVIOUS

# A shell's background job, which a CI run can be, is started with SIGINT ignored.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
SERVE = [sys.executable, "-c", f"{LISTEN}; from driftune.cli import main; main()", "serve", "tiny"]
LATER = ("week_17", "week_18", "week_19")


def wait_for(what, *, seconds, every=1.0):
    """Return the first true value of ``what()``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"{what.__name__} did not come true within {seconds} s")


@pytest.fixture
def served(project):
    """A project without a champion and with four calm weeks, served; the later ones are held back.

    Stopped as a terminal does it: Ctrl-C goes to every process of the group.
    """
    held = project.root / "held"
    held.mkdir()
    batches = project.root / "conf" / "test" / "data" / "batches"
    for name in (*LATER, "week_20"):
        shutil.move(batches / f"{name}.parquet", held / f"{name}.parquet")
    problem = project.root / "conf" / "test" / "problems" / "tiny.yml"
    problem.write_text(problem.read_text().replace("max_trials: 10", "max_trials: 3"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/api"
    log = (project.root / "serve.log").open("wb")
    serving = subprocess.Popen(
        [*SERVE, "--watch-every", "10s"],
        env={**os.environ, "PREFECT_API_URL": url},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield project, url, lambda name: deliver(held, batches, name)
        os.killpg(serving.pid, signal.SIGINT)
        serving.wait(timeout=60)
        assert not reachable(url)
    finally:
        if serving.poll() is None:
            serving.terminate()
        log.close()


def reachable(url):
    """Whether anything still listens where the server was."""
    address = urlparse(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def deliver(held, batches, name):
    """Let a batch arrive, whole at once."""
    shutil.copy(held / f"{name}.parquet", batches / f".{name}.tmp")
    (batches / f".{name}.tmp").rename(batches / f"{name}.parquet")


@pytest.mark.slow  # three minutes: a Prefect server, flow runs in own processes, two retunes
@pytest.mark.timeout(600)
def test_a_first_champion_and_for_a_drift_one_event_one_retune_a_new_champion(served):
    project, url, arrive = served
    ledger, registry = project.ledger, project.registry("tiny")

    def decided(name):
        def decision_is_on_record():
            return ledger.observation("tiny", name)

        return wait_for(decision_is_on_record, seconds=300).decision

    calm = [decided(f"week_{week}").outcome for week in range(13, 17)]
    assert calm == ["no_drift"] * 4
    assert registry.version_of(CHAMPION) == 1  # nobody made it but the served flows
    arrive("week_17")
    assert decided("week_17").outcome == "no_drift"  # one breach is not yet two of three
    arrive("week_18")
    decision = decided("week_18")
    assert (decision.outcome, decision.trigger) == ("queued", "performance_drop")

    def retune_has_ended():
        row = ledger.retune(decision.retune_id)
        return row if row.status in {"promoted", "refused", "failed"} else None

    row = wait_for(retune_has_ended, seconds=240)
    assert row.status == "promoted", row.details
    assert row.attempts == 1
    assert registry.version_of(CHAMPION) == row.details["version"] == 2
    assert registry.version_of(PREVIOUS) == 1

    arrive("week_19")  # the next batch is judged by the new champion
    assert decided("week_19")
    assert ledger.observation("tiny", "week_19").champion_version == 2

    runs = flow_runs(url)
    by_automation = {
        r.parameters["retune_id"]: r.id
        for r in runs
        if r.created_by and r.created_by.type == "AUTOMATION"
    }
    assert len(by_automation) == sum(r.flow_id in retunes(url) for r in runs if r.start_time) == 2
    wait_for(lambda: completed(url, by_automation[decision.retune_id]), seconds=60)
    assert progress_of_tuning(url) == 100
    assert [r.status for r in ledger.retunes("tiny")] == ["promoted", "promoted"]


def client(url):
    """A client of the server that `serve` started; nothing is imported before it is needed."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}):
        return get_client(sync_client=True)


def flow_runs(url):
    with client(url) as api:
        return api.read_flow_runs(limit=200)


def retunes(url):
    """The ids of the flow `retune`, of which there is one."""
    with client(url) as api:
        return {flow.id for flow in api.read_flows() if flow.name == "retune"}


def completed(url, run_id):
    with client(url) as api:
        return api.read_flow_run(run_id).state.is_completed()


def progress_of_tuning(url):
    with client(url) as api:
        artifacts = api.read_artifacts(limit=50)
    return next(a.data for a in artifacts if a.type == "progress" and a.key == "tuning-tiny")
