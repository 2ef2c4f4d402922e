"""Values end, and may be served for a while after: then they are made anew meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cache.asking import ask
from tests.cache.redis import Redis
from tests.web.running import serving, wait_until


@pytest.mark.parametrize(
    ("kind", "data"), [("iris", [[5.1, 3.5, 1.4, 0.2]]), ("shapes", "0003")]
)  # fmt: skip
def test_what_ended_is_made_anew_while_it_is_served(
    kind: str, data: object, request: pytest.FixtureRequest, redis: Redis
) -> None:
    service: Path = request.getfixturevalue(kind)
    ending = {"CACHE_TTL_SECONDS": "0.001", "CACHE_STALE_SECONDS": "600"}
    with serving(service, CACHE_URL=redis.url, **ending) as running:
        assert ask(running, data).cache == "miss"
        wait_until(lambda: redis.command("DBSIZE") == 1, "the value in Redis")
    with serving(service, CACHE_URL=redis.url, **ending) as running:  # with nothing in memory
        (place,) = redis.command("KEYS", "*")
        old = redis.command("GET", place)
        assert ask(running, data).cache == "hit"
        wait_until(lambda: redis.command("GET", place) != old, "the value made anew")
