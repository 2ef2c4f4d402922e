"""Services that older versions of the default set made, as they were."""

from __future__ import annotations

import bz2
import hashlib
import json
import shutil
import tarfile
from pathlib import Path

from tests.conftest import ROOT

GENERATIONS = ROOT / "tests" / "generations"
VERSIONS = ("1", "2")
MODELS = ROOT / "vars" / "models"


def extract(version: str, service: str, folder: Path) -> Path:
    """Put ``service`` as this version of the set made it into ``folder``; returns its place."""
    with tarfile.open(GENERATIONS / version / f"{service}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    destination = folder / service
    record = json.loads((destination / ".infergen" / "record.json").read_text())
    for path, digest in record["files"].items():
        if not (destination / path).exists():
            shutil.copyfile(_model(digest), destination / path)
    base = destination / ".infergen" / "base.json.bz2"
    if not base.exists():
        base.write_bytes(_base(destination, record["files"]))
    return destination


def _model(digest: str) -> Path:
    models = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in MODELS.iterdir()}
    return models[digest]


def _base(destination: Path, files: dict[str, str]) -> bytes:
    texts: dict[str, str] = {}
    for path in files:
        try:
            texts[path] = (destination / path).read_bytes().decode()
        except UnicodeDecodeError:
            continue
    texts = {path: text for path, text in texts.items() if "\0" not in text}
    return bz2.compress(json.dumps(texts, indent=0, sort_keys=True, ensure_ascii=False).encode(), 9)
