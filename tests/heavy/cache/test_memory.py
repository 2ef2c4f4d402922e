"""The cache stays within its bound, however many different things are asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cache.asking import ask, flowers, metric
from tests.cache.conftest import generate
from tests.web.running import serving

MIB = 1024 * 1024

DISTINCT_KEYS = """
import os, resource, sys, time
sys.path.insert(0, ".")
from src.app.http import Answer
from src.cache.memory import Memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

bound, count = int(sys.argv[1]), int(sys.argv[2])
memory = Memory(bound)
before = resident()
most = 0
for number in range(count):
    key = number.to_bytes(16, "big")
    body = b'{"prediction":[%f,0.25,0.125]}' % (number / count)
    answer = Answer(body, 200, ((b"content-type", b"application/json"), (b"x-cache", b"hit")))
    memory.put(key, answer, len(body), time.time() + 60)
    if number % 1000 == 0:
        most = max(most, resident() - before)
        assert memory.bytes <= bound
print(most, len(memory))
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("iris"), "iris", "--variant", "prediction-cache")


def test_a_million_distinct_keys_take_no_more_than_they_may(service: Path) -> None:
    bound = 16 * MIB
    done = subprocess.run(
        [sys.executable, "-c", DISTINCT_KEYS, str(bound), "1000000"],
        cwd=service, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    resident, kept = map(int, done.stdout.split())
    assert resident <= bound
    assert kept > 10_000


def test_a_service_under_a_stream_of_distinct_requests_does_not_grow(
    service: Path, tmp_path: Path
) -> None:
    """Its memory and its disk are full after a part of the stream, and no fuller at its end."""
    some = flowers(5)
    with serving(
        service,
        CACHE_MEMORY_BYTES=MIB,
        CACHE_DISK_BYTES=2 * MIB,
        CACHE_FOLDER=tmp_path / "cache",
    ) as running:

        def stream(requests: int) -> float:
            for _ in range(requests):
                # Many items in one request: each of them is a value in the store.
                flower = [next(some) for _ in range(200)]
                assert ask(running, flower, "/predict/batch").status == 200
            return metric(running, 'process_resident_memory_bytes{worker="0"}')

        early = stream(100)
        late = stream(500)
        assert metric(running, 'cache_memory_bytes{cache="prediction"}') <= MIB
    assert late - early < 8 * MIB
    on_disk = sum(file.stat().st_size for file in (tmp_path / "cache").iterdir())
    # Beside the values there are the pages' own room, and a log of at most one MiB or so.
    assert on_disk < 2 * 2 * MIB + 2 * MIB
