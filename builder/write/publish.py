"""Writing a generated service: new, or over an existing one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from builder.errors import WriteError
from builder.output import Output, OutputFolder
from builder.write.contract import Published, check_outputs, check_place
from builder.write.failure import written_to
from builder.write.signals import SignalHold
from builder.write.staging import discard_abandoned, is_occupied, write_new
from builder.write.tree import OPEN_ROOT, close


def publish(
    output_dir: Path, name: str, outputs: Sequence[Output], *, force: bool = False
) -> Published:
    """Write a service to ``output_dir / name``: the whole of it, or nothing.

    ``output_dir`` is made if need be. With ``force`` an existing service is brought to ``outputs``:
    files that the record lists and nobody edited are replaced or removed, all others stay.

    Raises UnsafePathError, WriteError, and EditedFilesError if force would touch an edited file; on
    a signal, what its handler raises. In each case the destination is as it was.
    """
    destination = check_place(output_dir, name)
    recorded = check_outputs(outputs, destination)
    with SignalHold() as hold, written_to(destination), _output_folder(output_dir) as output:
        discard_abandoned(output, destination)
        if not is_occupied(output, destination):
            write_new(output, destination, outputs, recorded, hold)
            files = (item.path for item in outputs if not isinstance(item, OutputFolder))
            published = Published(destination, created=tuple(sorted(files)))
        else:
            from builder.write import existing  # noqa: PLC0415 - a new service needs none of it

            existing.repair_service(output, destination)
            if not force:
                raise _occupied(destination)
            published = existing.replace_service(output, destination, outputs, recorded, hold)
    return replace(published, interrupted=hold.waiting)


def check_destination(output_dir: Path, name: str, *, force: bool = False) -> None:
    """Raise what ``publish`` would raise for the place alone, before anything is rendered."""
    destination = check_place(output_dir, name)
    with written_to(destination):
        try:
            output = os.open(output_dir, OPEN_ROOT)
        except FileNotFoundError:
            return
        try:
            if is_occupied(output, destination) and not force:
                raise _occupied(destination)
        finally:
            close(output)


def _occupied(destination: Path) -> WriteError:
    return WriteError(
        f"{destination} exists and is not empty; see what would change with --diff, replace files"
        " that nobody edited with --force, or choose another --name or --output"
    )


@contextlib.contextmanager
def _output_folder(output_dir: Path) -> Iterator[int]:
    """The open output folder, made with its parents if need be, unmade again on any exception."""
    made: list[Path] = []
    output = -1
    try:
        for folder in [*reversed(output_dir.parents), output_dir]:
            if not folder.is_dir():
                with contextlib.suppress(FileExistsError):
                    folder.mkdir()
                    made.append(folder)
        output = os.open(output_dir, OPEN_ROOT)
        yield output
    except BaseException:
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    finally:
        if output >= 0:
            close(output)
