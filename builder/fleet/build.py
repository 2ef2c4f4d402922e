"""One service of a fleet: looked at, generated if need be, and written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from builder.errors import ConflictsError, EditedFilesError, InfergenError, Interrupted
from builder.fleet.bring import Brought, bring, foresee, unsettled
from builder.fleet.facts import facts_of
from builder.fleet.inspection import Inspection
from builder.fleet.members import DEFAULTS, Fleet, Member
from builder.fleet.memory import Memory, Remembered, Source, digest_of
from builder.fleet.outcome import Action, Outcome
from builder.fleet.unchanged import (
    edited_files,
    generated_digest,
    inputs_digest,
    load_record,
    look,
    record_digest,
    see,
    see_again,
)
from builder.generate import Generated, Request, generate
from builder.opened_set import OpenedSet
from builder.paths import check_name
from builder.record import Record, read_record
from builder.sources import Fetched

if TYPE_CHECKING:
    from builder.hooks import HookPolicy


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all services of a run; ``check`` writes nothing.

    ``fetched`` is where the opened set came from.
    """

    fleet: Fleet
    opened: OpenedSet
    fetched: Fetched
    hooks: HookPolicy
    output: Path
    memory: Memory
    inspect: Inspection
    check: bool
    with_facts: bool

    def inputs(self, member: Member, sources: Sequence[Source]) -> str:
        """The sha256 over all that decides what is generated for a member."""
        source = self.fetched.source
        template_set = self.opened.template_set
        made_by = [template_set.name, template_set.version, template_set.digest, self.hooks]
        made_by += [] if source is None else [source.said, source.commit]
        return inputs_digest(made_by, self.fleet, member, sources)


def build(job: Job, member: Member) -> Outcome:
    """Make or check one service. Whatever is wrong with it is in its outcome, and raises nothing.

    Raises Interrupted alone.
    """
    try:
        if member.wrong is not None:
            raise InfergenError(member.wrong)
        return _build(job, member)
    except ConflictsError as error:
        return _outcome(job, member, "conflict", edited=error.files, message=str(error))
    except EditedFilesError as error:
        return _outcome(job, member, "conflict", edited=error.edited, message=str(error))
    except InfergenError as error:
        message = _placed(job, member, str(error))
    except OSError as error:
        message = _placed(job, member, f"{error.filename or 'the system'}: {error.strerror}")
    except MemoryError:
        message = _placed(job, member, "out of memory")
    except Exception as error:
        if os.environ.get("INFERGEN_TRACEBACK"):
            raise
        what = f"a defect in infergen: {type(error).__name__}: {error}; please report it"
        message = _placed(job, member, what)
    return _outcome(job, member, "failed", message=message)


def _build(job: Job, member: Member) -> Outcome:
    destination = job.output / member.name
    stands = record_digest(destination)
    unchanged = _unchanged(job, member, destination, stands)
    if unchanged is not None:
        return unchanged
    request = Request(
        name=member.name,
        templates=job.opened.template_set.root,
        variables_file=job.fleet.variables_file(member),
        previous=read_record(destination),
        defaults=job.fleet.defaults(member),
        places=job.fleet.places(member),
        named_by=str(job.fleet.variables_file(member)),
        source=job.fetched.source,
        confined_to=job.fetched.confined_to,
        hooks=job.hooks,
    )
    generated = generate(request, job.opened, job.inspect)
    if stands and stands == generated_digest(generated):
        edited = _settled(destination, edited_files(destination, generated.record))
        _remember(job, member, generated, stands)
        return _outcome(job, member, "unchanged", record=generated.record, edited=edited)
    brought = (foresee if job.check else bring)(job.output, member.name, generated)
    if not brought.conflicts:
        _remember(job, member, generated, record_digest(destination))
    if brought.interrupted:
        raise Interrupted("interrupted; every service that was begun is complete")
    action: Action = "changed" if stands else "created"
    message = None
    if brought.conflicts:
        action, message = "conflict", _to_settle(job, destination, brought.conflicts)
    return _outcome(
        job, member, action, record=generated.record, brought=brought,
        edited=brought.edited, message=message,
    )  # fmt: skip


def _to_settle(job: Job, destination: Path, conflicts: Sequence[str]) -> str:
    listed = "\n".join(f"  {path}" for path in conflicts)
    begin = "an update would leave" if job.check else "it was updated, and leaves"
    return (
        f"{destination}: {begin} conflicts of edits with what is generated now in\n{listed}\n"
        "Settle the marked lines, or take what you need of the .infergen-new beside a file and"
        " delete that."
    )


def _settled(destination: Path, edited: tuple[str, ...]) -> tuple[str, ...]:
    """The same files. Raises ConflictsError if conflicts of a former update are left in some."""
    left = unsettled(destination) if edited else ()
    if left:
        raise ConflictsError(str(destination), left)
    return edited


def _unchanged(job: Job, member: Member, destination: Path, stands: str) -> Outcome | None:
    """The outcome of a service that nothing changed for since it was last seen; None if in doubt.

    The model is not run, and of the service no more is read than its stamps leave open.
    """
    remembered = job.memory.recall(member.file)
    if remembered is None or not stands or remembered.record != stands:
        return None
    sources = see_again(job.fleet, member, remembered.sources, job.memory.now)
    if len(sources) < len(remembered.sources):
        return None
    inputs = job.inputs(member, sources)
    if inputs != remembered.inputs:
        return None
    record = load_record(destination)
    stamps, edited = look(destination, record, remembered, job.memory.now)
    edited = _settled(destination, edited)
    job.memory.keep(
        member.file,
        replace(remembered, sources=tuple(sources), stamps=stamps),
    )
    return _outcome(job, member, "unchanged", record=record, edited=edited)


def _remember(job: Job, member: Member, generated: Generated, stands: str) -> None:
    """Remember a service that was just generated, unless what it is made of is as new.

    It gets no stamps, for its files are: the next run reads them once.
    """
    variables_files = (*job.fleet.defaults(member), job.fleet.variables_file(member))
    sources = see(generated.sources, job.memory.now)
    unseen = sources is None or generated.by_listing
    if unseen or sources is None or see(variables_files, job.memory.now) is None:
        job.memory.forget(member.file)
        return
    inputs = job.inputs(member, sources)
    text = digest_of(job.fleet.variables_file(member))
    remembered = Remembered(text, member.name, inputs, stands, sources, stamps="")
    job.memory.keep(member.file, remembered)


def _outcome(
    job: Job,
    member: Member,
    action: Action,
    *,
    record: Record | None = None,
    brought: Brought | None = None,
    edited: tuple[str, ...] = (),
    message: str | None = None,
) -> Outcome:
    brought = brought or Brought()
    facts = None
    if job.with_facts:
        record = record or _recorded(job.output / member.name)
        facts = None if record is None else facts_of(record)
    return Outcome(
        member.file,
        member.name,
        action,
        brought.created,
        brought.replaced,
        brought.removed,
        edited,
        message,
        facts,
    )


def _recorded(destination: Path) -> Record | None:
    """The record of a service that something is wrong with, if that can be read."""
    try:
        check_name(destination.name)
        return read_record(destination)
    except InfergenError:
        return None


def _placed(job: Job, member: Member, message: str) -> str:
    """The message, which begins with a file if it did not name one."""
    file = str(job.fleet.variables_file(member))
    return message if file in message or DEFAULTS in message else f"{file}: {message}"
