"""Finds the model and its labels on disk, and turns them into files of the service."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from builder.errors import ModelError
from builder.output import FILE_MODE, OutputFile

FOLDER = "models"
"""Where a service keeps its model, and where a variables file's neighbours may lie too."""

_BLOCK = 1 << 20
_LONGEST_STEM = 200


def find_file(name: str, *, places: Sequence[Path], where: str, option: str) -> Path:
    """The file that a variables file names, in the first folder that has it.

    ``option`` is what else to give, if anything. Raises ModelError.
    """
    for place in places:
        if (place / name).is_file():
            return place / name
    looked = ", ".join(map(str, places[:-1]))
    looked = f"{looked} or {places[-1]}" if looked else str(places[-1])
    otherwise = f", or give {option}" if option else ""
    raise ModelError(f"{where}: no file {name} in {looked}; put it there{otherwise}")


def beside(folder: Path) -> tuple[Path, Path]:
    """Where files that a variables file in this folder names may lie."""
    return folder, folder / FOLDER


def digest_and_size(path: Path, external_data: Sequence[str] = ()) -> tuple[str, int]:
    """SHA-256 and bytes of a model followed by its external data, as ``cat`` would join them.

    Raises ModelError if a file cannot be read.
    """
    total, size = hashlib.sha256(), 0
    for part in (path, *(path.parent / name for name in external_data)):
        try:
            with part.open("rb") as file:
                while block := file.read(_BLOCK):
                    total.update(block)
                    size += len(block)
        except OSError as error:
            raise ModelError(f"{part}: cannot be read: {error.strerror}") from None
    return total.hexdigest(), size


def service_model_file(name: str) -> str:
    """The model's file name in a service: that of the file, without what would need quoting."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", name.removesuffix(".onnx")).lstrip(".-") or "model"
    return f"{stem[:_LONGEST_STEM]}.onnx"


def service_label_file(name: str) -> str:
    """The labels' file name in a service, where they are always a JSON map."""
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).stem).lstrip(".-") or "labels"
    return f"{stem[:_LONGEST_STEM]}.json"


def model_outputs(
    path: Path, *, file_name: str, external_data: Sequence[str]
) -> tuple[OutputFile, ...]:
    """The model, with the files it keeps its weights in, as files of the service."""
    return (
        OutputFile(f"{FOLDER}/{file_name}", FILE_MODE, path),
        *(OutputFile(f"{FOLDER}/{name}", FILE_MODE, path.parent / name) for name in external_data),
    )


def label_output(labels: Sequence[str], *, file_name: str) -> OutputFile:
    """The labels as a JSON map from index to label, the form in which a service reads them."""
    text = json.dumps(
        {str(index): label for index, label in enumerate(labels)}, indent=2, ensure_ascii=False
    )
    return OutputFile(f"{FOLDER}/{file_name}", FILE_MODE, f"{text}\n".encode())
