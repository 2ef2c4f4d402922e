"""Jobs that fill the cache, and what they leave when they or their processes are killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.cache.jobs import being_filled, children, is_gone
from tests.cache.redis import Redis
from tests.web.running import PATIENCE, wait_until


def test_the_end_of_a_container_is_an_interrupt(both: Path, redis: Redis, tmp_path: Path) -> None:
    with being_filled(both, redis, tmp_path / "ids") as process:
        started = children(process.pid)
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert errors.endswith("interrupted; run it again for the rest\n")
        assert "Traceback" not in errors
        wait_until(lambda: all(map(is_gone, started)), "the end of its processes")


def test_a_process_that_is_killed_is_told(both: Path, redis: Redis, tmp_path: Path) -> None:
    with being_filled(both, redis, tmp_path / "ids") as process:
        working = [pid for pid in children(process.pid) if b"spawn_main" in cmdline(pid)]
        assert len(working) == 2
        os.kill(working[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        assert "error: a process ended while it made an item" in errors
        assert "Traceback" not in errors
        wait_until(lambda: all(map(is_gone, working)), "the end of its processes")


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_processes_end_with_a_job_that_is_killed(both: Path, redis: Redis, tmp_path: Path) -> None:
    with being_filled(both, redis, tmp_path / "ids") as process:
        started = children(process.pid)
        process.kill()
        wait_until(lambda: all(map(is_gone, started)), "the end of its processes")
