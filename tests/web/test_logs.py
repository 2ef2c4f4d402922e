"""What a booted service logs: lines that a machine can read, and only those that were asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.test_services import ask, booted
from tests.web.running import wait_until

BODY = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'


@pytest.fixture
def service(cli: Cli, tmp_path: Path) -> Path:
    """Writes its log to a file beside it."""
    assert cli("new", "--name", "sample").returncode == 0
    run = tmp_path / "sample" / "run.sh"
    text = run.read_text()
    assert text.count('exec "$python"') == 1
    run.write_text(text.replace('exec "$python"', f'exec 2>{tmp_path / "log"} "$python"'))
    return tmp_path / "sample"


def use(service: Path) -> list[str]:
    """Some requests; the lines of the log they led to, and the start and end of the service."""
    with booted(service) as address:
        log = service.parent / "log"
        wait_until(lambda: "is ready" in log.read_text(), "the line that says so")
        assert ask(f"{address}/predict", BODY, **{"X-Request-ID": "first"})[0] == 200
        assert ask(f"{address}/predict", b"{", **{"X-Request-ID": "second"})[0] == 400
        assert ask(f"{address}/no%0A%1Bwhere")[0] == 404
    return log.read_text().splitlines()


def test_json(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    monkeypatch.setenv("LOG_REQUESTS", "1")
    monkeypatch.setenv("LOG_PREDICTIONS", "1")
    lines: list[dict[str, Any]] = [json.loads(line) for line in use(service)]
    for line in lines:
        assert {"time", "level", "logger", "message", "pid"} <= line.keys()
    requests = [
        (line["route"], line["code"], line["request_id"])
        for line in lines
        if line["logger"] == "requests" and "health" not in line["route"]
    ]
    assert requests[:2] == [("/predict", 200, "first"), ("/predict", 400, "second")]
    assert requests[2][:2] == ("other", 404)
    (prediction,) = [line for line in lines if line["logger"] == "predictions"]
    assert (prediction["request_id"], prediction["input"]) == ("first", BODY.decode())
    assert "prediction" in json.loads(prediction["answer"])


def test_no_request_and_no_prediction_is_logged_unless_asked_for(service: Path) -> None:
    log = "\n".join(use(service))
    assert "ready" in log
    assert "/predict" not in log
    assert "5.1" not in log
