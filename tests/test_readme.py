"""What README.md says is what happens: its Python, its commands and its YAML are run."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from driftune.settings import load_settings

README = Path(__file__).resolve().parents[1] / "README.md"
DOCS = README.parent / "docs"
GUIDES = ("sampler", "search-spaces", "tuning", "monitoring", "plan", "plrf")
PAGES = [README, *(DOCS / f"{name}.md" for name in GUIDES)]
BY_HAND = ("git clone", "make demo")  # what a clone in an empty folder does, outside the tests
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(language):
    """Return the fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def commands():
    """Return ``(command, expected output)`` of every console block, in order."""
    found = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append((command, expected))
    return [(command, expected) for command, expected in found if not command.startswith(BY_HAND)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_blocks_are_true(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a study's file stays there
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS)
    assert tried > 5
    assert failed == 0


@pytest.mark.slow  # a study, a Kedro run of all four pipelines and a Prefect server's start
@pytest.mark.timeout(600)
def test_the_commands_do_what_they_say(project):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    checker = doctest.OutputChecker()
    for command, expected in commands():
        ran = subprocess.run(
            command,
            shell=True,
            cwd=project.root,
            env={**os.environ, "PATH": path, "COLUMNS": "200"},
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )
        refusal = expected.startswith("Error:")
        assert ran.returncode == (2 if refusal else 0), f"{command}\n{ran.stdout}{ran.stderr}"
        got = ran.stderr if refusal else ran.stdout
        assert checker.check_output(expected, got, FLAGS), f"{command}\n{got}"


def test_the_yaml_is_a_problem(tmp_path):
    (block,) = blocks("yaml")
    (tmp_path / "demand.yml").write_text(block)
    settings = load_settings(tmp_path / "demand.yml", root=tmp_path)
    assert settings.name == "demand"
    assert settings.gate.holdout == "auto"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [t for t in targets if not (page.parent / t).exists()] == []
