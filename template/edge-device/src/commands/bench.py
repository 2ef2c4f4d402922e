"""``bench``: how long each stage takes here, over many runs."""

from __future__ import annotations

import json
import resource
import statistics
import sys
from argparse import Namespace
from collections.abc import Sequence

from ..sample import SAMPLE
from .run import open_engine
from .sources import read_source

WARM_UP = 5
_UNIT = 1 if sys.platform == "darwin" else 1024


def execute(options: Namespace) -> int:
    """0; the sample, or what is in the file, is answered again and again."""
    engine = open_engine(options)
    data = SAMPLE if options.source is None else read_source(options.source)
    for _ in range(WARM_UP):
        engine.predict(data)
    runs = [engine.predict(data).milliseconds for _ in range(options.runs)]
    stages = {stage: [run[stage] for run in runs] for stage in runs[0]}
    stages["total"] = [sum(run.values()) for run in runs]
    figures = {stage: _figures(times) for stage, times in stages.items()}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT / 1e6
    if options.json:
        document = {
            "device": engine.device,
            "form": engine.installed.form,
            "runs": options.runs,
            "milliseconds": figures,
            "peak_megabytes": round(memory, 1),
        }
        print(json.dumps(document, indent=2))
    else:
        print(f"{engine.installed.path.name} on {engine.device}, {options.runs} runs, in ms:")
        print(f"{'':12}{'median':>10}{'95 %':>10}{'worst':>10}")
        for stage, figure in figures.items():
            print(f"{stage:12}{figure['median']:>10}{figure['p95']:>10}{figure['worst']:>10}")
        print(f"peak memory {memory:.0f} MB")
    return 0


def _figures(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 3),
        "worst": round(ordered[-1], 3),
    }
