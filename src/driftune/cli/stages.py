"""Progress of work in stages: one bar for what is being fitted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


@contextmanager
def stages(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar for what is being fitted; without a terminal a line per stage.

    Gives a function of the stage's name, what is done of it, and how much it has in all (0: nobody
    knows).
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        said: list[str] = []

        def on_stage(stage: str, done: int, wanted: int) -> None:
            bar.update(task, description=escape(stage), completed=done, total=wanted or None)
            if not console.is_terminal and stage not in said:
                console.print(escape(stage))
            said.append(stage)

        yield on_stage
