"""What can run the model on this machine, under the names that people know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnxruntime as ort

CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
"""Device → what ONNX Runtime calls it."""


Provider = tuple[str, dict[str, Any]]
"""ONNX Runtime's name of it, and its options."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The providers to ask for, best first; ``note`` says why it is not the device asked for."""

    providers: tuple[Provider, ...]
    threads: int
    note: str = ""


def available() -> list[str]:
    """The devices that this build of ONNX Runtime has."""
    built_in = ort.get_available_providers()
    return [device for device, provider in PROVIDERS.items() if provider in built_in]


def choose(device: str, threads: int) -> Choice:
    """The CPU where the device is missing. ``device`` is one of PROVIDERS."""
    on_cpu: tuple[Provider, ...] = ((CPU, {}),)
    if device == "cpu":
        return Choice(on_cpu, threads)
    if device not in available():
        return Choice(on_cpu, threads, missing(device))
    if device == "xnnpack":
        # It has threads of its own, with which ONNX Runtime's would only compete.
        options = {"intra_op_num_threads": str(threads)}
        return Choice(((PROVIDERS[device], options), *on_cpu), threads=1)
    return Choice(((PROVIDERS[device], {}), *on_cpu), threads)


def missing(device: str) -> str:
    return (
        f"{device}: this build of ONNX Runtime has no {PROVIDERS[device]}, or cannot start it;"
        " running on the CPU"
    )
