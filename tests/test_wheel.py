"""The wheel alone is enough: installed into an empty environment, far from the source tree."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT, tree


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment into which the wheel was installed.

    The dependencies are those of the environment that runs the tests, to spare a second download.
    """
    folder = tmp_path_factory.mktemp("wheel")
    build: list[str | Path] = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--outdir",
        folder / "dist",
        ROOT,
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        wheel,
    ]
    subprocess.run(pip, check=True, capture_output=True)
    site = next((folder / "env" / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "env" / "bin"


def test_generates_the_same_as_the_source_tree(installed: Path, tmp_path: Path) -> None:
    for program, output in ((installed, "a"), (Path(sys.executable).parent, "b")):
        command: list[str | Path] = [
            program / "infergen",
            "new",
            "--name",
            "sample",
            "--output",
            output,
        ]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_its_templates_are_compiled_already(installed: Path, tmp_path: Path) -> None:
    code = "import jinja2; del jinja2.Environment.compile; from builder.cli import main; main()"
    command: list[str | Path] = [installed / "python", "-c", code, "new", "--name", "sample"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_reads_nothing_of_the_source_tree(installed: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    strace: list[str | Path] = ["strace", "-f", "-qq", "-e", "trace=open,openat", "-o", trace]
    command = [*strace, installed / "infergen", "new", "--name", "sample"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    environment = sysconfig.get_paths()["purelib"]
    opened = re.findall(r'"(/[^"]*)"[^\n]*= \d', trace.read_text())
    assert any("default_set" in path for path in opened)
    assert [p for p in opened if p.startswith(f"{ROOT}/") and not p.startswith(environment)] == []
