"""Renews the locked requirements of generated services: ``make lock``.

All that any service can need is locked at once, so that services agree on versions. Out of this one
lock, requirements.txt.j2 gives each service what its own requirements.in needs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, FileSystemLoader

TEMPLATES = Path(__file__).resolve().parent / "template_files"
UV = Path(sys.executable).with_name("uv")
DIRECT = "requirements.in.j2"
LOCK = "requirements.txt.j2"
NOTE = "{# Written by `make lock` of infergen from requirements.in.j2. #}\n"

Variables = dict[str, object]


@dataclass(frozen=True, slots=True)
class Layer:
    """One whose services have requirements of their own.

    ``features`` are what a service can have beside the ``plain`` base: the template's condition,
    and the variables for it. Of ``alternatives`` it has one at most, and with one also ``common``.
    """

    name: str
    plain: Variables
    features: dict[str, Variables]
    alternatives: dict[str, Variables] = field(default_factory=dict)
    common: str = ""
    imports: str = ""

    @property
    def lock(self) -> Path:
        return TEMPLATES / self.name / LOCK

    @property
    def all(self) -> dict[str, Variables]:
        return self.features | self.alternatives


def _source(url: str, pattern: str = "") -> Variables:
    return {"layers": ["cache"], "data_source": {"url": url, "pattern": pattern}}


WEB = Layer(
    "web",
    {
        "preprocess": "none",
        "auth": "none",
        "tracing": False,
        "layers": [],
        "data_source": {"url": "file://data/", "pattern": ""},
    },
    {
        'auth == "jwt"': {"auth": "jwt"},
        'preprocess == "image"': {"preprocess": "image"},
        "tracing": {"tracing": True},
    },
    {
        "needs.cached": {"layers": ["cache"]},
        "needs.azure": _source("abfs://container/"),
        "needs.gs": _source("gs://bucket/"),
        "needs.http": _source("https://host/"),
        "needs.parquet": _source("file://data/", "items.parquet"),
        "needs.s3": _source("s3://bucket/"),
    },
    common="needs.cached",
    imports='{% import "web/_needs.j2" as needs with context %}\n',
)
EDGE_DEVICE = Layer(
    "edge-device",
    {"preprocess": "either"},
    {
        'preprocess == "image"': {"preprocess": "image"},
        'preprocess == "none"': {"preprocess": "none"},
    },
)

Packages = dict[str, str]
"""The lines that pin a package, by its name."""


class LockError(Exception):
    """The requirements could not be locked; the message says why."""


def main(flags: Sequence[str]) -> int:
    """Write requirements.txt.j2 of each layer anew; ``flags`` are uv's, such as ``--upgrade``."""
    try:
        web = lock(WEB, plain_text(WEB.lock.read_text()), flags)
        # A device needs nothing that no service needs, and gets the same versions.
        device = lock(EDGE_DEVICE, plain_text(web))
    except LockError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    WEB.lock.write_text(web)
    EDGE_DEVICE.lock.write_text(device)
    return 0


def lock(layer: Layer, earlier: str, flags: Sequence[str] = ()) -> str:
    """The template that gives each service of this layer what it needs. Raises LockError."""
    direct = [render(layer, [feature]).splitlines(True) for feature in layer.all]
    union = "".join(dict.fromkeys(line for lines in direct for line in lines))
    header, everything = compile_lock(union, earlier, flags)
    whole = header + "".join(everything.values())
    _, base = compile_lock(render(layer, []), whole)
    needs = {feature: compile_lock(render(layer, [feature]), whole)[1] for feature in layer.all}
    return NOTE + layer.imports + header + conditional(layer, everything, base, needs)


def render(layer: Layer, features: Iterable[str], template: str = DIRECT) -> str:
    """What a service with these features gets."""
    variables = dict(layer.plain)
    for feature in features:
        variables |= layer.all[feature]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(f"{layer.name}/{template}").render(variables)


def plain_text(template: str) -> str:
    """The lock itself, without the conditions."""
    return "".join(line for line in template.splitlines(True) if not line.startswith("{"))


def compile_lock(
    requirements: str, earlier: str, flags: Sequence[str] = ()
) -> tuple[str, Packages]:
    """Header and packages; versions stay as they were ``earlier`` unless flags say otherwise.

    Raises LockError if uv cannot lock them.
    """
    with TemporaryDirectory() as folder:
        (Path(folder) / "requirements.in").write_text(requirements)
        locked = Path(folder) / "requirements.txt"
        locked.write_text(earlier)
        command = [str(UV), "pip", "compile", "--quiet"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
        command += ["--no-annotate", "--custom-compile-command", "make lock", *flags]
        command += ["--output-file", "requirements.txt", "requirements.in"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LockError(f"uv cannot lock the requirements:\n{done.stderr}")
        header, *blocks = re.split(r"^(?=[^\s#])", locked.read_text(), flags=re.MULTILINE)
    return header, {block.split("==")[0]: block for block in blocks}


def conditional(
    layer: Layer, everything: Packages, base: Packages, needs: dict[str, Packages]
) -> str:
    """The template's body: each package where a feature, or the base, needs it.

    Raises LockError if a package is not pinned alike with and without the other features.
    """
    for packages in (base, *needs.values()):
        for name, block in packages.items():
            if everything[name] != block:
                raise LockError(f"{name} is pinned differently with other features")
    text = ""
    for condition, names in groupby(everything, lambda name: _condition(layer, name, base, needs)):
        blocks = "".join(everything[name] for name in names)
        text += f"{{% if {condition} %}}\n{blocks}{{% endif %}}\n" if condition else blocks
    return text


def _condition(layer: Layer, name: str, base: Packages, needs: dict[str, Packages]) -> str:
    if name in base:
        return ""
    features = [feature for feature, packages in needs.items() if name in packages]
    if layer.common in features:  # as with every alternative
        features = [name for name in features if name == layer.common or name in layer.features]
    return " or ".join(features)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
