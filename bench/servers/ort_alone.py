"""The floor of a large model: ONNX Runtime alone runs it in a loop, in as many threads as cores.

Run as ``python ort_alone.py SECONDS``; prints runs a second and CPU time per run in seconds.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx_model


def main(seconds: float) -> None:
    session = onnx_model.load()
    data = np.random.default_rng(1).standard_normal(onnx_model.SHAPE, np.float32)
    onnx_model.run(session, data)
    cores = len(os.sched_getaffinity(0))
    started, cpu = time.perf_counter(), time.process_time()
    end = started + seconds

    def loop(_: int) -> int:
        runs = 0
        while time.perf_counter() < end:
            onnx_model.run(session, data)
            runs += 1
        return runs

    with ThreadPoolExecutor(cores) as threads:
        runs = sum(threads.map(loop, range(cores)))
    print(runs / (time.perf_counter() - started), (time.process_time() - cpu) / runs)


main(float(sys.argv[1]))
