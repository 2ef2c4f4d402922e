"""The container engine that DOCKER_HOST or the usual socket leads to, by its own command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def composed(service: Path, label: str) -> Iterator[tuple[str, Callable[..., str]]]:
    """A service built by `make build`, as a user does, and started by compose, healthy.

    Its address, and what tells the container of one of compose's services, or of the only one.
    """
    build = subprocess.run(
        ["make", "build", "BUILD_FLAGS=--network host"],
        cwd=service, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert build.returncode == 0, build.stdout + build.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    project = ("compose", "--project-name", f"infergen-{os.getpid()}-{label}")

    def container(*names: str) -> str:
        return docker(*project, "ps", "--quiet", *names, cwd=service).strip()

    try:
        docker(*project, "up", "--detach", "--wait", cwd=service, PORT=port)
        yield f"http://127.0.0.1:{port}", container
    finally:
        docker(*project, "down", "--timeout", "5", cwd=service)
