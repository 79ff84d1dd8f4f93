"""Kedro hooks: what the user sees when a run is refused."""

from __future__ import annotations

from contextlib import ExitStack

import click
from kedro.framework.hooks import hook_impl

from driftune.errors import DriftuneError
from driftune.tuning import rich_progress
from driftune.tuning.listening import listener, listening


class Refused(click.ClickException):
    """Makes ``kedro run`` print one sentence and exit with the error's own code (2 = bad data)."""

    def __init__(self, error: DriftuneError) -> None:
        super().__init__(str(error))
        self.error = error
        self.exit_code = error.exit_code


class ProgressHooks:
    """Shows the search of a plain ``kedro run``; whoever listens already is left alone."""

    def __init__(self) -> None:
        self._open = ExitStack()

    @hook_impl
    def before_pipeline_run(self) -> None:
        """Draw a bar, or log a line now and then where there is no terminal."""
        if listener() is None:
            on_progress = self._open.enter_context(rich_progress())
            self._open.enter_context(listening(on_progress))

    @hook_impl
    def after_pipeline_run(self) -> None:
        """Take the bar away."""
        self._open.close()

    @hook_impl
    def on_pipeline_error(self) -> None:
        """Take the bar away before the error is shown."""
        self._open.close()


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
