"""The image of a service that caches, as compose runs it beside a Redis."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.deploy.variants import generate
from tests.images.engine import composed, docker, inspect
from tests.web.running import wait_until


@dataclass(frozen=True)
class Cached:
    """A service and its Redis under compose."""

    service: str
    redis: str
    address: str

    def ask(self, name: str) -> tuple[Any, str | None]:
        """The label of an item, and how the cache came into it."""
        body = json.dumps({"data": name}).encode()
        with urllib.request.urlopen(f"{self.address}/predict/label", body, timeout=30) as answer:
            return json.load(answer)["prediction"], answer.headers["x-cache"]

    def job(self, *arguments: str) -> str:
        """What a job prints inside of the service's container."""
        name, *rest = arguments
        return docker("exec", self.service, "python", "-m", f"src.jobs.{name}", *rest)


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cached]:
    service = generate("kept_shapes", tmp_path_factory.mktemp("cached"))
    with composed(service, "cached") as (address, container):
        yield Cached(container("kept-shapes"), container("redis"), address)


def is_healthy(container: str) -> bool:
    return bool(inspect(container)["State"].get("Health", {}).get("Status") == "healthy")


def test_what_is_kept_outlives_the_service(cached: Cached) -> None:
    assert cached.ask("0001") == ("square", "miss")
    assert cached.ask("0001") == ("square", "hit")
    kept = docker("exec", cached.redis, "redis-cli", "dbsize")
    assert int(kept) == 2
    docker("restart", cached.service)
    wait_until(lambda: is_healthy(cached.service), "the restarted service")
    assert cached.ask("0001") == ("square", "hit")


def test_jobs_run_in_the_image(cached: Cached) -> None:
    assert cached.job("warm_cache").startswith("8 items: ")
    assert cached.ask("0005") == ("triangle", "hit")
    spaces = json.loads(cached.job("cache_stats", "--json"))["spaces"]
    assert [space["values"] for space in spaces] == [8, 8]
    assert "removed 8 values" in cached.job("clear_cache", "--predictions")


def test_redis_is_bounded_and_only_the_service_reaches_it(cached: Cached) -> None:
    host = inspect(cached.redis)["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["PortBindings"]
    told = docker("exec", cached.redis, "redis-cli", "config", "get", "maxmemory*")
    assert str(256 * 2**20) in told.split()
    assert "allkeys-lru" in told.split()
    assert "save" in docker("exec", cached.redis, "redis-cli", "config", "get", "save").split()
    status = docker("exec", cached.redis, "cat", "/proc/1/status")
    assert "Uid:\t10001" in status
    networks = inspect(cached.redis)["NetworkSettings"]["Networks"]
    (network,) = networks
    assert inspect(network)["Internal"] is True


def test_without_redis_it_answers_as_well(cached: Cached) -> None:
    docker("stop", "--time", "5", cached.redis)
    assert [cached.ask(f"{index:04}")[0] for index in range(2, 5)] == [
        "triangle",
        "circle",
        "square",
    ]
    docker("start", cached.redis)
    wait_until(lambda: is_healthy(cached.redis), "redis again")

    def is_kept() -> bool:
        assert cached.ask("0006")[0] == "circle"
        return int(docker("exec", cached.redis, "redis-cli", "dbsize")) > 0

    cached.job("clear_cache")
    wait_until(is_kept, "what is kept in redis again")
