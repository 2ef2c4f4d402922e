"""What the tests of caches share."""

from tests.cache.fixtures import both, redis

__all__ = ["both", "redis"]
