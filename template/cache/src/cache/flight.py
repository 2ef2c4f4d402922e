"""A value on its way, for which everybody waits who asks for the same."""

from __future__ import annotations

import asyncio

from src.cache.values import Found


class Flight:
    """Is landed once by who brings the value: with it, or with the error that all are to have.

    One without either was given up: the next in the row has to bring the value.
    """

    def __init__(self) -> None:
        self._landed = asyncio.Event()
        self._found: Found | None = None
        self._error: Exception | None = None

    def land(self, found: Found | None = None, error: Exception | None = None) -> None:
        self._found, self._error = found, error
        self._landed.set()

    async def value(self) -> Found | None:
        """The value; None if it was given up. Raises the error that all are to have."""
        await self._landed.wait()
        if self._error is not None:
            raise self._error
        return self._found
