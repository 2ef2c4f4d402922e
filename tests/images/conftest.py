"""The generated image, built and run by compose once for each version of Python."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.variants import generate
from tests.images.engine import composed, docker, inspect

VERSIONS = ("3.11", "3.13")


@dataclass(frozen=True)
class Running:
    """A service under compose."""

    folder: Path
    image: str
    container: str
    address: str

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.address}{path}", data, timeout=30) as answer:
            return json.load(answer)

    def python(self, code: str) -> Any:
        """What an expression is inside of the container, as JSON has it."""
        printed = f"import json, os, socket, sys; print(json.dumps({code}))"
        return json.loads(docker("exec", self.container, "python", "-c", printed))

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = inspect(self.container)["State"]
        return state


@pytest.fixture(params=VERSIONS, scope="session")
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("images")
    service = generate("iris_svc", folder, f"python_version='{request.param}'", "workers=2")
    with composed(service, request.param[2:]) as (address, container):
        yield Running(service, "iris-svc:0.1.0", container(), address)
