"""Asks a child process what a model is: a kernel that crashes or hangs must not take us along."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builder.errors import ModelError
from builder.model.facts import ModelFacts
from builder.model.facts_json import facts_from_json
from builder.model.request import ImageSettings, Request

__all__ = ["ImageSettings", "Request", "inspect_model"]

MOST_CRASHES = 16
"""Attempts that may each kill a probe before the search is given up."""

START = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from builder.model.probe import main
main(lifeline=int(sys.argv[2]))
"""


def inspect_model(request: Request) -> ModelFacts:
    """What the model says of itself, and how it answers a sample.

    Takes a second or so, at most ``request.timeout``. Raises ModelError if the model cannot be
    read, run or served.
    """
    _check_file(request.model)
    message = _message(request)
    deadline = time.monotonic() + request.timeout
    crashed: dict[str, str] = {}
    while True:
        output, errors, code = _probe(request, {"request": message, "crashed": crashed}, deadline)
        lines = _lines(output)
        last: Mapping[str, Any] = lines[-1] if lines else {}
        if "facts" in last:
            return facts_from_json(last["facts"])
        if "error" in last:
            raise ModelError(last["error"])
        key, text = last.get("attempt", ("", "starting"))
        how = _death(code)
        if code >= 0 or key in ("", "open", *crashed) or len(crashed) == MOST_CRASHES:
            raise ModelError(
                f"{request.model}: ONNX Runtime {how} while {_doing(key, text)}."
                f"{_tail(errors) if code >= 0 else ''}"
                f"{' Give data_sample, an input that the model takes.' if crashed else ''}"
            )
        crashed[key] = f"ONNX Runtime {how}"


def _check_file(path: Path) -> None:
    try:
        if not path.exists():
            raise ModelError(f"{path}: the model does not exist.")
        if not path.is_file():
            what = "a folder; give the .onnx file in it" if path.is_dir() else "not a regular file"
            raise ModelError(f"{path}: the model is {what}.")
        if path.stat().st_size == 0:
            raise ModelError(f"{path}: the model file is empty.")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: the model cannot be read: {error}.") from None


def _message(request: Request) -> dict[str, Any]:
    message = {**asdict(request), "model": str(request.model)}
    try:
        json.dumps(message)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"data_sample: holds what JSON cannot: {error}.") from None
    return message


def _probe(
    request: Request, message: Mapping[str, Any], deadline: float
) -> tuple[bytes, bytes, int]:
    """Run one probe to its end: stdout, stderr and exit code (negative: the signal)."""
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", "OPENBLAS_NUM_THREADS": "1"}
    # The probe ends when this pipe closes, so it cannot outlive us even if we are killed.
    lifeline, held = os.pipe()
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-c", START, json.dumps(_import_path()), str(lifeline)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=(lifeline,),
            start_new_session=True,
        )
        try:
            output, errors = child.communicate(
                json.dumps(message).encode(), timeout=max(0.1, deadline - time.monotonic())
            )
        except subprocess.TimeoutExpired as expired:
            last = (_lines(expired.stdout or b"") or [{}])[-1]
            key, text = last.get("attempt", ("", "starting"))
            raise ModelError(
                f"{request.model}: no answer within {request.timeout:g} s, while "
                f"{_doing(key, text)}. Give data_sample, a smaller input that the model takes."
            ) from None
        finally:
            _end(child)
    finally:
        os.close(lifeline)
        os.close(held)
    return output, errors, child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and whatever it started, unless it has ended; free its pipes."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _import_path() -> list[str]:
    """Where this process imports from, without the current folder unless the package is there."""
    root = str(Path(__file__).resolve().parents[2])
    here = {"", os.curdir, str(Path.cwd())} - {root}
    paths = [path for path in sys.path if path not in here and Path(path).is_absolute()]
    return paths if root in paths else [root, *paths]


def _lines(output: bytes) -> list[dict[str, Any]]:
    """The complete lines of JSON."""
    found = []
    for line in output.split(b"\n"):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def _doing(key: str, text: str) -> str:
    return text if key in ("", "open") else f"running the model with {text}"


def _death(code: int) -> str:
    if code >= 0:
        return f"ended (exit {code})"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    reason = ", probably for want of memory" if name == "SIGKILL" else ""
    return f"was killed ({name}{reason})"


def _tail(errors: bytes) -> str:
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return f" It said: {lines[-1][:300]}" if lines else ""
