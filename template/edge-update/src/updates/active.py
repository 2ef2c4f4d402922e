"""The model that a device answers with: the active release, or what must stand in for it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..about import COMMAND
from .compatibility import misfit
from .errors import UpdateError
from .slots import Slot
from .state import MOST_STARTS, State

if TYPE_CHECKING:
    from ..engine import Engine

Load = Callable[[Path | None], "Engine"]
"""Starts an engine with a folder of models, or with None the package's own."""


def device_state(folder: Path | None = None) -> State:
    """The state in this folder; else in STATE_DIRECTORY, which systemd sets; else in the user's."""
    return State(folder or _own_folder(), lambda slot: misfit(slot.release) is None)


def _own_folder() -> Path:
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given)
    if home := os.environ.get("XDG_STATE_HOME"):
        return Path(home) / COMMAND
    try:
        return Path.home() / ".local" / "state" / COMMAND
    except RuntimeError:  # nobody's home: that of services then
        return Path("/var/lib") / COMMAND


class ActiveModel:
    """What was active when it was loaded; ``slot`` is None for the package's own model.

    A release on trial must answer its golden data first, and is left for the one before if it does
    not, or if processes that started it keep dying. Each that was passed over is told in ``notes``.
    Raises what ``load`` raises for the package's own model, and nothing else.
    """

    def __init__(self, folder: Path | None, load: Load) -> None:
        self.notes: list[str] = []
        self._state = device_state(folder)
        unreadable = self._state.unreadable()
        if unreadable is not None:
            self.notes.append(f"{unreadable}; the package's own model answers")
        self._passed_over: set[str] = set()
        self._found = self._state.active()
        self.slot = self._load(load)

    def is_outdated(self) -> bool:
        """Whether another is active by now."""
        return self._state.active() != self._found

    def report(self) -> dict[str, Any]:
        """The state for programs: which release is active, and what is known of the others."""
        health = self._state.health()
        return {
            "state": str(self._state.folder),
            "active": None if self.slot is None else self.slot.release.number,
            "slots": [
                {
                    "slot": slot.folder.name,
                    "release": slot.release.number,
                    "version": slot.release.version,
                    "on_trial": self._state.is_usable(slot) and self._state.on_trial(slot),
                }
                for slot in self._state.slots()
            ],
            "bad": {str(number): reason for number, reason in health.bad.items()},
            "notes": self.notes,
        }

    def _load(self, load: Load) -> Slot | None:
        while (slot := self._next()) is not None:
            try:
                self._start(slot, load)
            except Exception as error:  # whatever a release does, another answers
                reason = str(error) or repr(error)
                self.notes.append(f"{slot.release} is passed over: {reason}")
                self._passed_over.add(slot.folder.name)
                self._leave(slot, reason)
            else:
                return slot
        load(None)
        return None

    def _next(self) -> Slot | None:
        self._found = slot = self._state.active()
        if slot is None or slot.folder.name not in self._passed_over:
            return slot
        # It is proven but damaged, or cannot be left for good: this process goes around it.
        others = (slot for slot in self._state.slots() if slot.folder.name not in self._passed_over)
        return next((slot for slot in others if self._state.is_usable(slot)), None)

    def _start(self, slot: Slot, load: Load) -> None:
        if not self._state.on_trial(slot):
            slot.check_files()
            load(slot.folder)
            return
        if not self._count(slot):
            raise UpdateError(f"{MOST_STARTS} processes that started it died before it answered")
        try:
            self._prove(slot, load)
        except (KeyboardInterrupt, SystemExit):  # which says nothing of the release
            with contextlib.suppress(OSError):
                self._state.withdraw(slot)
            raise
        with contextlib.suppress(OSError):
            self._state.prove(slot)

    def _prove(self, slot: Slot, load: Load) -> None:
        from .golden import check

        slot.check_files()
        check(load(slot.folder), slot.folder)

    def _count(self, slot: Slot) -> bool:
        try:
            return self._state.start(slot)
        except OSError:  # who may not write there cannot count, but may well answer
            return True

    def _leave(self, slot: Slot, reason: str) -> None:
        """Roll back, if it is on trial; what is proven stays, for the next update to mend."""
        with contextlib.suppress(OSError, UpdateError):
            if self._state.on_trial(slot) and self._state.active() == slot:
                self._state.roll_back(reason)


def lines(report: dict[str, Any]) -> list[str]:
    """The same for people."""
    active = (
        "the package's own model" if report["active"] is None else f"release {report['active']}"
    )
    shown = [f"active   {active}; updates are kept in {report['state']}"]
    for slot in report["slots"]:
        trial = ", on trial" if slot["on_trial"] else ""
        shown.append(f"slot {slot['slot']}   release {slot['release']}, {slot['version']}{trial}")
    shown += [f"bad      release {number}: {reason}" for number, reason in report["bad"].items()]
    return [*shown, *(f"note     {note}" for note in report["notes"])]
