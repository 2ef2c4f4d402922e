"""A publisher and a device for tests: real keys, real releases of this project's own model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from src.answers import plain
from src.engine import Engine
from src.installed import models_folder
from src.sample import SAMPLE
from src.updates import install, publish
from src.updates.active import device_state
from src.updates.errors import UpdateError
from src.updates.release import GOLDEN_FILE, Budget
from src.updates.self_test import Measured

AMPLE = Budget(latency_ms=60_000, memory_mb=4_000)


@dataclass
class Publisher:
    """Whoever owns the keys in a folder, and publishes to ``to``."""

    folder: Path

    @property
    def to(self) -> Path:
        return self.folder / "releases"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def root(self) -> Path:
        return self.folder / "root.json"

    def make_keys(self) -> None:
        publish.init(self.keys, self.root)

    def publish(self, version: str, *, budget: Budget = AMPLE) -> int:
        """The number of the new release."""
        done = publish.publish(
            models_folder(), self.to,
            keys=self.keys, root=self.root, version=version, days=30, budget=budget,
        )  # fmt: skip
        return done.release.number

    def publish_second(self) -> None:
        """Release 2, which was made once for all tests."""
        shutil.rmtree(self.to)
        shutil.copytree(self.folder / "second", self.to)

    def publish_untested(
        self,
        version: str,
        spoil: Callable[[Path], object] = lambda folder: None,
        budget: Budget = AMPLE,
    ) -> int:
        """A release whose fault, made by ``spoil``, shows on devices only."""

        def prepare_and_spoil(prepare: Callable[..., None], *arguments: Any) -> None:
            prepare(*arguments)
            spoil(arguments[-1])

        with (
            mock.patch.object(publish, "run_apart", prepare_and_spoil),
            mock.patch.object(publish, "self_test", lambda _slot: Measured(None, 1.0, 1.0)),
        ):
            return self.publish(version, budget=budget)

    def rotate(self, role: str) -> None:
        publish.rotate(role, self.to, keys=self.keys, root=self.root, days=30)

    def renew(self, days: int) -> None:
        publish.renew(self.to, keys=self.keys, root=self.root, days=days)

    @contextmanager
    def kept(self) -> Iterator[Path]:
        """A copy of what is offered now, for an attacker to offer later."""
        copy = self.folder / "kept"
        shutil.copytree(self.to, copy)
        yield copy
        shutil.rmtree(copy)


@dataclass
class Device:
    """A device that trusts a publisher."""

    folder: Path
    publisher: Publisher

    def update(self, given: Path | str | None = None, *, again: bool = False) -> install.Updated:
        source = str(given or self.publisher.to)
        state = device_state(self.folder)
        return install.update(state, source, self.publisher.root, again=again, tell=lambda _: None)

    def start(self) -> Engine:
        """An engine as the command makes it."""
        return Engine(state=self.folder)

    def active(self) -> int | None:
        """The number of the release that a start takes, which must answer as the model does."""
        engine = self.start()
        answers = [plain(prediction) for prediction in engine.predict(SAMPLE).predictions]
        expected = Engine(models_folder()).predict(SAMPLE).predictions
        assert json.dumps(answers) == json.dumps([plain(prediction) for prediction in expected])
        assert engine.active is not None
        return None if engine.active.slot is None else engine.active.slot.release.number


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


def refused(device: Device, given: Path | str | None = None) -> str:
    """Why the update is; the device answers as before."""
    before = device.active()
    with pytest.raises(UpdateError) as refusal:
        device.update(given)
    assert device.active() == before
    return str(refusal.value)
