"""Breaks an update at each of its system calls in turn, and checks what is left each time.

A program of its own, since it forks: ``python -m tests.heavy.update.faults FAULT FOLDER``. It exits
0 if every invariant held, else with the traceback of the first that did not.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from builder.generate import Generated, generate
from builder.template_set import open_template_set
from builder.update import apply_update, plan_update
from builder.update.again import generate_again
from builder.write.existing import recover
from tests.update.sets import make_service, make_set
from tests.write.faults import (
    COMPLETE,
    FAILED,
    INTERRUPTED,
    NEVER_REACHED,
    at_each_call,
    check_status,
)
from tests.write.services import Snapshot, snapshot

TEXT = "".join(f"line {number}\n" for number in range(9))
MORE = TEXT.replace("line 7", "theirs")
MINE = TEXT.replace("line 1", "mine")
OLD: dict[str, str | bytes] = {
    **dict.fromkeys(("follows", "merged", "contradicts", "dropped", "kept", "deep/dropped"), TEXT),
    "moved/edited": TEXT,
    "to_folder": "x",
    "to_file/a": "y",
    "binary": b"\0one",
}
NEW: dict[str, str | bytes] = {
    **dict.fromkeys(("follows", "merged", "contradicts", "now/here", "added/to/it"), MORE),
    "to_folder/inside": "x",
    "to_file": "y",
    "binary": b"\0two",
}
EDITS = {
    "merged": MINE,
    "kept": MINE,
    "moved/edited": MINE,
    "contradicts": TEXT.replace("line 7", "mine"),
    "binary": "\0mine",
    "own": "my own",
}


class Updated:
    """A service with every kind of edit, over to the next version of its set."""

    def __init__(self, folder: Path) -> None:
        self.kept = folder / "kept"
        self.service = make_service(make_set(folder, OLD), folder / "out")
        for path, text in EDITS.items():
            (self.service / path).write_text(text)
        shutil.copytree(self.service, self.kept, symlinks=True)
        moves = {"1": {"files": {"moved/edited": "now/here"}}}
        template_set = open_template_set(make_set(folder, NEW, 2, migrations=moves))
        self.generated: Generated = generate(generate_again(self.service, template_set).request)
        self.before = snapshot(self.service)
        self.update()
        self.after = snapshot(self.service)
        assert b"<<<<<<< yours" in bytes(str(self.after["contradicts"][1]), "utf-8")
        for path in ("merged", "now/here"):
            assert self.after[path][1] == MORE.replace("line 1", "mine").encode()

    def prepare(self) -> None:
        if snapshot(self.service) != self.before:
            shutil.rmtree(self.service)
            shutil.copytree(self.kept, self.service, symlinks=True)

    def update(self) -> None:
        """As the command does it, with what was generated before the faults begin."""
        recover(self.service)
        apply_update(plan_update(self.service, self.generated, own_inputs=True))

    def check(self, fault: str, status: int) -> None:
        check_status(fault, status)
        pending = bool(without_pending(snapshot(self.service)) != snapshot(self.service))
        assert recover(self.service) == ()
        repaired = snapshot(self.service)
        if status in (COMPLETE, NEVER_REACHED):
            assert repaired == self.after
        elif status in (FAILED, INTERRUPTED):
            assert repaired == self.before
            assert not pending or fault == "read-only from then on"
        else:
            assert repaired in (self.before, self.after)
            assert not pending or status == -signal.SIGKILL
        if repaired == self.before:
            self.update()
            assert snapshot(self.service) == self.after


def without_pending(found: Snapshot) -> Snapshot:
    return {path: it for path, it in found.items() if not path.startswith(".infergen/pending")}


def main(fault: str, folder: Path) -> None:
    # Waiting for the disk is most of the time that this takes, and no fault can hit it.
    setattr(os, "fsync", os.fstat)  # noqa: B010 - mypy would not have it assigned
    scenario = Updated(folder)
    at_each_call(fault, scenario, scenario.update)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
