"""Converting a new project's model, by the project's own code.

What converts is part of what was generated, so that the project can do the same later; here it only
runs once, in processes of its own, in the folder that was just written.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from builder.errors import ConversionError, UsageError
from builder.output import Output
from builder.sample_images import as_png

_DEVICE = "src/commands/convert.py"
_DEVICE_NEEDS = {"src/items.py": "msgspec", "src/ml/images.py": "PIL"}
"""What a device's project with such a file imports beside what infergen itself needs."""
_PAGE = "tools/convert.js"
_PAGE_READS_IMAGES = "src/images.js"


def check_convertible(outputs: Sequence[Output], samples: Path, *, own_set: bool) -> None:
    """Before anything is written. Raises UsageError or ConversionError if it could not work."""
    paths = {output.path for output in outputs}
    if not paths & {_DEVICE, _PAGE}:
        raise UsageError(
            f"--samples {samples}: only a project for devices converts a model, and a page whose"
            " sample is no image but a PNG"
        )
    if own_set:
        how = "python -m src convert --samples …" if _DEVICE in paths else "make convert SAMPLES=…"
        raise UsageError(
            f"--samples {samples}: infergen runs no code of other template sets; let the project"
            f" itself do it: {how}"
        )
    if not samples.exists():
        raise ConversionError(f"--samples {samples}: there is no such file or folder")
    if _PAGE in paths:
        missing = [program for program in ("make", "node", "npm") if not shutil.which(program)]
        modules = {_PAGE_READS_IMAGES: "PIL"}
    else:
        missing, modules = [], _DEVICE_NEEDS
    if missing:
        raise ConversionError(f"--samples {samples}: converting needs {' and '.join(missing)}")
    absent = [module for path, module in modules.items() if path in paths and not find_spec(module)]
    if absent:
        raise ConversionError(
            f"--samples {samples}: converting needs {' and '.join(absent)}:"
            " pip install 'infergen[edge]'"
        )


def convert(project: Path, samples: Path) -> dict[str, Any]:
    """The report of the conversion. Raises ConversionError; the project stands in any case."""
    on_device = (project / _DEVICE).exists()
    report = (_convert_for_device if on_device else _convert_for_page)(project, samples.resolve())
    document: dict[str, Any] = json.loads(report)
    return document


def _convert_for_device(project: Path, samples: Path) -> bytes:
    command = [sys.executable, "-m", "src", "convert", "--json", "--samples", str(samples)]
    return _run(command, project)


def _convert_for_page(project: Path, samples: Path) -> bytes:
    with TemporaryDirectory(prefix="infergen-samples-") as scratch:
        if (project / _PAGE_READS_IMAGES).exists():
            samples = as_png(samples, Path(scratch))
        _run(["make", "vendor"], project)
        return _run(["node", _PAGE, "--json", str(samples)], project)


def _run(command: Sequence[str], project: Path) -> bytes:
    """What it prints."""
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise ConversionError(f"{project} is written, but its model was not converted: {said}")
    return done.stdout
