"""The store in Redis or Valkey, which all processes of all services may share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError

from src.cache.entry import MADE, made
from src.cache.store import ROOT, Item, RefusedError, StoreError

T = TypeVar("T")

_AT_ONCE = 500
_EPOCHS = f"{ROOT}:epochs"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"


class RedisStore:
    """Values in the server at ``url``; each call has ``timeout`` seconds.

    Reads that come while another is under way are asked for together when it is answered, up to
    ``most_together``, so that what one read costs hardly grows with the number of requests.
    """

    name = "redis"

    def __init__(self, url: str, timeout: float, most_together: int) -> None:
        self._timeout = timeout
        self._most_together = most_together
        self._client: Redis = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            max_connections=16,
        )
        self._token = os.urandom(8).hex()
        self._reading = False
        self._waiting: list[tuple[bytes, asyncio.Future[bytes | None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, space: str, keys: Sequence[bytes]) -> list[bytes | None]:
        loop = asyncio.get_running_loop()
        futures = []
        for key in keys:
            future: asyncio.Future[bytes | None] = loop.create_future()
            self._waiting.append((_place(space, key), future))
            futures.append(future)
        if not self._reading:
            self._reading = True
            self._start(self._read())
        results = await asyncio.gather(*futures, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results  # type: ignore[return-value] # none of them is an exception

    async def _read(self) -> None:
        try:
            while self._waiting:
                together = self._waiting[: self._most_together]
                del self._waiting[: self._most_together]
                try:
                    values = await self._ask(self._client.mget([place for place, _ in together]))
                    if len(values) != len(together):
                        raise StoreError("redis answers something else than was asked")
                except StoreError as error:
                    _fail([*together, *self._waiting], error)
                    self._waiting.clear()
                else:
                    for (_, future), value in zip(together, values, strict=True):
                        if not future.done():
                            future.set_result(value)
        finally:
            self._reading = False

    async def put(self, space: str, values: Mapping[bytes, bytes], seconds: float) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for key, value in values.items():
            pipeline.set(_place(space, key), value, px=_milliseconds(seconds))
        await self._ask(pipeline.execute())

    async def claim(self, space: str, key: bytes, seconds: float) -> bool:
        place, until = _claim(space, key), _milliseconds(seconds)
        taken = await self._ask(self._client.set(place, self._token, nx=True, px=until))
        return taken is not None

    async def release(self, space: str, key: bytes) -> None:
        await self._ask(self._client.eval(_RELEASE, 1, _claim(space, key), self._token))

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
        try:
            return await asyncio.wait_for(command, 2 * self._timeout)
        except (OutOfMemoryError, ReadOnlyError) as error:
            raise RefusedError(f"redis takes nothing: {error}") from None
        except ResponseError as error:
            raise RefusedError(f"redis refuses: {error}") from None
        except Exception as error:  # whatever a broken server makes of its client
            # An answer that comes late must not be taken for that to the next question.
            await self._client.connection_pool.disconnect()
            reason = str(error) or type(error).__name__
            raise StoreError(f"redis cannot be asked: {reason}") from None

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_KEY = 17
"""Bytes of a place behind its space: a colon and the key."""


def _place(space: str, key: bytes) -> bytes:
    return space.encode() + b":" + key


def _claim(space: str, key: bytes) -> bytes:
    return _place(space, key) + b":claim"


def _is_value(place: bytes) -> bool:
    return place.count(b":") >= 2 and not place.endswith(b":claim") and place != _EPOCHS.encode()


def _milliseconds(seconds: float) -> int | None:
    return max(1, round(seconds * 1000)) if seconds else None


def _fail(waiting: Sequence[tuple[bytes, asyncio.Future[bytes | None]]], error: StoreError) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)
