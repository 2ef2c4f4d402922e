"""Runs commands in turns and keeps the medians: a noisy machine is as noisy for each of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_SAMPLE = Path(__file__).with_name("sample.py")


@dataclass(frozen=True, slots=True)
class Case:
    """A command to measure; ``{round}`` in it becomes the number of the round."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """What a command took: wall and CPU time in ms (its children's included), peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def measure(cases: Sequence[Case], rounds: int) -> dict[str, Sample]:
    """The medians by case over so many rounds, after a first one that is not counted.

    Raises RuntimeError with what a command said if it fails.
    """
    samples: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for number in range(rounds + 1):
        # Another one goes first in each round, so that no case always follows the same one.
        shift = number % len(cases)
        for case in (*cases[shift:], *cases[:shift]):
            sample = run(case, number)
            if number > 0:
                samples[case.name].append(sample)
    return {name: _median(taken) for name, taken in samples.items()}


def print_samples(samples: Mapping[str, Sample]) -> None:
    """A table of them, a line for each name."""
    print(f"{'':30}{'wall ms':>9}{'CPU ms':>9}{'peak MB':>9}")
    for name, sample in samples.items():
        print(f"{name:30}{sample.wall:9.1f}{sample.cpu:9.1f}{sample.memory:9.1f}")


def run(case: Case, number: int, *, timeout: float = 120) -> Sample:
    """Run a case once. Raises RuntimeError with what the command said if it fails."""
    command = [part.replace("{round}", str(number)) for part in case.command]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_SAMPLE), *command],
        env={**_environment(), **case.environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{case.name} failed:\n{done.stderr}")
    wall, cpu, memory = map(float, done.stdout.split())
    return Sample(wall * 1e3, cpu * 1e3, memory * 1024 / 1e6)


def _environment() -> dict[str, str]:
    # Without its bytecode, an editable install would be compiled anew each time; a wheel never is.
    usual = {key: it for key, it in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**usual, "ORT_DISABLE_TELEMETRY": "1"}


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        wall=statistics.median(sample.wall for sample in samples),
        cpu=statistics.median(sample.cpu for sample in samples),
        memory=statistics.median(sample.memory for sample in samples),
    )
