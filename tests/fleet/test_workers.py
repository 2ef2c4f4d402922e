"""Several processes for many tasks, as a fleet uses them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from builder.errors import Interrupted
from builder.fleet.workers import WorkerDiedError, run_all


def _lost(task: int, error: WorkerDiedError) -> str:
    return f"{task}: {error}"


def _run(work: object, tasks: range, jobs: int, last: str | None = None) -> list[str]:
    assert callable(work)
    return list(run_all(work, tasks, jobs, lost=_lost, is_last=lambda result: result == last))


@pytest.mark.parametrize("jobs", [1, 2, 5, 99])
def test_every_task_is_done_once(jobs: int) -> None:
    assert sorted(_run(lambda n: f"{n:02}", range(30), jobs)) == [f"{n:02}" for n in range(30)]


def test_nothing_to_do() -> None:
    assert _run(str, range(0), 4) == []


def test_a_worker_that_is_killed_loses_its_task_alone() -> None:
    def work(number: int) -> str:
        if number in (3, 17):
            os.kill(os.getpid(), signal.SIGKILL)
        return str(number)

    done = _run(work, range(20), 2)
    assert len(done) == 20
    lost = [result for result in done if "SIGKILL" in result]
    assert sorted(result.partition(":")[0] for result in lost) == ["17", "3"]


def test_workers_are_processes_and_none_is_left() -> None:
    def work(_: int) -> str:
        time.sleep(0.01)
        return str(os.getpid())

    pids = set(_run(work, range(20), 3))
    assert len(pids) == 3
    assert str(os.getpid()) not in pids
    for pid in map(int, pids):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_caller_that_stops_ends_what_was_begun() -> None:
    def work(number: int) -> str:
        if number:
            time.sleep(60)
        return str(os.getpid())

    def interrupt(*_: object) -> None:
        raise Interrupted("interrupted")

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        results = run_all(work, range(5), 3, lost=_lost, is_last=lambda _: False)
        next(results)
        results.close()  # type: ignore[attr-defined]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_after_the_last_result_no_task_is_begun(tmp_path: Path) -> None:
    assert _run(str, range(100), 1, last="3") == ["0", "1", "2", "3"]
    seen = tmp_path / "seen"

    def work(number: int) -> str:
        while number > 3 and not seen.exists():
            time.sleep(0.01)
        return str(number)

    def is_last(result: str) -> bool:
        if result == "3":
            seen.touch()
        return result == "3"

    # Each of the two processes may have begun one more by then.
    assert len(list(run_all(work, range(100), 2, lost=_lost, is_last=is_last))) <= 6
