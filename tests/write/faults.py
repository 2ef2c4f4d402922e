"""Breaks a write at each of its system calls in turn, and checks what is left each time.

A program of its own, since it forks: ``python -m tests.write.faults FAULT FOLDER``. It exits 0 if
every invariant held, else with the traceback of the first that did not.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Protocol

from builder.errors import InfergenError, Interrupted, WriteError
from builder.write import publish
from builder.write.existing import recover
from tests.write.services import NAME, Snapshot, first_generation, second_generation, snapshot

READING = ["open", "stat", "fstat", "lstat", "read", "listdir", "readlink", "close"]
WRITING = ["mkdir", "rename", "unlink", "rmdir", "symlink", "fsync", "write", "chmod"]
FILLING = ["mkdir", "symlink", "write", "fsync"]

COMPLETE, FAILED, INTERRUPTED, BUG, NEVER_REACHED = 0, 1, 130, 99, 42
MOST_CALLS = 3000

Break = Callable[[str], None]


def fail(number: int) -> Break:
    def break_(_call: str) -> None:
        raise OSError(number, os.strerror(number))

    return break_


def send(number: int) -> Break:
    return lambda _call: os.kill(os.getpid(), number)


class Fault:
    """``break_`` happens before call number ``at``, and before each later one if it ``lasts``."""

    def __init__(self, calls: list[str], break_: Break, *, lasts: bool = False) -> None:
        self.calls = calls
        self.break_ = break_
        self.lasts = lasts
        self.count = 0
        self.at = 0

    def install(self, at: int) -> None:
        self.at = at
        for name in self.calls:
            setattr(os, name, self._wrap(name, getattr(os, name)))
        fcntl.flock = self._wrap("flock", fcntl.flock)

    def _wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count == self.at or (self.lasts and self.count > self.at):
                self.break_(name)
            return call(*arguments, **options)

        return wrapped


FAULTS: dict[str, Callable[[], Fault]] = {
    "killed": lambda: Fault(["open", *WRITING], send(signal.SIGKILL)),
    "SIGINT": lambda: Fault(["open", *WRITING], send(signal.SIGINT)),
    "SIGTERM": lambda: Fault(WRITING, send(signal.SIGTERM)),
    "SIGHUP": lambda: Fault(WRITING, send(signal.SIGHUP)),
    "one error": lambda: Fault(READING + WRITING, fail(errno.EIO)),
    "disk full": lambda: Fault(FILLING, fail(errno.ENOSPC), lasts=True),
    "read-only from then on": lambda: Fault(WRITING, fail(errno.EROFS), lasts=True),
}


class Scenario(Protocol):
    """What is prepared before each attempt, and checked after it."""

    def prepare(self) -> None: ...

    def check(self, fault: str, status: int) -> None: ...


def at_each_call(fault: str, scenario: Scenario, attempt: Callable[[], object]) -> None:
    """Attempt it again and again, with the fault at the first call, at the second, and so on."""
    for at in range(1, MOST_CALLS):
        scenario.prepare()
        status = run(FAULTS[fault](), at, attempt)
        try:
            scenario.check(fault, status)
        except BaseException:
            print(f"{type(scenario).__name__}, {fault} at call {at}: status {status}")
            raise
        if status == NEVER_REACHED:
            assert at > 15, "the fault must have been injected somewhere"
            return
    raise AssertionError("it takes fewer calls than that")


def main(fault: str, folder: Path) -> None:
    # Waiting for the disk is most of the time that this takes, and no fault can hit it.
    setattr(os, "fsync", os.fstat)  # noqa: B010 - mypy would not have it assigned
    model = folder / "model"
    model.write_bytes(bytes(range(256)))
    for scenario in (New(folder, model), Replaced(folder, model)):
        at_each_call(fault, scenario, scenario.write)


def run(fault: Fault, at: int, write: Callable[[], object]) -> int:
    """Do it in a child; its exit code, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        _child(fault, at, write)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _child(fault: Fault, at: int, write: Callable[[], object]) -> NoReturn:
    leave = os._exit
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, _interrupt)
        fault.install(at)
        write()
        leave(COMPLETE if fault.count >= at else NEVER_REACHED)
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except InfergenError:
        leave(FAILED)
    except BaseException:
        traceback.print_exc()
        leave(BUG)
    leave(BUG)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal.Signals(number).name)


class New:
    """A service where there is none, in an output folder that is not there either."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.above = folder / "new"
        self.output = self.above / "made" / "output"
        self.outputs = second_generation(model)
        publish(folder / "expected", NAME, self.outputs)
        self.expected = snapshot(folder / "expected")

    def prepare(self) -> None:
        shutil.rmtree(self.above, ignore_errors=True)
        self.above.mkdir()

    def write(self) -> None:
        publish(self.output, NAME, self.outputs)

    def check(self, fault: str, status: int) -> None:
        found = snapshot(self.output)
        check_status(fault, status)
        if status in (COMPLETE, NEVER_REACHED):
            assert without_staging(found) == self.expected
        elif status == -signal.SIGHUP:
            assert snapshot(self.above) == {} or found == self.expected
        elif status == -signal.SIGKILL or fault == "read-only from then on":
            assert without_staging(found) in ({}, self.expected)
        else:
            assert snapshot(self.above) == {}
        if without_staging(found) == self.expected:
            try:
                self.write()
            except WriteError as error:
                assert "is not empty" in str(error)
            else:
                raise AssertionError("an existing service must be refused")
        else:
            self.write()
        assert snapshot(self.output) == self.expected


class Replaced:
    """A service over its former generation, among the user's own files and edits."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.output = folder / "replaced"
        self.model = model
        self.outputs = second_generation(model)
        self.before = self._make_before()
        self.write()
        self.after = snapshot(self.output)
        assert self.before != self.after

    def _make_before(self) -> Snapshot:
        publish(self.output, NAME, first_generation(self.model))
        service = self.output / NAME
        (service / "mine.txt").write_text("mine")
        (service / "added").mkdir()
        (service / "added" / "mine.txt").write_text("mine")
        (service / "gone" / "mine").mkdir()
        (service / "same.txt").chmod(0o600)
        (service / "run.sh").chmod(0o600)
        return snapshot(self.output)

    def prepare(self) -> None:
        if snapshot(self.output) != self.before:
            shutil.rmtree(self.output)
            assert self._make_before() == self.before

    def write(self) -> None:
        publish(self.output, NAME, self.outputs, force=True)

    def check(self, fault: str, status: int) -> None:
        check_status(fault, status)
        found = snapshot(self.output)
        pending = found != without_staging(found)
        assert recover(self.output / NAME) == ()
        repaired = snapshot(self.output)
        assert pending or repaired == found
        if status in (COMPLETE, NEVER_REACHED):
            assert repaired == self.after
        elif status in (FAILED, INTERRUPTED):
            assert repaired == self.before
            assert not pending or fault == "read-only from then on"
        else:
            assert repaired in (self.before, self.after)
            assert not pending or status == -signal.SIGKILL
        if pending:
            self.write()
            assert snapshot(self.output) == self.after


def check_status(fault: str, status: int) -> None:
    expected = {
        "killed": {-signal.SIGKILL},
        "SIGINT": {COMPLETE, INTERRUPTED},
        "SIGTERM": {COMPLETE, INTERRUPTED},
        "SIGHUP": {-signal.SIGHUP},
    }.get(fault, {COMPLETE, FAILED})
    assert status in expected | {NEVER_REACHED}, f"unexpected status {status}"


def without_staging(found: Snapshot) -> Snapshot:
    """Leaves out what a run that could not clear up leaves to the next one."""
    return {
        path: entry
        for path, entry in found.items()
        if not path.startswith((f".{NAME}.infergen", f"{NAME}/.infergen/pending"))
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
