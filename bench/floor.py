"""The floor: the least that makes the same files, as a bare script would do it.

Run as ``python floor.py SET DESTINATION``, where SET is a folder in the classic form. Nothing is
checked, quoted values aside, and nothing is recorded.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click
import jinja2
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))
from builder.render.quoting import HELPERS, QUOTING


@click.command()
@click.argument("template_set", type=click.Path(path_type=Path))
@click.argument("destination", type=click.Path(path_type=Path))
def main(template_set: Path, destination: Path) -> None:
    def read(name: str) -> dict[str, object]:
        mapping: dict[str, object] = yaml.load(
            (template_set / name).read_text(), Loader=yaml.CSafeLoader
        )
        return mapping

    variables = read("vars.yaml")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template_set / "template_files"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {**QUOTING, **HELPERS}
    shutil.copytree(template_set / "template", destination, symlinks=True)
    for template, target in read("correspond_file_path.yaml").items():
        text = environment.get_template(template).render(variables)
        if text.strip():
            path = Path(str(target).format(destination))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            if text.startswith("#!"):
                path.chmod(0o755)


main()
