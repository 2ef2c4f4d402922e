"""How fast an update is: ``python -m bench.update``; see README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from bench import equivalents, peers
from bench.generator import Aim
from bench.measure import Case, Sample, measure, print_samples, run
from builder import __version__
from builder.generate import Request, generate
from builder.template_set import SETTINGS, TEMPLATES, default_root

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "update.json"
NAME = "sample"
PACKAGES = (*peers.PACKAGES, "cruft")
CHANGED = ".py.j2"
"""The next version of the set has one more line in each template whose name ends so."""
ADDED = "# One line more.\n"
EDITED = "src/app/app.py"
"""A file that the next version changes, and the user too."""
EDIT = "# An edit.\n"

AIMS = (
    Aim("infergen update", "copier update", 1 / 2),
    Aim("infergen update", "cruft update", 1.0),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.update", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds (7)")
    parser.add_argument("--peers", type=Path, help="folder of the peers' virtual environment")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    programs = peers.install(arguments.peers, PACKAGES)
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as scratch:
        bench = _Bench(Path(scratch), programs)
        cases = [bench.infergen(), bench.infergen_newer(), bench.copier(), bench.cruft()]
        for case in cases:
            bench.copies(case, arguments.rounds)
            run(case, -1)
            bench.check(case)
        medians = measure(cases, arguments.rounds)
    _print(medians)
    reached = all(aim.ratio(medians) <= aim.most for aim in AIMS)
    if arguments.save:
        RESULTS.write_text(_document(medians, arguments.rounds, programs))
    return 0 if reached else 1


class _Bench:
    """One service made by each, and what is needed to update it; ``folder/CASE/ROUND/sample``."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        equivalents.make_filters(folder / "filters")
        (folder / "home").mkdir()
        self._environment = {
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "home"),
            "PYTHONPATH": str(folder / "filters"),
            "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        }
        (folder / "gitconfig").write_text("[user]\nname = bench\nemail = bench@example.com\n")
        self._sets = [folder / version / "own-set" for version in ("old", "new", "newer")]
        for place in self._sets:
            place.parent.mkdir()
            equivalents.make_own_set(default_root(), place)
        for place in self._sets[1:]:
            for template in (place / TEMPLATES).rglob(f"*{CHANGED}"):
                template.write_text(template.read_text() + ADDED)
        settings = self._sets[2] / SETTINGS
        version = next(line for line in settings.read_text().splitlines() if "version" in line)
        number = int(version.partition(":")[2])
        settings.write_text(settings.read_text().replace(version, f"version: {number + 1}"))
        self._materials = [
            equivalents.material(generate(Request(NAME, place))) for place in self._sets[:2]
        ]

    def infergen(self) -> Case:
        """Templates change, the model's facts still hold."""
        return self._infergen("infergen update", self._sets[1])

    def infergen_newer(self) -> Case:
        """A new version of the set: the model is asked again, which the peers know nothing of."""
        return self._infergen("infergen update, new version", self._sets[2])

    def _infergen(self, name: str, place: Path) -> Case:
        infergen = str(Path(sys.executable).with_name("infergen"))
        made = self._folder / name
        made.mkdir()
        new = [infergen, "new", "--name", NAME, "--templates", str(self._sets[0])]
        self._do([*new, "--output", str(made)])
        update = [infergen, "update", f"{made}/{{round}}/{NAME}", "--templates", str(place)]
        return Case(name, update)

    def copier(self) -> Case:
        """From a git repository with a tag for each version."""
        repository, made = self._folder / "copier", self._folder / "copier update"
        made.mkdir()
        equivalents.make_copier_git(self._materials[0], repository)
        _ask(repository, self._materials[0])
        self._commit(repository, "v1.1.0")
        next_one = self._folder / "copier-next"
        equivalents.make_copier(self._materials[1], next_one)
        shutil.copytree(next_one, repository, dirs_exist_ok=True)
        _ask(repository, self._materials[1])
        self._commit(repository, "v2.0.0")
        copier = str(self._programs / "copier")
        options = ["--defaults", "--trust", "--quiet"]
        place = str(made / NAME)
        self._do([copier, "copy", *options, "--vcs-ref", "v1.1.0", str(repository), place])
        update = [copier, "update", *options, f"{made}/{{round}}/{NAME}"]
        return Case("copier update", update, self._environment)

    def cruft(self) -> Case:
        """From a git repository with a commit for each version."""
        repository, made = self._folder / "cruft", self._folder / "cruft update"
        equivalents.make_cookiecutter(self._materials[0], repository)
        self._do(["git", "init", "--quiet", str(repository)])
        self._commit(repository, "v1")
        cruft = str(self._programs / "cruft")
        create = [cruft, "create", "--no-input", "--output-dir", str(made), str(repository)]
        self._do(create)
        next_one = self._folder / "cruft-next"
        equivalents.make_cookiecutter(self._materials[1], next_one)
        shutil.copytree(next_one, repository, dirs_exist_ok=True)
        self._commit(repository, "v2")
        place = f"{made}/{{round}}/{NAME}"
        update = [cruft, "update", "--skip-apply-ask", "--project-dir", place]
        return Case("cruft update", update, self._environment)

    def copies(self, case: Case, rounds: int) -> None:
        """A service for each round, with an edit, in git, without which the peers do nothing."""
        made = self._folder / case.name
        service = made / NAME
        with (service / EDITED).open() as file:
            text = file.read()
        (service / EDITED).write_text(EDIT + text)
        self._do(["git", "init", "--quiet", str(service)])
        self._commit(service, "v1")
        for number in range(-1, rounds + 1):
            (made / str(number)).mkdir()
            shutil.copytree(service, made / str(number) / NAME, symlinks=True)

    def check(self, case: Case) -> None:
        """Raises RuntimeError unless the update brought what it should, and kept the edit."""
        service = self._folder / case.name / "-1" / NAME
        expected = self._materials[1].files
        for path, (content, _mode) in expected.items():
            wanted = EDIT.encode() + content if path == EDITED else content
            if (service / path).read_bytes() != wanted:
                raise RuntimeError(f"{case.name}: {path} is not what it should be")

    def _commit(self, repository: Path, tag: str) -> None:
        git = ["git", "-C", str(repository)]
        self._do([*git, "add", "--all", "--force"])
        self._do([*git, "commit", "--quiet", "--message", tag])
        self._do([*git, "tag", "--annotate", "--message", tag, tag])

    def _do(self, command: Sequence[str]) -> None:
        environment = {**os.environ, **self._environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _ask(template: Path, material: equivalents.Material) -> None:
    """Every value as a question: what copier is only given, it does not remember."""
    settings = yaml.safe_load((template / "copier.yml").read_text())
    questions = {
        name: {"type": "str", "default": value}
        if isinstance(value, str)
        else {"type": "yaml", "default": json.dumps(value)}
        for name, value in material.variables.items()
    }
    (template / "copier.yml").write_text(yaml.safe_dump({**settings, **questions}))


def _print(medians: Mapping[str, Sample]) -> None:
    print_samples(medians)
    for aim in AIMS:
        passed = "PASS" if aim.ratio(medians) <= aim.most else "FAIL"
        ratio = f"{aim.ratio(medians):.2f}, at most {aim.most:g}"
        print(f"{passed} {aim.case} / {aim.other}: CPU {ratio}")


def _document(medians: Mapping[str, Sample], rounds: int, programs: Path) -> str:
    document = {
        "rounds": rounds,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "infergen": __version__,
        **peers.versions(programs, PACKAGES),
        "medians": {
            name: {key: round(value, 1) for key, value in asdict(sample).items()}
            for name, sample in medians.items()
        },
        "aims": [{**asdict(aim), "ratio": round(aim.ratio(medians), 3)} for aim in AIMS],
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
