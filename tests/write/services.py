"""Two generations of a service that differ in every way that files can."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from builder.base import record_files
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder, OutputLink
from builder.record import make_record

NAME = "svc"

Snapshot = dict[str, tuple[str, bytes | str, int]]


def text(path: str, content: str, mode: int = FILE_MODE) -> OutputFile:
    return OutputFile(path, mode, content.encode())


def with_record(outputs: Sequence[Output], version: int = 1) -> tuple[Output, ...]:
    record = make_record("set", version, f"digest {version}", "v", {"name": NAME}, outputs)
    return (*outputs, *record_files(record, outputs))


def first_generation(model: Path) -> tuple[Output, ...]:
    """``model`` is the file that the service's model is copied from."""
    return with_record(
        [
            text("changed.txt", "one"),
            text("same.txt", "same"),
            text("gone/deep/x.txt", "x"),
            text("folder_to_file/y.txt", "y"),
            text("file_to_folder", "z"),
            text("run.sh", "#!/bin/sh\n"),
            OutputLink("link_to_folder", "same.txt"),
            OutputLink("link", "same.txt"),
            OutputFolder("empty_before"),
            OutputFolder("kept_empty"),
            OutputFile("models/m.bin", FILE_MODE, model),
        ]
    )


def second_generation(model: Path) -> tuple[Output, ...]:
    return with_record(
        [
            text("changed.txt", "two"),
            text("same.txt", "same"),
            text("folder_to_file", "y"),
            text("file_to_folder/z.txt", "z"),
            text("link_to_folder/l.txt", "l"),
            text("run.sh", "#!/bin/sh\n", EXECUTABLE_MODE),
            text("added/here.txt", "a"),
            OutputLink("link", "changed.txt"),
            OutputLink("added/link", "../changed.txt"),
            OutputFolder("empty_after"),
            OutputFolder("kept_empty"),
            OutputFile("models/m.bin", FILE_MODE, model),
        ],
        version=2,
    )


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def snapshot(folder: Path) -> Snapshot:
    """Kind, content and permissions of everything below a folder."""
    found: Snapshot = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = ("link", os.readlink(path), 0)
        elif stat.S_ISDIR(mode):
            found[name] = ("folder", "", stat.S_IMODE(mode))
        else:
            found[name] = ("file", path.read_bytes(), stat.S_IMODE(mode))
    return found
