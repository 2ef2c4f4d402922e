"""The store on disk: one SQLite database, which the workers and jobs of one machine share."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from src.cache.entry import MADE, made
from src.cache.store import Item, RefusedError, StoreError

T = TypeVar("T")

_FILE = "cache.sqlite3"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    place BLOB PRIMARY KEY, value BLOB NOT NULL, size INTEGER NOT NULL, expires REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS kept_expires ON kept (expires);
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS epochs (space TEXT PRIMARY KEY, epoch INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS kept_more AFTER INSERT ON kept
    BEGIN UPDATE total SET bytes = bytes + new.size; END;
CREATE TRIGGER IF NOT EXISTS kept_less AFTER DELETE ON kept
    BEGIN UPDATE total SET bytes = bytes - old.size; END;
"""
_OVERHEAD = 256
_AT_ONCE = 500
_MAKE_ROOM = 0.9
"""When there is no room left, the oldest go until this share of it is taken."""


class DiskStore:
    """Values in ``folder``, of at most ``most_bytes`` together: the oldest go first.

    A database that is damaged is begun anew. SQLite's calls run in a thread of their own.
    """

    name = "disk"

    def __init__(self, folder: Path, most_bytes: int, timeout: float) -> None:
        self._file = folder / _FILE
        self._most_bytes = most_bytes
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="disk")
        self._opened: sqlite3.Connection | None = None

    async def get(self, space: str, keys: Sequence[bytes]) -> list[bytes | None]:
        def read(database: sqlite3.Connection) -> list[bytes | None]:
            now = time.time()
            rows = (
                database.execute(
                    "SELECT value FROM kept WHERE place = ? AND expires > ?",
                    (_place(space, key), now),
                ).fetchone()
                for key in keys
            )
            return [None if row is None else row[0] for row in rows]

        return await self._ask(read)

    async def put(self, space: str, values: Mapping[bytes, bytes], seconds: float) -> None:
        expires = time.time() + seconds if seconds else 9e15
        rows = [
            (_place(space, key), value, len(value) + _OVERHEAD, expires)
            for key, value in values.items()
            if len(value) + _OVERHEAD <= self._most_bytes
        ]

        def write(database: sqlite3.Connection) -> None:
            with _transaction(database):
                # Not REPLACE, which would tell no trigger of what it removes.
                database.executemany("DELETE FROM kept WHERE place = ?", [row[:1] for row in rows])
                database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?)", rows)
                self._make_room(database)

        await self._ask(write)

    def _make_room(self, database: sqlite3.Connection) -> None:
        (total,) = database.execute("SELECT bytes FROM total").fetchone()
        if total <= self._most_bytes:
            return
        database.execute("DELETE FROM kept WHERE expires <= ?", (time.time(),))
        while total > _MAKE_ROOM * self._most_bytes:
            found = database.execute("SELECT rowid, size FROM kept ORDER BY rowid LIMIT 100")
            oldest = found.fetchall()
            if not oldest:
                break
            for rowid, size in oldest:
                database.execute("DELETE FROM kept WHERE rowid = ?", (rowid,))
                total -= size
                if total <= _MAKE_ROOM * self._most_bytes:
                    break

    async def claim(self, space: str, key: bytes, seconds: float) -> bool:
        """Nobody waits for another process: on one machine that is seldom worth it."""
        return True

    async def release(self, space: str, key: bytes) -> None:
        return

    async def epoch(self, space: str) -> int:
        def read(database: sqlite3.Connection) -> int:
            row = database.execute("SELECT epoch FROM epochs WHERE space = ?", (space,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._ask(read)

    async def advance(self, space: str) -> None:
        def write(database: sqlite3.Connection) -> None:
            with _transaction(database):
                database.execute(
                    "INSERT INTO epochs VALUES (?, 1)"
                    " ON CONFLICT (space) DO UPDATE SET epoch = epoch + 1",
                    (space,),
                )

        await self._ask(write)

    async def spaces(self) -> list[str]:
        def read(database: sqlite3.Connection) -> list[str]:
            rows = database.execute(
                "SELECT DISTINCT substr(place, 1, length(place) - 17) FROM kept"
            )
            return sorted(bytes(space).decode() for (space,) in rows)

        return await self._ask(read)

    async def items(self, space: str) -> AsyncIterator[list[Item]]:
        after = 0

        def read(database: sqlite3.Connection) -> list[tuple[int, bytes, bytes, int]]:
            return database.execute(
                "SELECT rowid, place, substr(value, 1, ?), length(value) FROM kept"
                " WHERE rowid > ? AND substr(place, 1, ?) = ? ORDER BY rowid LIMIT ?",
                (MADE.stop, after, len(space) + 1, space.encode() + b":", _AT_ONCE),
            ).fetchall()

        while rows := await self._ask(read):
            after = rows[-1][0]
            yield [Item(place, size, made(beginning)) for _, place, beginning, size in rows]

    async def remove(self, places: Sequence[bytes]) -> int:
        def write(database: sqlite3.Connection) -> int:
            before = database.total_changes
            with _transaction(database):
                database.executemany("DELETE FROM kept WHERE place = ?", [(p,) for p in places])
            return (database.total_changes - before) // 2  # the trigger changes the total, too

        return await self._ask(write)

    async def close(self) -> None:
        def close() -> None:
            if self._opened is not None:
                self._opened.close()

        await asyncio.get_running_loop().run_in_executor(self._pool, close)
        self._pool.shutdown(wait=False)

    async def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, question)

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._opened is None:
                self._opened = self._open()
            return question(self._opened)
        except sqlite3.OperationalError as error:  # locked, full, read-only
            raise RefusedError(f"{self._file}: {error}") from None
        except sqlite3.DatabaseError as error:
            self._begin_anew()
            raise StoreError(f"{self._file} is damaged and begun anew: {error}") from None
        except OSError as error:
            raise StoreError(f"{self._file}: {error.strerror}") from None

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._file, timeout=self._timeout, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = OFF")  # what a crash loses is computed again
            database.execute("PRAGMA wal_autocheckpoint = 256")
            database.execute("PRAGMA journal_size_limit = 1048576")
            database.executescript(_SCHEMA)
            with _transaction(database):
                database.execute(
                    "INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT * FROM total)"
                )
        except BaseException:
            database.close()
            raise
        return database

    def _begin_anew(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _place(space: str, key: bytes) -> bytes:
    return space.encode() + b":" + key
