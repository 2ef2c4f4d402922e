"""Whenever the power goes, a device has a whole release to answer with."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.edge_updates.projects import Project, environment, new_project
from tests.heavy.edge_updates.kills import LEAST_CALLS

KILLS = ROOT / "tests" / "heavy" / "edge_updates" / "kills.py"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A device on release 2, with release 1 in its other slot; release 3 is offered."""
    folder = tmp_path_factory.mktemp("device")
    project = Project(new_project(folder), folder / "beside")
    project.beside.mkdir()
    project.make_keys()
    for version in ("1.0", "2.0"):
        project.publish(version)
        project.update()
        project.active()
    project.publish("3.0")
    return project


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    shutil.copytree(made.beside, tmp_path / "beside", symlinks=True)
    return Project(made.folder, tmp_path / "beside")


@pytest.mark.parametrize("scenario", LEAST_CALLS)
def test_a_command_that_is_killed_at_any_call(project: Project, scenario: str) -> None:
    done = subprocess.run(
        [sys.executable, KILLS, scenario, project.beside],
        cwd=project.folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


def test_what_is_switched_to_is_on_the_disk(project: Project) -> None:
    """All of it, before; and the switch itself, before the command ends."""
    trace = project.beside / "trace"
    traced: list[str | Path] = ["strace", "-qq", "-y", "-o", trace, "-e", "trace=fsync,rename"]
    project.update(before=traced)
    events = re.findall(
        r'^(fsync)\(\d+<([^>]+)>\)|^(rename)\("[^"]+", "([^"]+)"\)', trace.read_text(), re.MULTILINE
    )
    done = [(call or move, Path(synced or moved)) for call, synced, move, moved in events]
    state = project.state
    put, switch = ("rename", state / "slots" / "a"), ("rename", state / "current")
    assert [event for event in done if event in (put, switch)] == [put, switch]
    at_put, at_switch = done.index(put), done.index(switch)
    synced = {path for call, path in done[:at_put] if call == "fsync"}
    incoming = state / "incoming"
    names = [path.name for path in (state / "slots" / "a").iterdir()]
    assert {incoming, *(incoming / name for name in names)} <= synced
    assert ("fsync", state / "slots") in done[at_put:at_switch]
    assert ("fsync", state) in done[at_switch:]


SWITCHES = 5000

SWITCHING = f"""
import sys
from pathlib import Path
from src.updates.durable import point
for number in range({SWITCHES}):
    point(Path(sys.argv[1]) / "current", "slots/" + "ab"[number % 2])
print("done")
"""

READING = """
import json, sys
from pathlib import Path
from src.updates.active import device_state
state, reads, seen = device_state(Path(sys.argv[1])), 0, set()
while not Path(sys.argv[2]).exists():
    slot = state.active()
    slot.check_files()
    manifest = json.loads((slot.folder / "manifest.json").read_text())
    assert manifest["version"] == slot.release.version
    seen.add(slot.release.number)
    reads += 1
assert seen == {1, 2}, seen
print(reads)
"""


def test_readers_see_one_whole_release_during_thousands_of_switches(project: Project) -> None:
    over = project.beside / "over"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READING, project.state, over],
            cwd=project.folder, env=environment(), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    try:
        assert project.python(SWITCHING, project.state).stdout == "done\n"
    finally:
        over.touch()
        told = [reader.communicate(timeout=60) for reader in readers]
    assert [error for _, error in told] == ["", ""]
    assert sum(int(reads) for reads, _ in told) > 1000


def test_the_device_of_these_tests_is_as_they_say(project: Project) -> None:
    assert project.active() == 2
    assert [slot["release"] for slot in project.status()["slots"]] == [2, 1]
