"""The rows of a problem's whole history, as features, in the order in which they arrived."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from driftune.errors import DataError, DriftuneError, UsageError, ValidationFailed, close_match
from driftune.files import replace_file
from driftune.lineage import file_version
from driftune.loop.late_labels import content_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from driftune.problem import Problem
    from driftune.project import Project
    from driftune.settings import Settings

RANGE = ".."
_BATCH = "__batch__"  # of the kept table: whose row it is


@dataclass(frozen=True)
class PastRows:
    """Features, target and time of every batch.

    Attributes:
        table: All rows: batch after batch, each in time order, numbered from 0.
        names: Of the batches; the first holds what is known before the first decision.
        ends: For each batch the number after that of its last row.
        refused: Batches that validation refused; they are no part of the table.
        share: Of each batch's rows that is in the table; below 1 where there are too many.
        key: A hash of the content, the same for the same files and settings.
    """

    table: DataFrame
    names: tuple[str, ...]
    ends: tuple[int, ...]
    refused: tuple[str, ...]
    share: float
    key: str


def read_past(
    project: Project, settings: Settings, *, history: str | None = None, most_rows: int
) -> PastRows:
    """Collect the rows of the problem's batches, or of those that ``history`` names.

    Args:
        project: Where the batches are.
        settings: The problem.
        history: ``None`` for the initial rows and all batches; ``a..b`` for decisions about the
            batches from a to b, all older rows being known at the start; or a folder of tables
            that hold the features already, the first one by name the initial rows.
        most_rows: Above it the same random share of every batch is taken.

    Raises:
        UsageError: No such batch or folder.
        DataError: Fewer than two batches, or a table that cannot be read.
        DriftuneError: Another process watches this problem now.
    """
    if history and RANGE not in history:
        tables, key = _read_folder(Path(history), settings)
        refused: tuple[str, ...] = ()
    else:
        tables, key, refused = _featured(project, settings)
    if history and RANGE in history:
        tables = _cut(tables, *history.split(RANGE, 1))
    if len(tables) < 2:
        raise DataError(
            f"A backtest needs initial rows and at least one batch; of {settings.name!r} there is"
            f" {', '.join(tables) or 'nothing'} (the keys `rows` and `batches`)."
        )
    share = min(1.0, most_rows / sum(map(len, tables.values())))
    text = f"{key}|{history if history and RANGE in history else ''}|{share}"
    key = sha256(text.encode()).hexdigest()[:16]
    return _join(settings, tables, share, refused, key)


def _featured(
    project: Project, settings: Settings
) -> tuple[dict[str, DataFrame], str, tuple[str, ...]]:
    """Return the features of every batch that passes validation; kept, for they take a while."""
    import pandas as pd

    files = settings.batch_files()
    if not settings.rows.is_file() and not settings.source:
        raise DataError(f"There is no file {settings.rows} (`rows` of {settings.name!r}).")
    if not settings.rows.is_file():  # a source builds its files when a pipeline asks for them
        _make_features(project, settings, [settings.rows.stem])
        files = settings.batch_files()
    key = _content_key(project, settings)
    kept = project.state / "backtest" / settings.name / f"features-{key}.parquet"
    if not kept.is_file():
        made = _make_features(project, settings, list(files))
        parts = [table.assign(**{_BATCH: name}) for name, table in made.items()]
        whole = pd.concat(parts, ignore_index=True)
        with replace_file(kept) as path:
            whole.to_parquet(path, index=False)
    whole = pd.read_parquet(kept)
    tables = {str(name): part for name, part in whole.groupby(_BATCH, sort=False)}
    tables = {name: part.drop(columns=_BATCH) for name, part in tables.items()}
    return tables, key, tuple(name for name in files if name not in tables)


def _content_key(project: Project, settings: Settings) -> str:
    lookups = {str(join.table): file_version(join.table) for join in settings.features.joins}
    facts = {
        "batches": content_versions(project, settings),  # with labels that came late
        "lookups": lookups,
        "settings": settings.model_dump_json(
            include={"target", "time", "ids", "drop", "group", "features", "validation"}
        ),
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _make_features(
    project: Project, settings: Settings, names: Sequence[str]
) -> dict[str, DataFrame]:
    """Run validation and features, while nobody else writes the same files.

    All batches at once; where one of them is refused, one by one without those.
    """
    lease = project.ledger.lease(f"watch:{settings.name}")
    if lease is None:
        raise DriftuneError(
            f"Another process watches {settings.name!r} now; try again when it is done."
        )
    with lease:
        try:
            return _run(project, settings, names)
        except ValidationFailed:
            pass
        made: dict[str, DataFrame] = {}
        for name in names:
            try:
                made |= _run(project, settings, [name])
            except ValidationFailed:
                if name == names[0]:
                    raise  # without the initial rows there is no history
        return made


def _run(project: Project, settings: Settings, names: Sequence[str]) -> dict[str, DataFrame]:
    steps = ("data_validation", "feature_engineering")
    wanted = {"problem": settings.name, "batches": list(names)}
    made = project.run_pipelines(*steps, want="features", **wanted)
    return {name: made[name]().to_pandas() for name in names}


def _read_folder(folder: Path, settings: Settings) -> tuple[dict[str, DataFrame], str]:
    from driftune.settings import TABLE_SUFFIXES
    from driftune.tuning import read_table

    if not folder.is_dir():
        raise UsageError(
            f"--history {str(folder)!r} is no folder; it takes a folder of tables, or a range of"
            " batches such as week_13..week_20."
        )
    files = [file for file in sorted(folder.iterdir()) if file.suffix in TABLE_SUFFIXES]
    if settings.rows.stem in {file.stem for file in files}:  # as the project's own folder has it
        files.sort(key=lambda file: (file.stem != settings.rows.stem, file.name))
    key = "|".join(f"{file.name}:{file_version(file)}" for file in files)
    return {file.stem: read_table(file) for file in files}, key


def _cut(tables: dict[str, DataFrame], first: str, last: str) -> dict[str, DataFrame]:
    """Keep decisions about ``first`` to ``last``; what is older becomes part of the start."""
    import pandas as pd

    names = list(tables)
    for name in filter(None, (first, last)):
        if name not in names:
            raise UsageError(f"--history: there is no batch {name!r}.{close_match(name, names)}")
    start = names.index(first) if first else 1
    end = names.index(last) if last else len(names) - 1
    if not 0 < start <= end:
        raise UsageError(
            f"--history {first}{RANGE}{last}: it must go forward, from {names[1]!r} at the earliest"
            f" ({names[0]!r} holds the initial rows)."
        )
    known = pd.concat([tables[name] for name in names[:start]], ignore_index=True)
    return {names[0]: known} | {name: tables[name] for name in names[start : end + 1]}


def _join(
    settings: Settings,
    tables: dict[str, DataFrame],
    share: float,
    refused: tuple[str, ...],
    key: str,
) -> PastRows:
    import pandas as pd

    first = next(iter(tables.values()))
    columns = [name for name in first.columns if name not in _unused(settings)]
    parts = []
    for number, (name, table) in enumerate(tables.items()):
        for column in filter(None, (settings.target, settings.time)):
            if column not in table.columns:
                near = close_match(column, map(str, table.columns))
                raise DataError(f"Batch {name!r} has no column {column!r}.{near}")
        part = table.reindex(columns=columns)
        if share < 1:
            part = part.sample(frac=share, random_state=number)
        parts.append(_in_order(part, settings))
    ends = np.cumsum([len(part) for part in parts])
    whole = pd.concat(parts, ignore_index=True)
    return PastRows(whole, tuple(tables), tuple(map(int, ends)), refused, share, key)


def _in_order(part: DataFrame, settings: Settings) -> DataFrame:
    """Sort a batch by time, or keep its order where it has none."""
    if settings.time:
        return part.sort_values(settings.time, kind="stable")
    return part.sort_index()


def _unused(problem: Problem) -> set[Any]:
    return {*problem.ids, *problem.drop} - {problem.target, problem.time, problem.group}
