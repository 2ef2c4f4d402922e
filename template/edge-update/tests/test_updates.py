"""Updates from a publisher to a device: what is taken, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import pytest

from src.updates import durable, publish
from src.updates.active import device_state
from src.updates.errors import UpdateError
from src.updates.release import Budget

from .releases import Device, Publisher, flip_a_byte, refused, spoil_golden


def model_target(releases: Path) -> Path:
    """The file of the newest release that is largest: the model."""
    return max((releases / "targets").iterdir(), key=lambda path: path.stat().st_size)


def test_a_release_is_installed_once(publisher: Publisher, device: Device) -> None:
    assert device.update().measured is None
    publisher.publish_second()
    done = device.update()
    assert done.release.version == "2.0"
    assert done.before is not None
    assert done.before.number == 1
    assert device.active() == 2


def test_an_update_from_an_address(publisher: Publisher, device: Device, address: str) -> None:
    publisher.publish_second()
    device.update(address)
    assert device.active() == 2
    assert "only https" in refused(device, "http://example.com/releases")
    assert "no releases here" in refused(device, f"{address}/nowhere")


def test_a_tampered_model(publisher: Publisher, device: Device) -> None:
    publisher.publish_second()
    flip_a_byte(model_target(publisher.to))
    assert "tampered with or damaged" in refused(device)


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_tampered_metadata(publisher: Publisher, device: Device, name: str) -> None:
    publisher.publish_second()
    path = publisher.to / "metadata" / name
    metadata = json.loads(path.read_bytes())
    metadata["signed"]["expires"] = "2999-01-01T00:00:00Z"
    path.write_text(json.dumps(metadata))
    assert "refused: not signed by the keys" in refused(device)
    path.write_text("{}")
    assert "refused: tampered with or damaged" in refused(device)


def test_an_older_release(publisher: Publisher, device: Device) -> None:
    with publisher.kept() as older:
        publisher.publish_second()
        device.update()
        assert device.active() == 2
        assert "older than what this device has seen" in refused(device, older)


def test_an_older_release_after_the_memory_of_signatures_is_lost(
    publisher: Publisher, device: Device
) -> None:
    with publisher.kept() as older:
        publisher.publish_second()
        device.update()
        durable.remove(device.folder / "metadata")
        assert "older than release 2, which this device has seen" in refused(device, older)


def test_what_has_expired(publisher: Publisher, device: Device) -> None:
    publisher.publish_second()
    publisher.renew(-1)
    assert "refused: expired" in refused(device)
    publisher.renew(30)
    device.update()
    assert device.active() == 2


def test_an_installed_release_does_not_expire(publisher: Publisher, device: Device) -> None:
    publisher.renew(-1)
    assert "refused: expired" in refused(device)
    assert device.active() == 1


def test_files_of_two_releases(publisher: Publisher, device: Device) -> None:
    with publisher.kept() as older:
        publisher.publish_second()
        for name in ("timestamp.json", "2.snapshot.json"):
            (older / "metadata" / name).write_bytes((publisher.to / "metadata" / name).read_bytes())
        targets = json.loads((older / "metadata" / "1.targets.json").read_bytes())
        (older / "metadata" / "2.targets.json").write_text(json.dumps(targets))
        assert "older than what this device has seen" in refused(device, older)


def test_the_keys_of_somebody_else(tmp_path: Path, device: Device) -> None:
    other = Publisher(tmp_path / "other")
    other.make_keys()
    for version in ("1.0", "2.0"):
        other.publish_untested(version)
    assert "refused: not signed by the keys" in refused(device, other.to)


def test_a_stick_that_is_pulled_out(publisher: Publisher, device: Device) -> None:
    publisher.publish_second()
    model = model_target(publisher.to)
    content = model.read_bytes()
    model.unlink()
    assert "cannot be read" in refused(device)
    model.write_bytes(content[:-1])
    assert "tampered with or damaged" in refused(device)
    assert "no such folder" in refused(device, publisher.to / "nowhere")
    model.write_bytes(content)
    device.update()
    assert device.active() == 2


def test_a_release_that_answers_wrongly(publisher: Publisher, device: Device) -> None:
    publisher.publish_untested("2.0", spoil_golden)
    assert "failed its test" in refused(device)
    assert "found bad before" in refused(device)
    with pytest.raises(UpdateError, match="failed its test"):
        device.update(again=True)
    publisher.publish_untested("2.1")
    device.update()
    assert device.active() == 3


@pytest.mark.parametrize("budget", [Budget(1e-6, 4000), Budget(60_000, 1)])
def test_a_release_that_is_too_slow_or_too_large(
    publisher: Publisher, device: Device, budget: Budget
) -> None:
    with pytest.raises(UpdateError, match=r"failed its test, and is not published: .* more than"):
        publisher.publish("2.0", budget=budget)
    publisher.publish_untested("2.0", budget=budget)
    assert "more than" in refused(device)


def test_a_release_for_other_code(publisher: Publisher, device: Device) -> None:
    other: dict[str, list[str]] = {"inputs": [], "outputs": []}
    with mock.patch.object(publish, "signature", lambda: other):
        publisher.publish_untested("2.0")
    assert "other inputs than this package's code expects" in refused(device)


def test_two_updates_at_once(device: Device) -> None:
    with device_state(device.folder).updating():
        assert "another update is at work" in refused(device)
