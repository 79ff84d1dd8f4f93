"""A process that pushes what waits: ``python -m driftune.lineage.pushing ROOT``."""

from __future__ import annotations

import sys
from pathlib import Path

from driftune.lineage.remote import push_now, waiting
from driftune.lineage.repository import opened


def main() -> None:
    """Push, and say in one line why not."""
    root = Path(sys.argv[1])
    with opened(root) as repo:
        why = push_now(root, repo, waiting(root))
    if why is not None:
        sys.stdout.write(why)
        sys.exit(1)


if __name__ == "__main__":
    main()
