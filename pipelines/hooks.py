"""Kedro hooks: what the user sees when a run is refused."""

from __future__ import annotations

import click
from kedro.framework.hooks import hook_impl

from driftune.errors import DriftuneError


class Refused(click.ClickException):
    """Makes ``kedro run`` print one sentence and exit with the error's own code (2 = bad data)."""

    def __init__(self, error: DriftuneError) -> None:
        super().__init__(str(error))
        self.error = error
        self.exit_code = error.exit_code


class RefusalHooks:
    """Turns our errors into click's, which Kedro's command line prints without a traceback."""

    @hook_impl
    def on_pipeline_error(self, error: Exception) -> None:
        """Find our error among the causes; anything else keeps its traceback."""
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, DriftuneError):
                raise Refused(cause) from error
            cause = cause.__cause__ or cause.__context__
