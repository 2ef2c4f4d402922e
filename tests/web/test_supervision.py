"""Workers that die, hang, cannot start or are to end, in services that run for real."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.model.models import node, value
from tests.web.running import SAMPLE, Running, serving, started, wait_until

INFERGEN = Path(sys.executable).parent / "infergen"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("supervision")
    subprocess.run([INFERGEN, "new", "--name", "sample"], cwd=folder, check=True)
    return folder / "sample"


@pytest.fixture
def own_sample(sample: Path, tmp_path: Path) -> Path:
    """One that a test may damage."""
    return Path(shutil.copytree(sample, tmp_path / "sample"))


def assert_predicts(running: Running) -> None:
    status, answer = running.ask("/predict", SAMPLE)
    assert status == 200
    assert np.argmax(answer["prediction"]) == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGFPE, signal.SIGTERM])
def test_a_worker_that_ends_is_replaced_while_the_other_answers(
    sample: Path, number: signal.Signals
) -> None:
    with serving(sample, WORKERS=2) as running:
        victim, other = running.workers()
        os.kill(victim, number)
        wait_until(lambda: victim not in running.workers(), "its end")
        while len(running.workers()) == 1:
            assert_predicts(running)
        running.wait_for_workers(2, without=frozenset({victim}))
        assert other in running.workers()
        assert_predicts(running)
        reason = "exited with 0" if number == signal.SIGTERM else f"died of {number.name}"
        assert running.log.count(reason) == 1
        assert running.end() == 0


def test_a_worker_that_stands_still_is_replaced(sample: Path) -> None:
    with serving(sample, WORKERS=2, HANG_SECONDS=1) as running:
        victim, other = running.workers()
        os.kill(victim, signal.SIGSTOP)
        running.wait_for_workers(2, without=frozenset({victim}))
        assert other in running.workers()
        wait_until(lambda: running.log.count("no sign of life") == 1, "the line that says why")
        assert_predicts(running)
        assert running.end() == 0


def counter() -> onnx.ModelProto:
    """Counts up to its input, one by one: how long it runs is up to the request."""
    body = onnx.helper.make_graph(
        [node("Identity", ["on"], ["still_on"]), node("Add", ["sum", "one"], ["more"])],
        "body",
        [value("turn", "int64", []), value("on", "bool", []), value("sum", "int64", [])],
        [value("still_on", "bool", []), value("more", "int64", [])],
        [onnx.numpy_helper.from_array(np.array(1, np.int64), "one")],
    )
    graph = onnx.helper.make_graph(
        [
            node("ReduceMax", ["n"], ["turns"], keepdims=0),
            node("Loop", ["turns", "", "zero"], ["count"], body=body),
            node("Add", ["n", "count"], ["y"]),
        ],
        "counter",
        [value("n", "int64", [1])],
        [value("y", "int64", [1])],
        [onnx.numpy_helper.from_array(np.array(0, np.int64), "zero")],
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("counting")
    (folder / "counter.onnx").write_bytes(counter().SerializeToString())
    options = ["--model", "counter.onnx", "--set", "data_sample=[7]"]
    subprocess.run([INFERGEN, "new", "--name", "counting", *options], cwd=folder, check=True)
    return folder / "counting"


@pytest.mark.parametrize("execution", ["inline", "threads"])
def test_a_worker_whose_model_does_not_end_is_replaced(counting: Path, execution: str) -> None:
    endless = b'{"data": [1000000000000]}'
    with serving(counting, WORKERS=2, HANG_SECONDS=1, EXECUTION=execution) as running:
        before = frozenset(running.workers())
        lost: list[Exception] = []

        def ask(body: bytes, answer: object) -> None:
            try:
                assert running.ask("/predict", body) == (200, {"prediction": answer})
            except (OSError, HTTPException) as error:
                lost.append(error)

        asking = threading.Thread(target=ask, args=(endless, None))
        asking.start()
        while before == running.workers():
            ask(b'{"data": [7]}', 14)
        asking.join()
        assert 1 <= len(lost) <= 2, "one more may have reached the same worker just before"
        assert len(before & running.workers()) == 1
        wait_until(lambda: running.log.count("no sign of life") == 1, "the line that says why")
        assert running.end() == 0


def test_workers_that_cannot_start_are_tried_again_less_and_less_often(own_sample: Path) -> None:
    with serving(own_sample, WORKERS=2) as running:
        model = own_sample / "models" / "iris_svc.onnx"
        kept = model.rename(model.with_suffix(".away"))
        victim, _ = running.workers()
        os.kill(victim, signal.SIGKILL)
        for delay in ("0", "0.5", "1.5"):
            wait_until(partial(running.says, f"next in {delay} seconds"), delay)
            assert_predicts(running)
        kept.rename(model)
        running.wait_for_workers(2, without=frozenset({victim}))
        assert running.log.count("exited with 1") == running.log.count("error: ")
        assert running.end() == 0


def ended(service: Path, **settings: object) -> str:
    """What a service says that fails to start."""
    with started(service, **settings) as running:
        assert running.process.wait(60) == 1
        return running.log


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_model_that_cannot_be_served_ends_the_start_with_one_line(
    own_sample: Path, damage: str
) -> None:
    model = own_sample / "models" / "iris_svc.onnx"
    if damage == "missing":
        model.unlink()
    else:
        content = bytearray(model.read_bytes())
        content[len(content) // 2] ^= 1
        model.write_bytes(content)
    (line,) = ended(own_sample, WORKERS=2).splitlines()
    assert line.startswith("error: ")
    assert "iris_svc.onnx" in line


def test_a_crash_of_the_first_worker_ends_the_start(own_sample: Path) -> None:
    with (own_sample / "src" / "ml" / "transformers.py").open("a") as code:
        code.write("\n\nimport os\nimport signal\n\nos.kill(os.getpid(), signal.SIGFPE)\n")
    (line,) = ended(own_sample, WORKERS=2).splitlines()
    assert line == "error: the first worker died of SIGFPE while it started"


def test_a_port_in_use_ends_the_start(sample: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (line,) = ended(sample, PORT=port).splitlines()
    assert line.startswith("error: ")
    assert str(port) in line
    assert "in use" in line


@pytest.mark.parametrize("host", ["::1", "::", "localhost", "0.0.0.0"])
def test_hosts_of_every_kind(sample: Path, host: str) -> None:
    with serving(sample, HOST=host) as running:
        assert_predicts(running)
        if host == "::":  # takes IPv4 as well
            socket.create_connection(("127.0.0.1", running.port)).close()
        assert running.end() == 0


class HalfSent:
    """A request whose second half is yet to come."""

    def __init__(self, running: Running) -> None:
        self._connection = running.connect()
        head = f"POST /predict HTTP/1.1\r\nHost: it\r\nContent-Length: {len(SAMPLE)}\r\n"
        # The service answers this when it is about to read the body.
        self._connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert b"100 Continue" in self._connection.recv(4096)
        self._connection.sendall(SAMPLE[:10])

    def finish(self) -> bytes:
        self._connection.sendall(SAMPLE[10:])
        with self._connection, self._connection.makefile("rb") as answer:
            return answer.read()


@pytest.fixture
def draining(sample: Path) -> Iterator[tuple[Running, HalfSent]]:
    """A service with a request in flight, at the moment when it is told to end."""
    with serving(sample, WORKERS=2, DRAIN_SECONDS=3, GRACE_SECONDS=60) as running:
        request = HalfSent(running)
        running.process.send_signal(signal.SIGTERM)
        yield running, request


def test_requests_in_flight_are_answered_before_the_end(
    draining: tuple[Running, HalfSent],
) -> None:
    running, request = draining
    wait_until(lambda: running.ask("/health/ready")[0] == 503, "readiness to be gone")
    assert running.ask("/v2/health/ready")[0] == 503
    assert_predicts(running)
    assert running.ask("/health/live")[0] == 200
    wait_until(running.refuses, "the end of draining")
    assert running.process.poll() is None
    answer = request.finish()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert running.process.wait(60) == 0


def test_a_second_signal_cuts_short(draining: tuple[Running, HalfSent]) -> None:
    running, _ = draining
    wait_until(lambda: running.ask("/health/ready")[0] == 503, "readiness to be gone")
    assert running.end(signal.SIGINT) == 1


def test_the_grace_period_has_an_end(sample: Path) -> None:
    with serving(sample, WORKERS=2, GRACE_SECONDS=1) as running:
        request = HalfSent(running)
        assert running.end() == 1
        with suppress(OSError):
            assert request.finish() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_processes_at_once_ends_gracefully(
    sample: Path, number: signal.Signals
) -> None:
    """As terminals and systemd send it."""
    with serving(sample, WORKERS=2) as running:
        request = HalfSent(running)
        os.killpg(running.process.pid, number)
        wait_until(running.refuses, "the end of listening")
        assert request.finish().startswith(b"HTTP/1.1 200")
        assert running.process.wait(60) == 0


def test_a_service_can_be_ended_while_it_starts(sample: Path) -> None:
    with started(sample) as running:
        wait_until(lambda: not running.refuses(), "it to listen")
        assert running.end() == 0


def test_workers_do_not_outlive_their_supervisor(sample: Path) -> None:
    with serving(sample, WORKERS=2) as running:
        request = HalfSent(running)
        workers = running.workers()
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until(running.refuses, "the end of listening")
        assert request.finish().startswith(b"HTTP/1.1 200")
        wait_until(lambda: not any(map(is_alive, workers)), "the workers' end")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
