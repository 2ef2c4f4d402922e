"""Single files beside the services: reports, and what is written over all of them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from builder.errors import WriteError
from builder.output import FILE_MODE
from builder.write.failure import written_to
from builder.write.signals import SignalHold
from builder.write.tree import OPEN_ROOT, close, create_file


def write_whole(path: Path, text: str) -> None:
    """Write a file, or replace it, in one step: no reader ever sees half of it.

    Raises WriteError, and what a signal's handler raises; the file is then as it was.
    """
    part = f".{path.name}.infergen"
    with SignalHold() as hold, written_to(path):
        folder = os.open(path.parent, OPEN_ROOT)
        try:
            with contextlib.suppress(FileNotFoundError):
                # What a killed run left.
                os.unlink(part, dir_fd=folder)
            create_file(folder, part, text.encode("utf-8", "replace"), FILE_MODE, hold.check)
            os.replace(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
        finally:
            close(folder)


def check_writable(path: Path) -> None:
    """Raise WriteError, before anything is done, if a file could surely not be written there."""
    if path.is_dir():
        raise WriteError(f"{path} is a folder; name a file in it")
    if not path.absolute().parent.is_dir():
        raise WriteError(f"{path}: no folder {path.parent}; make it first")
    if not os.access(path.absolute().parent, os.W_OK):
        raise WriteError(f"{path}: cannot be written: no permission; choose another folder")
