"""The command line: ``driftune COMMAND --help``.

Every command takes ``--json`` and exits with 0 = fine, 1 = refused or failed, 2 = bad usage or
data, 130 = stopped by Ctrl-C. Heavy packages are imported by the command that needs them.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from driftune.environment import set_defaults
from driftune.errors import DriftuneError

BROKEN_PIPE = 1  # as Rich has it
INTERRUPTED = 130


def main() -> None:
    """Run the command line; our errors become one sentence and their exit code."""
    try:
        _run()
    except BrokenPipeError:  # whoever read our output has enough of it, e.g. `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


def _run() -> None:
    set_defaults()
    try:
        from driftune.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(f'The command line needs {error.name}: pip install "driftune[pipeline]".')
    from typer.exceptions import TyperException

    from driftune.cli.output import show_error, show_stop

    as_json = "--json" in sys.argv
    try:
        code = app(standalone_mode=not as_json)  # as text, Typer shows bad usage by itself
    except (DriftuneError, TyperException) as error:
        show_error(error, as_json=as_json)
        sys.exit(error.exit_code)
    except SystemExit as done:
        code = done.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:  # Typer turns Ctrl-C into this, without a word
        again = " ".join(["driftune", *sys.argv[1:]])
        kept = "" if sys.argv[1:2] == ["plan"] else " What is finished is kept; go on with:"
        show_stop(f"Stopped.{kept or ' Plan again with:'} {again}", as_json=as_json)
        _leave(INTERRUPTED)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End the process without waiting for its threads.

    Optuna's heartbeat thread never ends when Ctrl-C comes while it is being started, and Python
    would wait for it for ever.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
