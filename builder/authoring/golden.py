"""Golden records: what a set generates, so that a change of it is seen, and meant.

``tests/golden/<variant>/<variables file>.json`` has the digest of each file of one service, a line
each, and the model's facts that it was made with: figures and answers differ a little from machine
to machine, and a record is of the templates. With texts, a file beside it has the service as one
text, which shows reviewers what changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import TemplateSetError, WriteError
from builder.lint.cases import question, read_facts
from builder.output import EXECUTABLE_MODE, Output, OutputFile, OutputFolder, OutputLink
from builder.write.single import write_file

if TYPE_CHECKING:
    from builder.model.facts import ModelFacts
    from builder.model.request import Request as ModelRequest

FOLDER = "tests/golden"
_HEADER = "=== "
_EXECUTABLE = " executable"


@dataclass(frozen=True, slots=True)
class Golden:
    """A record: ``files`` are path → digest and mode, ``model`` the facts by what was asked."""

    files: Mapping[str, str]
    model: Mapping[str, Any]


class GoldenFacts:
    """Gives the facts that a record has; asks for others, and notes all for the next record."""

    def __init__(
        self, recorded: Mapping[str, Any], ask: Callable[[ModelRequest], ModelFacts]
    ) -> None:
        self._recorded = recorded
        self._ask = ask
        self.used: dict[str, Any] = {}

    def __call__(self, request: ModelRequest) -> ModelFacts:
        from builder.model.facts_json import facts_to_json  # noqa: PLC0415 - most ask no model

        key = question(request)
        facts = read_facts(request, self._recorded.get(key)) or self._ask(request)
        self.used[key] = facts_to_json(facts)
        return facts


def record_path(root: Path, variant: str | None, sample: Path) -> Path:
    """Where the record of one service lies."""
    folder = root / FOLDER if variant is None else root / FOLDER / variant
    return folder / f"{sample.stem}.json"


def text_path(record: Path) -> Path:
    """Where its texts lie, if they are kept."""
    return record.with_suffix(".txt")


def read_golden(path: Path) -> Golden | None:
    """The record, or None if there is none. Raises TemplateSetError if it is damaged."""
    try:
        document = json.loads(path.read_bytes())
        files, model = dict(document["files"]), dict(document["model"])
        if not all(isinstance(each, str) for each in files.values()):
            raise TypeError("a digest is to be text")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TemplateSetError(
            f"{path}: no golden record ({error}); renew it with `infergen templates test --update`"
        ) from None
    return Golden(files, model)


def describe(outputs: Sequence[Output]) -> dict[str, str]:
    """Path → what a record says of a file."""
    return {each.path: _describe(each) for each in sorted(outputs, key=lambda each: each.path)}


def _describe(output: Output) -> str:
    if isinstance(output, OutputLink):
        return f"link to {output.target}"
    if isinstance(output, OutputFolder):
        return "folder"
    content = output.content
    raw = content if isinstance(content, bytes) else content.read_bytes()
    mode = _EXECUTABLE if output.mode == EXECUTABLE_MODE else ""
    return hashlib.sha256(raw).hexdigest() + mode


def format_golden(golden: Golden) -> str:
    """A line for each file and for each model, whose facts keep the order that outputs show."""
    parts = (
        f'  "{name}": {{\n' + ",\n".join(_lines(values)) + "\n  }"
        if values
        else f'  "{name}": {{}}'
        for name, values in (("files", golden.files), ("model", golden.model))
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [
        f"    {json.dumps(key, ensure_ascii=False)}: {json.dumps(values[key], ensure_ascii=False)}"
        for key in sorted(values)
    ]


def texts_of(outputs: Sequence[Output]) -> dict[str, str]:
    """The texts among the files, for a diff."""
    texts = {}
    for output in outputs:
        if isinstance(output, OutputFile) and isinstance(output.content, bytes):
            with contextlib.suppress(UnicodeDecodeError):
                if b"\0" not in output.content:
                    texts[output.path] = output.content.decode()
    return texts


def format_texts(texts: Mapping[str, str]) -> str:
    """All texts as one, each below a line with its path and length."""
    return "".join(
        f"{_HEADER}{path} ({len(texts[path].encode())} bytes)\n{texts[path]}"
        + ("" if texts[path].endswith("\n") or not texts[path] else "\n")
        for path in sorted(texts)
    )


def parse_texts(content: bytes) -> dict[str, str]:
    """What ``format_texts`` wrote; as much of it as is whole."""
    texts: dict[str, str] = {}
    at = 0
    while content.startswith(_HEADER.encode(), at):
        end = content.find(b"\n", at)
        title = content[at + len(_HEADER) : end].decode("utf-8", "replace")
        path, _, size = title.removesuffix(" bytes)").rpartition(" (")
        if end < 0 or not size.isdecimal():
            break
        text = content[end + 1 : end + 1 + int(size)]
        texts[path] = text.decode("utf-8", "replace")
        at = end + 1 + int(size) + (0 if text.endswith(b"\n") or not text else 1)
    return texts


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_whole(path: Path, text: str) -> bool:
    """Write a file, whole or not at all; False if it says so already. Raises WriteError."""
    raw = text.encode()
    try:
        if path.is_file() and path.read_bytes() == raw:
            return False
        write_file(path, raw)
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror}") from None
    return True
