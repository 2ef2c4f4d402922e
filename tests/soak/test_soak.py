"""An hour's worth of faults in a short time: SOAK_SECONDS of them, 32 unless told.

No accepted request is lost but those of a worker that was killed, every answer is right, what is
refused is told so, and memory stays flat.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.soak.clients import LIMIT_BYTES, Client, Findings, bad_clients, slow_client
from tests.soak.service import MOST_TURNS, clients_of, generate, private_memory
from tests.web.running import Running, serving, wait_until

SECONDS = float(os.environ.get("SOAK_SECONDS", "32"))
WAITING = 16


@asynccontextmanager
async def meanwhile(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """These go on until the block ends; an error in one of them is raised."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def steadily(port: int, findings: Findings, turns: int) -> None:
    client = Client(port, findings)
    try:
        while True:
            await client.predict(turns)
            await asyncio.sleep(0.01)
    finally:
        client.close()


async def capacity(port: int, findings: Findings) -> float:
    """How many heavy requests it answers in a second."""
    before, seconds = findings.answered, 3.0
    async with meanwhile(*(steadily(port, findings, MOST_TURNS) for _ in range(WAITING))):
        await asyncio.sleep(seconds)
    return (findings.answered - before) / seconds


async def overload(port: int, findings: Findings, rate: float) -> None:
    """For two seconds of every five, so many heavy requests a second, answered or not."""
    running: set[asyncio.Task[None]] = set()

    async def once() -> None:
        client = Client(port, findings)
        await client.predict(MOST_TURNS)
        client.close()

    while True:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            task = asyncio.create_task(once())
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(random.expovariate(rate))
        await asyncio.gather(*running)
        await asyncio.sleep(3)


async def killing(running: Running, eldest: int, findings: Findings) -> None:
    """Kills all workers but the eldest, whose memory is to be seen, as soon as they are ready."""
    while True:
        await asyncio.sleep(random.uniform(1, 3))
        for worker in running.workers() - {eldest}:
            if f", pid {worker}, is ready" in running.log:
                os.kill(worker, signal.SIGSTOP)  # it takes no more, so that its clients are known
                findings.doomed |= clients_of(running, worker)
                os.kill(worker, signal.SIGKILL)


async def soak(running: Running, findings: Findings) -> list[float]:
    """The private memory, in MB, of supervisor and eldest worker after each quarter of the time."""
    eldest = min(running.workers())
    port = running.port
    rate = 3 * await capacity(port, findings)
    print(f"3 x capacity: {rate:.0f} requests a second")
    memory = []
    for _ in range(4):
        async with meanwhile(
            *(steadily(port, findings, 100) for _ in range(8)),
            *(slow_client(port) for _ in range(20)),
            bad_clients(port, findings),
            overload(port, findings, rate),
            killing(running, eldest, findings),
        ):
            await asyncio.sleep(SECONDS / 4)
        await asyncio.sleep(1)
        memory.append(private_memory(eldest) + private_memory(running.process.pid))
    assert eldest in running.workers()
    return memory


def test_soak(tmp_path: Path) -> None:
    settings: dict[str, object] = {
        "WORKERS": 2,
        "EXECUTION": "threads",
        "MAX_BATCH": 4,
        "MAX_WAITING": WAITING,
        "MAX_BODY_BYTES": LIMIT_BYTES,
        "REQUEST_TIMEOUT_SECONDS": 5,
        "BODY_TIMEOUT_SECONDS": 2,
    }
    findings = Findings()
    with serving(generate(tmp_path), **settings) as running:
        # In a thread of its own, since another test may have left an event loop in this one.
        with ThreadPoolExecutor(1) as thread:
            memory = thread.submit(asyncio.run, soak(running, findings)).result()
        running.wait_for_workers(2)
        deaths = running.log.count("died of SIGKILL")
        print(
            f"{findings.answered} right answers, {dict(findings.codes)}, {deaths} kills with"
            f" {findings.excused} requests, memory in MB: {memory}"
        )
        assert findings.wrong == []
        assert deaths > 0
        assert findings.codes["one", 503] + findings.codes["batch", 503] > 0, "no overload"
        assert memory[-1] < memory[0] * 1.15 + 5
        assert all(" ERROR " not in line or "died of" in line for line in running.log.splitlines())
        wait_until(lambda: in_flight(running) == 1, "the last request to be gone")
        assert running.end() == 0


def in_flight(running: Running) -> float:
    """Requests being answered, of which the one that asks is one."""
    with running.connect() as connection, connection.makefile("rb") as answer:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: soak\r\nConnection: close\r\n\r\n")
        text = answer.read().decode()
    (line,) = [line for line in text.splitlines() if line.startswith("http_requests_in_flight ")]
    return float(line.split()[1])
