"""Raw bytes against lists in JSON: prints the times of both, in turns, as one JSON document.

Arguments: a generated service with a cache, whose encoding is measured, and the number of rounds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np


def main(service: str, rounds: int) -> None:
    sys.path.insert(0, service)
    from src.cache.entry import read_entry, write_entry  # type: ignore[import-not-found]  # noqa: PLC0415

    numbers = np.random.default_rng(1)
    steps = np.cumsum(numbers.normal(0, 2, (1, 3, 224, 224)), axis=3) + 128
    photo = (np.clip(steps, 0, 255).astype(np.uint8) / np.float32(127.5) - 1).astype(np.float32)
    key = bytes(16)

    def raw() -> None:
        read_entry(key, write_entry(key, {"data": photo}, 0.0))

    def lists() -> None:
        np.array(json.loads(json.dumps(photo.tolist())), dtype=np.float32)

    samples: dict[str, list[float]] = {"raw": [], "lists": []}
    ways: tuple[tuple[str, Callable[[], None]], ...] = (("raw", raw), ("lists", lists))
    for _ in range(rounds + 1):
        for name, way in ways:
            began = time.process_time()
            way()
            samples[name].append((time.process_time() - began) * 1e3)
    json.dump({name: statistics.median(taken[1:]) for name, taken in samples.items()}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
