"""How many cores this process may use: a container's share, not all that the host has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def available_cpus(root: Path = Path("/")) -> int:
    """The cores of its affinity or of the CPU limit of its cgroups, whichever is less; at least 1.

    A limit of 1.5 cores counts as 2. ``root`` is where /proc and /sys are looked for.
    """
    return max(1, math.ceil(min([_affinity(), *_limits(root)])))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _limits(root: Path) -> Iterator[float]:
    """The limits, in cores, of this process's cgroup and of all above it that can be seen."""
    mounts = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            hybrid = mounts / "unified"
            folders = _upwards(hybrid if hybrid.is_dir() else mounts, path)
            limits = map(_version_2, folders)
        elif "cpu" in controllers.split(","):
            limits = map(_version_1, _upwards(mounts / "cpu", path))
        else:
            continue
        yield from (limit for limit in limits if limit is not None)


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """The folder of a cgroup and those above it, up to the mount.

    Inside of a container the path may be the host's, of which only the mount itself is visible.
    """
    inner = PurePosixPath(path.lstrip("/"))
    for folder in (inner, *inner.parents):
        if ".." not in folder.parts:
            yield mount / folder


def _version_2(folder: Path) -> float | None:
    return _cores(*_text(folder / "cpu.max").split())


def _version_1(folder: Path) -> float | None:
    return _cores(_text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us"))


def _cores(quota: str = "", period: str = "") -> float | None:
    """Microseconds of CPU in each period as cores; None for "max", -1 and what is missing."""
    try:
        limit = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return limit if limit > 0 else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
