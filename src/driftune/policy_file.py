"""Read a trigger policy from a YAML file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from driftune.errors import UsageError
from driftune.monitoring import TriggerPolicy
from driftune.problem_file import read_problem
from driftune.wrong_setting import explain

if TYPE_CHECKING:
    from pathlib import Path


class _File(BaseModel):
    """What is read of the file."""

    model_config = ConfigDict(extra="forbid")

    policy: TriggerPolicy


def read_policy(path: Path) -> TriggerPolicy:
    """Read a file that holds the keys of the section ``policy``, or a file with that section.

    A problem's file is one of the second kind: its other sections are left alone.

    Raises:
        UsageError: No such file, no valid YAML, an unknown key or a wrong value; one sentence.

    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "eager.yml"
    >>> _ = file.write_text("cost: 0.01")
    >>> read_policy(file).cost
    0.01
    """
    if not path.is_file():
        raise UsageError(f"--policy {path}: there is no such file.")
    values: dict[str, Any] = read_problem(path.resolve())
    section = values.get("policy", {}) if "policy" in values else values
    try:
        return _File.model_validate({"policy": section or {}}).policy
    except ValidationError as error:
        raise UsageError(explain(error, path.name, _File)) from None
