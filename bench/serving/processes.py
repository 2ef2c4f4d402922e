"""A server as a tree of processes: started on chosen cores, asked, weighed, and stopped."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 90
_STOP_SECONDS = 15
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Memory:
    """Of all processes together, in MB; ``pss`` counts what they share once."""

    pss: float
    rss: float


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs; ``started`` is when it was, by time.perf_counter."""

    process: subprocess.Popen[bytes]
    port: int
    started: float
    output: Path

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """Status and body. Raises OSError or HTTPException if there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def first_answer(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[float, bytes]:
        """Seconds from the start to the first answer with 200, and its body."""
        problem = "no answer"
        while time.perf_counter() - self.started < START_SECONDS:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args!r} ended:\n{self.said()}")
            try:
                status, answer = self.ask("POST", path, body, headers)
            except (OSError, http.client.HTTPException):
                time.sleep(0.002)
                continue
            if status == 200:
                return time.perf_counter() - self.started, answer
            problem = f"{status} {answer[:500]!r}"
            time.sleep(0.01)
        raise RuntimeError(f"{self.process.args!r} is not ready: {problem}\n{self.said()}")

    def cpu(self) -> float:
        """Seconds that all its processes have run so far, in user and in system mode."""
        return sum(sum(map(int, _stat(pid)[11:13])) for pid in tree(self.process.pid)) / _TICK

    def memory(self) -> Memory:
        pss = rss = 0
        for pid in tree(self.process.pid):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            sizes = {name: int(size) for name, size, *_ in map(str.split, lines)}
            pss += sizes["Pss:"]
            rss += sizes["Rss:"]
        return Memory(pss * 1024 / 1e6, rss * 1024 / 1e6)

    def said(self) -> str:
        """The end of what it printed."""
        return self.output.read_text(errors="replace")[-3000:]


def tree(root: int) -> list[int]:
    """A process and those that it started, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return [pid for pid in found if _stat(pid)]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the program's name; none if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextmanager
def serve(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    cores: Sequence[int],
    port: int,
    output: Path,
) -> Iterator[Server]:
    """Runs a server on these cores until the block ends, all of its processes."""
    with on_cores(cores), output.open("wb") as file:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(process, port, started, output)
    finally:
        _stop(process)


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """What is started meanwhile inherits these cores; this process leaves them again."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _stop(process: subprocess.Popen[bytes]) -> None:
    members = tree(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in members:
        # Only its own processes: they are in the session that was made for it.
        if (stat := _stat(pid)) and int(stat[3]) == process.pid:
            os.kill(pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
