"""What the jobs on the cache's store have in common."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace

from src.app.kept import VALUE_BYTES
from src.cache.store import Store, StoreError
from src.cache.stores import open_store
from src.configurations import Settings, read_settings

PATIENCE_SECONDS = 5.0
"""Jobs wait for the store longer than requests do."""

INTERRUPTED = 130

Work = Callable[[Settings, Store], Awaitable[int]]


def patient_settings() -> Settings:
    """The settings of this process, with PATIENCE_SECONDS for each call. Raises ValueError."""
    settings = read_settings(os.environ)
    seconds = max(PATIENCE_SECONDS, settings.cache_timeout_seconds)
    return replace(settings, cache_timeout_seconds=seconds)


def run(work: Work) -> int:
    """Do some work on the store; the exit code is its own, or says that it failed."""
    try:
        return asyncio.run(_do(work, patient_settings()))
    except (StoreError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run it again for the rest", file=sys.stderr)
        return INTERRUPTED


async def _do(work: Work, settings: Settings) -> int:
    store = open_store(settings, VALUE_BYTES)
    try:
        return await work(settings, store)
    finally:
        await store.close()
