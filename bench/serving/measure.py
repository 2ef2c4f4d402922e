"""Each server alone, in turns, round after round: a noisy machine is as noisy for each of them."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.serving.contestants import PROGRAMS, Ask, Contestant
from bench.serving.processes import Server, free_port, on_cores, serve
from bench.serving.workloads import Workload
from bench.serving.wrk import Running

HEALTH_CONNECTIONS = 16
"""/health is asked while a large model is kept busy over so many connections."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, over how many connections, and on which cores is measured."""

    seconds: float
    connections: Sequence[int]
    server_cores: Sequence[int]
    load_cores: Sequence[int]


@dataclass(frozen=True, slots=True)
class Level:
    """At a number of connections: p50 and p99 in ms, CPU time of the server per request in µs."""

    rate: float
    p50: float
    p99: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one server: seconds to its first answer, memory in MB after the load, ms that
    /health took at the median while the model was kept busy (None if that was not asked)."""

    first_answer: float
    pss: float
    rss: float
    health: float | None
    levels: Mapping[int, Level]


@dataclass(frozen=True, slots=True)
class Case:
    """A server with a model, ready to be started in its folder by its environment's Python."""

    contestant: Contestant
    workload: Workload
    python: Path
    folder: Path

    def measure(self, plan: Plan) -> Sample:
        """Raises RuntimeError if the server does not start, answers otherwise than ONNX Runtime
        does, or fails under load."""
        ask = self.contestant.ask(self.workload)
        body = self.folder / f".body-{os.getpid()}"
        body.write_bytes(ask.body)
        try:
            with on_cores(plan.load_cores), self._serve(plan) as server:
                first_answer, answer = server.first_answer(ask.path, ask.body, ask.headers)
                self._check(ask, answer)
                levels, health = {}, None
                for connections in plan.connections:
                    watched = self.workload.binary and connections == HEALTH_CONNECTIONS
                    level, asked = self._load(server, ask, body, connections, plan.seconds, watched)
                    levels[connections] = level
                    health = asked if watched else health
                memory = server.memory()
                # What it answers after the load is checked, too.
                self._check(ask, server.ask("POST", ask.path, ask.body, ask.headers)[1])
        finally:
            body.unlink()
        return Sample(first_answer, memory.pss, memory.rss, health, levels)

    def _serve(self, plan: Plan) -> AbstractContextManager[Server]:
        port = free_port()
        places = {
            "python": str(self.python),
            "bin": str(self.python.parent),
            "folder": str(self.folder),
            "port": str(port),
        }
        contestant = self.contestant
        settings = {name: _fill(it, places) for name, it in contestant.settings.items()}
        everywhere = sorted({*plan.server_cores, *plan.load_cores})
        return serve(
            [_fill(part, places) for part in contestant.command],
            self.folder,
            {**environment(self.workload), "PORT": str(port), "HOST": "127.0.0.1", **settings},
            everywhere if contestant.spread else plan.server_cores,
            port,
            self.folder / "output.txt",
        )

    def _load(
        self,
        server: Server,
        ask: Ask,
        body: Path,
        connections: int,
        seconds: float,
        watched: bool,
    ) -> tuple[Level, float | None]:
        url = f"http://127.0.0.1:{server.port}{ask.path}"
        before = server.cpu()
        running = Running(url, body, ask.headers, connections, seconds)
        health = None
        try:
            if watched:
                health = running.health(server.port, self.contestant.health)
        finally:
            load = running.wait()
        cpu = server.cpu() - before
        rate = load.requests / load.seconds
        return Level(rate, load.p50, load.p99, cpu / load.requests * 1e6), health

    def _check(self, ask: Ask, answer: bytes) -> None:
        if not self.contestant.predicts:
            return
        said, expected = ask.probabilities(answer), self.workload.expected
        # Environments may have different versions of ONNX Runtime, which round differently.
        if said.shape != expected.shape or not np.allclose(said, expected, rtol=1e-4, atol=1e-7):
            raise RuntimeError(
                f"{self.contestant.name} answers {said[:5]} for {self.workload.name},"
                f" ONNX Runtime {expected[:5]}"
            )


def _fill(text: str, places: Mapping[str, str]) -> str:
    def place(match: re.Match[str]) -> str:
        return str(free_port()) if match[1] == "free" else places[match[1]]

    return re.sub(r"\{(\w+)\}", place, text)


def environment(workload: Workload) -> dict[str, str]:
    # Without its bytecode, a server would be compiled anew at each start; none in use ever is.
    usual = {key: it for key, it in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {
        **usual,
        "ORT_DISABLE_TELEMETRY": "1",
        "MODEL": str(workload.model),
        "INPUT": workload.input,
    }


def time_imports(python: Path, plan: Plan) -> float:
    """Seconds that a process takes which only imports what every such service imports."""
    code = "import fastapi, onnxruntime, numpy"
    usual = {**os.environ, "ORT_DISABLE_TELEMETRY": "1"}
    with on_cores(plan.server_cores):
        started = time.perf_counter()
        subprocess.run([str(python), "-c", code], env=usual, check=True)
        return time.perf_counter() - started


def run_alone(python: Path, workload: Workload, plan: Plan) -> tuple[float, float]:
    """Runs a second, and CPU time of one in µs, of ONNX Runtime alone in one process, with a thread
    for each of the server's cores."""
    command = [str(python), str(PROGRAMS / "ort_alone.py"), str(plan.seconds)]
    with on_cores(plan.server_cores):
        done = subprocess.run(
            command, env=environment(workload), capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        raise RuntimeError(f"ONNX Runtime alone failed:\n{done.stderr}")
    rate, cpu = map(float, done.stdout.split())
    return rate, cpu * 1e6
