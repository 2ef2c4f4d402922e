"""The files beside a model that hold its weights."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import onnx

from builder.errors import ModelError
from builder.model.graph import tensors


def external_files(path: Path, proto: onnx.ModelProto) -> tuple[str, ...]:
    """Locations of external data, relative to the model's folder, sorted.

    Raises ModelError for one that is missing or, links resolved, lies outside that folder.
    """
    locations = set()
    for tensor in tensors(proto):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        if not location:
            raise ModelError(f"{path}: tensor {tensor.name!r} is external, but names no file.")
        locations.add(location)
    for location in sorted(locations):
        _check(path, location)
    return tuple(sorted(PurePosixPath(location).as_posix() for location in locations))


def _check(path: Path, location: str) -> None:
    outside = ModelError(
        f"{path}: keeps weights in {location!r}, which is not inside the model's own folder. "
        "Put the model and its data files into one folder (as files, not links leading out)."
    )
    parts = PurePosixPath(location).parts
    if "\0" in location or "\\" in location or location.startswith("/") or ".." in parts:
        raise outside
    folder = path.parent.resolve()
    try:
        target = (path.parent / location).resolve()
    except (OSError, RuntimeError):  # a loop of links, up to Python 3.12
        raise outside from None
    if not target.is_relative_to(folder) or target == folder or target.is_symlink():
        raise outside
    if not target.is_file():
        raise ModelError(
            f"{path}: keeps weights in {location!r}, which is missing. "
            f"Copy it into {path.parent} beside the model."
        )
