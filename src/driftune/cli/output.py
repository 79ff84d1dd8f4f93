"""What a command shows: text or a table for people, one JSON document for programs."""

from __future__ import annotations

import json
import logging
import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from driftune.errors import DriftuneError

if TYPE_CHECKING:
    from collections.abc import Callable

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def show(result: dict[str, Any] | list[Any], *, as_json: bool, text: Callable[[], None]) -> None:
    """Print a result: ``text`` prints it for people."""
    if as_json:
        typer.echo(json.dumps(result, indent=2, default=str))
    else:
        text()


def show_error(error: Exception, *, as_json: bool) -> None:
    """Print an error: a sentence on stderr, or a JSON document on stdout."""
    if as_json:
        typer.echo(json.dumps({"error": str(error), "kind": type(error).__name__}))
    else:
        err.print(f"[bold red]Error:[/] {escape(str(error))}", style=None)


def show_stop(message: str, *, as_json: bool) -> None:
    """Say that Ctrl-C was heard, which is no error; for programs it is one."""
    if as_json:
        show_error(DriftuneError(message), as_json=True)
    else:
        err.print(escape(message))


def counted(number: int, noun: str) -> str:
    """Say how many.

    >>> counted(1, "trial"), counted(2, "batch")
    ('1 trial', '2 batches')
    """
    plural = f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def quiet() -> None:
    """Keep other packages' notes off the terminal; our progress and errors say what matters."""
    warnings.filterwarnings("ignore", module=r"(mlflow|great_expectations|kedro|optuna|litellm)\b")
    for name in ("mlflow", "kedro", "great_expectations", "alembic", "optuna", "dvc"):
        logging.getLogger(name).setLevel(logging.ERROR)
