"""Kills a device's command at each system call that changes something, and looks at what is left.

A program of its own, run in a generated project: ``python kills.py SCENARIO FOLDER``, where the
folder holds ``state``, a device on release 2 with release 1 in its other slot, and ``releases``,
which offer release 3. It exits 0 if every invariant held, else with the traceback of the first that
did not.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHANGING = (
    *("openat", "write", "rename", "unlink", "symlink", "mkdir", "rmdir"),
    *("unlinkat", "sendfile", "copy_file_range", "ftruncate"),
)
LEAST_CALLS = {"update": 60, "start": 5, "rollback": 5}


@dataclass(frozen=True)
class Scenario:
    """A command that is killed; ``before`` may be active afterwards as well as ``after``."""

    arguments: tuple[str, ...]
    before: int
    after: int
    prepare: Callable[[Path], None]


def project(module: str) -> Any:
    """A module of the project in the present folder."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return importlib.import_module(f"src.{module}")


def nothing(_folder: Path) -> None:
    """What is there is what the scenario begins with."""


def newest(folder: Path) -> None:
    """Install release 3, which is on trial then."""
    state, root = project("updates.active").device_state(folder / "state"), folder / "root.json"
    update = project("updates.install").update
    update(state, str(folder / "releases"), root, tell=nothing)


def scenario(name: str, folder: Path) -> Scenario:
    state = ("--state", str(folder / "state"))
    root, source = str(folder / "root.json"), str(folder / "releases")
    if name == "update":
        return Scenario(("update", *state, "--root", root, "--from", source), 2, 3, nothing)
    if name == "start":
        return Scenario(("run", *state, str(folder / "row.json")), 3, 3, newest)
    return Scenario(("rollback", *state), 2, 1, nothing)


def main(name: str, folder: Path) -> None:
    chosen = scenario(name, folder)
    shutil.move(folder / "state", folder / "first")
    restore(folder)
    chosen.prepare(folder)
    shutil.copytree(folder / "state", folder / "kept", symlinks=True)
    points = list(changing_calls(chosen, folder))
    assert len(points) >= LEAST_CALLS[name], points
    for call, number in points:
        restore(folder, "kept")
        where = f"{name} killed at {call} number {number}"
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}"]
        done = run(["strace", "-qq", "-o", os.devnull, *inject], chosen)
        assert done.returncode == -9, f"{where}: {done.returncode} {done.stdout} {done.stderr}"
        check(chosen, folder, where)
    print(len(points))


def restore(folder: Path, kept: str = "first") -> None:
    shutil.rmtree(folder / "state", ignore_errors=True)
    shutil.copytree(folder / kept, folder / "state", symlinks=True)


def run(before: list[str], chosen: Scenario) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-m", "src", *chosen.arguments],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def changing_calls(chosen: Scenario, folder: Path) -> Iterator[tuple[str, int]]:
    """Each call that changes a file, and which of its kind it is."""
    trace = folder / "trace"
    done = run(["strace", "-qq", "-o", str(trace), "-e", f"trace={','.join(CHANGING)}"], chosen)
    assert done.returncode == 0, done.stderr
    counts = dict.fromkeys(CHANGING, 0)
    for line in trace.read_text().splitlines():
        call = re.match(r"(\w+)\(", line)
        if call is None:
            continue
        counts[call[1]] += 1
        reads = call[1] == "openat" and not re.search("O_CREAT|O_TMPFILE", line)
        tells = re.match(r"write\([12],", line)
        if not (reads or tells or "EEXIST" in line):
            yield call[1], counts[call[1]]


def check(chosen: Scenario, folder: Path, where: str) -> None:
    """The device answers, with a release that it may have, and the next update succeeds."""
    found = answering(folder, where)
    assert found in (chosen.before, chosen.after), f"{where}: release {found} answers"
    newest(folder)
    assert answering(folder, where) == 3, where


def answering(folder: Path, where: str) -> Any:
    """The number of the release that answers, without a word of complaint."""
    engine = project("engine").Engine(state=folder / "state")
    assert engine.note == "", f"{where}: {engine.note}"
    assert engine.predict(project("sample").SAMPLE).predictions
    return engine.active.slot and engine.active.slot.release.number


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
