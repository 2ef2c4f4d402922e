"""The generated image as compose runs it: its user, limits, answers, health and end."""

from __future__ import annotations

import hashlib
import time

import pytest

from tests.images.conftest import Running
from tests.images.engine import docker, inspect

ROW = [[5.1, 3.5, 1.4, 0.2]]

WRITABLE = """[
    path
    for top in os.listdir("/") if top not in ("proc", "sys", "dev", "tmp")
    for path, _, _ in os.walk("/" + top)
    if os.access(path, os.W_OK)
]"""


def test_labels_tell_what_is_inside(running: Running) -> None:
    config = inspect(running.image)["Config"]
    model = (running.folder / "models" / "iris_svc.onnx").read_bytes()
    assert config["Labels"]["io.infergen.model.sha256"] == hashlib.sha256(model).hexdigest()
    assert config["Labels"]["org.opencontainers.image.title"] == "Iris species"
    assert config["Labels"]["org.opencontainers.image.version"] == "0.1.0"
    assert config["User"] == "10001:10001"
    assert config["ExposedPorts"] == {"8000/tcp": {}}
    assert "ORT_DISABLE_TELEMETRY=1" in config["Env"]


def test_it_answers_and_is_healthy(running: Running) -> None:
    assert running.state()["Health"]["Status"] == "healthy"
    assert running.ask("/health") == {"health": "ok"}
    assert running.ask("/predict/label", {"data": ROW}) == {"prediction": "setosa"}
    assert running.ask("/predict", {"data": ROW}) == running.ask("/predict/test")


def test_it_runs_as_nobody_in_particular(running: Running) -> None:
    assert running.python("[os.getuid(), os.getgid(), os.getgroups()]") == [10001, 10001, [10001]]
    status = running.python("dict(l.split(':', 1) for l in open('/proc/1/status'))")
    held = {key: int(value, 16) for key, value in status.items() if key.startswith("Cap")}
    assert held == dict.fromkeys(held, 0)
    assert status["NoNewPrivs"].strip() == "1"
    assert status["Seccomp"].strip() == "2"


def test_nothing_but_tmp_can_be_written(running: Running) -> None:
    assert running.python(WRITABLE) == []
    assert running.python("os.access('/tmp', os.W_OK)") is True


def test_limits_are_those_of_compose(running: Running) -> None:
    host = inspect(running.container)["HostConfig"]
    assert host["NanoCpus"] == 2 * 10**9
    assert host["Memory"] == 608 * 2**20
    assert host["ReadonlyRootfs"] is True


def test_who_takes_too_much_memory_is_ended_and_the_service_stays(running: Running) -> None:
    with pytest.raises(AssertionError):
        running.python("len(bytearray(700 * 2**20))")
    assert running.python("len(bytearray(100 * 2**20))") == 100 * 2**20
    assert running.ask("/predict/label", {"data": ROW}) == {"prediction": "setosa"}


def test_the_service_takes_no_more_memory_than_is_reserved_for_it(running: Running) -> None:
    for _ in range(200):
        running.ask("/predict", {"data": ROW})
    resident = running.python(
        """[
            int(line.split()[1]) // 1024
            for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()
            for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")
        ]"""
    )
    assert len(resident) == 3
    assert sum(resident) < 24 + 2 * 97


def test_the_engine_reads_compose_as_it_is_meant(running: Running) -> None:
    resolved = docker("compose", "config", cwd=running.folder)
    assert "no-new-privileges:true" in resolved
    broken = running.folder / "broken.yml"
    text = (running.folder / "docker-compose.yml").read_text()
    broken.write_text(text.replace("interval: 10s", "interval: often"))
    with pytest.raises(AssertionError):
        docker("compose", "--file", "broken.yml", "config", cwd=running.folder)


def test_it_ends_in_time_when_asked_to(running: Running) -> None:
    started = time.monotonic()
    docker("stop", "--time", "25", running.container)
    state = running.state()
    assert state["ExitCode"] == 0
    assert time.monotonic() - started < 20
    docker("start", running.container)
