"""``doctor``: what this device has, and what of it is slow or wrong."""

from __future__ import annotations

import json
import os
import platform
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from .. import devices, machine
from ..about import COMMAND
from ..engine import Engine
from ..installed import CONVERSION, InstalledModel, best_model, models_folder
from ..ml.errors import ModelError
from ..sample import checked_answer
from ..utils.cpus import available_cpus

HOT = 80.0
"""°C; from about there on devices slow themselves down."""
SPARE_MEGABYTES = 150
"""That Python, numpy and ONNX Runtime take before any model."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found; ``advice`` says what to do unless the verdict is ok."""

    topic: str
    found: str
    verdict: str = "ok"
    advice: str = ""


def execute(options: Namespace) -> int:
    """1 if something is wrong; what is only slow is told."""
    folder = Path(options.models) if options.models else models_folder()
    findings = [*_machine(), *_software(), *_model(folder)]
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            print(f"{finding.verdict:6}{finding.topic:14}{finding.found}")
            if finding.advice:
                print(f"{'':20}→ {finding.advice}")
    return 1 if any(finding.verdict == "wrong" for finding in findings) else 0


def _machine() -> Iterator[Finding]:
    yield Finding("cpu", f"{machine.cpu_name()} ({platform.machine()})")
    usable, there = available_cpus(), os.cpu_count() or 1
    yield Finding("cores", f"{usable} of {there}" if usable < there else str(there))
    instructions = machine.int8_instructions()
    if instructions:
        yield Finding("int8", ", ".join(instructions))
    else:
        advice = "converted models will hardly be faster; convert measures it"
        yield Finding("int8", "no instructions for it", "slow", advice)
    clock = machine.governor()
    if clock == "powersave":
        advice = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        yield Finding("clock", clock, "slow", advice)
    elif clock:
        yield Finding("clock", clock)
    heat = machine.temperature()
    if heat is not None and heat >= HOT:
        advice = "it slows itself down: cool it, or let it do less"
        yield Finding("temperature", f"{heat:.0f} °C", "slow", advice)
    elif heat is not None:
        yield Finding("temperature", f"{heat:.0f} °C")
    memory = machine.memory_megabytes()
    if memory is not None:
        total, available = memory
        found = f"{available:,.0f} of {total:,.0f} MB are free"
        if available < SPARE_MEGABYTES:
            advice = f"ONNX Runtime alone takes about {SPARE_MEGABYTES} MB: end other programs"
            yield Finding("memory", found, "wrong", advice)
        else:
            yield Finding("memory", found)


def _software() -> Iterator[Finding]:
    yield Finding("python", platform.python_version())
    if sys.maxsize < 2**32:
        advice = "install a 64-bit system: there is no ONNX Runtime for this one's CPU mode"
        yield Finding("system", "32 bit", "slow", advice)
    yield Finding("onnxruntime", f"{ort.__version__}, numpy {np.__version__}")
    yield Finding("devices", ", ".join(devices.available()))


def _model(folder: Path) -> Iterator[Finding]:
    try:
        model = best_model(folder)
        took = sum(checked_answer(Engine.of(model)).milliseconds.values())
    except ModelError as error:
        yield Finding("model", str(error), "wrong", f"see {COMMAND} status")
        return
    yield Finding("model", f"{model.path.name} ({model.form}): the sample took {took:.1f} ms")
    yield from _conversion(folder, model)


def _conversion(folder: Path, model: InstalledModel) -> Iterator[Finding]:
    if not (folder / CONVERSION).exists():
        advice = f"{COMMAND} convert --samples … makes it faster if it can"
        yield Finding("conversion", "none yet", "ok", advice)
        return
    conversion = json.loads((folder / CONVERSION).read_bytes())
    shipped = conversion.get("shipped")
    if shipped and model.form != shipped.get("form"):
        advice = f"{COMMAND} convert --samples … on this device"
        yield Finding("conversion", "for another model or CPU, so not used", "slow", advice)
    else:
        yield Finding("conversion", conversion.get("verdict", "unknown"))
