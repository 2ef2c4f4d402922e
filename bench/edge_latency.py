"""``python -m bench.edge_latency PROJECT IMAGE``: an engine's total beside the same done bare.

Prints the least milliseconds of each, measured in turns: other work only adds to them. Bare is
what anybody writes first: Pillow, numpy, and a session with as many threads, not spinning either.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import onnxruntime as ort
from PIL import Image

from bench.edge_inputs import tensor

WARM_UP = 3
SECONDS = 8.0


def main(project: Path, image: Path) -> int:
    content = image.read_bytes()
    sys.path.insert(0, str(project))
    engines = importlib.import_module("src.engine")
    installed = importlib.import_module("src.installed")
    threads = importlib.import_module("src.utils.cpus").available_cpus()
    original = installed.original_model(project / "models")
    engine = engines.Engine.of(original)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(str(original.path), options, providers=["CPUExecutionProvider"])
    ways: dict[str, Callable[[], object]] = {
        "engine": lambda: engine.predict(content),
        "bare": lambda: session.run(None, {"image": tensor(Image.open(BytesIO(content)))}),
    }
    print(json.dumps(_least(ways)))
    return 0


def _least(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    ends = time.perf_counter() + SECONDS
    while time.perf_counter() < ends or len(times[names[0]]) < 10 + WARM_UP:
        names.reverse()
        for name in names:
            started = time.perf_counter()
            ways[name]()
            times[name].append((time.perf_counter() - started) * 1e3)
    return {name: min(taken[WARM_UP:]) for name, taken in times.items()}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
