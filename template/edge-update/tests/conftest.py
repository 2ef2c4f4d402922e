"""A publisher's releases and a device, ready for each test to spoil."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from .releases import Device, Publisher


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: two releases, and a device on the first, which has proven itself."""
    folder = tmp_path_factory.mktemp("stage")
    publisher = Publisher(folder / "publisher")
    publisher.make_keys()
    assert publisher.publish("1.0") == 1
    device = Device(folder / "device", publisher)
    assert device.active() is None
    device.update()
    assert device.active() == 1
    with publisher.kept() as first:
        assert publisher.publish("2.0") == 2
        publisher.to.rename(publisher.folder / "second")
        shutil.copytree(first, publisher.to)
    return folder


@pytest.fixture
def publisher(stage: Path, tmp_path: Path) -> Publisher:
    """Offers the first release."""
    shutil.copytree(stage / "publisher", tmp_path / "publisher")
    return Publisher(tmp_path / "publisher")


@pytest.fixture
def device(stage: Path, tmp_path: Path, publisher: Publisher) -> Device:
    """On the first release."""
    shutil.copytree(stage / "device", tmp_path / "device", symlinks=True)
    return Device(tmp_path / "device", publisher)


@pytest.fixture
def address(publisher: Publisher) -> Iterator[str]:
    """The releases on a web server on this machine."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(quiet, directory=str(publisher.to))
    ) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
