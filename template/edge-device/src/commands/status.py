"""``status``: which model runs here, and whether it is whole and answers as it should."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from ..about import COMMAND, VERSION
from ..answers import plain
from ..engine import Engine
from ..installed import MANIFEST, InstalledModel, best_model, models_folder, original_model
from ..ml.errors import ModelError
from ..sample import answer_to_sample, checked_answer
from ..updates.active import lines
from .errors import CommandError


def execute(options: Namespace) -> int:
    """1 if the model is not well."""
    folder = Path(options.models) if options.models else models_folder()
    if options.record:
        _record(folder)
    model = best_model(folder)
    problem, took, slots = "", None, None
    try:
        engine = _engine(options)
        model = engine.installed
        slots = None if engine.active is None else engine.active.report()
        took = sum(checked_answer(engine).milliseconds.values())
    except ModelError as error:
        problem = str(error)
    document = {**_document(model, problem, took), "updates": slots}
    if options.json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(document)
    return 1 if problem else 0


def _engine(options: Namespace) -> Engine:
    """The active model's, or that of the folder which the options name."""
    if options.models:
        return Engine(Path(options.models))
    return Engine(state=Path(options.state) if options.state else None)


def _document(model: InstalledModel, problem: str, took: float | None) -> dict[str, Any]:
    return {
        "command": COMMAND,
        "version": VERSION,
        "model": {
            "version": model.version,
            "form": model.form,
            "path": str(model.path),
            "sha256": model.sha256,
        },
        "healthy": not problem,
        "problem": problem or None,
        "sample_milliseconds": None if took is None else round(took, 3),
    }


def _show(document: dict[str, Any]) -> None:
    model = document["model"]
    print(f"{document['command']} {document['version']}")
    print(f"model    {model['version']}, {model['form']}: {model['path']}")
    print(f"sha256   {model['sha256']}")
    if document["healthy"]:
        took = document["sample_milliseconds"]
        print(f"healthy  the sample is answered as recorded, in {took} ms")
    else:
        print(f"not well {document['problem']}")
    if document["updates"] is not None:
        print(*lines(document["updates"]), sep="\n")


def _record(folder: Path) -> None:
    """Write the present answer to the sample down as the right one. Raises CommandError."""
    path = folder / MANIFEST
    prediction = plain(answer_to_sample(Engine.of(original_model(folder))).predictions[0])
    document = {**json.loads(path.read_bytes()), "prediction_sample": prediction}
    try:
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror}") from None
