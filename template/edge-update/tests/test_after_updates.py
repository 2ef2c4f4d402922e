"""What an installed release is held to, and the ways back from it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from src.engine import Engine
from src.sample import SAMPLE
from src.updates import durable
from src.updates.active import device_state
from src.updates.errors import UpdateError

from .releases import Device, Publisher, flip_a_byte, refused, spoil_golden


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


def test_a_service_takes_up_a_new_release(publisher: Publisher, device: Device) -> None:
    engine = device.start()
    assert not engine.is_outdated()
    publisher.publish_second()
    device.update()
    assert engine.is_outdated()
    assert not device.start().is_outdated()
    engine.predict(SAMPLE)


def test_nothing_of_updates_is_loaded_to_answer() -> None:
    code = (
        "import sys; from src.engine import Engine; Engine();"
        "print([name for name in ('tuf', 'cryptography', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
