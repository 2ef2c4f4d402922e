"""Runs the services of a fleet in several processes: rendering is bounded by an alarm, and a
process has but one.

Workers are forked, so that each begins with the set that was opened and the templates that were
compiled before; nothing here has started a thread. A worker is given the next service when it is
done with one, so no list of work grows anywhere.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Generic, TypeVar

from builder.errors import InfergenError, Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Task = TypeVar("Task")
Result = TypeVar("Result")


class WorkerDiedError(InfergenError):
    """A worker ended in the middle of a task."""


def run_all(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    jobs: int,
    *,
    lost: Callable[[Task, WorkerDiedError], Result],
    is_last: Callable[[Result], bool],
) -> Iterator[Result]:
    """The result of each task, as they come; with one job in this process.

    ``lost`` makes the result of a task that a worker died of. After a result that ``is_last`` no
    task is begun. If the caller stops iterating, or a signal comes, tasks that are begun are ended
    as a signal ends them.
    """
    if jobs <= 1 or len(tasks) <= 1:
        for task in tasks:
            result = work(task)
            yield result
            if is_last(result):
                return
        return
    pool = _Pool(work, tasks, min(jobs, len(tasks)), lost)
    try:
        for result in pool.results():
            if is_last(result):
                pool.begin_no_more()
            yield result
    finally:
        pool.stop()


class _Pool(Generic[Task, Result]):
    def __init__(
        self,
        work: Callable[[Task], Result],
        tasks: Sequence[Task],
        jobs: int,
        lost: Callable[[Task, WorkerDiedError], Result],
    ) -> None:
        self._context = multiprocessing.get_context("fork")
        self._work = work
        self._tasks = tasks
        self._jobs = jobs
        self._lost = lost
        self._next = 0
        self._workers: dict[Connection, tuple[ForkProcess, int]] = {}

    def results(self) -> Iterator[Result]:
        while len(self._workers) < self._jobs and self._next < len(self._tasks):
            self._start()
        while self._workers:
            for ready in wait(list(self._workers)):
                connection = next(known for known in self._workers if known is ready)
                process, number = self._workers[connection]
                try:
                    result: Result = connection.recv()
                except (EOFError, OSError):
                    yield self._died(connection, process, self._tasks[number])
                else:
                    self._hand_out(connection, process)
                    yield result

    def begin_no_more(self) -> None:
        self._next = len(self._tasks)

    def stop(self) -> None:
        """End every worker; returns when none is left."""
        for connection in self._workers:
            connection.close()
        for process, _ in self._workers.values():
            while process.is_alive():
                process.terminate()
                process.join(1.0)
        self._workers.clear()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        others = [ours, *self._workers]
        process = self._context.Process(
            target=_serve, args=(self._work, self._tasks, theirs, others), daemon=True
        )
        # A signal is to find the worker ready to be ended by it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._workers[ours] = (process, -1)
        self._hand_out(ours, process)

    def _hand_out(self, connection: Connection, process: ForkProcess) -> None:
        if self._next < len(self._tasks):
            self._workers[connection] = (process, self._next)
            # A worker that has died is found out when its result is read.
            with contextlib.suppress(OSError):
                connection.send(self._next)
            self._next += 1
        else:
            del self._workers[connection]
            connection.close()
            process.join()

    def _died(self, connection: Connection, process: ForkProcess, task: Task) -> Result:
        del self._workers[connection]
        connection.close()
        process.join()
        if self._next < len(self._tasks):
            self._start()
        return self._lost(task, WorkerDiedError(_how(process.exitcode)))


def _serve(
    work: Callable[[Task], Result],
    tasks: Sequence[Task],
    connection: Connection,
    others: Sequence[Connection],
) -> None:
    """A worker: tasks by their numbers, until the parent closes its end or a signal comes."""
    for other in others:
        other.close()
    ending = _Ending()
    with contextlib.suppress(Interrupted, EOFError, BrokenPipeError, ConnectionResetError):
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            while True:
                connection.send(work(tasks[connection.recv()]))
        finally:
            ending.begun = True


class _Ending:
    """Lets the first signal have its effect, and no other: while a worker ends, there is nobody
    left to catch what a second one raises, such as the parent's after the terminal's."""

    def __init__(self) -> None:
        self.begun = False
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if callable(before):
                signal.signal(number, partial(self._note, before))

    def _note(
        self,
        before: Callable[[int, FrameType | None], object],
        number: int,
        frame: FrameType | None,
    ) -> None:
        if not self.begun:
            try:
                before(number, frame)
            except BaseException:
                self.begun = True
                raise


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"the process that made it ended (exit {code})"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    reason = ", probably for want of memory" if name == "SIGKILL" else ""
    return f"the process that made it was killed ({name}{reason})"
