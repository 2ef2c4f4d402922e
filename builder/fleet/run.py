"""A whole fleet: its services one after the other, or several at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from builder.fleet.build import Job, build
from builder.fleet.members import Member
from builder.fleet.outcome import Outcome
from builder.fleet.workers import WorkerDiedError, run_all
from builder.paths import folded
from builder.record import RECORD_PATH


def run(job: Job, members: Sequence[Member], *, jobs: int, fail_fast: bool) -> Iterator[Outcome]:
    """The outcome of each member, as they are done. Raises Interrupted alone."""
    if not job.check:
        job.memory.begin()
    job.opened.prepare_for_many()
    yield from run_all(
        partial(build, job),
        members,
        jobs,
        lost=partial(_lost, job),
        is_last=lambda outcome: fail_fast and outcome.is_wrong,
    )


def usual_jobs() -> int:
    """As many as there are CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def left_over(output: Path, members: Sequence[Member]) -> tuple[str, ...]:
    """Services in the output folder that are no member's."""
    known = {folded(member.name) for member in members}
    try:
        names = sorted(path.name for path in output.iterdir())
    except OSError:
        return ()
    return tuple(
        name
        for name in names
        if folded(name) not in known and not name.startswith(".") and _is_service(output / name)
    )


def _is_service(folder: Path) -> bool:
    return (folder / RECORD_PATH).is_file()


def _lost(job: Job, member: Member, error: WorkerDiedError) -> Outcome:
    message = f"{job.fleet.variables_file(member)}: {error}"
    return Outcome(member.file, member.name, "failed", message=message)
