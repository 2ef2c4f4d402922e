"""What is counted, in memory that all workers share, and how Prometheus reads it.

Only the event loop counts, so an addition needs no lock; each worker has a slot of its own, and
whoever is asked adds up all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from src.app.board import Slot
from src.utils.processes import Process, read_process

SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
ITEMS = (1, 2, 4, 8, 16, 32, 64, 128)
STAGES = ("queue", "decode", "inference", "encode")
REASONS = ("overload", "deadline", "body", "auth")
_CODES = range(100, 600)

Labels = Mapping[str, str]


class Histogram:
    """How many observations were at most as large as each bound, and the sum of all."""

    __slots__ = ("_values", "bounds", "first", "sum")

    def __init__(self, values: memoryview[float], first: int, bounds: Sequence[float]) -> None:
        self._values = values
        self.first = first
        self.bounds = bounds
        self.sum = first + len(bounds) + 1

    def observe(self, value: float) -> None:
        values = self._values
        values[self.first + bisect_left(self.bounds, value)] += 1
        values[self.sum] += value


class Metrics:
    """One worker's counting; ``model`` are the labels that tell which model is served."""

    def __init__(self, slot: Slot, model: Mapping[str, str]) -> None:
        self._slot = slot
        self._values = slot.values
        self._model = model
        self._used = 0
        self.in_flight = 0
        self._in_flight = self._take(1)
        self._rejected = {reason: self._take(1) for reason in REASONS}
        self._stages = [self._histogram(SECONDS) for _ in STAGES]
        self._batches = self._histogram(ITEMS)
        self._routes: Sequence[tuple[str, str]] = ()
        self._seconds: list[Histogram] = []
        self._codes: list[int] = []
        slot.values[self._in_flight] = 0  # those of a worker that died are gone with it

    def count_routes(self, routes: Sequence[tuple[str, str]]) -> None:
        """Count requests to each (method, path), and all others as "other"."""
        self._routes = (*routes, ("other", "other"))
        self._seconds = [self._histogram(SECONDS) for _ in self._routes]
        self._codes = [self._take(len(_CODES)) for _ in self._routes]

    def begin(self) -> None:
        """A request came."""
        self.in_flight += 1
        self._values[self._in_flight] = self.in_flight

    def end(self, route: int, status: int, seconds: float) -> None:
        """A request to the route of this index was answered; -1 is any other."""
        values = self._values
        self.in_flight -= 1
        values[self._in_flight] = self.in_flight
        values[self._codes[route] + status - 100] += 1
        self._seconds[route].observe(seconds)

    def rejected(self, reason: str) -> None:
        """A request was refused for one of REASONS."""
        self._values[self._rejected[reason]] += 1

    def stages(
        self, entered: float, started: float, decoded: float, answered: float, finished: float
    ) -> None:
        """When a request came, and when each of STAGES ended, by ``time.perf_counter``."""
        queue, decode, inference, encode = self._stages
        queue.observe(started - entered)
        decode.observe(decoded - started)
        inference.observe(answered - decoded)
        encode.observe(finished - answered)

    def batch(self, items: int) -> None:
        """The model ran on so many items at once."""
        self._batches.observe(items)

    def exposition(self) -> bytes:
        """All workers' metrics in Prometheus' text format, version 0.0.4."""
        return ("\n".join(self._lines()) + "\n").encode()

    def _take(self, count: int) -> int:
        first = self._used
        self._used += count
        if self._used > len(self._values):
            raise ValueError("there are more routes than the metrics have room for")
        return first

    def _histogram(self, bounds: Sequence[float]) -> Histogram:
        return Histogram(self._values, self._take(len(bounds) + 2), bounds)

    def _lines(self) -> Iterator[str]:
        slots = self._slot.board.slots
        total = np.sum([np.asarray(slot.values)[: self._used] for slot in slots], axis=0)
        yield from head("http_requests_total", "counter", "Requests answered.")
        for (method, path), first in zip(self._routes, self._codes, strict=True):
            for code in np.flatnonzero(total[first : first + len(_CODES)]):
                labels = {"route": path, "method": method, "code": str(code + 100)}
                yield sample("http_requests_total", labels, total[first + code])
        yield from head("http_request_duration_seconds", "histogram", "Time to answer a request.")
        for (_, path), histogram in zip(self._routes, self._seconds, strict=True):
            yield from buckets("http_request_duration_seconds", {"route": path}, histogram, total)
        yield from head(
            "inference_stage_duration_seconds", "histogram", "Time of a prediction's stages."
        )
        for stage, histogram in zip(STAGES, self._stages, strict=True):
            labels = {"stage": stage}
            yield from buckets("inference_stage_duration_seconds", labels, histogram, total)
        yield from head("inference_batch_size", "histogram", "Items in one run of the model.")
        yield from buckets("inference_batch_size", {}, self._batches, total)
        yield from head("http_requests_in_flight", "gauge", "Requests being answered.")
        yield sample("http_requests_in_flight", {}, total[self._in_flight])
        yield from head("http_requests_rejected_total", "counter", "Requests refused, by reason.")
        for reason, index in self._rejected.items():
            yield sample("http_requests_rejected_total", {"reason": reason}, total[index])
        yield from head("model_info", "gauge", "The model that is served.")
        yield sample("model_info", self._model, 1)
        yield from head("service_workers", "gauge", "Worker processes.")
        yield sample("service_workers", {}, len(slots))
        yield from head("service_worker_restarts_total", "counter", "Workers that were replaced.")
        yield sample("service_worker_restarts_total", {}, sum(slot.restarts for slot in slots))
        yield from _process_lines(slots)


def _process_lines(slots: Sequence[Slot]) -> Iterator[str]:
    found = [(str(index), read_process(slot.pid)) for index, slot in enumerate(slots)]
    workers = [({"worker": index}, process) for index, process in found if process is not None]
    for name, kind, text, read in _OF_PROCESSES:
        yield from head(name, kind, text)
        for labels, process in workers:
            yield sample(name, labels, read(process))


_OF_PROCESSES: tuple[tuple[str, str, str, Callable[[Process], float]], ...] = (
    (
        "process_cpu_seconds_total",
        "counter",
        "CPU time of a worker.",
        attrgetter("cpu_seconds"),
    ),
    (
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory of a worker.",
        attrgetter("resident_bytes"),
    ),
    (
        "process_start_time_seconds",
        "gauge",
        "When a worker began, since 1970.",
        attrgetter("started"),
    ),
    (
        "process_open_fds",
        "gauge",
        "Open files and sockets of a worker.",
        attrgetter("open_files"),
    ),
)


def head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def buckets(
    name: str, labels: Labels, histogram: Histogram, total: NDArray[np.float64]
) -> Iterator[str]:
    counts = np.cumsum(total[histogram.first : histogram.sum])
    for bound, count in zip((*histogram.bounds, "+Inf"), counts, strict=True):
        yield sample(f"{name}_bucket", {**labels, "le": str(bound)}, count)
    yield sample(f"{name}_sum", labels, total[histogram.sum])
    yield sample(f"{name}_count", labels, counts[-1])


def sample(name: str, labels: Labels, value: float) -> str:
    pairs = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    number = repr(float(value)).removesuffix(".0")
    return f"{name}{{{pairs}}} {number}" if pairs else f"{name} {number}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
