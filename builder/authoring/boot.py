"""Starts a generated service as its user would, asks it, and stops it.

What is asked of it: its ``run.sh`` starts it on HOST and PORT, ``/health/ready`` answers once it is
up, ``/predict`` gives for ``data_sample`` what ONNX Runtime answered, and SIGTERM ends it with 0.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builder.authoring.snapshots import Tested
from builder.output import OutputFile

START = "run.sh"
_READY_SECONDS = 300.0
"""It may have to install its requirements first."""
_STOP_SECONDS = 60.0
_ANSWER_SECONDS = 60.0
_TAIL = 2000
_CLOSE = 1e-5


class BootError(Exception):
    """What went wrong, with what the service printed."""


def can_boot(tested: Tested) -> bool:
    """Whether there is something to start."""
    return any(isinstance(each, OutputFile) and each.path == START for each in tested.outputs)


def boot(tested: Tested) -> str:
    """Start, ask and stop the service; says what was checked. Raises BootError."""
    from builder.write import publish  # noqa: PLC0415

    if tested.case is None:
        raise BootError("it cannot be made")
    variables = tested.case.prepared.variables
    with tempfile.TemporaryDirectory(prefix="infergen-boot-") as folder:
        publish(Path(folder), "service", tested.outputs)
        with _running(Path(folder) / "service") as address:
            return _ask(address, variables)


@contextmanager
def _running(service: Path) -> Iterator[str]:
    port = _free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {
        **os.environ,
        "PATH": path,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "ORT_DISABLE_TELEMETRY": "1",
    }
    with (service.parent / "output.txt").open("w+b") as output:
        process = subprocess.Popen(
            [f"./{START}"], cwd=service, env=environment, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_ready(process, address)
            yield address
            _stop(process)
        except (BootError, OSError) as error:
            output.seek(0)
            said = output.read()[-_TAIL:].decode("utf-8", "replace").strip()
            raise BootError(f"{error}\n{said}" if said else str(error)) from None
        finally:
            _kill(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        if process.poll() is not None:
            raise BootError(f"{START} ended with {process.returncode} before it was ready")
        try:
            if _get(f"{address}/health/ready")[0] == 200:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise BootError(f"it was not ready after {_READY_SECONDS:g} s")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise BootError(f"it did not end {_STOP_SECONDS:g} s after SIGTERM") from None
    if code != 0:
        raise BootError(f"after SIGTERM it ended with {code}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """It and its workers, which are of its own session."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


def _ask(address: str, variables: Mapping[str, Any]) -> str:
    if variables.get("auth", "none") != "none":
        return "started and stopped; predictions are for callers with credentials"
    if "data_sample" not in variables:
        return "started and stopped; the set has no data_sample to ask with"
    body = json.dumps({"data": _sample(address, variables)}).encode()
    status, answer = _get(f"{address}/predict", body)
    if status != 200:
        raise BootError(f"/predict answers data_sample with {status}: {json.dumps(answer)[:500]}")
    prediction = answer.get("prediction") if isinstance(answer, dict) else None
    expected = variables.get("prediction_sample")
    if not _agree(prediction, expected):
        raise BootError(
            f"/predict answers data_sample with {json.dumps(prediction)[:500]},"
            f" but ONNX Runtime with {json.dumps(expected)[:500]}"
        )
    return "answers as ONNX Runtime does"


def _sample(address: str, variables: Mapping[str, Any]) -> Any:
    """As requests to the service carry it, which may name it: its metadata say so."""
    status, metadata = _get(f"{address}/metadata")
    told = metadata if status == 200 and isinstance(metadata, dict) else variables
    return told.get("data_sample", variables["data_sample"])


def _get(address: str, body: bytes | None = None) -> tuple[int, Any]:
    headers = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(address, body, headers)
    # What the environment says of proxies is not for a service on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_ANSWER_SECONDS) as response:
            return response.status, _json(response.read())
    except urllib.error.HTTPError as error:
        return error.code, _json(error.read())


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")


def _agree(answer: Any, expected: Any) -> bool:
    """Equal, but for the last digits in which machines differ."""
    if isinstance(expected, list):
        return (
            isinstance(answer, list)
            and len(answer) == len(expected)
            and all(map(_agree, answer, expected))
        )
    if isinstance(expected, dict):
        return (
            isinstance(answer, dict)
            and answer.keys() == expected.keys()
            and all(_agree(answer[key], expected[key]) for key in expected)
        )
    if _is_number(answer) and _is_number(expected):
        return math.isclose(answer, expected, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(answer == expected)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
