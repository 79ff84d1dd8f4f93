"""What stands on the Prefect server after each deployment, on a real one."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from driftune.project import Project
from flows.deployments import deployments
from flows.gone import remove_deployments
from flows.work_pool import render

PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]
NEEDED = {"problem", "retune_id"}


def add_problem(project, name):
    file = project.root / "conf" / "problems" / f"{name}.yml"
    file.write_text("extends: ../test/problems/tiny.yml\n")
    return file


def apply(project, *problems, **options):
    for made in deployments(project, list(problems), **options):
        made.apply()


def standing(client):
    """All that stands on the server, without what is new at each deployment: ids and times."""
    found = {}
    for made in client.read_deployments():
        flow = client.read_flow(made.flow_id).name
        schedules = [(str(one.schedule), one.active) for one in made.schedules]
        found[f"{flow}/{made.name}"] = (made.parameters, schedules, sorted(made.tags))
    rules = [
        (rule.name, rule.enabled, str(rule.trigger.match.root), rule.actions[0].parameters)
        for rule in client.read_automations()
    ]
    return found, sorted(rules, key=str)


@pytest.fixture
def client(project, on_server):
    """A client; the problem `extra` is there besides those of the project."""
    add_problem(project, "extra")
    return on_server


def test_deploying_again_changes_nothing(project, client):
    apply(project, "late", "extra")
    first = standing(client)
    assert set(first[0]) == {
        "reconcile/all", "retune/extra", "retune/late", "watch/extra", "watch/late",
    }  # fmt: skip
    assert [set(rule[3]) for rule in first[1]] == [NEEDED, NEEDED]
    apply(project, "late", "extra")
    assert standing(client) == first


def test_a_changed_schedule_replaces_the_old_one_and_a_removed_one_is_removed(project, client):
    apply(project, "extra")
    apply(project, "extra", cron="0 4 * * *", watch_every=timedelta(hours=1))
    found, _ = standing(client)
    assert ["0 4 * * *" in schedule for schedule, _ in found["retune/extra"][1]] == [True]
    assert ["3600" in schedule for schedule, _ in found["watch/extra"][1]] == [True]
    apply(project, "extra", cron=None)
    found, rules = standing(client)
    assert found["retune/extra"][1] == []
    assert len(rules) == 1  # a drift still asks for it


def test_a_removed_problem_leaves_neither_deployment_nor_automation(project, client):
    apply(project, "late", "extra")
    (project.root / "conf" / "problems" / "extra.yml").unlink()
    assert len(remove_deployments(project)) == 2
    found, rules = standing(client)
    assert set(found) == {"reconcile/all", "retune/late", "watch/late"}
    assert len(rules) == 1
    assert remove_deployments(project) == []


def test_another_project_on_the_same_server_is_left_alone(project, client, tmp_path):
    apply(project, "extra")
    (project.root / "conf" / "problems" / "extra.yml").unlink()
    other = tmp_path / "other"
    other.mkdir()
    (other / "pyproject.toml").write_text('[project]\nname = "other"\n[tool.driftune]\n')
    assert remove_deployments(Project(other)) == []


def test_fifty_problems_do_not_start_at_the_same_second(project):
    names = [f"p{number}" for number in range(50)]
    made = deployments(project, names)
    anchors = {one.schedules[0].schedule.anchor_date for one in made if one.flow_name == "watch"}
    assert len(anchors) > 20


def test_the_file_for_work_pools_has_every_problem(project):
    here = Project.find(Path(__file__).parent)
    assert (here.root / "prefect.yaml").read_text() == render(here), (
        "python -m flows.work_pool writes prefect.yaml anew"
    )
    add_problem(project, "extra")
    assert render(project) != render(here)


def test_a_work_pool_gets_the_same_as_serve(project, client):
    apply(project, *project.problems())
    served = standing(client)
    (project.root / "prefect.yaml").write_text(render(project))
    for command in (["work-pool", "create", "driftune", "--type", "process"], ["deploy", "--all"]):
        done = subprocess.run(
            [*PREFECT, *command], capture_output=True, text=True, cwd=project.root, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert standing(client) == served
    client.delete_work_pool("driftune")
