"""cookiecutter, copier and cruft, in a virtual environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

PACKAGES = ("cookiecutter", "copier")


def install(folder: Path | None = None, packages: Sequence[str] = PACKAGES) -> Path:
    """The folder of the peers' programs; they are installed if they are not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infergen-bench"
    root = folder or cache / f"python{sys.version_info.major}.{sys.version_info.minor}"
    programs = root / "bin"
    if not all((programs / package).is_file() for package in packages):
        print(f"installing {' and '.join(packages)} into {root} …", file=sys.stderr)
        venv.create(root, with_pip=True)
        pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *packages], check=True)
    return programs


def versions(programs: Path, packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The version of each package."""
    code = "import sys, importlib.metadata as m\nfor name in sys.argv[1:]: print(m.version(name))"
    said = subprocess.run(
        [str(programs / "python"), "-c", code, *packages],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(packages, said.stdout.split(), strict=True))
