"""How fast an edge-device project is: ``python -m bench.edge``; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort
from PIL import Image

from bench import edge_inputs
from bench.measure import Case, Sample, measure, print_samples

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "edge.json"
NAME = "network"
FLOOR = "import numpy, onnxruntime"
CROPS = 160
LARGE = (4000, 3000)


@dataclass(frozen=True, slots=True)
class Aim:
    """A ratio that is to be at most, or at least, so much."""

    what: str
    ratio: float
    bound: float
    most: bool

    @property
    def reached(self) -> bool:
        return self.ratio <= self.bound if self.most else self.ratio >= self.bound


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.edge", description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="of cold starts (9)")
    parser.add_argument("--packages", type=Path, help="folder of the inputs' packages")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    root = edge_inputs.packages(arguments.packages)
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch:
        folder = Path(scratch)
        project, report = _make(root, folder)
        crop, large = folder / "crops" / "0.jpg", folder / "large.jpg"
        Image.open(crop).resize(LARGE, Image.Resampling.BICUBIC).save(large, quality=90)
        latencies = {path.stem: _latencies(project, path) for path in (crop, large)}
        starts = measure(_starts(project, crop), arguments.rounds)
        features = _features(project)
    aims = _aims(latencies, starts, report, features)
    _print(latencies, starts, report, aims)
    if arguments.save:
        document = {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "onnxruntime": ort.__version__,
            "int8_instructions": features,
            "latencies": latencies,
            "starts": {name: asdict(sample) for name, sample in starts.items()},
            "conversion": report,
            "aims": [{**asdict(aim), "reached": aim.reached} for aim in aims],
        }
        RESULTS.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(aim.reached for aim in aims) else 1


def _make(root: Path, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The project of the network, converted on crops that it is sure of, and the report of that."""
    network, labels = edge_inputs.write_model(root, folder)
    edge_inputs.write_crops(root, network, folder / "crops", CROPS)
    command = [str(Path(sys.executable).with_name("infergen")), "new", "--name", NAME, "--json"]
    command += ["--variant", "edge-device", *edge_inputs.new_arguments(network, labels)]
    command += ["--output", str(folder), "--samples", str(folder / "crops")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)["conversion"]
    return folder / NAME, report


def _latencies(project: Path, image: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.edge_latency", str(project), str(image)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _starts(project: Path, image: Path) -> list[Case]:
    """From nothing to the first answer, and to what it cannot do without."""
    environment = {"PYTHONPATH": str(project)}
    run = [sys.executable, "-m", "src", "run", str(image)]
    return [
        Case("floor", [sys.executable, "-c", FLOOR], environment),
        Case("first answer, original", [*run, "--models", str(_original(project))], environment),
        Case("first answer, converted", run, environment),
    ]


def _original(project: Path) -> Path:
    """A folder of the models without what was converted."""
    folder = project.parent / "original"
    folder.mkdir()
    for path in (project / "models").iterdir():
        if path.name != "conversion.json":
            (folder / path.name).symlink_to(path)
    return folder


def _features(project: Path) -> list[str]:
    code = "import json; from src import machine; print(json.dumps(machine.int8_instructions()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    names: list[str] = json.loads(done.stdout)
    return names


def _aims(
    latencies: dict[str, dict[str, float]],
    starts: dict[str, Sample],
    report: dict[str, Any],
    features: list[str],
) -> list[Aim]:
    """Those of INT8 only where the CPU has the instructions."""
    crop, large = latencies.values()
    floor, converted = starts["floor"], starts["first answer, converted"]
    aims = [
        Aim("a crop: engine / bare", crop["engine"] / crop["bare"], 1.1, most=True),
        Aim("12 megapixels: engine / bare", large["engine"] / large["bare"], 0.5, most=True),
        Aim("first answer / floor, CPU", converted.cpu / floor.cpu, 2.0, most=True),
        Aim("first answer / floor, memory", converted.memory / floor.memory, 2.0, most=True),
    ]
    if features:
        forms = {candidate["form"]: candidate for candidate in report["candidates"]}
        int8, original = forms["int8"], forms["original"]
        faster = original["run_milliseconds"] / int8["run_milliseconds"]
        agreement = int8["comparison"]["confident_agreement"]
        aims.append(Aim("float32 / INT8, run", faster, 1.8, most=False))
        aims.append(Aim("INT8, agreement on confident samples", agreement, 0.99, most=False))
    return aims


def _print(
    latencies: dict[str, dict[str, float]],
    starts: dict[str, Sample],
    report: dict[str, Any],
    aims: list[Aim],
) -> None:
    for name, figures in latencies.items():
        print(f"{name:26}engine {figures['engine']:8.1f} ms   bare {figures['bare']:8.1f} ms")
    print()
    print_samples(starts)
    print(f"\n{'':26}{'run ms':>9}{'load ms':>9}{'KB':>9}")
    for candidate in report["candidates"]:
        print(
            f"{candidate['form']:26}{candidate['run_milliseconds']:9.2f}"
            f"{candidate['load_milliseconds']:9.1f}{candidate['bytes'] / 1e3:9.0f}"
            f"  {candidate['objection']}"
        )
    print(f"{report['verdict']}\n")
    for aim in aims:
        bound = f"at {'most' if aim.most else 'least'} {aim.bound:g}"
        print(f"{'PASS' if aim.reached else 'FAIL':6}{aim.what:40}{aim.ratio:7.2f}  {bound}")


if __name__ == "__main__":
    sys.exit(main())
