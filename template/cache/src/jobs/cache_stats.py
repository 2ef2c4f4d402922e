"""``python -m src.jobs.cache_stats [--json]``: what the cache's store holds, by space.

A space is the predictions of one model, or the data that was made ready in one way; services that
share a store see each other's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from src.app.kept import own_kinds
from src.cache.store import Store
from src.configurations import Settings
from src.jobs.store_job import run

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(slots=True)
class Space:
    """One space: whether this service uses it, and how many values it has, of which size and age.

    The age is None where nothing tells it.
    """

    name: str
    own: bool
    values: int = 0
    bytes: int = 0
    oldest_seconds: float | None = None


def main(arguments: Sequence[str]) -> int:
    """Tell it on standard output; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m src.jobs.cache_stats", description="Tell what the cache's store holds."
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args(arguments)

    async def tell(settings: Settings, store: Store) -> int:
        spaces = await counted(settings, store)
        if options.json:
            print(json.dumps({"store": store.name, "spaces": [asdict(space) for space in spaces]}))
        else:
            print(_table(store.name, spaces))
        return 0

    return run(tell)


async def counted(settings: Settings, store: Store) -> list[Space]:
    """The spaces of this service, whether or not they hold anything, and all others that do."""
    own = [kind.space for kind in own_kinds(settings)]
    others = [name for name in await store.spaces() if name not in own]
    now = time.time()
    spaces = [Space(name, own=name in own) for name in (*own, *others)]
    for space in spaces:
        async for items in store.items(space.name):
            space.values += len(items)
            space.bytes += sum(item.size for item in items)
            made = [item.made for item in items if item.made is not None]
            ages = [now - min(made)] if made else []
            if space.oldest_seconds is not None:
                ages.append(space.oldest_seconds)
            space.oldest_seconds = max(ages, default=None)
    return spaces


def _table(store: str, spaces: Sequence[Space]) -> str:
    rows = [
        (
            space.name,
            "this service" if space.own else "another",
            f"{space.values:,}",
            f"{space.bytes:,}",
            _age(space.oldest_seconds),
        )
        for space in spaces
    ]
    rows.insert(0, (f"space in {store}", "of", "values", "bytes", "oldest"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:2], widths, strict=False)]
        cells += [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return "0 s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
