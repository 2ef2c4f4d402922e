"""What every example does with its trained model: make files of it, always the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

FOLDER = Path(__file__).parent.parent / "vars" / "models"
DATA = FOLDER.parent / "data"
"""Items that services can be asked about by ID."""

MAX_BYTES = 100_000
"""The models ship inside the wheel, so each has to stay small."""

OPSET = 17
"""Old enough for the runtimes of devices and browsers, new enough for every operator used here."""

IR_VERSION = 8
"""The file format that came with OPSET."""

Files = dict[str, bytes]
"""Name of a file in ``vars/models/``, or another folder → its content."""


def model_bytes(model: onnx.ModelProto, name: str) -> bytes:
    """The checked model as a file. Raises onnx's ValidationError if the graph is not valid."""
    model.ir_version = IR_VERSION
    model.graph.name = name
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def json_bytes(value: Sequence[str] | Mapping[str, str]) -> bytes:
    """Labels as a JSON file: a list, or a map from index to label."""
    return (json.dumps(value, indent=2) + "\n").encode()


def write(files: Files, folder: Path = FOLDER) -> None:
    """Write the files to a folder, ``vars/models/``, and say what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if len(content) > MAX_BYTES:
            raise ValueError(f"{name} has {len(content):,} bytes, more than {MAX_BYTES:,}")
        (folder / name).write_bytes(content)
        print(f"wrote {name}, {len(content):,} bytes")
