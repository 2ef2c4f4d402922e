"""The default set's own templates, in the forms that the floor, cookiecutter and copier take.

What infergen generates from the embedded default decides what the others get: the same files to
copy, byte for byte, and the same templates with the same variables. They differ in this, each time
to the others' advantage:

- The quoting filters come from a Jinja2 extension, which is a copy of infergen's own.
- cookiecutter has one variable, ``cookiecutter``, and makes text of every value. So the values lie
  in its private ``_values``, which it leaves alone, and a first line in each template gives those
  that it uses their names. Files to copy are listed in ``_copy_without_render``.
- copier gets the values as a data file, without questions by which it would check them.
- Templates that render to nothing, for which infergen writes no file, are left out for both peers,
  which have no such rule; the floor does render them.
- Nobody verifies what was rendered. Nobody makes a record of it, save copier from a git repository.

``check_same`` proves that what each of them writes is the same, byte for byte.
"""

from __future__ import annotations

import glob
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2 import meta, nodes

from builder.generate import Generated
from builder.output import Output, OutputFile, OutputFolder
from builder.paths import RECORD_FOLDER
from builder.render import literals, python_names, quoting
from builder.template_set import PATH_MAP, SCHEMA, SETTINGS, SKELETONS, TEMPLATES

OPTIONS = {"trim_blocks": True, "lstrip_blocks": True}
"""How the templates of a layered set are read; both peers keep a last newline by themselves."""

_EXTENSION = """
from infergen_quoting import HELPERS, QUOTING
from jinja2.ext import Extension


class Quoting(Extension):
    def __init__(self, environment):
        super().__init__(environment)
        environment.filters.update({**QUOTING, **HELPERS})
"""


@dataclass(frozen=True, slots=True)
class Material:
    """What infergen made a service of.

    ``outputs`` are the service's files and folders by path, but for its record; ``mapped`` tells of
    each path that a template is for its name; ``templates`` is the folder that they lie in.
    """

    templates: Path
    mapped: Mapping[str, str]
    variables: Mapping[str, Any]
    outputs: Mapping[str, Output]

    @property
    def files(self) -> dict[str, tuple[bytes, int]]:
        """Content and mode of every file that is written, by its path."""
        return {
            path: (_content(output), output.mode)
            for path, output in self.outputs.items()
            if isinstance(output, OutputFile)
        }

    @property
    def rendered(self) -> dict[str, str]:
        """The path map without those templates that render to nothing."""
        return {path: name for path, name in self.mapped.items() if path in self.outputs}


def material(generated: Generated) -> Material:
    """What a generated service was made of; its set has to be layered."""
    layers = generated.template_set.layers(str(generated.variant))
    return Material(
        templates=generated.template_set.template_folders[0],
        mapped={
            entry.destination: entry.template
            for entry in generated.template_set.entries
            if entry.template.partition("/")[0] in layers
        },
        variables={**generated.variables, "layers": list(layers)},
        outputs={
            output.path: output
            for output in generated.outputs
            if not output.path.startswith(f"{RECORD_FOLDER}/")
        },
    )


def check_same(material: Material, service: Path) -> None:
    """Raises RuntimeError if what was written is not what infergen writes."""
    expected = {path: (content, mode & 0o100) for path, (content, mode) in material.files.items()}
    found = {
        path.relative_to(service).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o100)
        for path in service.rglob("*")
        if path.is_file() and path.name != ".copier-answers.yml"
    }
    found = {path: it for path, it in found.items() if not path.startswith(f"{RECORD_FOLDER}/")}
    paths = sorted(expected.keys() | found.keys())
    wrong = [path for path in paths if expected.get(path) != found.get(path)]
    if wrong:
        raise RuntimeError(f"{service} is not what infergen writes: {', '.join(wrong)}")


def make_filters(folder: Path) -> None:
    """A folder for the peers' PYTHONPATH."""
    folder.mkdir()
    for module in (quoting, literals, python_names):
        source = Path(str(module.__file__))
        text = source.read_text().replace("from builder.render.", "from infergen_")
        (folder / f"infergen_{source.name}").write_text(text)
    (folder / "infergen_filters.py").write_text(_EXTENSION)


def make_own_set(default: Path, folder: Path) -> None:
    """The default set as somebody's own: its templates differ by a comment, so that none of those
    that ship compiled is of use."""
    for name in (SKELETONS, TEMPLATES, str(Path(SCHEMA).parent)):
        shutil.copytree(default / name, folder / name, symlinks=True)
    for name in (PATH_MAP, SETTINGS):
        shutil.copyfile(default / name, folder / name)
    for path in (folder / TEMPLATES).rglob("*.j2"):
        with path.open("a") as file:
            file.write("{# own #}")


def make_floor(material: Material, folder: Path) -> None:
    """A set of the classic form for floor.py."""
    shutil.copytree(material.templates, folder / "template_files")
    _copy_skeleton(material, folder / "template")
    targets = {template: "{}/" + path for path, template in material.mapped.items()}
    (folder / "correspond_file_path.yaml").write_text(yaml.safe_dump(targets))
    write_values(material, folder / "vars.yaml")


def write_values(material: Material, file: Path) -> None:
    file.write_text(yaml.safe_dump(dict(material.variables), sort_keys=False))


def make_cookiecutter(material: Material, folder: Path) -> None:
    service = folder / "{{cookiecutter.name}}"
    copied = _copy_skeleton(material, service)
    for path, template in material.rendered.items():
        names = sorted(_names_used(material.templates, template) & material.variables.keys())
        line = "".join(f"{{% set {name} = cookiecutter._values.{name} %}}" for name in names)
        text = (material.templates / template).read_text()
        _write(service / path, f"{line}\n{text}" if line else text, material.files[path][1])
    _copy_partials(material, folder / "templates")
    settings = {
        "name": material.variables["name"],
        "_values": material.variables,
        "_extensions": ["infergen_filters.Quoting"],
        "_jinja2_env_vars": OPTIONS,
        "_copy_without_render": [glob.escape(path) for path in copied],
    }
    (folder / "cookiecutter.json").write_text(json.dumps(settings, indent=2))


def make_copier(material: Material, folder: Path) -> None:
    service = folder / "service"
    _copy_skeleton(material, service)
    for path, template in material.rendered.items():
        text = (material.templates / template).read_text()
        _write(service / f"{path}.jinja", text, material.files[path][1])
    _copy_partials(material, folder)
    settings = {
        "_subdirectory": service.name,
        "_envops": OPTIONS,
        "_jinja_extensions": ["infergen_filters.Quoting"],
    }
    (folder / "copier.yml").write_text(yaml.safe_dump(settings))


def make_copier_git(material: Material, folder: Path) -> None:
    """The same as a git repository with an answers file, without which copier cannot update."""
    make_copier(material, folder)
    answers = folder / "service" / "{{ _copier_conf.answers_file }}.jinja"
    answers.write_text("{{ _copier_answers | to_nice_yaml }}")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
    for command in (
        ("init", "--quiet"),
        ("add", "--all", "--force"),
        (*identity, "commit", "--quiet", "--message=Template"),
        (*identity, "tag", "--annotate", "--message=First version", "v1.0.0"),
    ):
        subprocess.run(["git", "-C", str(folder), *command], check=True)


def _copy_skeleton(material: Material, folder: Path) -> list[str]:
    """Everything that is no template's output; returns the files' paths."""
    folder.mkdir(parents=True)
    files = {path: it for path, it in material.files.items() if path not in material.mapped}
    for path, (content, mode) in files.items():
        _write(folder / path, content, mode)
    for output in material.outputs.values():
        if isinstance(output, OutputFolder):
            (folder / output.path).mkdir(parents=True, exist_ok=True)
    return list(files)


def _copy_partials(material: Material, folder: Path) -> None:
    """The templates that others include, where the peer looks for them."""
    mapped = set(material.mapped.values())
    for path in material.templates.rglob("*.j2"):
        name = path.relative_to(material.templates).as_posix()
        if name not in mapped:
            _write(folder / name, path.read_bytes(), 0o644)


def _write(target: Path, content: bytes | str, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content.encode() if isinstance(content, str) else content)
    target.chmod(mode)


def _names_used(templates: Path, template: str) -> set[str]:
    tree = jinja2.Environment().parse((templates / template).read_text())
    names = {node.name for node in tree.find_all(nodes.Name)}
    for included in meta.find_referenced_templates(tree):
        if included is not None:
            names |= _names_used(templates, included)
    return names


def _content(output: OutputFile) -> bytes:
    return output.content.read_bytes() if isinstance(output.content, Path) else output.content
