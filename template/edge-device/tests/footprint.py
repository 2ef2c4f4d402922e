"""``python -m tests.footprint``: how much of a device the package takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

ROUNDS = 7
FLOOR = "import numpy, onnxruntime"
FIRST = """
from src.engine import Engine
from src.sample import SAMPLE
Engine().predict(SAMPLE)
"""
_MEMORY = """
print(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
"""


def main() -> int:
    starts = {"python alone": "pass", "numpy, onnxruntime": FLOOR, "first answer": FIRST}
    seconds = _seconds(starts)
    site = Path(sysconfig.get_path("purelib"))
    figures = {
        "models_megabytes": round(_bytes(Path("models")) / 1e6, 2),
        "package_megabytes": round(_bytes(Path("src")) / 1e6, 2),
        "site_packages_megabytes": round(_bytes(site) / 1e6, 1),
        "milliseconds": {name: round(took * 1e3) for name, took in seconds.items()},
        "resident_megabytes": {name: _resident(code) for name, code in starts.items()},
    }
    print(json.dumps(figures, indent=2))
    return 0


def _seconds(starts: dict[str, str]) -> dict[str, float]:
    """The best of several starts, all measured in turns, with the modules compiled before."""
    best = dict.fromkeys(starts, float("inf"))
    for _ in range(ROUNDS):
        for name, code in starts.items():
            started = time.perf_counter()
            _run(code)
            best[name] = min(best[name], time.perf_counter() - started)
    return best


def _resident(code: str) -> float:
    return round(int(_run(f"{code}\n{_MEMORY}").split()[-1]) * 1024 / 1e6, 1)


def _run(code: str) -> str:
    environment = {key: it for key, it in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "ORT_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
