"""A run of the retune flow that takes up what another left does not do again what is done."""

import shutil

import pytest

from driftune import loop
from driftune.promotion.registry import CHAMPION, Registry
from flows import retune as retune_flow
from flows.retune import retune
from flows.steps import RESULTS, Inputs

STEPS = ("data_validation", "feature_engineering", "tuning", "training")


@pytest.fixture
def done(monkeypatch):
    """The Kedro pipelines that were really run, in order."""
    names = []

    def counted(method, pipeline):
        real = getattr(loop.Retune, method)

        def run(self):
            names.append(pipeline)
            return real(self)

        monkeypatch.setattr(loop.Retune, method, run)

    for method, pipeline in zip(("validate", "make_features", "tune", "train"), STEPS, strict=True):
        counted(method, pipeline)
    return names


@pytest.fixture(scope="module")
def prepared(module_project, add_small_problem):
    add_small_problem(module_project, "small")
    settings = module_project.settings("small")
    row = loop.request(module_project, settings, trigger="first", reason="x")
    return module_project, row.id


@pytest.fixture
def killed(prepared, on_server):
    """A retune that was stopped before the gate, with all four pipelines done."""
    project, name = prepared
    run_up_to_the_gate(name)
    assert project.ledger.retune(name).status == "running"
    return project, name


def run_up_to_the_gate(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retune_flow, "judge", stop)
        with pytest.raises(SystemExit):
            retune("small", retune_id=name)


def stop(*_):
    raise SystemExit("killed")


def states(client, name="small"):
    """The state of each step in the newest flow run."""
    newest = max(client.read_flow_runs(), key=lambda run: run.start_time)
    runs = client.read_task_runs()
    return {run.name.split("-")[0]: run.state.name for run in runs if run.flow_run_id == newest.id}


@pytest.mark.slow  # a Prefect server is started, and four Kedro pipelines run
def test_what_lost_its_files_is_done_again_and_only_that(killed, done):
    project, name = killed
    shutil.rmtree(project.root / "data" / "04_feature" / "small")
    (project.root / "data" / "06_models" / "small" / "tuning_result.json").write_text("{}")
    run_up_to_the_gate(name)
    assert done == ["feature_engineering", "tuning"]
    assert project.registry("small").versions() == [1]


def test_what_the_registry_forgot_is_done_again(killed, done, monkeypatch):
    _, name = killed
    done.clear()
    monkeypatch.setattr(Registry, "version_of_retune", lambda *_: None)
    run_up_to_the_gate(name)
    assert done == ["training"]


def test_a_broken_record_of_a_step_means_that_it_is_done_again(killed, done):
    project, name = killed
    done.clear()
    for record in (project.state / RESULTS).iterdir():
        record.write_bytes(record.read_bytes()[:40])
    run_up_to_the_gate(name)
    assert tuple(done) == STEPS


def test_steps_that_are_done_are_skipped(killed, done, on_server):
    project, name = killed
    done.clear()
    ended = retune("small", retune_id=name)
    assert ended["status"] == "promoted"
    assert done == []
    assert project.registry("small").version_of(CHAMPION) is not None
    found = states(on_server)
    assert [found[step] for step in STEPS] == ["Cached"] * 4
    assert found["gate"] == found["promotion"] == "Completed"


def test_other_data_another_configuration_and_other_code_are_other_steps(
    project, add_small_problem, monkeypatch
):
    add_small_problem(project, "small")

    def inputs():
        settings = project.settings("small")
        row = loop.request(project, settings, trigger="manual", reason="x")
        lease = project.ledger.lease("small")
        lease.release()
        return Inputs.of(loop.Retune(project, settings, row.id, lease))

    first = inputs()
    assert inputs() == first
    file = project.root / "data" / "small" / "first.parquet"
    kept = file.read_bytes()
    file.write_bytes(kept + b"x")
    assert inputs().data != first.data
    file.write_bytes(kept)
    problem = project.root / "conf" / "problems" / "small.yml"
    problem.write_text(problem.read_text().replace("min_rows: 50", "min_rows: 60"))
    assert inputs().configuration != first.configuration
    assert inputs().data == first.data
    (project.root / "conf" / "base" / "parameters_tuning.yml").write_text("tuning: {seed: 1}\n")
    assert len({first.configuration, inputs().configuration}) == 2
