"""Renews the locked requirements of generated services: ``make lock``.

All that any service can need is locked at once, so that services agree on versions. Out of this one
lock, requirements.txt.j2 gives each service what its own requirements.in needs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from jinja2 import Environment, FileSystemLoader

TEMPLATES = Path(__file__).resolve().parent / "template_files"
UV = Path(sys.executable).with_name("uv")
DIRECT = "web/requirements.in.j2"
LOCKED = "web/requirements.txt.j2"
LOCK = TEMPLATES / LOCKED
NOTE = (
    "{# Written by `make lock` of infergen from requirements.in.j2. #}\n"
    '{% import "web/_needs.j2" as needs with context %}\n'
)

PLAIN = {
    "preprocess": "none",
    "auth": "none",
    "tracing": False,
    "layers": [],
    "data_source": {"url": "file://data/", "pattern": ""},
}


def _source(url: str, pattern: str = "") -> dict[str, object]:
    return {"layers": ["cache"], "data_source": {"url": url, "pattern": pattern}}


FEATURES: dict[str, dict[str, object]] = {
    'auth == "jwt"': {"auth": "jwt"},
    'preprocess == "image"': {"preprocess": "image"},
    "tracing": {"tracing": True},
}
"""What a service can have beside the base: the template's condition, and the variables for it."""

CACHED = "needs.cached"
SOURCES: dict[str, dict[str, object]] = {
    CACHED: {"layers": ["cache"]},
    "needs.azure": _source("abfs://container/"),
    "needs.gs": _source("gs://bucket/"),
    "needs.http": _source("https://host/"),
    "needs.parquet": _source("file://data/", "items.parquet"),
    "needs.s3": _source("s3://bucket/"),
}
"""The same for where items come from: of these a service has one at most."""

ALL = FEATURES | SOURCES

Packages = dict[str, str]
"""The lines that pin a package, by its name."""


class LockError(Exception):
    """The requirements could not be locked; the message says why."""


def main(flags: Sequence[str]) -> int:
    """Write requirements.txt.j2 anew; ``flags`` are uv's, such as ``--upgrade``."""
    try:
        earlier = plain_text(LOCK.read_text())
        header, everything = compile_lock(all_requirements(), earlier, flags)
        whole = header + "".join(everything.values())
        _, base = compile_lock(render(DIRECT, []), whole)
        needs = {feature: compile_lock(render(DIRECT, [feature]), whole)[1] for feature in ALL}
    except LockError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    LOCK.write_text(NOTE + header + conditional(everything, base, needs))
    return 0


def render(template: str, features: Iterable[str]) -> str:
    """What a service with these features gets."""
    variables: dict[str, object] = dict(PLAIN)
    for feature in features:
        variables |= ALL[feature]
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(template).render(variables)


def all_requirements() -> str:
    """What all services together need."""
    each = [render(DIRECT, [feature]) for feature in ALL]
    return "".join(dict.fromkeys(line for text in each for line in text.splitlines(True)))


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
        lock = Path(folder) / "requirements.txt"
        lock.write_text(earlier)
        command = [str(UV), "pip", "compile", "--quiet"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes"]
        command += ["--no-annotate", "--custom-compile-command", "make lock", *flags]
        command += ["--output-file", "requirements.txt", "requirements.in"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LockError(f"uv cannot lock the requirements:\n{done.stderr}")
        header, *blocks = re.split(r"^(?=[^\s#])", lock.read_text(), flags=re.MULTILINE)
    return header, {block.split("==")[0]: block for block in blocks}


def conditional(everything: Packages, base: Packages, needs: dict[str, Packages]) -> str:
    """The template's body: each package where a feature, or the base, needs it.

    Raises LockError if a package is not pinned alike with and without the other features.
    """
    for packages in (base, *needs.values()):
        for name, block in packages.items():
            if everything[name] != block:
                raise LockError(f"{name} is pinned differently with other features")
    text = ""
    for condition, names in groupby(everything, lambda name: _condition(name, base, needs)):
        blocks = "".join(everything[name] for name in names)
        text += f"{{% if {condition} %}}\n{blocks}{{% endif %}}\n" if condition else blocks
    return text


def _condition(name: str, base: Packages, needs: dict[str, Packages]) -> str:
    if name in base:
        return ""
    features = [feature for feature, packages in needs.items() if name in packages]
    if CACHED in features:  # as every source is
        features = [feature for feature in features if feature == CACHED or feature in FEATURES]
    return " or ".join(features)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
