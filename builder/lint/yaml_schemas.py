"""Schemas of YAML whose kind is known: Kubernetes' objects, compose files, CI workflows.

The schemas are those that the packages kubernetes-validate and check-jsonschema bring; only their
data is used, since importing the packages themselves takes longer than everything else together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any

_VENDORED = {
    r"(?:.*/)?(?:docker-)?compose[^/]*\.ya?ml": "compose-spec",
    r"\.github/workflows/[^/]+\.ya?ml": "github-workflows",
    r"\.gitlab-ci\.yml": "gitlab-ci",
}


def has_own_schema(path: str) -> bool:
    """Whether a file's name says which schema it follows."""
    return _vendored(path) is not None


def _vendored(path: str) -> str | None:
    return next((name for each, name in _VENDORED.items() if re.fullmatch(each, path)), None)


def by_name(path: str, content: bytes) -> Iterator[tuple[int, str]]:
    """What is wrong with a compose file or a CI workflow: line and message."""
    name = _vendored(path)
    folder = _folder("check_jsonschema", "builtin_schemas/vendor")
    if name is None or folder is None:
        return
    validator = _validator(folder / f"{name}.json")
    for node, value in _documents(content):
        yield from _judged(validator, node, value, f"schema {name}")


def by_kind(content: bytes) -> Iterator[tuple[int, str]]:
    """What is wrong with Kubernetes' own objects; kinds that others brought have no schema here."""
    folder = _newest_kubernetes()
    if folder is None:
        return
    version = folder.name.partition("-")[0].removeprefix("v")
    for node, value in _documents(content):
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            continue
        group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", str(value.get("apiVersion")))
        file = folder / f"{value['kind'].lower()}-{group}.json"
        if file.parent == folder and file.is_file():
            validator = _validator(file, folder / "_definitions.json")
            yield from _judged(validator, node, value, f"{value['kind']} of Kubernetes {version}")


def _judged(validator: Any, node: Any, value: Any, by: str) -> Iterator[tuple[int, str]]:
    try:
        failures = list(validator.iter_errors(value))
    except ValueError:
        # A date, or a key that is no text: YAML that no JSON Schema speaks of.
        return
    for failure in failures:
        path = list(failure.instance_path)
        at = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
        message = failure.message if len(failure.message) < 200 else f"{failure.message[:200]}…"
        # What is too much is told of what it stands in.
        unexpected = getattr(failure.kind, "unexpected", ())
        yield _line(node, [*path, *unexpected[:1]]), f"{at + ': ' if at else ''}{message} ({by})"


def _documents(content: bytes) -> list[tuple[Any, Any]]:
    """Syntax tree and value of each document; none of what is no plain YAML."""
    import yaml  # noqa: PLC0415

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        nodes = list(yaml.compose_all(content, Loader=loader))
        return list(zip(nodes, yaml.load_all(content, Loader=loader), strict=True))
    except yaml.YAMLError:
        return []


def _line(node: Any, path: Sequence[str | int]) -> int:
    """The line of a part of a document, or of the nearest thing around it."""
    line = node.start_mark.line + 1
    for key in path:
        if isinstance(key, int):
            node = node.value[key]
            line = node.start_mark.line + 1
            continue
        pair = next(((name, part) for name, part in node.value if name.value == key), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line + 1, pair[1]
    return int(line)


@cache
def _validator(file: Path, definitions: Path | None = None) -> Any:
    import jsonschema_rs  # noqa: PLC0415

    schema = json.loads(file.read_bytes())
    if definitions is None:
        return jsonschema_rs.validator_for(schema)
    return jsonschema_rs.validator_for(schema, registry=_registry(definitions))


@cache
def _registry(definitions: Path) -> Any:
    import jsonschema_rs  # noqa: PLC0415

    shared = json.loads(definitions.read_bytes())
    return jsonschema_rs.Registry([(shared["$id"], shared)])


def compose_schemas() -> Path | None:
    """Where the schemas of compose files and workflows lie, if they are installed."""
    return _folder("check_jsonschema", "builtin_schemas/vendor")


def kubernetes_schemas() -> Path | None:
    """Where the schemas of Kubernetes' objects lie, if they are installed: the newest."""
    return _newest_kubernetes()


@cache
def _newest_kubernetes() -> Path | None:
    folder = _folder("kubernetes_validate", "kubernetes-json-schema")
    if folder is None:
        return None
    found = {
        tuple(map(int, match[1].split("."))): path
        for path in folder.iterdir()
        if (match := re.fullmatch(r"v(\d+(?:\.\d+)*)-local-strict", path.name))
    }
    return found[max(found)] if found else None


def _folder(package: str, inside: str) -> Path | None:
    spec = util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / inside
    return folder if folder.is_dir() else None
