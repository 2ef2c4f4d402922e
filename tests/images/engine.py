"""The container engine that DOCKER_HOST or the usual socket leads to, by its own command line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any


def docker(*arguments: str, cwd: Path | None = None, **environment: str) -> str:
    """What a docker command prints; an assertion fails, with its words, if it does not succeed."""
    done = subprocess.run(
        ["docker", *arguments], cwd=cwd, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def inspect(thing: str) -> dict[str, Any]:
    """All that the engine knows of a container or an image."""
    (known,) = json.loads(docker("inspect", thing))
    return dict(known)
