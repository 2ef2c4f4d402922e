"""Many services by a peer's own Python API, in one process.

Run by the peers' Python as ``python fleet_peers.py PEER TEMPLATE OUTPUT COUNT [VALUES]``.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

peer, template, output, count, *rest = sys.argv[1:]
names = [f"s{number:05}" for number in range(int(count))]
if peer == "cookiecutter":
    generate = importlib.import_module("cookiecutter.main").cookiecutter
    for name in names:
        generate(template, no_input=True, extra_context={"name": name}, output_dir=output)
else:
    copy = importlib.import_module("copier").run_copy
    values = importlib.import_module("json").loads(Path(rest[0]).read_text())
    for name in names:
        copy(
            template, str(Path(output, name)), data={**values, "name": name},
            defaults=True, quiet=True, unsafe=True,
        )  # fmt: skip
