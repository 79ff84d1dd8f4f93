"""The argument PROBLEM of the commands, and what it stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftune.errors import UsageError

if TYPE_CHECKING:
    from driftune.project import Project
    from driftune.settings import Settings

ProblemName = Annotated[
    str, typer.Argument(help="Name of a file in conf/problems (or its path there).")
]
TunableName = Annotated[
    str, typer.Argument(help="Name of a file in conf/problems, or the path of any YAML file.")
]


def open_problem(name: str) -> tuple[Project, Settings]:
    """Return the project around us and the settings of one of its problems.

    Raises:
        UsageError: No project, no such problem, or a file outside the project's ``conf``, which
            its pipelines would not find.
    """
    from driftune.project import Project
    from driftune.settings import YAML_SUFFIXES, find_problem

    project = Project.find()
    file = find_problem(name, project.root)
    inside = project.root / "conf" in file.parents and file.parent.name == "problems"
    if Path(name).suffix in YAML_SUFFIXES and not inside:
        raise UsageError(
            f"{file} is not in {project.root / 'conf' / 'problems'}; only `driftune tune` takes"
            " such a file. Put it there, and this command knows it by name."
        )
    return project, project.settings(name)
