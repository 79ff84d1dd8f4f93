"""The gate in the catalog: nothing but checked and accepted rows is saved as accepted."""

from __future__ import annotations

from typing import Any

from driftune.errors import DataError, ValidationFailed
from driftune.validation.batch import Checked


def let_accepted_pass(data: dict[str, Any]) -> dict[str, Any]:
    """Unwrap checked batches; Kedro calls this as the ``validator`` of ``accepted``.

    Raises:
        ValidationFailed: A batch is refused; its reports are on disk by now. Names the batch, the
            check, the column and the value.
        DataError: Rows that were not checked.
    """
    for name, checked in data.items():
        if not isinstance(checked, Checked):
            raise DataError(f"The rows of batch {name!r} were not checked.")
        if checked.refusal is not None:
            raise ValidationFailed(f"Batch {name!r} is refused: {checked.refusal}")
    return {name: checked.rows for name, checked in data.items()}
