"""Converting a new project's model for this device, by the project's own code.

What converts is part of what was generated, so that a device can do the same later; here it only
runs once, in a process of its own, in the folder that was just written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from builder.errors import ConversionError, UsageError
from builder.output import Output

_COMMAND = "src/commands/convert.py"
_NEEDED = {"src/items.py": "msgspec", "src/ml/images.py": "PIL"}
"""What a project with such a file imports beside what infergen itself needs."""


def check_convertible(outputs: Sequence[Output], samples: Path, *, own_set: bool) -> None:
    """Before anything is written. Raises UsageError or ConversionError if it could not work."""
    paths = {output.path for output in outputs}
    if _COMMAND not in paths:
        raise UsageError(f"--samples {samples}: only variants for devices convert a model")
    if own_set:
        raise UsageError(
            f"--samples {samples}: infergen runs no code of other template sets; let the project"
            " itself do it: python -m src convert --samples …"
        )
    if not samples.exists():
        raise ConversionError(f"--samples {samples}: there is no such file or folder")
    missing = [
        module for path, module in _NEEDED.items() if path in paths and not find_spec(module)
    ]
    if missing:
        raise ConversionError(
            f"--samples {samples}: converting needs {' and '.join(missing)}:"
            " pip install 'infergen[edge]'"
        )


def convert(project: Path, samples: Path) -> dict[str, Any]:
    """The report of the conversion. Raises ConversionError; the project stands in any case."""
    done = subprocess.run(
        [sys.executable, "-m", "src", "convert", "--json", "--samples", str(samples.resolve())],
        cwd=project,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise ConversionError(f"{project} is written, but its model was not converted: {said}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report
