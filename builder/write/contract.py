"""What writing takes and gives: the checks of what comes in, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import UnsafePathError, WriteError
from builder.output import Output, OutputFile, OutputLink
from builder.paths import check_name, check_relative, check_target
from builder.record import RECORD_PATH, Entry, parse_record

Recorded = Mapping[str, Entry]
"""What the record among the outputs says of the others."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written: files and links, relative to ``path``.

    ``interrupted``: a signal came when it was too late to stop. The service is complete; a caller
    with more to do should stop here.
    """

    path: Path
    created: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    interrupted: bool = False


def check_place(output_dir: Path, name: str) -> Path:
    """The destination of a service. Raises UnsafePathError."""
    check_name(name)
    if "\0" in str(output_dir):
        raise UnsafePathError(f"--output {str(output_dir)!r} has a NUL character")
    return output_dir / name


def check_outputs(outputs: Sequence[Output], destination: Path) -> Recorded:
    """Check every path again: what writes leaves containment to no caller.

    Returns what the record among the outputs says of them. Raises UnsafePathError.
    """
    recorded: Recorded = {}
    for output in outputs:
        check_relative(output.path, what=str(destination))
        if isinstance(output, OutputLink):
            check_target(output.path, output.target, what=str(destination))
        elif output.path == RECORD_PATH and isinstance(output, OutputFile):
            content = output.content
            raw = content if isinstance(content, bytes) else content.read_bytes()
            recorded = parse_record(raw, RECORD_PATH).files
    return recorded


def check_copied(output: OutputFile, digest: str | None, recorded: Recorded) -> None:
    """Raise WriteError if a copied file is not what the record says of it."""
    expected = recorded.get(output.path)
    if digest is not None and expected is not None and expected.value != digest:
        raise WriteError(f"{output.path}: its source changed while infergen was at work; run again")
