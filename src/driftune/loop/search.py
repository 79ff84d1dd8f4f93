"""Only the search, on a project's problem or on somebody's own table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.errors import UsageError, close_match
from driftune.project import Project
from driftune.settings import find_problem, load_settings
from driftune.tuning import TuningResult, read_table, tune
from driftune.tuning.listening import listener

if TYPE_CHECKING:
    from driftune.settings import Settings


def search(problem: str, overrides: dict[str, Any]) -> TuningResult:
    """Tune a problem; nothing is registered.

    A problem of the project goes through its pipelines. Any other YAML file needs no project: its
    table is read as it is, and the study lives in ``.driftune`` beside the YAML file.

    Args:
        problem: Name in ``conf/problems`` or path of a YAML file.
        overrides: Of the problem's section ``tuning``.
    """
    project = project_of(problem)
    if project is None:
        file = find_problem(problem, Path.cwd())
        return search_table(load_settings(file, root=file.parent), file.parent, overrides)
    name = project.settings(problem).name
    steps = ("data_validation", "feature_engineering", "tuning")
    made = project.run_pipelines(*steps, want="tuning_result", problem=name, tuning=overrides)
    return TuningResult.from_dict(made)


def search_table(settings: Settings, folder: Path, overrides: dict[str, Any]) -> TuningResult:
    """Tune on a table as it is.

    Raises:
        UsageError: The problem asks for features, which only a project's pipelines make.
    """
    refuse_features(settings)
    plan = settings.tuning_with(overrides)
    state = folder / ".driftune"
    state.mkdir(exist_ok=True)
    return tune(
        settings.problem,
        read_table(settings.rows),
        space=plan.space,
        budget=plan.budget,
        executor=plan.executor,
        workers=plan.workers,
        dask_address=plan.dask_address,
        storage=os.environ.get("DRIFTUNE_STUDY_URL") or state / "studies.db",
        n_folds=plan.folds,
        splitter=plan.splitter,
        seed=plan.seed,
        family=plan.family,
        pruning=plan.pruning,
        rungs=plan.rungs,
        constraints=plan.constraints,
        earlier_configurations=plan.earlier_configurations,
        language_model=plan.language_model,
        share_column_names=plan.share_column_names,
        on_progress=listener(),
    )


def refuse_features(settings: Settings) -> None:
    """Refuse what only a project's pipelines can do to a table.

    Raises:
        UsageError: The problem asks for features.
    """
    if settings.features.joins or settings.features.calendar or settings.features.years_since:
        raise UsageError(
            "The section `features` needs a driftune project; put the file into its conf/problems."
        )


def project_of(problem: str) -> Project | None:
    """Return the project whose problem this is, or ``None`` for a file elsewhere."""
    is_file = Path(problem).suffix in {".yml", ".yaml"}
    try:
        project = Project.find()
    except UsageError:
        if is_file:
            return None
        files = [file.name for file in Path.cwd().glob("*.y*ml")]
        raise UsageError(
            f"{problem!r} is no YAML file, and {Path.cwd()} is not inside a driftune project"
            f" (DRIFTUNE_PROJECT) that could know it by name.{close_match(problem, files)}"
        ) from None
    inside = project.root / "conf" in Path(problem).resolve().parents
    return project if inside or not is_file else None
