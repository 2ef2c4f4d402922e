"""The main job, shown: generate the sample service, boot it, ask it, stop it.

Run by ``make demo``. Every line that it prints is what really happened.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
START_SECONDS = 60
STOP_SECONDS = 20

INFERENCE = {
    "inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 4], "data": [5.1, 3.5, 1.4, 0.2]}],
    "outputs": [{"name": "probabilities"}],
}
REQUESTS: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("GET", "/health", None),
    ("GET", "/metadata", None),
    ("GET", "/label", None),
    ("GET", "/predict/test", None),
    ("GET", "/predict/test/label", None),
    ("POST", "/predict", {"data": [[5.1, 3.5, 1.4, 0.2]]}),
    ("POST", "/predict/label", {"data": [[6.3, 3.3, 6.0, 2.5]]}),
    ("POST", "/predict/batch/label", {"data": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]}),
    ("POST", "/predict", {"data": [[5.1, 3.5, 1.4]]}),
    ("GET", "/v2/models/sample", None),
    ("POST", "/v2/models/sample/infer", INFERENCE),
)
"""The classic requests with one that the service has to refuse, and the standard protocol's."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="infergen-demo-") as folder:
        print("$ infergen new --name sample")
        subprocess.run([BIN / "infergen", "new", "--name", "sample"], cwd=folder, check=True)
        service = Path(folder) / "sample"
        port = _free_port()
        print(f"\n$ cd sample && PORT={port} ./run.sh")
        process = _boot(service, port)
        try:
            _wait_until_ready(process, port)
            for method, path, body in REQUESTS:
                _show(port, method, path, body)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(STOP_SECONDS)
        print(f"\nStopped; the service's exit code was {code}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _boot(service: Path, port: int) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        # run.sh takes the first Python that has the service's requirements: this one has them.
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": "warning",
    }
    return subprocess.Popen(["./run.sh"], cwd=service, env=environment)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"the service did not become ready within {START_SECONDS} s")


def _show(port: int, method: str, path: str, body: dict[str, Any] | None) -> None:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=data,
        method=method,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status, answer = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, answer = error.code, error.read().decode()
    asked = "" if body is None else f" {json.dumps(body)}"
    print(f"\n{method} {path}{asked}\n  {status} {answer}")


if __name__ == "__main__":
    main()
