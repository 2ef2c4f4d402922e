"""Finds the smallest sample that a model runs on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

import numpy as np

from builder.errors import ModelError
from builder.model.clues import Clues
from builder.model.facts import Json, TensorFacts
from builder.model.session import Answer, CrashError, RunError, Session, describe
from builder.model.shapes import Plan, Shapes, elements, plans
from builder.model.tensors import Array
from builder.model.values import Fillings, fill, fillings, spell

LADDER = (
    *(2, 3, 4, 5, 7, 8, 10, 12, 16, 20, 24, 28, 32, 48, 64, 96, 100, 112, 128, 160, 192, 224),
    *(256, 299, 384, 416, 512, 640),
)
"""Sizes to try for a free dimension; the first attempt is 1 for all."""

MOST_ELEMENTS = 1 << 24
MOST_RUNS = 6000
RUNS_FOR_A_BETTER_ANSWER = 40
SECONDS_FOR_A_BETTER_ANSWER = 3.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Feeds that the model runs on, how to write them down, and what it answered."""

    feeds: dict[str, Array]
    spelled: dict[str, Json]
    answer: Answer


@dataclass(order=True)
class _State:
    """Sizes to try; the order is: deepest parent first, then smallest, then oldest."""

    shallowness: int
    elements: int
    age: int
    plan: Plan = field(compare=False)
    sizes: dict[str, int] = field(compare=False)
    shapes: Shapes = field(compare=False)
    guessed: bool = field(compare=False)
    message: str = field(compare=False, default="")


def find_sample(
    session: Session,
    inputs: Sequence[TensorFacts],
    clues: Clues,
    categories: Sequence[str],
    seconds: float,
) -> Sample:
    """The smallest sample found within ``seconds``, optional inputs given where that works.

    Raises ModelError with the runtime's reason for refusing the attempt that came furthest.
    """
    given = [list(inputs)]
    if any(value.optional for value in inputs):
        given.append([value for value in inputs if not value.optional])
    failure = ("", "")
    for chosen in given:
        search = _Search(session, chosen, clues, categories, seconds / len(given))
        sample = search.run()
        if sample is not None:
            return sample
        failure = failure if failure[1] else search.best_failure
    attempt, reason = failure
    raise ModelError(
        f"found no input that the model runs on. The best attempt, {attempt or 'no input'}, "
        f"ended with: {reason or 'no time left'}. Give data_sample, an input that the model takes."
    )


class _Search:
    """Best first: who failed deepest in the graph is grown first, the smallest before others.

    A crash costs a new process, so after one the next attempt is at least twice as large.
    """

    def __init__(
        self,
        session: Session,
        inputs: Sequence[TensorFacts],
        clues: Clues,
        categories: Sequence[str],
        seconds: float,
    ) -> None:
        self._session = session
        self._inputs = inputs
        self._clues = clues
        self._common, self._rare = fillings(inputs, categories)
        self._deadline = time.monotonic() + seconds
        self._runs = 0
        self._age = count()
        self._seen: set[tuple[bool, tuple[tuple[int, ...], ...]]] = set()
        self._queue: list[_State] = []
        self._weak: Sample | None = None
        self._weak_runs = 0
        self._deepest = -2
        self._crashed_at = 0
        self.best_failure = ("", "")

    def run(self) -> Sample | None:
        """The sample, or None; then ``best_failure`` is the attempt and the reason."""
        readings = list(plans(self._inputs))
        stale: list[tuple[bool, _State]] = []
        self._begin([plan for plan in readings if plan.shared])
        separate = [plan for plan in readings if not plan.shared]
        while (self._queue or separate or stale) and self._goes_on():
            if not self._queue:
                if separate:
                    self._begin(separate)
                    separate = []
                else:
                    self._grow(heappop(stale)[1])
                continue
            state = heappop(self._queue)
            if state.elements < 2 * self._crashed_at:
                continue  # a crash costs a process: leave its neighbourhood
            root = all(size == 1 for size in state.sizes.values())
            found, depth = self._try(state, self._common + self._rare if root else self._common)
            if found is not None:
                return self._shrunk(state, found)
            state.shallowness, parent = -depth, state.shallowness
            if root or state.shallowness < parent:
                self._grow(state)
            else:
                heappush(stale, (state.guessed, state))
        return self._weak

    def _begin(self, readings: Sequence[Plan]) -> None:
        """Queue the smallest sizes of each reading: 1 throughout."""
        for plan in readings:
            self._queue_up(plan, dict.fromkeys(plan.variables, 1), 0)

    def _goes_on(self) -> bool:
        if self._weak is not None:
            self._weak_runs += 1
        return (
            self._runs < MOST_RUNS
            and self._weak_runs < RUNS_FOR_A_BETTER_ANSWER
            and time.monotonic() < self._deadline
        )

    def _queue_up(
        self, plan: Plan, sizes: dict[str, int], shallowness: int, *, guessed: bool = True
    ) -> None:
        """Queue the sizes, unless they were queued before or are beyond reason."""
        state = self._state(plan, sizes, shallowness, guessed=guessed)
        if state is None or state.elements > MOST_ELEMENTS:
            return
        key = (plan.shared, tuple(state.shapes.values()))
        if key not in self._seen:
            self._seen.add(key)
            heappush(self._queue, state)

    def _state(
        self, plan: Plan, sizes: dict[str, int], shallowness: int, *, guessed: bool = True
    ) -> _State | None:
        shapes = plan.shapes(sizes)
        if shapes is None:
            return None
        return _State(shallowness, elements(shapes), next(self._age), plan, sizes, shapes, guessed)

    def _grow(self, parent: _State) -> None:
        """Queue what differs from ``parent`` in one variable, or in some that grow together."""
        wanted = self._clues.sizes(parent.message)
        for group in parent.plan.groups():
            for size in sorted({*LADDER, *wanted}):
                sizes = {**parent.sizes, **dict.fromkeys(group, size)}
                self._queue_up(parent.plan, sizes, parent.shallowness, guessed=size not in wanted)

    def _try(
        self, state: _State, ways: Sequence[Fillings]
    ) -> tuple[tuple[Fillings, Sample] | None, int]:
        """Run a state with each filling: what worked, and how deep the failures came."""
        depth = -2
        for way in ways:
            if not self._goes_on():
                break
            feeds = fill(self._inputs, state.shapes, way)
            self._runs += 1
            try:
                answer = self._session.run(feeds)
            except RunError as error:
                message = str(error)
                if isinstance(error, CrashError) and state.plan.variables:
                    self._crashed_at = max(self._crashed_at, state.elements)
                reached = self._clues.depth(message)
                if reached > depth:
                    depth, state.message = reached, message
                if reached > self._deepest:
                    self._deepest, self.best_failure = reached, (describe(feeds), message)
                if _before_any_value(message) or self._crashed_at:
                    break
                continue
            sample = Sample(feeds, spell(feeds, way), answer)
            if telling(answer):
                return (way, sample), depth
            if self._weak is None:
                self._weak = sample
                self._deadline = min(self._deadline, time.monotonic() + SECONDS_FOR_A_BETTER_ANSWER)
        return None, depth

    def _shrunk(self, state: _State, found: tuple[Fillings, Sample]) -> Sample:
        """Make each variable as small as it can be while the others stay."""
        way, sample = found
        sizes = dict(state.sizes)
        for variable in state.plan.variables:
            ladder = [size for size in (1, *LADDER) if size < sizes[variable]]
            # Where small sizes crash, come down from above and stop at the first that fails.
            for size in reversed(ladder) if self._crashed_at else ladder:
                smaller = self._state(state.plan, {**sizes, variable: size}, 0)
                better = self._try(smaller, [way])[0] if smaller is not None else None
                if smaller is not None and better is not None:
                    sizes, sample = smaller.sizes, better[1]
                if (better is None) == bool(self._crashed_at):
                    break
        return sample


def telling(answer: Answer) -> bool:
    """Whether an answer is fit to tell models apart: nothing empty, nothing but numbers."""
    return all(_tells(value) for value in answer)


def _tells(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.size > 0 and (value.dtype.kind != "f" or bool(np.isfinite(value).all()))
    return bool(value)


def _before_any_value(message: str) -> bool:
    """Whether the runtime refused the shapes themselves, so that no other values would help."""
    return "Got invalid dimensions for input" in message or "Invalid rank for input" in message
