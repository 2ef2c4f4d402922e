"""Updates from a publisher to a device: what is taken, what is refused, and the ways back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import pytest

from src.engine import Engine
from src.sample import SAMPLE
from src.updates import durable, publish, repository
from src.updates.active import device_state
from src.updates.errors import UpdateError
from src.updates.release import GOLDEN_FILE, Budget
from src.updates.repository import Repository

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


def spoil_golden(folder: Path) -> None:
    """The answers recorded are others than the model gives."""
    golden = json.loads((folder / GOLDEN_FILE).read_bytes())
    for item in golden["items"]:
        for form, answers in item["answers"].items():
            item["answers"][form] = ["something else"] * len(answers)
    (folder / GOLDEN_FILE).write_text(json.dumps(golden))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def model_target(releases: Path) -> Path:
    """The file of the newest release that is largest: the model."""
    return max((releases / "targets").iterdir(), key=lambda path: path.stat().st_size)


def refused(device: Device, given: Path | str | None = None) -> str:
    """Why the update is; the device answers as before."""
    before = device.active()
    with pytest.raises(UpdateError) as refusal:
        device.update(given)
    assert device.active() == before
    return str(refusal.value)


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


def test_rolling_back(publisher: Publisher, device: Device) -> None:
    publisher.publish_second()
    device.update()
    assert device.active() == 2
    state = device_state(device.folder)
    left, now = state.roll_back("by hand")
    assert (left.release.number, now and now.release.number) == (2, 1)
    assert device.active() == 1
    assert "found bad before" in refused(device)
    assert state.roll_back("by hand")[1] is None
    assert device.active() is None
    with pytest.raises(UpdateError, match="nothing to roll back to"):
        state.roll_back("by hand")
    publisher.publish_untested("3.0")
    device.update()
    assert device.active() == 3


def test_the_way_back_is_kept_until_a_release_has_answered(
    publisher: Publisher, device: Device
) -> None:
    publisher.publish_second()
    device.update()
    publisher.publish_untested("3.0")
    with pytest.raises(UpdateError, match="has not answered yet"):
        device.update()
    assert device.active() == 2
    device.update()
    assert device.active() == 3


def test_a_release_on_trial_that_kills_its_process(publisher: Publisher, device: Device) -> None:
    """As a model may whose fault shows in the service only, with its bounds on memory."""
    publisher.publish_second()
    device.update()
    dies = (
        "import os, signal, sys; from pathlib import Path; from src.updates import golden;"
        "golden.check = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "from src.engine import Engine; Engine(state=Path(sys.argv[1]))"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", dies, device.folder], check=False)
        assert done.returncode == -9
    engine = device.start()
    assert "died before it answered" in engine.note
    assert device.active() == 1
    assert "found bad before" in refused(device)


def test_a_release_on_trial_that_fails(publisher: Publisher, device: Device) -> None:
    publisher.publish_second()
    device.update()
    spoil_golden((device.folder / "current").resolve())
    engine = device.start()
    assert "is passed over" in engine.note
    assert device.active() == 1
    assert device.start().note == ""


def test_a_release_on_trial_that_fails_as_nobody_foresaw(
    publisher: Publisher, device: Device
) -> None:
    publisher.publish_second()
    device.update()
    unforeseen = mock.Mock(side_effect=RuntimeError("unforeseen"))
    with mock.patch("src.updates.golden.check", unforeseen):
        assert "unforeseen" in device.start().note
    assert device.active() == 1


def test_an_interrupt_says_nothing_of_a_release_on_trial(
    publisher: Publisher, device: Device
) -> None:
    publisher.publish_second()
    device.update()
    interrupt = mock.Mock(side_effect=KeyboardInterrupt)
    for _ in range(5):
        with (
            mock.patch("src.updates.golden.check", interrupt),
            pytest.raises(KeyboardInterrupt),
        ):
            device.start()
    assert device.active() == 2


def damage_model(folder: Path) -> None:
    flip_a_byte(max(folder.iterdir(), key=lambda path: path.stat().st_size))


def lose_release(folder: Path) -> None:
    (folder / "release.json").write_bytes(b"")


def lose_all(folder: Path) -> None:
    durable.remove(folder)


@pytest.mark.parametrize("damage", [damage_model, lose_release, lose_all])
def test_a_slot_that_is_damaged(
    publisher: Publisher, device: Device, damage: Callable[[Path], None]
) -> None:
    publisher.publish_second()
    device.update()
    assert device.active() == 2
    damage((device.folder / "current").resolve())
    assert device.active() == 1
    assert device.update().measured is not None
    assert device.active() == 2
    for name in ("a", "b"):
        damage(device.folder / "slots" / name)
    assert device.active() is None
    device.update()
    assert device.active() == 2


def test_a_state_that_is_lost_or_senseless(device: Device) -> None:
    for content in (b"", b"[]", b'{"proven": 3}'):
        (device.folder / "health.json").write_bytes(content)
        assert device.active() == 1
    (device.folder / "current").unlink()
    assert device.active() is None
    (device.folder / "current").symlink_to("../elsewhere")
    assert device.active() is None
    device.update()
    assert device.active() == 1


def test_a_state_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    engine = Engine(state=tmp_path / "state")
    assert "cannot be read: Not a directory; the package's own model answers" in engine.note
    assert engine.predict(SAMPLE).predictions


def test_two_updates_at_once(device: Device) -> None:
    with device_state(device.folder).updating():
        assert "another update is at work" in refused(device)


def test_a_service_takes_up_a_new_release(publisher: Publisher, device: Device) -> None:
    engine = device.start()
    assert not engine.is_outdated()
    publisher.publish_second()
    device.update()
    assert engine.is_outdated()
    assert not device.start().is_outdated()
    engine.predict(SAMPLE)


def test_keys_are_private_and_never_replaced(publisher: Publisher) -> None:
    for path in publisher.keys.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UpdateError, match="lock out every device"):
        publish.init(publisher.keys, publisher.folder / "another.json")
    (publisher.keys / "targets.pem").chmod(0o644)
    with pytest.raises(UpdateError, match="others can read this key"):
        publisher.publish("2.0")


def test_nothing_of_updates_is_loaded_to_answer() -> None:
    code = (
        "import sys; from src.engine import Engine; Engine();"
        "print([name for name in ('tuf', 'cryptography', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
