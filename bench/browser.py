"""How fast a generated page is: ``python -m bench.browser``; see README.md."""

from __future__ import annotations

import argparse
import functools
import http.server
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, sync_playwright

from bench import edge_inputs
from bench.efficientnet import MEAN, SIDE, STD

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "browser.json"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PHOTO = (1280, 960)
CROPS = 160

Samples = dict[str, list[float]]
"""Milliseconds of each round, by what took them."""


def main() -> int:
    arguments = _arguments()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None or shutil.which("npm") is None:
        sys.exit("error: chromium or npm is missing; install both, then run again")
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        root = edge_inputs.packages(arguments.packages)
        network, labels = edge_inputs.write_model(root, folder)
        edge_inputs.write_crops(root, network, folder / "crops", CROPS)
        made = edge_inputs.new_arguments(network, labels)
        project, _ = _project("page", made, folder)
        small, report = _project("small", [*made, "--samples", str(folder / "crops")], folder)
        photo = _photo()
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=program, args=FLAGS
        )
        isolated = stack.enter_context(_served(project))
        plain = stack.enter_context(_plainly_served(project / "site"))
        converted = stack.enter_context(_served(small))
        cases: list[Callable[[Samples], None]] = [
            lambda taken: _visit(browser, isolated, "threads", photo, taken),
            lambda taken: _visit(browser, plain, "one thread", photo, taken),
            lambda taken: _visit(browser, converted, "threads, converted", photo, taken),
            lambda taken: _python(network, 1, photo, taken),
            lambda taken: _python(network, _cores(), photo, taken),
        ]
        taken: Samples = {}
        for number in range(arguments.rounds + 1):
            # Another one goes first in each round; the first round does not count.
            shift = number % len(cases)
            if number == 1:
                taken.clear()
            for case in (*cases[shift:], *cases[:shift]):
                case(taken)
    medians = {name: statistics.median(values) for name, values in sorted(taken.items())}
    _print(medians)
    if report is not None:
        print(report["verdict"])
    if arguments.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps(_document(medians, arguments.rounds, report), indent=2) + "\n"
        )
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.browser", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (5)")
    parser.add_argument("--packages", type=Path, help="folder of the inputs' packages")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    return parser.parse_args()


def _cores() -> int:
    return min(4, len(os.sched_getaffinity(0)))


def _project(name: str, made: list[str], folder: Path) -> tuple[Path, dict[str, Any] | None]:
    """The network's page, its site made; the report of its conversion if samples are given."""
    infergen = str(Path(sys.executable).with_name("infergen"))
    command = [infergen, "new", "--name", name, "--output", str(folder), "--json"]
    done = subprocess.run(
        [*command, "--variant", "edge-browser", *made], check=True, capture_output=True
    )
    subprocess.run(["make", "site"], cwd=folder / name, check=True, capture_output=True)
    return folder / name, json.loads(done.stdout).get("conversion")


def _photo() -> bytes:
    """A JPEG as a camera takes it, though smaller."""
    row, column = np.mgrid[: PHOTO[1], : PHOTO[0]]
    waves = [np.sin(column / 40), np.cos(row / 30 + column / 90), np.sin(row * column / 9999)]
    pixels = (127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


@contextmanager
def _served(project: Path) -> Iterator[str]:
    """By the project's own server, whose headers isolate the page."""
    process = subprocess.Popen(
        ["node", "tools/serve.js", "0"], cwd=project, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


class _Plain(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _plainly_served(site: Path) -> Iterator[str]:
    """By a server that sends no headers, so that the page gets one thread."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Plain, directory=str(site))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def _visit(browser: Browser, address: str, kind: str, photo: bytes, taken: Samples) -> None:
    """A first visit, photos, and where the page keeps itself another visit."""
    keeps = kind != "one thread"
    context = browser.new_context(service_workers="allow" if keeps else "block")
    try:
        page = context.new_page()
        _note(taken, f"page, {kind}: first visit until it can answer", _open(page, address))
        file: FilePayload = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo}
        stages: Samples = {}
        for _ in range(8):
            page.evaluate("document.querySelector('#stages').replaceChildren()")
            page.set_input_files("#file", [])
            page.set_input_files("#file", [file])
            page.locator("#stages dt").first.wait_for()
            names = page.locator("#stages dt").all_inner_texts()
            for name, value in zip(
                names, page.locator("#stages dd").all_inner_texts(), strict=True
            ):
                _note(stages, name, float(value.removesuffix(" ms")))
        for name, values in stages.items():
            _note(taken, f"page, {kind}: {name}", statistics.median(values))
        if keeps:
            page.get_by_text("Works without a network").wait_for()
            page.close()
            again = _open(context.new_page(), address)
            _note(taken, f"page, {kind}: later visit until it can answer", again)
    finally:
        context.close()


def _open(page: Page, address: str) -> float:
    """Milliseconds from asking for the page until its model has answered the sample."""
    begun = time.perf_counter()
    page.goto(address)
    page.locator("#loading").wait_for(state="hidden", timeout=60_000)
    return 1000 * (time.perf_counter() - begun)


def _python(network: Path, threads: int, photo: bytes, taken: Samples) -> None:
    """The same with Pillow, numpy and ONNX Runtime, bare."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    stages: Samples = {}
    for _ in range(8):
        begun = time.perf_counter()
        image = Image.open(io.BytesIO(photo)).convert("RGB")
        decoded = time.perf_counter()
        small = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = (np.asarray(small, np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
        tensor = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        resized = time.perf_counter()
        session.run(None, {"image": tensor})
        times = (begun, decoded, resized, time.perf_counter())
        for name, since, until in zip(
            ("Decode", "Resize", "Model"), times, times[1:], strict=False
        ):
            _note(stages, name, 1000 * (until - since))
    for name, values in stages.items():
        kind = "one thread" if threads == 1 else "threads"
        _note(taken, f"Python, {kind}: {name}", statistics.median(values))


def _note(taken: Samples, what: str, milliseconds: float) -> None:
    taken.setdefault(what, []).append(milliseconds)


def _ratios(medians: dict[str, float]) -> dict[str, float]:
    """What the page takes for what Python takes 1, and what share is not the model."""
    ratios = {}
    for kind in ("one thread", "threads"):
        for stage in ("Decode", "Resize", "Model"):
            ours, theirs = medians[f"page, {kind}: {stage}"], medians[f"Python, {kind}: {stage}"]
            ratios[f"{stage}, {kind}: page / Python"] = ours / theirs
        whole = sum(medians[f"page, {kind}: {stage}"] for stage in ("Decode", "Resize", "Model"))
        ratios[f"share of preprocessing, {kind}"] = 1 - medians[f"page, {kind}: Model"] / whole
    return {name: round(value, 3) for name, value in ratios.items()}


def _print(medians: dict[str, float]) -> None:
    for name, value in medians.items():
        print(f"{name:60} {value:9.1f} ms")
    for name, value in _ratios(medians).items():
        print(f"{name:60} {value:9.2f}")


def _document(
    medians: dict[str, float], rounds: int, conversion: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "rounds": rounds,
        "milliseconds": {name: round(value, 2) for name, value in medians.items()},
        "ratios": _ratios(medians),
        "conversion": conversion,
    }


if __name__ == "__main__":
    sys.exit(main())
