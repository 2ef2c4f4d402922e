"""The systemd units: what systemd says of them, and whether the command can live within them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.edge_updates.projects import ROW, Project, environment

UNITS = Path("/usr/lib/systemd/system")
MOST_EXPOSED = {"iris.service": 0.5, "iris-update.service": 1.5}
"""What the README states."""


@pytest.fixture
def image(project: Project, tmp_path: Path) -> Path:
    """The root of an image of a device, to which the project's own script installed the units."""
    root = tmp_path / "image"
    shutil.copytree(UNITS, root / UNITS.relative_to("/"), symlinks=True)
    wheel = tmp_path / "iris.whl"
    wheel.touch()
    done = subprocess.run(
        [project.folder / "systemd" / "install.sh", wheel],
        env={**os.environ, "DESTDIR": str(root), "UPDATE_FROM": "https://example.com/iris"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    command = root / "opt" / "iris" / "bin" / "iris"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    return root


def test_systemd_accepts_the_units(image: Path) -> None:
    done = systemd_analyze("verify", f"--root={image}", "iris.service", "iris-update.timer")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert (image / "etc/default/iris").read_text() == "UPDATE_FROM=https://example.com/iris\n"


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_what_the_units_are_exposed_to(image: Path, unit: str) -> None:
    path = image / "etc" / "systemd" / "system" / unit
    done = systemd_analyze("security", "--offline=true", path)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert exposure is not None, done.stdout
    assert float(exposure[1]) <= MOST_EXPOSED[unit]
    settings = path.read_text().splitlines()
    assert ("PrivateNetwork=yes" in settings) == (unit == "iris.service")
    assert "DynamicUser=yes" in settings
    assert any(line.startswith("MemoryMax=") for line in settings)
    assert any(line.startswith("CPUQuota=") for line in settings)


def systemd_analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments, "--no-pager"], capture_output=True, text=True, check=False
    )


REFUSED = ("mbind", "sched_setaffinity")
"""Calls that the filter refuses and the libraries try; they must do without."""


def test_the_command_makes_no_call_that_its_unit_forbids(project: Project, tmp_path: Path) -> None:
    row = tmp_path / "row.json"
    row.write_text(str(ROW))
    project.make_keys()
    project.publish("1.0")
    services = project.folder / "systemd"

    trace = tmp_path / "update.trace"
    project.update(before=["strace", "-f", "-qq", "-o", trace])
    assert calls(trace) <= allowed(services / "update.service")

    refusing = ["-e", f"inject={','.join(REFUSED)}:error=EPERM"]
    trace = tmp_path / "run.trace"
    strace: list[str | Path] = ["strace", "-f", "-qq", "-o", trace, *refusing]
    assert "setosa" in project("run", "--state", project.state, row, before=strace)
    assert calls(trace) - {*REFUSED} <= allowed(services / "inference.service")
    assert project.status()["active"] == 1


def calls(trace: Path) -> set[str]:
    """The system calls that strace saw."""
    found = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), flags=re.MULTILINE))
    assert len(found) > 20
    return found


def allowed(unit: Path) -> set[str]:
    """The system calls that the filter of a unit lets through."""
    through: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), flags=re.MULTILINE):
        named = {call for name in line.removeprefix("~").split() for call in members(name)}
        through = through - named if line.startswith("~") else through | named
    return through


def members(name: str) -> set[str]:
    """The calls in a group of systemd's, and in the groups in it; a call is its own."""
    if not name.startswith("@"):
        return {name}
    listed = systemd_analyze("syscall-filter", name).stdout.splitlines()
    names = [line.strip() for line in listed if line.startswith("    ")]
    return {call for name in names if name[0] != "#" for call in members(name)}


def test_the_service_tells_systemd_how_it_is(project: Project, tmp_path: Path) -> None:
    """And takes up a release that is installed meanwhile, without being started anew."""
    project.make_keys()
    project.publish("1.0")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        process = subprocess.Popen(
            [sys.executable, "-m", "src", "run", "--watch", inbox, "--json",
             "--state", project.state],
            cwd=project.folder, env={**environment(), "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert systemd.recv(100) == b"READY=1"
            assert [systemd.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            project.update()
            deadline = time.monotonic() + 60
            while project_is_on_trial(project):
                assert time.monotonic() < deadline
                systemd.recv(100)
            (inbox / "row.json").write_text(str(ROW))
            assert process.stdout is not None
            assert "setosa" in process.stdout.readline()
        finally:
            process.terminate()
            process.communicate()


def project_is_on_trial(project: Project) -> bool:
    health = (project.state / "health.json").read_text()
    return '"proven": []' in health


def test_files_of_the_project_are_executable_where_they_must_be(project: Project) -> None:
    mode = (project.folder / "systemd" / "install.sh").stat().st_mode
    assert mode & stat.S_IXUSR
    done = subprocess.run(
        [project.folder / "systemd" / "install.sh"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "give the wheel" in done.stderr
