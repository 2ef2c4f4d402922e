"""What the tests of caches share."""

from tests.cache.conftest import both, redis

__all__ = ["both", "redis"]
