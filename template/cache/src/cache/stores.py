"""Which store the settings name, and how values are kept in it."""

from __future__ import annotations

from src.cache.disk import DiskStore
from src.cache.guard import GuardedStore
from src.cache.meter import Meter
from src.cache.policy import Policy
from src.cache.redis_store import RedisStore
from src.cache.store import Store
from src.configurations import ROOT, Settings

_READ_AT_ONCE = 1024 * 1024
"""Bytes of values that are asked of Redis together, as far as their size is known."""


def open_store(settings: Settings, value_bytes: int) -> Store:
    """Redis at CACHE_URL, or else a database in CACHE_FOLDER. Raises ValueError for no such URL.

    Nothing is opened yet. ``value_bytes`` are those of a usual value.
    """
    if not settings.cache_url:
        folder = ROOT / settings.cache_folder
        return DiskStore(folder, settings.cache_disk_bytes, settings.cache_timeout_seconds)
    most_together = max(1, min(128, _READ_AT_ONCE // max(1, value_bytes)))
    try:
        return RedisStore(settings.cache_url, settings.cache_timeout_seconds, most_together)
    except ValueError as error:
        raise ValueError(f"CACHE_URL: {error}") from None


def guarded(settings: Settings, meter: Meter, value_bytes: int) -> GuardedStore:
    """The store for requests, which fails none of them."""
    return GuardedStore(open_store(settings, value_bytes), meter)


def policy(settings: Settings) -> Policy:
    """How long values are kept, and when."""
    return Policy(
        fresh_seconds=settings.cache_ttl_seconds,
        stale_seconds=settings.cache_stale_seconds,
        # Who keeps nothing makes nothing for others.
        claim_seconds=settings.cache_claim_seconds if settings.cache_register else 0.0,
        registers=bool(settings.cache_register),
        logs=bool(settings.log_cache),
    )
