"""What a check finds: where it is, a code that never changes, a message, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InfergenError, VariablesError

CODES: Mapping[str, str] = {
    "dangling-entry": "the path map has an entry without a template",
    "dockerfile": "a Dockerfile that hadolint objects to",
    "duplicate-destination": "two sources write one file of a service",
    "format": "Python that `ruff format` would write otherwise",
    "kubernetes": "a manifest that is not valid by Kubernetes' schemas",
    "missing-template": "a template includes or imports one that there is not",
    "output": "an output that does not parse as what its name says",
    "path-map": "an entry of the path map that means nothing, or leads out of the service",
    "program": "a program that cannot check what it is shown",
    "python": "Python that `ruff check` objects to",
    "render": "a template that cannot be rendered",
    "schema": "vars/schema.json is no JSON Schema of variables",
    "secret": "a credential in a file of the set, or a secret variable that is printed",
    "set": "the set's own files cannot be read, or contradict each other",
    "shadowed": "a call of one of Jinja2's own functions that a variable hides",
    "shell": "a shell script that shellcheck objects to",
    "syntax": "a template that Jinja2 cannot compile",
    "undefined": "a variable, attribute or item that does not exist",
    "unmapped-template": "a template without an entry in the path map",
    "unquoted": "a value that is printed without a quoting filter",
    "unused-layer": "a layer that no variant has",
    "unused-template": "a template that is there to be included, and is not",
    "unused-variable": "a variable that no template uses",
    "variables": "a variables file of the set from which no service can be generated",
    "wrong-quoting": "a value that is quoted for another language than the file's",
    "yaml": "YAML that yamllint or the schema of its kind objects to",
}
"""Every code that a finding may have."""

_LONGEST_PATH = 4096
_PLACE = r"(?P<file>[^\n]+?):(?:(?P<line>\d+):)?(?: (?P<message>.+))"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is wrong. ``line`` is 0 where it is the file as a whole."""

    file: str
    line: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{where}: {self.message} [{self.code}]"
        return f"{text}\n    {self.hint}" if self.hint else text


def from_error(error: InfergenError, code: str, root: Path, *others: Path) -> list[Finding]:
    """An error of infergen's as findings; what is placed nowhere is put down to the whole set.

    Files that it names lie in the set's folder, or else in one of the others.
    """
    messages = error.mistakes if isinstance(error, VariablesError) else (str(error),)
    return [_from_message(message, code, (root, *others)) for message in messages]


def _from_message(message: str, code: str, roots: Sequence[Path]) -> Finding:
    found = re.fullmatch(_PLACE, message, flags=re.DOTALL)
    file = None if found is None else _file(found["file"], roots)
    if found is None or file is None:
        return Finding(str(roots[0]), 0, code, message)
    text, semicolon, remedy = found["message"].partition("; ")
    if semicolon and "\n" not in text:
        return Finding(file, int(found["line"] or 0), code, text, _as_hint(remedy))
    return Finding(file, int(found["line"] or 0), code, found["message"])


def _file(text: str, roots: Sequence[Path]) -> str | None:
    """The file that a message begins with: of the set, or as it is."""
    if len(text) < _LONGEST_PATH:
        for path in (*(root / text for root in roots), Path(text)):
            if path.is_file():
                return str(path)
    return None


def _as_hint(remedy: str) -> str:
    return remedy[:1].upper() + remedy[1:] if remedy else ""


def without_allowed(findings: Iterable[Finding], sources: Mapping[str, str]) -> list[Finding]:
    """The findings but those that the template allows: ``{# lint: allow CODE #}`` on the line, or
    alone on the line above.

    ``sources`` are the templates' texts by the file that findings name.
    """
    return [one for one in findings if not _is_allowed(one, sources.get(one.file, ""))]


def _is_allowed(finding: Finding, source: str) -> bool:
    if "lint: allow" not in source:
        return False
    lines = source.splitlines()
    for number in (finding.line, finding.line - 1):
        if 0 < number <= len(lines):
            line = lines[number - 1].strip()
            found = re.search(r"\{#-?\s*lint: allow ([\w-]+(?:, [\w-]+)*)", line)
            alone = number == finding.line or (line.startswith("{#") and line.endswith("#}"))
            if found and alone and finding.code in found[1].split(", "):
                return True
    return False
