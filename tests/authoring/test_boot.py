"""``infergen templates test --boot`` with services that do, and do not, as they should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.authoring.conftest import Templates
from tests.sets import write, write_map

SERVER = """\
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

signal.signal(signal.SIGTERM, lambda *_: sys.exit({{ ends_with }}))


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, document):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(document).encode())

    def do_GET(self):
        self.answer(200, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer({{ status }}, {"prediction": [2 * value for value in body["data"]]})


HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
VARIABLES = {
    "data_sample": "[1, 2]", "prediction_sample": "[2, 4.0]", "ends_with": "0", "status": "200",
    "start": "exec python3 server.py", "auth": "none",
}  # fmt: skip


def make_set(root: Path, **changed: str) -> Path:
    """A plain set of a service that doubles numbers."""
    values = {**VARIABLES, **changed}
    start = values.pop("start")
    write(root / "vars.yaml", "".join(f"{name}: {value}\n" for name, value in values.items()))
    write(root / "template_files" / "server.py.j2", SERVER)
    write(root / "template_files" / "run.sh.j2", f"#!/bin/sh\n{start}\n")
    (root / "template_files" / "run.sh.j2").chmod(0o755)
    write_map(root, {"server.py.j2": "{}/server.py", "run.sh.j2": "{}/run.sh"})
    return root


def test_a_service_that_answers_as_its_model_does(templates: Templates, tmp_path: Path) -> None:
    root = make_set(tmp_path / "set")
    templates("test", root, "--update")
    code, document = templates("test", root, "--boot")
    assert document["services"][0]["boot"] == "answers as ONNX Runtime does"
    assert code == 0


def test_a_service_that_asks_for_credentials(templates: Templates, tmp_path: Path) -> None:
    root = make_set(tmp_path / "set", auth="api_key", status="401")
    templates("test", root, "--update")
    code, document = templates("test", root, "--boot")
    assert "credentials" in document["services"][0]["boot"]
    assert code == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"prediction_sample": "[2, 4.1]"}, "/predict answers data_sample with [2, 4]"),
        ({"prediction_sample": "[2]"}, "but ONNX Runtime with [2]"),
        ({"status": "500"}, "/predict answers data_sample with 500"),
        ({"ends_with": "3"}, "after SIGTERM it ended with 3"),
        ({"start": "echo no luck; exit 4"}, "run.sh ended with 4 before it was ready\nno luck"),
    ],
)
def test_services_that_do_not(
    templates: Templates, tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    root = make_set(tmp_path / "set", **changed)
    templates("test", root, "--update")
    code, document = templates("test", root, "--boot")
    assert said in document["services"][0]["error"]
    assert code == 1


def test_a_set_without_run_sh_is_not_started(templates: Templates, good: Path) -> None:
    templates("test", good, "--update")
    code, document = templates("test", good, "--boot")
    assert code == 0
    assert {service["boot"] for service in document["services"]} == {
        "has no run.sh, so it is not started"
    }


def test_an_interrupt_stops_the_service_too(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    root = make_set(tmp_path / "set", start=f"echo $$ > {mark}; exec sleep 600")
    process = subprocess.Popen(
        [Path(sys.executable).parent / "infergen", "templates", "test", root, "--boot"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while not (mark.is_file() and mark.read_text().strip()):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
