"""From the model to the form of it that serves this device best."""

from __future__ import annotations

import glob
import hashlib
import json
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnxruntime as ort

from .. import machine
from ..answers import plain
from ..devices import CPU
from ..engine import Engine
from ..installed import CONVERSION, InstalledModel, original_model
from ..ml.model import Model
from ..ml.verification import check_digest
from ..sample import answer_to_sample, checked_answer, sample_feeds
from ..utils.cpus import available_cpus
from .gate import Comparison, answers, compare, run_milliseconds
from .ort_format import to_ort_format
from .quantise import has_weights, quantise, quantise_weights
from .samples import Samples

MOST_SLOWER = 1.02
"""More than measuring alone may make it seem slower by."""
CLEARLY = 0.95
"""A form is better if it takes at most so much of the original's time or size."""
LOADS_SOONER = 5.0
"""Or if it is loaded so many milliseconds sooner."""
LOADS = 5
WEIGHTS = "int8-weights"
SETTINGS = {WEIGHTS: {"session.disable_quant_qdq": "1"}}
"""Form → what loads it as it is meant: weights become float32 again once, not in every run."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A form of the model, and what was measured of it; ``objection`` says why it is not shipped."""

    form: str
    bytes: int
    run_milliseconds: float
    load_milliseconds: float
    comparison: Comparison | None
    objection: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A form that was not made, and why."""

    form: str
    objection: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was tried. The first candidate is the original model, ``shipped`` the form to run."""

    candidates: tuple[Candidate, ...]
    not_made: tuple[Failure, ...]
    shipped: str
    verdict: str


def convert(folder: Path, samples: Samples | None, threads: int) -> Conversion:
    """Try every form of the model in this folder, and leave the best beside it, if any is better.

    Without samples nothing is quantised. What an earlier conversion left is replaced at the end,
    in one step; whatever goes wrong before leaves the folder as it was. Raises ModelError, InputError
    and OSError.
    """
    original = original_model(folder)
    check_digest(original.path, original.sha256)
    checked_answer(Engine.of(original, threads=threads))
    for left_by_a_kill in folder.glob(".convert-*"):
        shutil.rmtree(left_by_a_kill)
    with TemporaryDirectory(dir=folder, prefix=".convert-") as scratch:
        made, failed = _make(original, Path(scratch), samples)
        measured = _measure(original, made, samples, threads)
        chosen = _choose(measured)
        conversion = Conversion(
            tuple(measured), tuple(failed), chosen.form, _verdict(measured[0], chosen)
        )
        _ship(folder, original, conversion, made.get(chosen.form), threads)
    return conversion


def _make(
    original: InstalledModel, scratch: Path, samples: Samples | None
) -> tuple[dict[str, Path], list[Failure]]:
    """The files by form, and the forms that could not be made."""
    made: dict[str, Path] = {}
    failed: list[Failure] = []

    def attempt(form: str, make: Callable[[Path], None]) -> None:
        target = scratch / f"{original.path.stem}.{form}.onnx"
        try:
            make(target)
            if form not in SETTINGS:  # that format has taken its decisions already
                target, source = target.with_suffix(".ort"), target
                to_ort_format(source, target)
        except Exception as error:  # whatever a model makes the tools stumble upon
            reason = str(error).strip().partition("\n")[0]
            failed.append(Failure(form, f"cannot be made: {reason[:200]}"))
        else:
            made[form] = target

    attempt("float32", lambda target: target.symlink_to(original.path.resolve()))
    if not has_weights(original.path):
        objection = "the model has no layers whose weights could be quantised"
        return made, [*failed, Failure("int8", objection)]
    if samples is None:
        objection = "there are no samples to compare on: give --samples"
        return made, [*failed, Failure("int8", objection)]
    calibrating = samples.calibrating
    attempt(
        "int8",
        lambda target: quantise(
            original.path,
            target,
            (sample() for sample in calibrating),
            reduce_range=_saturates(),
        ),
    )
    attempt(WEIGHTS, lambda target: quantise_weights(original.path, target))
    return made, failed


def _saturates() -> bool:
    """Whether the CPU has only the older instructions, which lose what passes 16 bits."""
    return platform.machine() in ("x86_64", "AMD64") and not machine.int8_instructions()


def _measure(
    original: InstalledModel, made: dict[str, Path], samples: Samples | None, threads: int
) -> list[Candidate]:
    """The original and all that was made, measured in turns; objections say what is wrong."""
    paths = {original.form: original.path, **made}
    engines = {form: _engine(original, form, path, threads) for form, path in paths.items()}
    models = {form: engine.model for form, engine in engines.items()}
    compared = [sample_feeds] if samples is None else samples.compared
    expected = answers(models[original.form], compared)
    times = run_milliseconds(models, compared)
    loads = _load_milliseconds(paths, threads)
    candidates = []
    for form, path in paths.items():
        comparison, objection = None, ""
        if form != original.form:
            comparison = compare(expected, answers(models[form], compared))
            objection = comparison.objection(same_numbers=form == "float32")
            if not objection and times[form] > MOST_SLOWER * times[original.form]:
                objection = "it is slower"
        candidates.append(
            Candidate(
                form,
                bytes=path.stat().st_size,
                run_milliseconds=round(times[form], 4),
                load_milliseconds=round(loads[form], 2),
                comparison=comparison,
                objection=objection,
            )
        )
    return candidates


def _engine(original: InstalledModel, form: str, path: Path, threads: int) -> Engine:
    model = replace(
        original, path=path, sha256=_digest(path), form=form, settings=SETTINGS.get(form, {})
    )
    return Engine.of(model, threads=threads)


def _load_milliseconds(paths: dict[str, Path], threads: int) -> dict[str, float]:
    """The least time until each model is loaded, measured in turns."""
    times: dict[str, list[float]] = {form: [] for form in paths}
    for _ in range(LOADS):
        for form, path in paths.items():
            started = time.perf_counter()
            Model(path, threads or available_cpus(), ((CPU, {}),), SETTINGS.get(form, {}))
            times[form].append((time.perf_counter() - started) * 1e3)
    return {form: min(taken) for form, taken in times.items()}


def _choose(candidates: list[Candidate]) -> Candidate:
    """The fastest that may be shipped and is better than the original; the smaller of equals."""
    original = candidates[0]
    allowed = [
        candidate
        for candidate in candidates[1:]
        if not candidate.objection and _is_better(candidate, original)
    ]
    return min(allowed, key=lambda it: (_steps(it, original), it.bytes), default=original)


def _is_better(candidate: Candidate, original: Candidate) -> bool:
    return (
        candidate.run_milliseconds <= CLEARLY * original.run_milliseconds
        or candidate.bytes <= CLEARLY * original.bytes
        or candidate.load_milliseconds <= original.load_milliseconds - LOADS_SOONER
    )


def _steps(candidate: Candidate, original: Candidate) -> int:
    """Its time in steps that are clearly different, so that noise does not choose."""
    return round(candidate.run_milliseconds / original.run_milliseconds / (1 - CLEARLY))


def _verdict(original: Candidate, chosen: Candidate) -> str:
    if chosen is original:
        return "the model stays as it is: no other form is better and as right"
    faster = original.run_milliseconds / chosen.run_milliseconds
    share = chosen.bytes / original.bytes
    return f"{chosen.form} is shipped: {faster:.2f} times as fast, {share:.0%} of the size"


def _ship(
    folder: Path,
    original: InstalledModel,
    conversion: Conversion,
    made: Path | None,
    threads: int,
) -> None:
    """Put the chosen form beside the model, then the report that points to it, in one step."""
    document: dict[str, Any] = {
        "model": original.sha256,
        "platform": platform.machine(),
        "cpu": machine.cpu_name(),
        "onnxruntime": ort.__version__,
        "verdict": conversion.verdict,
        "shipped": None,
        "candidates": [asdict(candidate) for candidate in conversion.candidates],
        "not_made": [asdict(failure) for failure in conversion.not_made],
    }
    if made is not None:
        digest = _digest(made)
        # The name is new whenever the content is: what is running keeps the file that it knows.
        name = f"{original.path.stem}.{conversion.shipped}.{digest[:8]}{made.suffix}"
        engine = _engine(original, conversion.shipped, made, threads)
        document["shipped"] = {
            "form": conversion.shipped,
            "file": name,
            "sha256": digest,
            "settings": SETTINGS.get(conversion.shipped, {}),
            "prediction_sample": plain(answer_to_sample(engine).predictions[0]),
        }
        made.replace(folder / name)
    report = folder / f".{CONVERSION}"
    report.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    report.replace(folder / CONVERSION)
    for path in _left_over(folder, original, document["shipped"]):
        path.unlink()


def _left_over(
    folder: Path, original: InstalledModel, shipped: dict[str, Any] | None
) -> Iterator[Path]:
    """What earlier conversions made."""
    for form in ("float32", "int8", WEIGHTS):
        for path in folder.glob(f"{glob.escape(original.path.stem)}.{form}.????????.o*"):
            if shipped is None or path.name != shipped["file"]:
                yield path


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
