"""Who we are on this machine, and its clock that nobody can set.

A wall clock jumps: a wrong battery, a first NTP answer, a restored virtual machine. The kernel's
clock since boot does not, and goes on while the machine sleeps (Linux, ``CLOCK_BOOTTIME``). It says
nothing on another machine or after a reboot, so it is kept together with the name of the boot.
"""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")
ENDED = {"Z", "X"}  # killed and not yet collected by its parent; gone


@lru_cache(maxsize=1)
def boot() -> str | None:
    """Return the name of this boot of this machine, the same in all its containers.

    ``None`` where there is none (not Linux): leases then go by the wall clock alone.
    """
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return None


def seconds_since_boot() -> float | None:
    """Return the clock that cannot be set, or ``None`` where there is none."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(clock) if clock is not None and boot() else None


def this_process() -> str | None:
    """Name this process, so that no later one of the same number passes for it.

    >>> this_process() is None or not is_gone(this_process())
    True
    """
    return _name(os.getpid())


def is_gone(process: str | None) -> bool:
    """Return whether a process of this boot has certainly ended.

    One in another container cannot be seen from here, and counts as running.

    >>> is_gone(None)
    False
    """
    if process is None:
        return False
    space, pid, _ = process.split("/")
    return space == _pid_space() and _name(int(pid)) != process


def _name(pid: int) -> str | None:
    """Namespace, number and start of a process; ``None`` when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return None if state in ENDED else f"{_pid_space()}/{pid}/{fields[18]}"  # start, in ticks


@lru_cache(maxsize=1)
def _pid_space() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
