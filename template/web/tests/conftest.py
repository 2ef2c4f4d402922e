"""The running service, shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from src.app.app import create_app
from src.app.gateway import Gateway


@pytest.fixture(scope="session")
def app() -> Gateway:
    return create_app()


@pytest.fixture(scope="session")
def client(app: Gateway) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client
