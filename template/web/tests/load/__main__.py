"""How much load the service takes: its latency at rising rates, up to an objective of p99.

Without a URL, the service is started for it on a free port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tests.load.generator import Clients, Step
from tests.load.plot import svg

ROOT = Path(__file__).resolve().parent.parent.parent
GROWTH = 1.5
MOST_STEPS = 40
HALVINGS = 3


def main() -> int:
    arguments = _arguments()
    headers = dict(_header(it) for it in arguments.header)
    with _service(arguments.url) as url:
        request = _request(url, arguments.path, headers)
        place = urlsplit(url)
        with asyncio.Runner(loop_factory=_precise_loop) as runner:
            steps, sent = runner.run(
                _search(str(place.hostname), place.port or 80, request, arguments)
            )
    good = [it.rate for it in steps if it.meets(arguments.p99_ms)]
    best = max(good, default=None)
    if best is None:
        print(f"\nno rate meets p99 ≤ {arguments.p99_ms:g} ms")
    else:
        print(f"\nwithin p99 ≤ {arguments.p99_ms:g} ms: up to {best:,.0f} requests/s")
    late = max(it.late for it in steps)
    if late > arguments.p99_ms / 2:
        print(f"The load itself was late by {late:.0f} ms: send it from another machine.")
    document = {
        "p99_ms": arguments.p99_ms,
        "best_rate": best,
        "requests": sent,
        "steps": [
            {key: None if it == math.inf else it for key, it in asdict(step).items()}
            for step in steps
        ],
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "load.json").write_text(json.dumps(document, indent=2) + "\n")
    (arguments.output / "load.svg").write_text(svg(steps, arguments.p99_ms))
    return 0 if best else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("url", nargs="?", help="a running service: http://HOST:PORT")
    parser.add_argument("--p99-ms", type=float, default=100, help="the objective (100)")
    parser.add_argument("--seconds", type=float, default=5, help="for each rate (5)")
    parser.add_argument("--first-rate", type=float, help="in requests/s; else found by asking")
    parser.add_argument("--connections", type=int, default=256, help="at most so many (256)")
    parser.add_argument("--path", default="/predict", help="what is asked (/predict)")
    parser.add_argument(
        "--header", action="append", default=[], help="sent too, such as 'Authorization: …'"
    )
    parser.add_argument("--output", type=Path, default=Path(), help="for load.svg and load.json")
    return parser.parse_args()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        sys.exit(f"error: --header: expected NAME: VALUE, got {text!r}")
    return name.strip(), value.strip()


async def _search(
    host: str, port: int, request: bytes, arguments: argparse.Namespace
) -> tuple[list[Step], int]:
    """Rates that rise until the objective is missed, then some between the last two."""
    clients = Clients(host, port, request, arguments.connections)
    steps: list[Step] = []

    async def meets(rate: float) -> bool:
        # A rate has two attempts: one hiccup of the machine does not end the search.
        for _ in range(2):
            steps.append(await clients.step(rate, arguments.seconds))
            _print_step(steps[-1])
            if steps[-1].meets(arguments.p99_ms):
                return True
        return False

    print(f"{'offered/s':>11}{'answered/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}  errors")
    try:
        one = await clients.step(rate=10, seconds=1)
        low = arguments.first_rate or max(1.0, 200 / one.p50)
        high = low
        while len(steps) < MOST_STEPS and await meets(high):
            low, high = high, high * GROWTH
        for _ in range(HALVINGS if low < high else 0):
            middle = math.sqrt(low * high)
            if await meets(middle):
                low = middle
            else:
                high = middle
    finally:
        clients.close()
    return steps, clients.sent


def _print_step(step: Step) -> None:
    errors = ", ".join(f"{count} {reason}" for reason, count in sorted(step.errors.items()))
    print(
        f"{step.rate:>11,.0f}{step.answered:>12,.0f}"
        f"{step.p50:>9.2f}{step.p95:>9.2f}{step.p99:>9.2f}  {errors or '-'}",
        flush=True,
    )


def _precise_loop() -> asyncio.AbstractEventLoop:
    # select takes timeouts in microseconds; epoll, the usual one, rounds them up to milliseconds.
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _request(url: str, path: str, headers: dict[str, str]) -> bytes:
    """A request for the sample's prediction, as it goes over the wire."""
    try:
        with urlopen(Request(f"{url}/metadata", headers=headers), timeout=10) as answer:
            sample = json.load(answer)["data_sample"]
    except (URLError, OSError, ValueError, KeyError) as error:
        sys.exit(f"error: {url}/metadata does not say what to ask: {error}")
    body = json.dumps({"data": sample}).encode()
    lines = {
        "Host": urlsplit(url).netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


@contextmanager
def _service(url: str | None) -> Iterator[str]:
    """The address of the service, which is started for the block if there is no URL."""
    if url is not None:
        if urlsplit(url).scheme != "http" or not urlsplit(url).hostname:
            sys.exit(f"error: expected a URL such as http://127.0.0.1:8000, got {url!r}")
        yield url.rstrip("/")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "PYTHON": sys.executable}
    process = subprocess.Popen(["./run.sh"], cwd=ROOT, env={**os.environ, **settings})
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(f"{url}/health/ready", timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("error: the service does not become ready")


if __name__ == "__main__":
    sys.exit(main())
