"""Requests that share runs of the model: each is answered as if it were alone."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.conftest import ROOT, Cli
from tests.kinds import KINDS
from tests.web.running import Running, serving

CLIENTS = 24


def ask_at_once(service: Running, bodies: list[Any]) -> list[tuple[int, Any]]:
    """Status and JSON for each body, sent in rounds of CLIENTS that begin together."""
    barrier = Barrier(CLIENTS)

    def ask(own: list[Any]) -> list[tuple[int, Any]]:
        answers = []
        for body in own:
            barrier.wait(60)
            answers.append(service.ask("/predict", json.dumps({"data": body}).encode()))
        return answers

    with ThreadPoolExecutor(CLIENTS) as clients:
        answered = list(clients.map(ask, [bodies[first::CLIENTS] for first in range(CLIENTS)]))
    return [answered[index % CLIENTS][index // CLIENTS] for index in range(len(bodies))]


def largest_batch(service: Running) -> float:
    """The bound below which all runs of the model were, by its metrics."""
    counts = {}
    for line in service.text("/metrics").splitlines():
        if line.startswith('inference_batch_size_bucket{le="'):
            bound, count = line.removeprefix('inference_batch_size_bucket{le="').split('"} ')
            counts[float(bound)] = float(count)
    return min(bound for bound, count in counts.items() if count == max(counts.values()))


@pytest.mark.parametrize("execution", ["inline", "threads"])
def test_shared_runs_answer_to_the_bit(cli: Cli, tmp_path: Path, execution: str) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    session = ort.InferenceSession(ROOT / "vars" / "models" / "iris_svc.onnx")
    rows = np.random.default_rng(5).uniform(0, 8, (CLIENTS * 20, 1, 4)).astype(np.float32)
    with serving(tmp_path / "sample", EXECUTION=execution, THREADS=1) as service:
        # Whether requests meet depends on what else the machine does.
        for _ in range(10):
            answers = ask_at_once(service, rows.tolist())
            if (shared := largest_batch(service)) > 1:
                break
    for row, (status, answer) in zip(rows, answers, strict=True):
        (expected,) = session.run(["probabilities"], {"X": row})
        assert status == 200
        assert np.float32(answer["prediction"]).tobytes() == expected[0].tobytes()
    assert shared > 1


@pytest.mark.parametrize("execution", ["inline", "threads"])
def test_only_those_at_fault_fail(cli: Cli, tmp_path: Path, execution: str) -> None:
    """An index outside of the table fails a shared run; the others then get one of their own."""
    model = tmp_path / "model.onnx"
    onnx.save(KINDS["embedding"].make(), model)
    done = cli("new", "--name", "lookup", "--model", model)
    assert done.returncode == 0, done.stderr
    ids = np.random.default_rng(6).integers(0, 10, (CLIENTS * 20, 3))
    ids[::7, 1] = 99
    with serving(tmp_path / "lookup", EXECUTION=execution, THREADS=1, MAX_BATCH=16) as service:
        answers = ask_at_once(service, [[row] for row in ids.tolist()])
    table = np.arange(20).reshape(10, 2)
    for index, (status, answer) in enumerate(answers):
        if index % 7 == 0:
            assert status == 400
        else:
            assert status == 200, answer
            assert answer["prediction"] == table[ids[index]].tolist()


def test_what_is_too_long_is_refused_before_it_is_sent(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    with serving(tmp_path / "sample") as service:
        for path in ("/predict", "/v2/models/sample/infer", "/predict/batch", "/no/such/path"):
            with socket.create_connection((service.host, service.port), timeout=30) as client:
                head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
                client.sendall(head.encode())
                assert client.recv(4096).startswith(b"HTTP/1.1 413 ")


ODD_CPU = """
import os
from src.app import service
from src.configurations import read_settings
from src.app.board import Board
from src.app.metrics import Metrics
from src.ml.model import Model

class Odd(Model):
    def run(self, feeds, outputs):
        return [tensor * (1 + 1e-6 * (len(tensor) - 1)) for tensor in super().run(feeds, outputs)]

settings = read_settings(os.environ)
usual = service.Service(settings, Metrics(Board(1).slots[0], {}))
service.load_model = lambda settings: Odd(service.ROOT / settings.model_path, 1)
odd = service.Service(settings, Metrics(Board(1).slots[0], {}))
print(usual.max_batch, odd.max_batch)
"""


def test_no_runs_are_shared_where_the_cpu_answers_them_otherwise(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", ODD_CPU],
        cwd=tmp_path / "sample", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "64 1\n", done.stderr
    assert "no requests share" in done.stderr
