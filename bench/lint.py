"""How long lint takes on the default set: ``python -m bench.lint``; see README.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.measure import Case, Sample, measure
from builder.template_set import SETTINGS, default_root

NEW = "infergen new"
AGAIN = "lint, nothing changed"
SAVED = "lint, one template saved"
SHARED = "lint, a partial of most templates saved"
FIRST = "lint, no cache"
AIMS = {AGAIN: 3.0, SAVED: 6.0}
"""How many times the CPU time of ``infergen new`` each is to take at most."""

_INFERGEN = str(Path(sys.executable).with_name("infergen"))
_SAVE = 'echo "{# saved {round} #}" >> "$0" && exec "$@"'
"""A comment that prints nothing, as an editor would leave it: the set stays good."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.lint", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds (7)")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="infergen-bench-") as folder:
        medians = measure(_cases(Path(folder)), rounds)
    unit = medians[NEW]
    print(f"{'':42}{'wall':>8}{'CPU':>9}{'CPU, new = 1':>14}{'memory':>9}")
    for name, sample in medians.items():
        print(_row(name, sample, unit))
    missed = [name for name, most in AIMS.items() if medians[name].cpu > most * unit.cpu]
    for name in missed:
        print(f"missed: {name} takes more than {AIMS[name]:g} times as long as {NEW}")
    return int(bool(missed))


def _row(name: str, sample: Sample, unit: Sample) -> str:
    ratio = f"{sample.cpu / unit.cpu:.1f}"
    return f"{name:42}{sample.wall:5.0f} ms{sample.cpu:6.0f} ms{ratio:>14}{sample.memory:6.0f} MB"


def _cases(folder: Path) -> list[Case]:
    cache = {"XDG_CACHE_HOME": str(folder / "cache")}
    sets = {name: _copy(folder / name) for name in ("again", "saved", "shared")}
    lint = (_INFERGEN, "templates", "lint")

    def after_saving(name: str, template: str) -> tuple[str, ...]:
        saved = str(sets[name] / "template_files" / template)
        return ("/bin/sh", "-c", _SAVE, saved, *lint, str(sets[name]))

    return [
        Case(NEW, (_INFERGEN, "new", "--name", "made-{round}", "--output", str(folder / "out"))),
        Case(AGAIN, (*lint, str(sets["again"])), cache),
        Case(SAVED, after_saving("saved", "web/app.py.j2"), cache),
        Case(SHARED, after_saving("shared", "common/_kind.j2"), cache),
        Case(FIRST, (*lint, str(sets["again"])), {"XDG_CACHE_HOME": "/dev/null"}),
    ]


def _copy(place: Path) -> Path:
    root = default_root()
    for name in ("template", "template_files", "vars"):
        shutil.copytree(root / name, place / name)
    for name in (SETTINGS, "correspond_file_path.yaml"):
        shutil.copy(root / name, place / name)
    return place


if __name__ == "__main__":
    sys.exit(main())
