"""How fast a generated service is beside its peers: ``python -m bench.service``; see README.md."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.serving import environments, plot, report
from bench.serving.contestants import GENERATED, MODEL, Contestant, chosen
from bench.serving.measure import Case, Plan, Sample, run_alone, time_imports
from bench.serving.workloads import Workload, cnn, iris

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "service.json"
PLOT = RESULTS.with_suffix(".svg")


def main() -> int:
    arguments = _arguments()
    plan, rounds = _plan(arguments), 1 if arguments.quick else arguments.rounds
    contestants = chosen(arguments.servers.split(",") if arguments.servers else [])
    if shutil.which("wrk") is None:
        sys.exit("error: wrk is missing; install it (apt install wrk), then run again")
    measured = []
    try:
        with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch:
            for workload in (iris(), cnn(Path(scratch) / "model")):
                if arguments.only in (None, workload.name):
                    folder = Path(scratch) / workload.name
                    measured.append(
                        _measure(workload, contestants, folder, arguments.peers, plan, rounds)
                    )
                    report.print_table(measured[-1])
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    reached = report.print_aims(measured)
    if arguments.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(report.document(measured, plan, rounds))
        PLOT.write_text(plot.svg(measured))
    return 0 if reached else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (5)")
    parser.add_argument("--seconds", type=int, default=5, help="of load at each step (5)")
    parser.add_argument("--connections", default="1,16,64", help="steps of the load (1,16,64)")
    parser.add_argument("--quick", action="store_true", help="one round, one second each")
    parser.add_argument("--only", choices=("iris", "cnn"), help="one of the two models")
    parser.add_argument("--servers", help="some of them, by the beginning of their names: gen,uvi")
    parser.add_argument(
        "--unpinned", action="store_true", help="servers and load share all cores (else: one each)"
    )
    parser.add_argument(
        "--peers",
        type=Path,
        default=environments.default_folder(),
        help="folder of the servers' virtual environments (in the user's cache folder)",
    )
    parser.add_argument(
        "--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)} and the plot"
    )
    return parser.parse_args()


def _plan(arguments: argparse.Namespace) -> Plan:
    cores = sorted(os.sched_getaffinity(0))
    pinned = len(cores) > 1 and not arguments.unpinned
    return Plan(
        seconds=1 if arguments.quick else arguments.seconds,
        connections=[int(number) for number in arguments.connections.split(",")],
        server_cores=cores[:1] if pinned else cores,
        load_cores=cores[1:] if pinned else cores,
    )


def _measure(
    workload: Workload,
    contestants: Sequence[Contestant],
    folder: Path,
    peers: Path,
    plan: Plan,
    rounds: int,
) -> report.Measured:
    """Every server that is measured with this model, after a first round that does not count."""
    service = folder / MODEL
    _generate(workload, folder)
    python = environments.install_service(peers, service)
    cases = []
    for contestant in contestants:
        if workload.name not in contestant.models:
            continue
        if contestant.name == GENERATED:
            cases.append(Case(contestant, workload, python, service))
            continue
        own = folder / contestant.name
        own.mkdir()
        installed = environments.install(peers, contestant.environment)
        cases.append(Case(contestant, workload, installed, own))
    samples: dict[str, list[Sample]] = {case.contestant.name: [] for case in cases}
    alone, imports = [], []
    warm = Plan(1, plan.connections[:1], plan.server_cores, plan.load_cores)
    for number in range(rounds + 1):
        print(f"{workload.name}: round {number} of {rounds}", file=sys.stderr)
        taken = time_imports(python, plan)
        rate = run_alone(python, workload, plan if number else warm) if workload.binary else None
        if number:
            imports.append(taken)
            alone += [rate] if rate else []
        # Another one goes first in each round, so that no server always follows the same one.
        shift = number % len(cases)
        for case in (*cases[shift:], *cases[:shift]):
            sample = case.measure(plan if number else warm)
            if number:
                samples[case.contestant.name].append(sample)
    versions = {
        case.contestant.name: environments.version(case.python, case.contestant.package)
        for case in cases
    }
    return report.Measured(workload.name, samples, imports, alone, versions)


def _generate(workload: Workload, folder: Path) -> None:
    """The service, by the checkout that this file belongs to."""
    infergen = Path(sys.executable).with_name("infergen")
    command = [str(infergen), "new", "--name", MODEL, "--output", str(folder), *workload.generate]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"infergen new failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
