"""What the caches bring and cost: ``python -m bench.cache``; see README.md."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.serving.measure import Plan, run_alone
from bench.serving.processes import Server, free_port, on_cores, serve
from bench.serving.workloads import cnn
from bench.serving.wrk import Running

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "cache.json"
VARS = ROOT / "vars"
CONNECTIONS = 64
IRIS = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'
FLOWERS = b"\n".join(b'{"data": [[5.1, 3.5, 1.4, 0.%03d]]}' % number for number in range(1000))
"""Asked in turns, for tiers that are to be asked each time."""
NAMED = b'{"data": "0000"}'
ANEW = {"cache-control": "no-cache"}
ENCODING_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of request to one service; an empty body asks by GET."""

    name: str
    service: str
    path: str
    body: bytes
    settings: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    says: str | None = None
    """What X-Cache is to be."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Requests a second, their p99 in ms, and the server's CPU time for each in µs."""

    rate: float
    p99: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Aim:
    """A ratio of rates, and the least that it is to be."""

    what: str
    of: str
    to: str
    least: float


SERVICES: dict[str, tuple[str, ...]] = {
    "bare": ("--vars", str(VARS / "sample.yaml")),
    "predictions": ("--vars", str(VARS / "sample.yaml"), "--variant", "prediction-cache"),
    "shapes": ("--vars", str(VARS / "image_cnn.yaml"), "--variant", "data-cache"),
}
IN_STORE = {"CACHE_MEMORY_BYTES": "0", "CACHE_DATA_BYTES": "0"}

CASES = (
    Case("bare /health", "bare", "/health", b""),
    Case("bare prediction", "bare", "/predict", IRIS),
    Case("prediction, memory", "predictions", "/predict", IRIS, says="hit"),
    Case("prediction by ID, memory", "predictions", "/predict", NAMED, says="hit"),
    Case(
        "prediction by ID, memory, no log", "predictions", "/predict", NAMED,
        {"LOG_CACHE": "0"}, says="hit",
    ),
    Case(
        "prediction, redis", "predictions", "/predict", FLOWERS,
        {**IN_STORE, "CACHE_URL": "{redis}"}, says="hit",
    ),
    Case("prediction, disk", "predictions", "/predict", FLOWERS, IN_STORE, says="hit"),
    Case("prediction, made anew", "predictions", "/predict", IRIS, {}, ANEW, "bypass"),
    Case("data, memory", "shapes", "/predict", NAMED, {"LOG_CACHE": "0"}, says="hit"),
    Case(
        "data, redis", "shapes", "/predict", NAMED,
        {**IN_STORE, "LOG_CACHE": "0", "CACHE_URL": "{redis}"}, says="hit",
    ),
    Case(
        "data, disk", "shapes", "/predict", NAMED, {**IN_STORE, "LOG_CACHE": "0"}, says="hit"
    ),
    Case("data, made anew", "shapes", "/predict", NAMED, {"LOG_CACHE": "0"}, ANEW, "bypass"),
    Case("network: data, memory", "network", "/predict", NAMED, {"LOG_CACHE": "0"}, says="hit"),
    Case("network: data, made anew", "network", "/predict", NAMED, {}, ANEW, "bypass"),
)  # fmt: skip

AIMS = (
    Aim("prediction in memory / bare /health", "prediction, memory", "bare /health", 0.9),
    Aim("prediction in redis / bare /health", "prediction, redis", "bare /health", 0.6),
    Aim("network with data in memory / ONNX Runtime alone", "network: data, memory", "alone", 0.87),
)


def main() -> int:
    arguments = _arguments()
    for program in ("wrk", "redis-server"):
        if shutil.which(program) is None:
            sys.exit(f"error: {program} is missing; install it, then run again")
    cores = sorted(os.sched_getaffinity(0))
    plan = Plan(arguments.seconds, [1], cores[:1], cores[1:] or cores)
    samples: dict[str, list[Sample]] = {case.name: [] for case in CASES}
    alone: list[Sample] = []
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch, on_cores(cores):
        folder = Path(scratch)
        workload = cnn(folder / "model")
        network = (*workload.generate, "--variant", "data-cache", "--set", "preprocess=image")
        for name, options in {**SERVICES, "network": network}.items():
            _generate(folder, name, options)
        with _redis(folder, plan.load_cores) as url:
            for number in range(arguments.rounds + 1):
                print(f"round {number} of {arguments.rounds}", file=sys.stderr)
                rate, cpu = run_alone(Path(sys.executable), workload, plan)
                if number:
                    alone.append(Sample(rate, 0.0, cpu))
                shift = number % len(CASES)
                for case in (*CASES[shift:], *CASES[:shift]):
                    sample = _measure(case, folder, plan, url)
                    if number:
                        samples[case.name].append(sample)
        encoding = _encoding(folder / "predictions")
    medians = {name: _median(taken) for name, taken in samples.items()}
    medians["alone"] = _median(alone)
    document = _document(medians, encoding, arguments)
    _print(document)
    if arguments.save:
        RESULTS.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(aim["reached"] for aim in document["aims"]) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cache", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measured rounds (3)")
    parser.add_argument("--seconds", type=int, default=3, help="of load for each case (3)")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    return parser.parse_args()


def _generate(folder: Path, name: str, options: Sequence[str]) -> None:
    infergen = Path(sys.executable).with_name("infergen")
    command = [str(infergen), "new", "--name", name, "--output", str(folder), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"infergen new failed:\n{done.stderr}")


@contextmanager
def _redis(folder: Path, cores: Sequence[int]) -> Iterator[str]:
    port = free_port()
    with on_cores(cores):
        process = subprocess.Popen(
            [
                *("redis-server", "--bind", "127.0.0.1", "--port", str(port)),
                *("--save", "", "--dir", str(folder)),
            ],
            stdout=subprocess.DEVNULL,
        )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _measure(case: Case, folder: Path, plan: Plan, url: str) -> Sample:
    """Raises RuntimeError if the service fails, or the cache is not in it as it should."""
    service = folder / case.service
    port = free_port()
    settings = {name: text.replace("{redis}", url) for name, text in case.settings.items()}
    environment = {**os.environ, "PORT": str(port), "WORKERS": "1", "LOG_LEVEL": "info", **settings}
    body = folder / "body"
    body.write_bytes(case.body)
    command = [sys.executable, "-m", "src.serve"]
    with serve(
        command, service, environment, plan.server_cores, port, folder / "output.txt"
    ) as server:
        for line in (case.body or IRIS).splitlines():
            server.first_answer("/predict", line, {})
        _check(case, server)
        before = server.cpu()
        with on_cores(plan.load_cores):
            load = Running(
                f"http://127.0.0.1:{port}{case.path}",
                body,
                case.headers,
                CONNECTIONS,
                plan.seconds,
                lines=b"\n" in case.body,
            ).wait()
        cpu = (server.cpu() - before) / load.requests
        _check(case, server)
    return Sample(load.requests / load.seconds, load.p99, cpu * 1e6)


def _check(case: Case, server: Server) -> None:
    """Raises RuntimeError if the answer is not as it should be within a few seconds."""
    for _ in range(50):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        body = case.body.partition(b"\n")[0]
        connection.request("POST" if body else "GET", case.path, body, dict(case.headers))
        answer = connection.getresponse()
        answer.read()
        said = answer.getheader("x-cache")
        connection.close()
        if answer.status == 200 and said == case.says:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{case.name}: expected {case.says}, got {answer.status} {said}")


def _encoding(service: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.encoding", str(service), str(ENCODING_ROUNDS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    medians: dict[str, float] = json.loads(done.stdout)
    return medians


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        statistics.median(sample.rate for sample in samples),
        statistics.median(sample.p99 for sample in samples),
        statistics.median(sample.cpu for sample in samples),
    )


def _document(
    medians: Mapping[str, Sample], encoding: Mapping[str, float], arguments: argparse.Namespace
) -> dict[str, list[dict[str, object]]]:
    aims: list[dict[str, object]] = []
    for aim in AIMS:
        ratio = medians[aim.of].rate / medians[aim.to].rate
        aims.append(
            {
                "ratio": aim.what,
                "is": round(ratio, 3),
                "by_cpu": round(medians[aim.to].cpu / medians[aim.of].cpu, 3),
                "aim": aim.least,
                "reached": ratio >= aim.least,
            }
        )
    faster = encoding["lists"] / encoding["raw"]
    aims.append(
        {
            "ratio": "lists in JSON / raw bytes",
            "is": round(faster, 1),
            "aim": 50,
            "reached": faster >= 50,
        }
    )
    return {
        "runs": [
            {"rounds": arguments.rounds, "seconds": arguments.seconds, "connections": CONNECTIONS}
        ],
        "cases": [
            {
                "case": name,
                "requests_per_second": round(sample.rate),
                "p99_ms": round(sample.p99, 2),
                "cpu_us": round(sample.cpu, 1),
            }
            for name, sample in medians.items()
        ],
        "encoding_ms": [{name: round(taken, 3)} for name, taken in encoding.items()],
        "aims": aims,
    }


def _print(document: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    for case in document["cases"]:
        rate, p99, cpu = (case[name] for name in ("requests_per_second", "p99_ms", "cpu_us"))
        print(f"{case['case']:36}{rate:>8} /s   p99 {p99} ms   CPU {cpu} µs")
    for aim in document["aims"]:
        verdict = "reached" if aim["reached"] else "MISSED"
        by_cpu = aim.get("by_cpu", "-")
        print(f"{aim['ratio']}: {aim['is']} (by CPU {by_cpu}, aim {aim['aim']}) {verdict}")


if __name__ == "__main__":
    sys.exit(main())
