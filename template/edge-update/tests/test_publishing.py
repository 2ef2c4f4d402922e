"""The publisher's side: keys, and publications that are broken off."""

from __future__ import annotations

import shutil
from pathlib import Path
from unittest import mock

import pytest

from src.updates import durable, publish, repository
from src.updates.errors import UpdateError
from src.updates.repository import Repository

from .releases import Device, Publisher, refused


class BreaksOff:
    """Writes files, and is interrupted after so many."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, path: Path, content: bytes) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        durable.write_file(path, content)


def test_a_publication_that_is_broken_off(publisher: Publisher, device: Device) -> None:
    """Whatever was written of it, devices are offered the release before."""
    after = 0
    number = None
    while number is None:
        with mock.patch.object(repository, "write_file", BreaksOff(after)):
            try:
                number = publisher.publish_untested("2.0")
            except KeyboardInterrupt:
                after += 1
                assert device.update().measured is None
    assert after >= 8
    assert device.update().release.number == number == 2


def test_keys_that_are_replaced(publisher: Publisher, device: Device) -> None:
    shutil.copytree(publisher.keys, publisher.folder / "former")
    with publisher.kept() as older:
        for role in ("targets", "timestamp", "root", "snapshot"):
            publisher.rotate(role)
        assert publisher.publish_untested("2.0") == 2
        device.update()
        assert device.active() == 2
        assert "refused: not signed by the keys" in refused(device, older)
    shutil.copy(publisher.folder / "former" / "targets.pem", publisher.keys)
    with pytest.raises(UpdateError, match="the targets key is not the one that devices trust"):
        publisher.publish_untested("3.0")


@pytest.mark.parametrize("step", ["replace_key", "renew"])
def test_a_replacement_of_keys_that_is_broken_off(
    publisher: Publisher, device: Device, step: str
) -> None:
    whole = getattr(Repository, step)

    def broken(*arguments: object) -> None:
        whole(*arguments)
        raise KeyboardInterrupt

    with mock.patch.object(Repository, step, broken), pytest.raises(KeyboardInterrupt):
        publisher.rotate("timestamp")
    publisher.rotate("timestamp")
    assert sorted(path.name for path in publisher.keys.glob("t*")) == [
        "targets.pem",
        "timestamp.pem",
    ]
    publisher.publish_untested("2.0")
    device.update()
    assert device.active() == 2


def test_keys_are_private_and_never_replaced(publisher: Publisher) -> None:
    for path in publisher.keys.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UpdateError, match="lock out every device"):
        publish.init(publisher.keys, publisher.folder / "another.json")
    (publisher.keys / "targets.pem").chmod(0o644)
    with pytest.raises(UpdateError, match="others can read this key"):
        publisher.publish("2.0")
