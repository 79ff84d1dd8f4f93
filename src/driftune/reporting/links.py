"""Addresses of pages, relative to where they stand: they work from a disk, a share or a server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from driftune.reporting.events import FOLDER, slug

if TYPE_CHECKING:
    from driftune.reporting.story import Batch, Change, Check, Retuned

REPORT = "report.html"


@dataclass(frozen=True)
class Links:
    """Finds the pages that exist, seen from one of them; what does not exist has no address.

    Attributes:
        home: The problem's folder of reports.
        here: The folder of the page that the links are on.
    """

    home: Path
    here: Path

    @property
    def report(self) -> str:
        """The problem's report, which every other page comes with."""
        return self._address(self.home / REPORT)

    def decision(self, batch: Batch) -> str | None:
        """The page of a decision."""
        revision = f"-revision-{batch.revision}" if batch.revision else ""
        return self._existing(self.home / FOLDER / f"decision-{slug(batch.name)}{revision}.html")

    def retune(self, retune: Retuned) -> list[tuple[str, str]]:
        """The pages of what became of a retune, as ``(state, address)``, oldest first."""
        start = f"retune-{slug(retune.id)}-"
        files = sorted(
            (file for file in (self.home / FOLDER).glob("retune-*") if file.name.startswith(start)),
            key=lambda file: file.stat().st_mtime_ns,
        )
        states = [file.stem.removeprefix(start).replace("_", " ") for file in files]
        return list(zip(states, map(self._address, files), strict=True))

    def change(self, change: Change) -> str | None:
        """The page of a change of the champion that came without a retune."""
        name = f"{slug(change.kind)}-{change.number}-version-{change.version}.html"
        return self._existing(self.home / FOLDER / name)

    def check(self, check: Check) -> str | None:
        """What validation wrote about a batch."""
        return self._existing(check.page) if check.page else None

    def _existing(self, file: Path) -> str | None:
        return self._address(file) if file.is_file() else None

    def _address(self, file: Path) -> str:
        return quote(Path(os.path.relpath(file, self.here)).as_posix())
