"""The probe's process: crashes, hangs, interrupts, and what it may touch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import builder
from builder.errors import ModelError
from builder.model.inspect import Request, inspect_model
from tests.model.models import crashing, endless, linear, save

ROOT = Path(builder.__file__).resolve().parents[1]


def test_the_search_goes_on_after_a_crash(tmp_path: Path) -> None:
    facts = inspect_model(Request(save(tmp_path, crashing(always=False))))
    assert facts.sample_inputs == {"x": [[0, 0]]}


def test_a_model_that_always_crashes(tmp_path: Path) -> None:
    path = save(tmp_path, crashing(always=True))
    with pytest.raises(ModelError, match=r"killed \(SIGFPE\).*Give data_sample"):
        inspect_model(Request(path))


def test_a_given_sample_that_crashes(tmp_path: Path) -> None:
    path = save(tmp_path, crashing(always=False))
    with pytest.raises(ModelError, match=r"x \(1,2\).*killed \(SIGFPE\)"):
        inspect_model(Request(path, data_sample=[[1, 0]]))


def test_an_endless_model(tmp_path: Path) -> None:
    path = save(tmp_path, endless())
    before = set(_children(os.getpid()))  # browsers and services of other tests
    with pytest.raises(ModelError, match=r"no answer within 5 s, while .* x \(1\)"):
        inspect_model(Request(path, timeout=5.0))
    assert set(_children(os.getpid())) <= before


INSPECT = """
import signal, sys
from pathlib import Path
from builder.errors import Interrupted
from builder.model.inspect import Request, inspect_model

def interrupt(number, frame):
    raise Interrupted

signal.signal(signal.SIGTERM, interrupt)
try:
    inspect_model(Request(Path(sys.argv[1])))
except Interrupted:
    print("interrupted")
except KeyboardInterrupt:
    print("keyboard")
"""


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGINT, "keyboard\n"), (signal.SIGTERM, "interrupted\n"), (signal.SIGKILL, "")],
)
def test_no_probe_outlives_its_parent(tmp_path: Path, number: signal.Signals, said: str) -> None:
    path = save(tmp_path, endless())
    with subprocess.Popen(
        [sys.executable, "-c", INSPECT, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        probe = _wait_for_child(parent.pid)
        time.sleep(0.3)  # let it get into the loop, or on its way: both must end
        parent.send_signal(number)
        output, _ = parent.communicate(timeout=30)
    assert output == said
    deadline = time.monotonic() + 20
    while _alive(probe):
        assert time.monotonic() < deadline, "the probe still runs"
        time.sleep(0.05)


def _wait_for_child(pid: int) -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if children := _children(pid):
            return children[0]
        time.sleep(0.02)
    raise AssertionError("no probe was started")


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_nothing_is_imported_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path, linear())
    for name in ("numpy", "onnx", "onnxruntime", "json", "builder", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(
            "import pathlib; pathlib.Path(__file__ + '.ran').touch()\n", encoding="utf-8"
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert inspect_model(Request(Path(path.name))).batching
    assert not list(tmp_path.glob("*.ran"))


def test_the_parent_imports_no_runtime(tmp_path: Path) -> None:
    path = save(tmp_path, linear())
    code = (
        "import sys; from pathlib import Path; from builder.model.inspect import *; "
        "inspect_model(Request(Path(sys.argv[1]))); "
        "print(*{'numpy', 'onnx', 'onnxruntime', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("\n", "")


def test_no_socket_is_opened(tmp_path: Path) -> None:
    path = save(tmp_path, linear())
    trace = tmp_path / "trace"
    code = (
        "import sys; from pathlib import Path; from builder.model.inspect import *; "
        "inspect_model(Request(Path(sys.argv[1])))"
    )
    environment = {key: text for key, text in os.environ.items() if not key.startswith("ORT_")}
    subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=execve,socket,connect,sendto", "-o", str(trace)]
        + [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        env=environment,
        check=True,
        timeout=120,
    )
    calls = trace.read_text(encoding="utf-8")
    assert calls.count("execve(") >= 2, "the probe was not traced"
    assert "socket(" not in calls
    assert "connect(" not in calls


def test_an_inspection_is_the_same_every_time(tmp_path: Path) -> None:
    from dataclasses import replace  # noqa: PLC0415

    path = save(tmp_path, linear())
    first, second = (inspect_model(Request(path)) for _ in range(2))
    assert replace(first, measured=second.measured) == second
