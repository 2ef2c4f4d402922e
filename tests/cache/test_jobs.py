"""The jobs that fill, clear and count the cache, against a real Redis and against disk."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.cache.asking import ask
from tests.cache.conftest import generate
from tests.cache.jobs import (
    VARS,
    being_filled,
    children,
    is_gone,
    job,
    slow_source,
    spaces,
    values,
)
from tests.cache.redis import Redis
from tests.web.running import PATIENCE, serving, wait_until

SHAPES = [f"{index:04}" for index in range(8)]
ALL = {"predictions": 8, "data": 8}
ANOTHER = "infergen:1:predictions:0123456789abcdef"


def test_requests_find_what_was_made_in_advance(both: Path, shapes: Path, redis: Redis) -> None:
    """Also those to another service, which has the data in common."""
    done = job(both, "warm_cache", "--concurrency", "2", CACHE_URL=redis.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("8 items: 8 made (")
    assert values(both, CACHE_URL=redis.url) == ALL
    for service in (both, shapes):
        with serving(service, CACHE_URL=redis.url) as running:
            for name in SHAPES[:3]:
                kept = ask(running, name)
                assert kept.cache == "hit"
                made = ask(running, name, **{"Cache-Control": "no-cache"})
                assert (made.cache, made.content) == ("bypass", kept.content)


def test_rows_of_a_table_are_kept_on_disk(tmp_path: Path) -> None:
    service = generate(tmp_path, "rows", "--variant", "prediction-cache")
    done = job(service, "warm_cache", "--all", "--concurrency", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("13 items: 13 made (")
    with serving(service) as running:
        kept = ask(running, "0012")
        assert kept.cache == "hit"
        assert ask(running, "0012", **{"Cache-Control": "no-cache"}).content == kept.content


def test_what_is_kept_and_fresh_is_passed_over(both: Path, redis: Redis, tmp_path: Path) -> None:
    url = {"CACHE_URL": redis.url}
    ids = tmp_path / "ids"
    ids.write_text("0000\n\n0003\n0003\n")
    done = job(both, "warm_cache", "--ids", ids, "--concurrency", "1", **url)
    assert done.stdout.startswith("2 items: 2 made (")
    cleared = job(both, "clear_cache", "--predictions", **url)
    assert "removed 2 values" in cleared.stdout
    damaged, *_ = (key for key in redis.command("KEYS", "*") if b":data:" in key)
    redis.command("SETRANGE", damaged, 60, "damaged")
    done = job(both, "warm_cache", "--concurrency", "1", **url)
    assert done.stdout.startswith("8 items: 8 made (")
    done = job(both, "warm_cache", "--concurrency", "1", **url)
    assert done.stdout.startswith("8 items: 0 made (0 bytes), 8 kept already")
    # What is to go soon is made anew.
    done = job(both, "warm_cache", "--concurrency", "1", CACHE_TTL_SECONDS="0.5", **url)
    assert done.stdout.startswith("8 items: 8 made (")


def test_items_that_fail_are_told_and_the_others_are_done(both: Path, tmp_path: Path) -> None:
    items = tmp_path / "items"
    items.mkdir()
    whole = (VARS / "data/shapes/0001.png").read_bytes()
    (items / "whole.png").write_bytes(whole)
    (items / "broken.png").write_bytes(whole[:200])
    (items / "huge.png").write_bytes(bytes(5000))
    ids = tmp_path / "ids"
    ids.write_text("whole\nbroken\nhuge\nabsent\n")
    settings = {
        "CACHE_FOLDER": tmp_path / "cache",
        "DATA_URL": f"file://{items}/",
        "MAX_ITEM_BYTES": 4000,
    }
    done = job(both, "warm_cache", "--ids", ids, "--concurrency", "1", **settings)
    assert done.returncode == 1
    assert "1 made" in done.stdout
    assert "3 failed" in done.stdout
    told = dict(line.split(": ", 1) for line in done.stderr.splitlines())
    assert told.keys() == {"broken", "huge", "absent"}
    assert "damaged" in told["broken"]
    assert values(both, **settings) == {"predictions": 1, "data": 1}


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (None, "ids: No such file"),
        ("0000\n../0001\n", "ids:2: expected an ID"),
        ("\n", "ids: expected one ID a line"),
    ],
)
def test_lists_of_ids_that_make_no_sense(
    both: Path, tmp_path: Path, ids: str | None, told: str
) -> None:
    if ids is not None:
        (tmp_path / "ids").write_text(ids)
    settings = {"CACHE_FOLDER": tmp_path / "cache"}
    done = job(both, "warm_cache", "--ids", tmp_path / "ids", **settings)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: --ids {tmp_path}/{told}")
    assert not (tmp_path / "cache").exists()


def test_without_redis_each_job_says_so_in_a_line(both: Path, redis: Redis) -> None:
    redis.kill()
    for name in ("warm_cache", "clear_cache", "cache_stats"):
        done = job(both, name, CACHE_URL=redis.url)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: redis cannot be asked")


def test_an_interrupt_leaves_what_is_done(both: Path, redis: Redis, tmp_path: Path) -> None:
    ids = tmp_path / "ids"
    with being_filled(both, redis, ids) as process:
        started = children(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        assert errors.endswith("interrupted; run it again for the rest\n")
        assert "Traceback" not in errors
        wait_until(lambda: all(map(is_gone, started)), "the end of its processes")
    done = redis.command("DBSIZE")
    assert 0 < done < 1200
    with slow_source((VARS / "data/shapes/0002.png").read_bytes(), 0) as url:
        again = job(both, "warm_cache", "--ids", ids, DATA_URL=url, CACHE_URL=redis.url)
    assert again.returncode == 0
    kept = int(again.stdout.partition(" kept")[0].rpartition(" ")[2])
    assert kept == done // 2


def test_clearing_predictions_reaches_services_and_leaves_data(both: Path, redis: Redis) -> None:
    with serving(both, CACHE_URL=redis.url) as running:
        assert ask(running, "0000").cache == "miss"
        wait_until(lambda: ask(running, "0000").cache == "hit", "a hit")
        wait_until(lambda: redis.command("DBSIZE") == 2, "both values")
        done = job(both, "clear_cache", "--predictions", CACHE_URL=redis.url)
        assert done.returncode == 0
        assert values(both, CACHE_URL=redis.url) == {"predictions": 0, "data": 1}
        wait_until(lambda: ask(running, "0000").cache == "miss", "a miss")


def test_clearing_by_age_and_of_everything(both: Path, redis: Redis) -> None:
    url = {"CACHE_URL": redis.url}
    job(both, "warm_cache", "--concurrency", "1", **url)
    redis.command("SET", f"{ANOTHER}:{'x' * 16}", "of an older model, in another format")
    redis.command("SET", "something else", "that is not ours")
    assert values(both, **url) == {**ALL, ANOTHER: 1}
    job(both, "clear_cache", "--older-than", "1h", **url)
    assert values(both, **url) == {**ALL, ANOTHER: 1}
    job(both, "clear_cache", "--older-than", "1h", "--everything", **url)
    assert values(both, **url) == ALL
    oldest = max(space["oldest_seconds"] for space in spaces(both, **url).values())
    assert 0 < oldest < 3600
    done = job(both, "clear_cache", "--everything", **url)
    assert len(done.stdout.splitlines()) == 2
    assert values(both, **url) == {"predictions": 0, "data": 0}
    assert redis.command("EXISTS", "something else") == 1


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("clear_cache", ["--older-than", "soon"]),
        ("clear_cache", ["--data", "--everything"]),
        ("warm_cache", ["--concurrency", "0"]),
        ("warm_cache", ["--all", "--ids", "x"]),
        ("cache_stats", ["more"]),
    ],
)
def test_wrong_arguments(both: Path, name: str, arguments: list[str]) -> None:
    done = job(both, name, *arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr
