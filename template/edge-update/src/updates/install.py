"""An update, from the question to the switch. Whatever stops it, the device answers as before."""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import durable
from .client import Client
from .compatibility import misfit
from .errors import UpdateError
from .release import RELEASE_FILE, Release
from .self_test import Measured, self_test
from .slots import Slot, read_slot
from .source import source
from .state import State

Tell = Callable[[str], None]

_SPARE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update came to: the release that is active now, and what its test measured.

    ``before`` is the release that was left, None for the package's own model. Nothing was
    ``measured`` where the device is up to date already.
    """

    release: Release
    before: Release | None = None
    measured: Measured | None = None


def update(state: State, given: str, root: Path, *, again: bool = False, tell: Tell) -> Updated:
    """Bring the device to the newest release that a source offers, if it passes its test.

    ``again`` also tries a release that was found bad before. Raises UpdateError; the device then
    answers as before.
    """
    keys = _trusted(root)
    with _writing_to(state.folder), state.updating():
        for folder in (state.metadata, state.incoming):
            folder.mkdir(exist_ok=True)
        client = Client(source(given, state.folder), keys, state.metadata, state.incoming)
        release = client.offered()
        active = _sound(state)
        if active is not None and active.release.number == release.number:
            state.clear_incoming()
            return Updated(release)
        _refuse_unwanted(state, release, again=again)
        state.saw(release.number)
        if active is not None and state.on_trial(active):
            raise UpdateError(
                f"{active.release} has not answered yet since it was installed, and the one before"
                " it is the way back: run the model once, or roll back, then update again"
            )
        _check_space(state, release)
        tell(f"{release}: fetching")
        client.fetch(release)
        tell(f"{release}: testing")
        return _install(state, active, release)


def _install(state: State, active: Slot | None, release: Release) -> Updated:
    fetched = read_slot(state.incoming)
    if fetched is None or fetched.release != release:
        raise UpdateError(f"{state.incoming / RELEASE_FILE}: cannot be read back")
    fetched.check_files()
    measured = self_test(fetched)
    if measured.problem is not None:
        state.condemn(release.number, measured.problem)
        state.clear_incoming()
        raise UpdateError(
            f"{release} failed its test and is not installed: {measured.problem}; it is not tried"
            " again without --again"
        )
    state.forgive(release.number)
    state.install(active)
    return Updated(release, None if active is None else active.release, measured)


def _sound(state: State) -> Slot | None:
    """The release that answers: the first usable one whose files are not damaged."""
    if state.active() is None:
        return None
    for slot in state.slots():
        if state.is_usable(slot):
            with contextlib.suppress(UpdateError):
                slot.check_files()
                return slot
    return None


def _refuse_unwanted(state: State, release: Release, *, again: bool) -> None:
    health = state.health()
    if release.number < health.newest:
        raise UpdateError(
            f"refused: {release} is older than release {health.newest}, which this device has seen"
        )
    if release.number in health.bad and not again:
        raise UpdateError(
            f"{release} was found bad before, and is not installed:"
            f" {health.bad[release.number]}; --again tries it nevertheless"
        )
    problem = misfit(release)
    if problem is not None:
        raise UpdateError(f"refused: {problem}")


def _check_space(state: State, release: Release) -> None:
    needed = sum(facts.length for facts in release.files.values())
    largest = max(facts.length for facts in release.files.values())
    there = sum(path.stat().st_size for path in state.incoming.iterdir())
    free = shutil.disk_usage(state.folder).free
    # Each file is written twice, since it is only given its name once it is verified.
    missing = needed - there + largest + _SPARE_BYTES - free
    if missing > 0:
        state.clear_incoming()
        raise UpdateError(
            f"{state.folder}: {release} needs {missing / 1e6:.1f} MB more than are free there"
        )


def _trusted(root: Path) -> bytes:
    try:
        return root.read_bytes()
    except OSError as error:
        raise UpdateError(
            f"{root}: cannot be read: {error.strerror}; this package was made without a publisher's"
            " keys: run publish init, and build it anew"
        ) from None


@contextlib.contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Tells what the disk refuses, and gives back the room that a full disk lacks."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with contextlib.suppress(OSError):
                durable.remove(folder / "incoming")
        where = error.filename or folder
        raise UpdateError(
            f"{where}: cannot be written: {error.strerror}; nothing changed"
        ) from error
