"""What the device has learnt of its releases: which are proven, which are bad, which are tried."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .durable import write_file

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Start:
    """One start of a release on trial, by a process that has not told yet how it went."""

    release: int
    boot: str
    process: int
    since: str

    def failed(self) -> bool:
        """Whether that process is gone, and so never told."""
        return self.boot != boot() or self.since != started(self.process)


@dataclass(frozen=True, slots=True)
class Health:
    """By the releases' numbers. ``newest`` is the highest that was ever offered and verified."""

    proven: tuple[int, ...] = ()
    bad: Mapping[int, str] = field(default_factory=dict)
    starts: tuple[Start, ...] = ()
    newest: int = 0


def read_health(path: Path) -> Health:
    """What was learnt so far; nothing, if it was lost."""
    try:
        said = json.loads(path.read_bytes())
        return Health(
            proven=tuple(int(number) for number in said["proven"]),
            bad={int(number): str(reason) for number, reason in said["bad"].items()},
            starts=tuple(Start(**start) for start in said["starts"]),
            newest=int(said["newest"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return Health()


def write_health(path: Path, health: Health) -> None:
    """Raises OSError; what was learnt before then still stands."""
    write_file(path, (json.dumps(asdict(health), indent=2) + "\n").encode())


def this_start(release: int) -> Start:
    """The start of a release by this process."""
    process = os.getpid()
    return Start(release, boot(), process, started(process))


def boot() -> str:
    """What is another after each boot of the device."""
    with contextlib.suppress(OSError):
        return BOOT_ID.read_text().strip()
    return ""


def started(process: int) -> str:
    """When a process started, in the kernel's own count; empty if there is none."""
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
