"""From the system's errors to messages that say what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from builder.errors import WriteError

_ADVICE = {
    errno.ENOSPC: "free some space there, or choose another folder with --output",
    errno.EDQUOT: "your quota is used up: free some space, or choose another folder with --output",
    errno.EROFS: "choose a folder that can be written to with --output",
    errno.EACCES: "choose a folder that you may write to with --output",
    errno.EPERM: "choose a folder that you may write to with --output",
    errno.ENAMETOOLONG: "choose a shorter --name or --output",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
}


def cannot_write(path: Path, error: OSError) -> WriteError:
    """The error for a path that could not be written."""
    advice = _ADVICE.get(error.errno or 0)
    reason = error.strerror or str(error)
    return WriteError(f"{path}: cannot be written: {reason}" + (f"; {advice}" if advice else ""))


@contextlib.contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Turns an OSError into the error for a path that could not be written."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def busy(destination: Path) -> WriteError:
    """The error for a destination that another run is writing."""
    return WriteError(
        f"{destination}: another infergen run is writing it; run again when it is done"
    )
