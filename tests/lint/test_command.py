"""Lint as people and machines call it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builder.cli.app import run
from builder.lint import tools
from tests.conftest import Cli
from tests.lint.linting import Lint, sub
from tests.sets import write

APP = "template_files/base/app.py.j2"


def test_what_people_read(cli: Cli, good: Path) -> None:
    sub(good, APP, "{{ rate | python }}", "{{ raet | python }}")
    done = cli("templates", "lint", "set", cwd=good.parent)
    lines = done.stdout.splitlines()
    assert lines[0] == f"set/{APP}:5: `raet` is not defined [undefined]"
    assert lines[1] == "    Did you mean `rate`?"
    assert lines[-1].startswith("set: 2 findings (3 templates, ")
    assert done.stderr == ""
    assert done.returncode == 1


def test_a_good_set(cli: Cli, good: Path) -> None:
    done = cli("templates", "lint", good)
    assert done.stdout == f"{good}: nothing found (3 templates, 18 files of 4 services)\n"
    assert done.returncode == 0


@pytest.fixture
def without_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine on which none is installed."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    tools._program.cache_clear()


@pytest.mark.usefixtures("without_programs")
def test_programs_that_are_missing_are_named(
    lint: Lint, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        write(good / "template" / "base" / "run.sh", "#!/bin/sh\necho $1\n")
        linted = lint(good)
        assert linted.document["unchecked"] == ["ruff", "yamllint", "shellcheck"]
        assert linted.code == 0
        assert lint(good, "--strict").code == 1
        assert run(["templates", "lint", str(good)]) == 0
        assert "Not checked, since not installed: ruff, yamllint" in capsys.readouterr().out
    finally:
        tools._program.cache_clear()


def test_a_program_that_was_missing_checks_once_it_is_there(
    lint: Lint, good: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was clean to fewer programs is not clean for ever."""
    write(good / "template" / "base" / "run.sh", "#!/bin/sh\necho $1\n")
    with monkeypatch.context() as without:
        without.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
        without.setenv("PATH", str(tmp_path))
        tools._program.cache_clear()
        assert lint(good).code == 0
    tools._program.cache_clear()
    assert ("template/base/run.sh", 2, "shell") in lint(good).places


class Watch:
    """``infergen templates lint NAME --watch`` at work, and what it reports."""

    def __init__(self, place: Path) -> None:
        self._name = place.name
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "infergen", "templates", "lint", place.name, "--watch"],
            cwd=place.parent, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, bufsize=1,
        )  # fmt: skip

    def next_report(self) -> list[str]:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip())
            if line.startswith(f"{self._name}: "):
                break
        return lines


@pytest.fixture
def watch() -> Iterator[Callable[[Path], Watch]]:
    watches: list[Watch] = []

    def start(place: Path) -> Watch:
        watches.append(Watch(place))
        return watches[-1]

    yield start
    for each in watches:
        each.process.kill()
        each.process.communicate()


def test_watch_tells_every_change_and_ends_quietly(
    good: Path, watch: Callable[[Path], Watch]
) -> None:
    watched = watch(good)
    assert "nothing found" in watched.next_report()[-1]
    sub(good, APP, "{{ rate | python }}", "{{ raet | python }}")
    assert f"set/{APP}:5: `raet` is not defined [undefined]" in watched.next_report()
    write(good / "template_files" / "base" / "new.j2", "x")
    assert any("no entry in the path map" in line for line in watched.next_report())
    (good / "template_files" / "base" / "new.j2").unlink()
    sub(good, APP, "{{ raet | python }}", "{{ rate | python }}")
    reports = watched.next_report()
    # The two changes may be seen one after the other.
    if "nothing found" not in reports[-1]:
        reports = watched.next_report()
    assert "nothing found" in reports[-1]
    watched.process.send_signal(signal.SIGINT)
    output, errors = watched.process.communicate(timeout=60)
    assert watched.process.returncode == 130
    assert (output, errors) == ("", "")


def test_watch_sees_what_a_set_extends(good: Path, watch: Callable[[Path], Watch]) -> None:
    overlay = good.parent / "overlay"
    write(overlay / "infergen.yaml", "extends: ../set\nversion: 1\n")
    write(overlay / APP, '{% extends "base:base/app.py.j2" %}\n')
    watched = watch(overlay)
    assert "nothing found" in watched.next_report()[-1]
    settings = (good / "infergen.yaml").read_text()
    write(good / "infergen.yaml", "version: [\n")
    assert any("set/infergen.yaml:" in line for line in watched.next_report())
    write(good / "infergen.yaml", settings)
    assert "nothing found" in watched.next_report()[-1]
    # Another one, which there is only later.
    write(overlay / "infergen.yaml", "extends: ../other\nversion: 1\n")
    assert any("extends: no folder" in line for line in watched.next_report())
    good.rename(good.parent / "other")
    assert "nothing found" in watched.next_report()[-1]


def test_watch_and_json_exclude_each_other(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["templates", "lint", str(good), "--watch", "--json"]) == 2
    assert "choose one" in capsys.readouterr().err


def test_help_imports_no_jinja2() -> None:
    program = (
        "import sys; sys.argv = ['infergen', 'templates', 'lint', '--help']\n"
        "from builder.cli import main\n"
        "try: main()\n"
        "finally: assert not {'jinja2', 'numpy', 'onnxruntime'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--watch" in done.stdout
