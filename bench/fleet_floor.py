"""The floor of a fleet: the least that makes the same files, as a bare script would do it.

Run as ``python fleet_floor.py SET VALUES OUTPUT``, where SET is a folder in the classic form and
VALUES one of JSON files with all variables of a service each. Templates are compiled once. Nothing
is checked, quoted values aside, and nothing is recorded.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import jinja2

sys.path.insert(0, str(Path(__file__).parent.parent))
from builder.render.quoting import HELPERS, QUOTING


def main(template_set: Path, values: Path, output: Path) -> None:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_set / "template_files"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters |= {**QUOTING, **HELPERS}
    targets = json.loads((template_set / "targets.json").read_text())
    for file in sorted(values.iterdir()):
        variables = json.loads(file.read_text())
        destination = output / variables["name"]
        shutil.copytree(template_set / "template", destination, symlinks=True)
        for template, target in targets.items():
            text = environment.get_template(template).render(variables)
            if text.strip():
                path = destination / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
                if text.startswith("#!"):
                    path.chmod(0o755)


main(*map(Path, sys.argv[1:]))
