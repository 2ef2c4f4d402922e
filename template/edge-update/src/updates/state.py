"""The state folder of a device: two slots, which one is current, and what was learnt of them.

    slots/a, slots/b   whole releases
    current            a link to one of them; without it the package's own model is current
    health.json        which releases are proven, bad or on trial
    incoming/          a release that is being fetched and tried
    metadata/          what is known of the publisher's keys and of what was signed

Each change is one step that is done or not: a folder or a link that is renamed, a file that is
replaced. So nothing needs repair after a power cut, and nothing is ever half current.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from .durable import locked, point, put_in_place, remove
from .errors import UpdateError
from .health import Health, Start, read_health, this_start, write_health
from .slots import Slot, read_slot

SLOTS = ("a", "b")
MOST_STARTS = 3
"""So often may a release on trial start and not live to answer, before the device rolls back."""

Fits = Callable[[Slot], bool]


class State:
    """What a folder holds. ``fits`` tells the releases that this package can run."""

    def __init__(self, folder: Path, fits: Fits = lambda slot: True) -> None:
        self.folder = folder
        self.incoming = folder / "incoming"
        self.metadata = folder / "metadata"
        self._health = folder / "health.json"
        self._fits = fits

    def unreadable(self) -> str | None:
        """Why it cannot be told what is active, if it cannot. No state at all is well."""
        try:
            (self.folder / "current").lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"{self.folder}: cannot be read: {error.strerror}"
        return None

    def health(self) -> Health:
        return read_health(self._health)

    def slots(self) -> list[Slot]:
        """All that hold a release, the current one first."""
        current = self._current()
        names = sorted(SLOTS, key=lambda name: name != current)
        found = (read_slot(self.folder / "slots" / name) for name in names)
        return [slot for slot in found if slot is not None]

    def active(self) -> Slot | None:
        """The release to answer with; None means the package's own model.

        That is the current one, or if it is bad or does not fit, the other.
        """
        if self._current() is None:
            return None
        return next((slot for slot in self.slots() if self.is_usable(slot)), None)

    def is_usable(self, slot: Slot) -> bool:
        """Whether the release is neither bad, nor made for another package."""
        return slot.release.number not in self.health().bad and self._fits(slot)

    def on_trial(self, slot: Slot) -> bool:
        """Whether the release has yet to answer for the first time."""
        return slot.release.number not in self.health().proven

    def install(self, active: Slot | None) -> Slot:
        """Make the incoming release current. Raises OSError; ``active`` still is the active one.

        It takes the place of the release that is not ``active``.
        """
        name = next(name for name in SLOTS if active is None or name != active.folder.name)
        place = self.folder / "slots" / name
        place.parent.mkdir(exist_ok=True)
        put_in_place(self.incoming, place)
        slot = read_slot(place)
        if slot is None:
            raise UpdateError(f"{place}: cannot be read back")
        point(self.folder / "current", f"slots/{name}")
        return slot

    def start(self, slot: Slot) -> bool:
        """Note that a release on trial starts here; False if it did so too often. Raises OSError."""
        number = slot.release.number
        with self._changed() as health:
            others = [start for start in health.starts if start.release == number]
            if sum(start.failed() for start in others) >= MOST_STARTS:
                return False
            self._write(replace(health, starts=(*others, this_start(number))))
        return True

    def withdraw(self, slot: Slot) -> None:
        """The start was broken off, which says nothing of the release. Raises OSError."""
        with self._changed() as health:
            self._write(replace(health, starts=_without(health.starts, slot)))

    def prove(self, slot: Slot) -> None:
        """The release has answered: it stays. Raises OSError."""
        number = slot.release.number
        with self._changed() as health:
            installed = {slot.release.number for slot in self.slots()}
            proven = {number, *(other for other in health.proven if other in installed)}
            self._write(replace(health, proven=tuple(sorted(proven)), starts=()))

    def condemn(self, number: int, reason: str) -> None:
        """The release is bad, and is neither run nor installed any more. Raises OSError."""
        with self._changed() as health:
            proven = tuple(other for other in health.proven if other != number)
            bad = {**health.bad, number: reason}
            self._write(replace(health, bad=bad, proven=proven, starts=()))

    def forgive(self, number: int) -> None:
        """The release is tried anew. Raises OSError."""
        with self._changed() as health:
            if number in health.bad:
                bad = {other: why for other, why in health.bad.items() if other != number}
                self._write(replace(health, bad=bad))

    def saw(self, number: int) -> None:
        """This release was offered, and is signed. Raises OSError."""
        with self._changed() as health:
            if number > health.newest:
                self._write(replace(health, newest=number))

    def roll_back(self, reason: str) -> tuple[Slot, Slot | None]:
        """Leave the active release for the one before: which was left, and what is active now.

        Raises UpdateError if there is none to leave, and OSError.
        """
        left = self.active()
        if left is None:
            raise UpdateError("the package's own model is active: there is nothing to roll back to")
        # This one step is the whole rollback; the link only follows.
        self.condemn(left.release.number, reason)
        now = self.active()
        if now is None:
            (self.folder / "current").unlink(missing_ok=True)
        else:
            point(self.folder / "current", f"slots/{now.folder.name}")
        return left, now

    @contextlib.contextmanager
    def updating(self) -> Iterator[None]:
        """Only one process updates at a time. Raises UpdateError, and OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with locked(self.folder / "update.lock", wait=False):
                yield
        except BlockingIOError:
            raise UpdateError(
                f"{self.folder}: another update is at work; try again later"
            ) from None

    def clear_incoming(self) -> None:
        """Forget a release that was fetched. Raises OSError."""
        remove(self.incoming)

    def _current(self) -> str | None:
        try:
            target = (self.folder / "current").readlink()
        except OSError:
            return None
        return target.name if target.name in SLOTS else None

    @contextlib.contextmanager
    def _changed(self) -> Iterator[Health]:
        with locked(self.folder / "health.lock", wait=True):
            yield self.health()

    def _write(self, health: Health) -> None:
        write_health(self._health, health)


def _without(starts: tuple[Start, ...], slot: Slot) -> tuple[Start, ...]:
    own = this_start(slot.release.number)
    return tuple(start for start in starts if start != own)
