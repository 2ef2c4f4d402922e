"""Loading what a device answers with; a release on trial that fails here is left again at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..ml.errors import InputError, ModelError
from .errors import UpdateError
from .slots import Slot
from .state import MOST_STARTS, State

Loaded = TypeVar("Loaded")
Load = Callable[[Path | None], Loaded]
Tell = Callable[[str], None]

FAILURES = (ModelError, InputError, UpdateError)


def load_active(
    state: State, load: Load[Loaded], prove: Callable[[Loaded, Path], None], tell: Tell
) -> tuple[Loaded, Slot | None]:
    """Load the active release, or what must stand in for it, with the slot that it lies in.

    ``load`` takes a folder of models, or None for the package's own; ``prove`` lets a release on
    trial answer its golden inputs. Raises what ``load`` raises for the package's own model: beside
    it nothing can fail but with a line to ``tell``.
    """
    passed_over: set[str] = set()
    while True:
        slot = _next(state, passed_over)
        if slot is None:
            return load(None), None
        try:
            return _load(state, slot, load, prove), slot
        except FAILURES as error:
            passed_over.add(slot.folder.name)
            tell(f"{slot.release} is left: {error}")
            _leave(state, slot, str(error))


def _next(state: State, passed_over: set[str]) -> Slot | None:
    slot = state.active()
    if slot is None or slot.folder.name not in passed_over:
        return slot
    # It could not be left for good, or is only damaged: then this process goes around it.
    others = (other for other in state.slots() if other.folder.name not in passed_over)
    return next((other for other in others if state.is_usable(other)), None)


def _load(
    state: State, slot: Slot, load: Load[Loaded], prove: Callable[[Loaded, Path], None]
) -> Loaded:
    if not state.on_trial(slot):
        slot.check_files()
        return load(slot.folder)
    if not _noted(state, slot):
        raise UpdateError(f"{MOST_STARTS} starts on trial did not live to answer")
    try:
        slot.check_files()
        loaded = load(slot.folder)
        prove(loaded, slot.folder)
    except FAILURES:
        raise
    except BaseException:  # an interrupt says nothing of the release
        with contextlib.suppress(OSError):
            state.withdraw(slot)
        raise
    with contextlib.suppress(OSError):
        state.prove(slot)
    return loaded


def _noted(state: State, slot: Slot) -> bool:
    try:
        return state.start(slot)
    except OSError:  # whoever may not write here cannot count, but may well answer
        return True


def _leave(state: State, slot: Slot, reason: str) -> None:
    """Roll back from a release on trial; one that is proven stays, for the next update to mend."""
    with contextlib.suppress(OSError, UpdateError):
        if state.on_trial(slot) and state.active() == slot:
            state.roll_back(reason)
