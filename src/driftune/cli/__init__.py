"""The command line: ``driftune COMMAND --help``.

Every command takes ``--json`` and exits with 0 = fine, 1 = refused or failed, 2 = bad usage or
data, 130 = stopped by Ctrl-C. Heavy packages are imported by the command that needs them.
"""

from __future__ import annotations

import sys

from driftune.environment import set_defaults
from driftune.errors import DriftuneError

INTERRUPTED = 130


def main() -> None:
    """Run the command line; our errors become one sentence and their exit code."""
    set_defaults()
    try:
        from driftune.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(f'The command line needs {error.name}: pip install "driftune[pipeline]".')
    from typer.exceptions import TyperException

    from driftune.cli.output import show_error

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
        message = f"Stopped. What is finished is kept; go on with: {again}"
        show_error(DriftuneError(message), as_json=as_json)
    sys.exit(code)
