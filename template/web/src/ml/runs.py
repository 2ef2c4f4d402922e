"""Runs of the model, and the answers to them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from src.ml.model import Model
from src.ml.signature import Tensor, TensorSpec


class DeadlineError(Exception):
    """The request could not be answered in the time that it has."""


@dataclass(slots=True)
class Run:
    """One run of the model: its inputs by name, and the outputs that are wanted."""

    feeds: Mapping[str, Tensor]
    outputs: Sequence[TensorSpec]


Answers = Sequence[Sequence[Tensor]]
"""For each run, the outputs that were wanted."""


def answer(model: Model, runs: Iterable[Run], deadline: float) -> Answers:
    """The answers to these runs, one after the other.

    ``deadline`` is in seconds of ``time.monotonic``. Raises DeadlineError between two runs, and
    InputError.
    """
    answers = []
    for run in runs:
        if time.monotonic() > deadline:
            raise DeadlineError
        answers.append(model.run(run.feeds, run.outputs))
    return answers
