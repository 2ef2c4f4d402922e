"""Signals take effect where a write can be abandoned, and nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from builder.errors import Interrupted, WriteError
from builder.output import FILE_MODE, Output, OutputFile
from builder.write import publish, signals
from builder.write.signals import SignalHold
from tests.write.services import NAME, listing, snapshot, text, with_record

HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    former = {number: signal.getsignal(number) for number in HELD}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_a_signal_waits_for_the_check() -> None:
    with pytest.raises(KeyboardInterrupt), SignalHold() as hold:
        signal.raise_signal(signal.SIGINT)
        assert hold.waiting
        hold.check()
        raise AssertionError("the check must have raised")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_comes_too_late_is_told_and_not_raised() -> None:
    with SignalHold() as hold:
        hold.check()
        signal.raise_signal(signal.SIGINT)
    assert hold.waiting


def test_a_signal_during_an_error_is_not_lost() -> None:
    with pytest.raises(KeyboardInterrupt), SignalHold():
        signal.raise_signal(signal.SIGINT)
        raise WriteError("disk full")


def test_handlers_that_do_not_raise_let_the_write_go_on() -> None:
    seen: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    with SignalHold() as hold:
        signal.raise_signal(signal.SIGTERM)
        assert seen == []
        hold.check()
        assert seen == [signal.SIGTERM]


def test_ignored_signals_stay_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with SignalHold() as hold:
        signal.raise_signal(signal.SIGHUP)
        assert not hold.waiting
        hold.check()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_in_another_thread_there_is_nothing_to_hold(tmp_path: Path) -> None:
    thread = threading.Thread(target=publish, args=(tmp_path, NAME, [text("a", "a")]))
    thread.start()
    thread.join()
    assert (tmp_path / NAME / "a").exists()


def test_signals_that_other_threads_take_are_held_too() -> None:
    """The kernel gives a signal to any thread that does not block it; its handler runs here."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with SignalHold() as hold:
            signal.pthread_kill(thread.ident or 0, signal.SIGINT)
            for _ in range(5000):
                if hold.waiting:
                    break
                time.sleep(0.001)
            assert hold.waiting
    finally:
        stop.set()
        thread.join()


def interrupt_in_mid_copy(folder: Path, number: int) -> None:
    """The source is a pipe: only once the copy has begun to read it does the signal come."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)

    def feed() -> None:
        with pipe.open("wb") as sink:
            sink.write(b"x" * 100)
            sink.flush()
            os.kill(os.getpid(), number)
            sink.write(b"y" * 100)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    publish(folder / "out", NAME, [OutputFile("m", FILE_MODE, pipe)])


def test_a_copy_can_be_interrupted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupt_in_mid_copy(tmp_path, signal.SIGINT)
    assert listing(tmp_path) == ["pipe"]


def test_the_interrupt_of_the_command_line_passes_through(tmp_path: Path) -> None:
    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise Interrupted(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, interrupt)
    with pytest.raises(Interrupted, match="SIGTERM"):
        interrupt_in_mid_copy(tmp_path, signal.SIGTERM)
    assert listing(tmp_path) == ["pipe"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_without_a_handler_the_process_ends_by_the_signal_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    script = """
import os, signal, sys
from pathlib import Path
from builder.output import OutputFile
from builder.write import publish
number = int(sys.argv[1])
mkdir = os.mkdir
def mkdir_and_signal(*arguments, **options):
    mkdir(*arguments, **options)
    os.kill(os.getpid(), number)
os.mkdir = mkdir_and_signal
publish(Path(sys.argv[2]) / "out", "svc", [OutputFile("a/b", 0o644, b"")])
"""
    completed = subprocess.run(
        [sys.executable, "-c", script, str(int(number)), str(tmp_path)],
        cwd=Path(__file__).parent.parent.parent,
        check=False,
        timeout=60,
    )
    assert completed.returncode == -number
    assert listing(tmp_path) == []


def run_with_signal_at_line(write: Callable[[], object], at: int) -> tuple[bool, int]:
    """Whether it was interrupted, if SIGINT comes at this line of builder/write, and lines run."""
    package = str(Path(signals.__file__).parent)
    lines = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(package):
            return None
        if event == "line":
            lines += 1
            if lines == at:
                signal.raise_signal(signal.SIGINT)
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        write()
    except KeyboardInterrupt:
        return True, lines
    finally:
        sys.settrace(former)
    return False, lines


def check_lines(write: Callable[[], object], reset: Callable[[], None], output: Path) -> None:
    reset()
    before = snapshot(output)
    _, total = run_with_signal_at_line(write, 0)
    after = snapshot(output)
    assert before != after
    outcomes = set()
    for at in [*range(1, 40), *range(40, total - 40, 4), *range(total - 40, total + 1)]:
        reset()
        interrupted, _ = run_with_signal_at_line(write, at)
        outcomes.add(interrupted)
        # In the few lines after the handlers are back, the write is done and the signal free.
        done = snapshot(output) == after
        assert done or (interrupted and snapshot(output) == before), f"line event {at} of {total}"
        if interrupted and done:
            assert at > total - 20
    assert outcomes == {True, False}


def small(version: int) -> tuple[Output, ...]:
    return with_record([text("a.txt", f"{version}"), text(f"b{version}/c.txt", "c")], version)


def test_a_signal_at_lines_all_over_a_new_service(tmp_path: Path) -> None:
    output = tmp_path / "out"

    def reset() -> None:
        publish(tmp_path / "other", NAME, [text("a", "a")], force=True)
        for path in sorted(output.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    check_lines(lambda: publish(output, NAME, small(2)), reset, output)


def test_a_signal_at_lines_all_over_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", os.fstat)
    output = tmp_path / "out"

    def reset() -> None:
        publish(output, NAME, small(1), force=True)

    check_lines(lambda: publish(output, NAME, small(2), force=True), reset, output)
