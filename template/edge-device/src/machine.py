"""What kind of machine this is, as far as it matters for how fast a model runs."""

from __future__ import annotations

import platform
from pathlib import Path

INT8 = {
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX-VNNI",
    "asimddp": "dot product",
    "i8mm": "I8MM",
}
"""What a CPU calls the instructions that multiply 8-bit integers several at once → their name."""


def cpu_name(root: Path = Path("/")) -> str:
    """The CPU's own name, or its architecture where Linux does not tell."""
    for key in ("model name", "Model", "Hardware"):
        for line in _lines(root / "proc/cpuinfo"):
            name, _, value = line.partition(":")
            if name.strip() == key and value.strip():
                return value.strip()
    return platform.machine()


def cpu_features(root: Path = Path("/")) -> frozenset[str]:
    """The instruction sets, by the names that Linux has for them; none where it does not tell."""
    for line in _lines(root / "proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def int8_instructions(root: Path = Path("/")) -> list[str]:
    """The names of those that make INT8 models faster than float32 ones."""
    features = cpu_features(root)
    return [name for flag, name in INT8.items() if flag in features]


def memory_megabytes(root: Path = Path("/")) -> tuple[float, float] | None:
    """All, and what programs may still take; None where Linux does not tell."""
    figures = {}
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        figures[name] = value.split()
    try:
        total, available = (int(figures[key][0]) for key in ("MemTotal", "MemAvailable"))
    except (KeyError, IndexError, ValueError):
        return None
    return total * 1024 / 1e6, available * 1024 / 1e6


def governor(root: Path = Path("/")) -> str:
    """How the clock of the first core is chosen, such as ``powersave``; empty if nobody does."""
    return "".join(_lines(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")).strip()


def temperature(root: Path = Path("/")) -> float | None:
    """Of the hottest part, in °C; None where no sensor is seen."""
    found = []
    for path in (root / "sys/class/thermal").glob("thermal_zone*/temp"):
        text = "".join(_lines(path)).strip()
        if text.lstrip("-").isdecimal():
            found.append(int(text) / 1000)
    return max(found, default=None)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
