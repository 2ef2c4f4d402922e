"""What the kernel says of a process, where it has /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """Resources of one process; ``started`` in seconds since 1970."""

    cpu_seconds: float
    resident_bytes: int
    started: float
    open_files: int


def read_process(pid: int) -> Process | None:
    """The resources of this process, None if it cannot be seen. proc(5) has the fields' meaning."""
    folder = Path("/proc") / str(pid)
    try:
        # The second field is a name in parentheses that may hold anything.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        open_files = sum(1 for _ in (folder / "fd").iterdir())
        booted = next(
            int(line.split()[1])
            for line in Path("/proc/stat").read_text().splitlines()
            if line.startswith("btime ")
        )
    except (OSError, StopIteration):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Process(
        cpu_seconds=(int(fields[11]) + int(fields[12])) / ticks,
        resident_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        started=booted + int(fields[19]) / ticks,
        open_files=open_files,
    )
