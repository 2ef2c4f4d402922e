"""A virtual environment for each server's packages, made once in a folder that is reused."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES: Mapping[str, Sequence[str]] = {
    "fastapi": ("fastapi", "orjson", "numpy", "onnxruntime", "uvicorn", "uvloop", "httptools"),
    # Without the pin it dies at its start (MLServer's issue 2286).
    "mlserver": ("mlserver", "uvloop<0.22", "onnxruntime"),
    "kserve": ("kserve", "onnxruntime"),
    "litserve": ("litserve", "onnxruntime"),
    "bentoml": ("bentoml", "onnxruntime"),
}
_MARK = "installed.txt"


def default_folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infergen-bench"
    return cache / f"servers-python{sys.version_info.major}.{sys.version_info.minor}"


def install(folder: Path, name: str) -> Path:
    """The Python of one of these environments, which pip makes if need be.

    Raises RuntimeError if pip fails.
    """
    return _install(folder / name, PACKAGES[name], " ".join(PACKAGES[name]))


def install_service(folder: Path, service: Path) -> Path:
    """The same for a generated service, by its requirements.txt."""
    requirements = service / "requirements.txt"
    text = requirements.read_text()
    name = f"service-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return _install(folder / name, ("-r", str(requirements)), text)


def _install(root: Path, arguments: Sequence[str], wanted: str) -> Path:
    python, mark = root / "bin" / "python", root / _MARK
    if not mark.is_file() or mark.read_text() != wanted:
        print(f"installing {root.name} into {root} …", file=sys.stderr)
        venv.create(root, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pip cannot install {root.name}:\n{done.stderr}")
        mark.write_text(wanted)
    return python


def version(python: Path, package: str) -> str:
    """Of an installed package."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    command = [str(python), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
