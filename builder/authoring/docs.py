"""The variables of a set as a table for its README."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from builder.schema import Schema, Variable
from builder.variables import DESCRIBED


def markdown_table(schema: Schema) -> str:
    """A Markdown table of every variable that somebody may set."""
    return "".join(f"{line}\n" for line in _lines(schema))


def _lines(schema: Schema) -> Iterator[str]:
    required = set(schema.root.get("required", ()))
    yield "| Variable | Meaning | Expected | Default |"
    yield "| --- | --- | --- | --- |"
    for variable in schema.variables():
        if not variable.read_only:
            cells = (
                f"`{variable.name}`",
                _cell(variable.description),
                _cell(variable.expected),
                _default(variable, required=variable.name in required),
            )
            yield f"| {' | '.join(cells)} |"


def _default(variable: Variable, *, required: bool) -> str:
    if variable.has_default:
        text = json.dumps(variable.default, ensure_ascii=False).replace("|", "\\|")
        ticks = "``" if "`" in text else "`"
        return f"{ticks}{text}{ticks}"
    if variable.name in (*DESCRIBED, "model_file_name"):
        return "read from the model"
    return "to be given" if required else ""


def _cell(text: str) -> str:
    return re.sub(r"([\\|<>*_`])", r"\\\1", " ".join(text.split()))
