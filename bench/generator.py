"""How fast the generator is: ``python -m bench.generator``; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench import equivalents, peers
from bench.measure import Case, Sample, measure, print_samples, run
from builder import __version__
from builder.generate import Request, generate
from builder.render import compiled
from builder.render.sandbox import layered_environment
from builder.template_set import default_root

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "generator.json"
NAME = "sample"
_FLOOR = ROOT / "bench" / "floor.py"

_COUNT_PROCESSES = """
import sys
FUNCTIONS = {"exec", "fork", "forkpty", "posix_spawn", "spawn", "system"}
started = []
def hook(event, arguments):
    if event == "subprocess.Popen" or event.partition(".")[2] in FUNCTIONS:
        started.append(event)
sys.addaudithook(hook)
from builder.cli import main
try:
    main()
except SystemExit as end:
    sys.exit(f"started: {started}" if started else end.code)
"""


@dataclass(frozen=True, slots=True)
class Aim:
    """``case`` is to take at most ``most`` times the CPU time (or peak memory) of ``other``."""

    case: str
    other: str
    most: float
    measure: Literal["cpu", "memory"] = "cpu"

    def ratio(self, medians: Mapping[str, Sample], measure: str | None = None) -> float:
        ours, theirs = (
            getattr(medians[name], measure or self.measure) for name in (self.case, self.other)
        )
        return float(ours / theirs)


AIMS = (
    Aim("infergen --version", "python -c pass", 4.5),
    Aim("infergen --version", "cookiecutter --version", 1.0),
    Aim("infergen --help", "cookiecutter --help", 1.0),
    Aim("infergen new", "floor", 1.3),
    Aim("infergen new", "floor", 1.3, "memory"),
    Aim("infergen new", "cookiecutter", 1 / 2),
    Aim("infergen new", "copier", 1 / 4),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.generator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measured rounds (15)")
    parser.add_argument("--peers", type=Path, help="folder of the peers' virtual environment")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    programs = peers.install(arguments.peers)
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch:
        folder = Path(scratch)
        material = equivalents.material(generate(Request(NAME, default_root())))
        _check_compiled(material)
        generators = _generators(material, folder, programs)
        _check_same(material, generators, folder)
        _check_no_process(folder)
        medians = measure([*_starts(programs), *generators], arguments.rounds)
    print_samples(medians)
    print()
    reached = _print_aims(medians)
    if arguments.save:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(_document(medians, arguments.rounds, material, programs))
    return 0 if reached else 1


def _starts(programs: Path) -> list[Case]:
    """Commands that only start: nothing is generated."""
    return [
        Case("python -c pass", [sys.executable, "-c", "pass"]),
        Case("infergen --version", [_infergen(), "--version"]),
        Case("infergen --help", [_infergen(), "--help"]),
        Case("cookiecutter --version", [str(programs / "cookiecutter"), "--version"]),
        Case("cookiecutter --help", [str(programs / "cookiecutter"), "--help"]),
        Case("copier --version", [str(programs / "copier"), "--version"]),
    ]


def _generators(material: equivalents.Material, folder: Path, programs: Path) -> list[Case]:
    """Each of them writes to a folder of its own, ``folder/out/CASE/ROUND/sample``."""
    equivalents.make_own_set(default_root(), folder / "own-set")
    equivalents.make_filters(folder / "filters")
    equivalents.make_floor(material, folder / "floor")
    equivalents.make_cookiecutter(material, folder / "cookiecutter")
    equivalents.make_copier(material, folder / "copier")
    equivalents.make_copier_git(material, folder / "copier-git")
    (folder / "home").mkdir()
    environment = {
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(folder / "filters"),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    copier = [str(programs / "copier"), "copy", "--defaults", "--trust", "--quiet"]
    copier += ["--data-file", str(folder / "floor" / "vars.yaml")]
    new = [_infergen(), "new", "--name", NAME, "--output", "{out}"]
    commands = {
        "infergen new": new,
        "infergen new, own set": [*new, "--templates", str(folder / "own-set")],
        "floor": [sys.executable, str(_FLOOR), str(folder / "floor"), "{service}"],
        "cookiecutter": [
            str(programs / "cookiecutter"),
            *("--no-input", str(folder / "cookiecutter"), "--output-dir", "{out}"),
        ],
        "copier": [*copier, str(folder / "copier"), "{service}"],
        "copier from git": [*copier, str(folder / "copier-git"), "{service}"],
    }
    cases = []
    for name, command in commands.items():
        out = folder / "out" / name
        out.mkdir(parents=True)
        places = {"{out}": f"{out}/{{round}}", "{service}": f"{out}/{{round}}/{NAME}"}
        peer = name.startswith(("cookiecutter", "copier"))
        own = environment if peer else {}
        cases.append(Case(name, [places.get(part, part) for part in command], own))
    return cases


def _check_compiled(material: equivalents.Material) -> None:
    """Raises RuntimeError if infergen, as it is installed here, has to compile its templates."""
    needed = compiled.compile_templates(layered_environment(material.templates))
    if not needed.keys() <= {path.name for path in compiled.FOLDER.glob("*.py")}:
        raise RuntimeError("templates have changed since infergen was installed; install it again")


def _check_same(material: equivalents.Material, generators: Sequence[Case], folder: Path) -> None:
    """Raises RuntimeError unless everyone writes what infergen writes."""
    for case in generators:
        run(case, -1)
        equivalents.check_same(material, folder / "out" / case.name / "-1" / NAME)


def _check_no_process(folder: Path) -> None:
    """Raises RuntimeError if ``infergen new`` starts a process."""
    command = [sys.executable, "-c", _COUNT_PROCESSES, "new", "--name", NAME]
    done = subprocess.run(
        [*command, "--output", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"infergen new is not to start a process: {done.stderr}")
    print("no process is started by infergen new\n")


def _infergen() -> str:
    return str(Path(sys.executable).with_name("infergen"))


def _print_aims(medians: Mapping[str, Sample]) -> bool:
    """Whether every aim is reached."""
    print(f"{'':6}{'':48}{'CPU':>7}{'wall':>7}{'memory':>8}  aim")
    reached = True
    for aim in AIMS:
        passed = aim.ratio(medians) <= aim.most
        reached &= passed
        cpu, wall, memory = (aim.ratio(medians, name) for name in ("cpu", "wall", "memory"))
        print(
            f"{'PASS' if passed else 'FAIL':6}{aim.case + ' / ' + aim.other:48}"
            f"{cpu:7.2f}{wall:7.2f}{memory:8.2f}  {aim.measure} at most {aim.most:g}"
        )
    return reached


def _document(
    medians: Mapping[str, Sample], rounds: int, material: equivalents.Material, programs: Path
) -> str:
    sizes = [len(content) for content, _ in material.files.values()]
    document = {
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "infergen": __version__,
        **peers.versions(programs),
        "templates": len(material.mapped),
        "files": len(sizes),
        "bytes": sum(sizes),
        "medians": {
            name: {key: round(value, 1) for key, value in asdict(sample).items()}
            for name, sample in medians.items()
        },
        "aims": [{**asdict(aim), "ratio": round(aim.ratio(medians), 3)} for aim in AIMS],
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
