"""How fast a fleet is made: ``python -m bench.fleet``; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from bench import equivalents, peers
from bench.measure import Case, Sample, run
from builder import __version__
from builder.generate import Request, generate
from builder.template_set import default_root

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "fleet.json"
_FLOOR = ROOT / "bench" / "fleet_floor.py"
_PEERS = ROOT / "bench" / "fleet_peers.py"
_PEERS_MOST = 100
_FLOOR_MOST = 1000
_SETTLED = 2.5
"""Seconds after which the time of a file that was written is believed."""
BUILD, FLOOR, AGAIN, UNCHANGED = "fleet, 1 job", "floor", "looked at first", "looked at again"


@dataclass(frozen=True, slots=True)
class Aim:
    """``name`` is to be at most ``most``, and was ``ratio``."""

    name: str
    most: float
    ratio: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="rounds up to 100 services (3)")
    parser.add_argument("--large", action="store_true", help="also 10,000 services: 8 GB")
    parser.add_argument("--peers", type=Path, help="folder of the peers' virtual environment")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    programs = peers.install(arguments.peers)
    sizes = [10, 100, 1000] + ([10_000] if arguments.large else [])
    medians: dict[int, dict[str, Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch:
        folder = Path(scratch)
        _make_sets(folder)
        for size in sizes:
            rounds = arguments.rounds if size <= _PEERS_MOST else 1
            medians[size] = _measure(folder, size, rounds, programs)
            _print(size, medians[size])
    aims = _aims(medians)
    for aim in aims:
        passed = "PASS" if aim.ratio <= aim.most else "FAIL"
        print(f"{passed:6}{aim.name:62}{aim.ratio:7.3f}  at most {aim.most:g}")
    if arguments.save:
        RESULTS.write_text(_document(medians, aims, arguments.rounds, programs))
    return 0 if all(aim.ratio <= aim.most for aim in aims) else 1


def _make_sets(folder: Path) -> None:
    """What the floor and the peers make services of, and the values of one."""
    material = equivalents.material(generate(Request("sample", default_root())))
    equivalents.make_filters(folder / "filters")
    equivalents.make_floor(material, folder / "floor")
    equivalents.make_cookiecutter(material, folder / "cookiecutter")
    equivalents.make_copier(material, folder / "copier")
    (folder / "home").mkdir()
    targets = {template: path for path, template in material.mapped.items()}
    (folder / "floor" / "targets.json").write_text(json.dumps(targets))
    (folder / "values.json").write_text(json.dumps(dict(material.variables)))


def _make_variables(folder: Path, size: int) -> None:
    """The same services as variables files for infergen, and as complete values for the floor."""
    given = yaml.safe_load((default_root() / "vars" / "sample.yaml").read_text())
    complete = json.loads((folder / "values.json").read_text())
    shutil.copytree(default_root() / "vars" / "models", folder / "vars" / "models")
    (folder / "values").mkdir()
    for number in range(size):
        name = f"s{number:05}"
        own = {"name": name, "title": f"Species, {number}", "port": 8000 + number % 1000}
        text = yaml.safe_dump({**given, **own}, sort_keys=False)
        (folder / "vars" / f"{name}.yaml").write_text(text)
        values = {**complete, **own, "namespace": name}
        (folder / "values" / f"{name}.json").write_text(json.dumps(values))


def _measure(folder: Path, size: int, rounds: int, programs: Path) -> dict[str, Sample]:
    """The medians by case, those that write interleaved; each writes to a folder of its own."""
    _make_variables(folder, size)
    time.sleep(_SETTLED)
    taken: dict[str, list[Sample]] = {}
    for number in range(rounds):
        out = folder / "out"
        # The peers take most of the time, and theirs leaves no doubt.
        for case in _writers(folder, size, programs if number == 0 else None):
            taken.setdefault(case.name, []).append(run(case, number, timeout=7200))
            if case.name == BUILD:
                time.sleep(_SETTLED)
                for name in (AGAIN, UNCHANGED):
                    look = Case(name, case.command)
                    taken.setdefault(name, []).append(run(look, number, timeout=7200))
            elif case.name == FLOOR and number == 0:
                _check_same(folder / "out" / BUILD, out / FLOOR)
            if case.name != BUILD:
                shutil.rmtree(out / case.name)
        shutil.rmtree(out)
    shutil.rmtree(folder / "vars")
    shutil.rmtree(folder / "values")
    return {name: _median(samples) for name, samples in taken.items()}


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(
        wall=statistics.median(sample.wall for sample in samples),
        cpu=statistics.median(sample.cpu for sample in samples),
        memory=statistics.median(sample.memory for sample in samples),
    )


def _writers(folder: Path, size: int, programs: Path | None) -> list[Case]:
    """Those who make services; the peers only if their ``programs`` are given.

    Of very many, one process of infergen alone: all that is asked is whether time and memory grow.
    """
    fleet = [str(Path(sys.executable).with_name("infergen")), "fleet", str(folder / "vars")]

    def out(name: str) -> str:
        return str(folder / "out" / name)

    cases = [
        Case(BUILD, [*fleet, "--output", out(BUILD), "--jobs", "1"]),
        Case(FLOOR, [sys.executable, str(_FLOOR), *map(str, (folder / "floor", folder / "values")),
                     out(FLOOR)]),
        Case("fleet", [*fleet, "--output", out("fleet")]),
    ]  # fmt: skip
    if size > _FLOOR_MOST:
        return cases[:1]
    if programs is not None and size <= _PEERS_MOST:
        environment = {
            "HOME": str(folder / "home"),
            "PYTHONPATH": str(folder / "filters"),
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        for peer in peers.PACKAGES:
            command = [str(programs / "python"), str(_PEERS), peer, str(folder / peer), out(peer)]
            values = [str(size), str(folder / "values.json")]
            cases.append(Case(peer, [*command, *values], environment))
    return cases


def _check_same(ours: Path, theirs: Path) -> None:
    """Raises RuntimeError unless the floor wrote what infergen writes, its records aside."""
    found = [_files(folder) for folder in (ours, theirs)]
    if found[0] != found[1]:
        wrong = sorted(path for path, _ in set(found[0].items()) ^ set(found[1].items()))
        raise RuntimeError(f"the floor does not write the same: {', '.join(wrong[:10])}")


def _files(folder: Path) -> dict[str, bytes]:
    """The files of the first ten services."""
    services = sorted(path for path in folder.iterdir() if not path.name.startswith("."))[:10]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for service in services
        for path in service.rglob("*")
        if path.is_file() and ".infergen" not in path.parts
    }


def _print(size: int, medians: Mapping[str, Sample]) -> None:
    print(f"{size:,} services{'':12}{'services/s':>12}{'CPU ms each':>13}{'peak MB':>9}")
    for name, sample in medians.items():
        rate, each = size / sample.wall * 1e3, sample.cpu / size
        print(f"  {name:22}{rate:12.1f}{each:13.2f}{sample.memory:9.1f}")
    print()


def _aims(medians: Mapping[int, Mapping[str, Sample]]) -> list[Aim]:
    """CPU time and memory decide, as in bench.generator; a busy machine is no slower by them."""
    small, middle, large = min(medians), sorted(medians)[-2], max(medians)
    at, at_floor = medians[large], medians[min(large, _FLOOR_MOST)]
    most_peers = medians[_PEERS_MOST]

    def each(size: int) -> float:
        return medians[size][BUILD].cpu / size

    return [
        Aim(
            f"{min(large, _FLOOR_MOST):,} services: {BUILD} / floor, CPU",
            1.5, at_floor[BUILD].cpu / at_floor[FLOOR].cpu,
        ),
        Aim(
            f"{large:,} unchanged services: looked at again / made, CPU",
            0.1, at[UNCHANGED].cpu / at[BUILD].cpu,
        ),
        Aim(f"CPU a service: of {large:,} / of {middle:,}", 1.1, each(large) / each(middle)),
        Aim(
            f"peak memory: {large:,} services / {small:,} services",
            1.5, at[BUILD].memory / medians[small][BUILD].memory,
        ),
        *(
            Aim(
                f"{_PEERS_MOST} services: {BUILD} / {peer}, CPU",
                1.0, most_peers[BUILD].cpu / most_peers[peer].cpu,
            )
            for peer in peers.PACKAGES
        ),
    ]  # fmt: skip


def _document(
    medians: Mapping[int, Mapping[str, Sample]],
    aims: Sequence[Aim],
    rounds: int,
    programs: Path,
) -> str:
    document = {
        "rounds": {str(size): rounds if size <= _PEERS_MOST else 1 for size in medians},
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "infergen": __version__,
        **peers.versions(programs),
        "medians": {
            str(size): {
                name: {key: round(value, 1) for key, value in asdict(sample).items()}
                for name, sample in samples.items()
            }
            for size, samples in medians.items()
        },
        "aims": [{**asdict(aim), "ratio": round(aim.ratio, 3)} for aim in aims],
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
