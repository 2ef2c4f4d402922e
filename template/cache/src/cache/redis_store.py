"""The store in Redis or Valkey, which all processes of all services may share."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from src.cache.entry import MADE, made
from src.cache.lane import Lane
from src.cache.store import ROOT, BusyError, Item, RefusedError, StoreError

_Command = tuple[str | bytes | int, ...]

_AT_ONCE = 500
_LATE = 2.0
"""A call that took so many times its time was not heard by this process."""

_EPOCHS = f"{ROOT}:epochs"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class RedisStore:
    """Values in the server at ``url``; each call has ``timeout`` seconds.

    At most ``most_together`` values are read by one call.
    """

    name = "redis"

    def __init__(self, url: str, timeout: float, most_together: int) -> None:
        self._timeout = timeout
        self._client: Redis = Redis.from_url(
            url,
            socket_timeout=None,  # there is one for the whole call
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self._reads: Lane[bytes, bytes | None] = Lane(self._read, most_together)
        self._commands: Lane[_Command, Any] = Lane(self._run, most_together)
        self._token = os.urandom(8).hex()

    async def get(self, space: str, keys: Sequence[bytes]) -> list[bytes | None]:
        return await self._reads.answers([_place(space, key) for key in keys])

    async def put(self, space: str, values: Mapping[bytes, bytes], seconds: float) -> None:
        until = ("PX", _milliseconds(seconds)) if seconds else ()
        await self._do(
            *(("SET", _place(space, key), value, *until) for key, value in values.items())
        )

    async def claim(self, space: str, key: bytes, seconds: float) -> bool:
        until = _milliseconds(seconds)
        (taken,) = await self._do(("SET", _claim(space, key), self._token, "NX", "PX", until))
        return taken is not None

    async def release(self, space: str, key: bytes) -> None:
        await self._do(("EVAL", _RELEASE, 1, _claim(space, key), self._token))

    async def _read(self, places: list[bytes]) -> Sequence[bytes | None]:
        values = await self._ask(self._client.mget(places))
        if not all(value is None or isinstance(value, bytes) for value in values):
            raise StoreError("redis answers something else than was asked")
        return cast(Sequence[bytes | None], values)

    async def _do(self, *commands: _Command) -> list[Any]:
        """What Redis answers to each command. Raises RefusedError if it refuses one of them."""
        answers = await self._commands.answers(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise RefusedError(f"redis refuses: {answer}")
        return answers

    async def _run(self, commands: list[_Command]) -> Sequence[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return cast(Sequence[Any], await self._ask(pipeline.execute(raise_on_error=False)))

    async def epoch(self, space: str) -> int:
        return int(await self._ask(self._client.hget(_EPOCHS, space)) or 0)

    async def advance(self, space: str) -> None:
        await self._ask(self._client.hincrby(_EPOCHS, space, 1))

    async def spaces(self) -> list[str]:
        found: set[bytes] = set()
        async for places in self._scan(f"{ROOT}:*"):
            found.update(place[:-_KEY] for place in places if _is_value(place))
        return sorted(space.decode() for space in found)

    async def items(self, space: str) -> AsyncIterator[list[Item]]:
        async for places in self._scan(f"{space}:*"):
            values = [place for place in places if len(place) == len(space) + _KEY]
            pipeline = self._client.pipeline(transaction=False)
            for place in values:
                pipeline.strlen(place)
                pipeline.getrange(place, 0, MADE.stop - 1)
            told = await self._ask(pipeline.execute())
            yield [
                Item(place, size, made(beginning))
                for place, size, beginning in zip(values, told[::2], told[1::2], strict=True)
            ]

    async def remove(self, places: Sequence[bytes]) -> int:
        return int(await self._ask(self._client.unlink(*places))) if places else 0

    async def close(self) -> None:
        await self._client.aclose()

    async def _scan(self, pattern: str) -> AsyncIterator[list[bytes]]:
        cursor = 0
        while True:
            cursor, places = await self._ask(self._client.scan(cursor, pattern, _AT_ONCE))
            if places:
                yield places
            if cursor == 0:
                return

    async def _ask(self, command: Awaitable[Any]) -> Any:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                return await command
        except ResponseError as error:  # it answers, and refuses
            raise RefusedError(f"redis refuses: {error}") from None
        except Exception as error:  # whatever a broken server makes of its client
            late = time.monotonic() - began > _LATE * self._timeout
            # An answer that comes late must not be taken for that to the next question.
            with contextlib.suppress(Exception):
                await self._client.connection_pool.disconnect()
            if late:
                raise BusyError("redis cannot be heard") from None
            reason = str(error) or f"no answer in {self._timeout:g} seconds"
            raise StoreError(f"redis cannot be asked: {reason}") from None


_KEY = 17
"""Bytes of a place behind its space: a colon and the key."""


def _place(space: str, key: bytes) -> bytes:
    return space.encode() + b":" + key


def _claim(space: str, key: bytes) -> bytes:
    return _place(space, key) + b":claim"


def _is_value(place: bytes) -> bool:
    return place.count(b":") >= 2 and not place.endswith(b":claim") and place != _EPOCHS.encode()


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
