"""Opens a model in ONNX Runtime and runs it: one thread, the CPU, no telemetry."""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when onnxruntime is first imported

import numpy as np
import onnxruntime

from builder.errors import ModelError
from builder.model import bfloat16
from builder.model.tensors import Array

Feeds = Mapping[str, Array]
Answer = list[Any]
"""One value for each output: an array, or for a sequence of maps a list of dicts."""

BFLOAT16 = "tensor(bfloat16)"
BFLOAT16_ELEMENT = 16
"""Its number among ONNX's element types."""

CODE = re.compile(r"^[ :]*\d+ : [A-Z_]+ : ")
SIGNATURE = re.compile(
    r"(?:virtual )?(?:onnxruntime::\S+ )?onnxruntime::[\w:]+\([^)]*\)(?: const)? ?"
)

Announce = Callable[[str, str], None]
"""Told the key and a description of every attempt before it is made."""


class RunError(Exception):
    """ONNX Runtime would not run the model on these feeds; the message is its own, trimmed."""


class CrashError(RunError):
    """The attempt killed an earlier probe."""


class Session:
    """A loaded model.

    A kernel can kill the process, so every run is announced first, and an attempt that killed an
    earlier process (``crashed``: key → how) fails at once here instead of being made again.
    """

    def __init__(self, path: Path, announce: Announce, crashed: Mapping[str, str]) -> None:
        announce("open", "opening the model")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        self._announce = announce
        self._crashed = crashed
        ports = (*self._session.get_inputs(), *self._session.get_outputs())
        self._has_bfloat16 = any(BFLOAT16 in port.type for port in ports)
        self._bfloat16_inputs = {
            port.name for port in self._session.get_inputs() if BFLOAT16 in port.type
        }

    def inputs(self) -> list[tuple[str, str, list[int | str | None]]]:
        """Name, ONNX Runtime's type and shape of every input that has no value of its own."""
        return [(value.name, value.type, value.shape) for value in self._session.get_inputs()]

    def outputs(self) -> list[tuple[str, str, list[int | str | None]]]:
        """The same for every output."""
        return [(value.name, value.type, value.shape) for value in self._session.get_outputs()]

    def run(self, feeds: Feeds) -> Answer:
        """All outputs. Raises RunError."""
        key = _digest(feeds)
        if key in self._crashed:
            raise CrashError(self._crashed[key])
        self._announce(key, describe(feeds))
        return self.run_again(feeds)

    def run_again(self, feeds: Feeds) -> Answer:
        """Run on feeds that are known to work, without a word (for timing)."""
        try:
            if self._has_bfloat16:
                return self._run_bfloat16(feeds)
            answer: Answer = self._session.run(None, dict(feeds))
        except Exception as error:  # the runtime's classes share no base of their own
            raise RunError(tidy(str(error))) from None
        return answer

    def close(self) -> None:
        """Let go of the model and its memory; nothing runs any more."""
        del self._session

    def _run_bfloat16(self, feeds: Feeds) -> Answer:
        """With its own tensors, for numpy has none of bfloat16."""
        values = {name: self._value(name, array) for name, array in feeds.items()}
        return [_array(value) for value in self._session.run_with_ort_values(None, values)]

    def _value(self, name: str, array: Array) -> Any:
        make = onnxruntime.OrtValue
        if name not in self._bfloat16_inputs:
            return make.ortvalue_from_numpy(np.asarray(array, order="C"))
        bits = bfloat16.to_bits(array)
        return make.ortvalue_from_numpy_with_onnx_type(bits, BFLOAT16_ELEMENT)


def _array(value: Any) -> Array:
    """A tensor of ONNX Runtime's own as numpy's."""
    if value.data_type() != BFLOAT16:
        return np.asarray(value.numpy())
    shape = value.shape()
    held = ctypes.string_at(value.data_ptr(), 2 * math.prod(shape))
    return bfloat16.from_bits(np.frombuffer(held, np.uint16).reshape(shape))


def describe(feeds: Feeds) -> str:
    """The feeds as a person would name them: ``x (1,4), mask (1,1)``."""
    return ", ".join(f"{name} ({','.join(map(str, a.shape))})" for name, a in feeds.items())


def tidy(message: str) -> str:
    """ONNX Runtime's message without its error code, source files and C++ signatures."""
    noise = ("/onnxruntime_src/", "[ONNXRuntimeError]")
    words = [word for word in message.split() if not any(part in word for part in noise)]
    text = SIGNATURE.sub("", CODE.sub("", " ".join(words))).strip(" .")
    return text if len(text) <= 500 else text[:497] + "..."


def _digest(feeds: Feeds) -> str:
    digest = hashlib.sha256()
    for name, array in feeds.items():
        digest.update(f"{name!r} {array.dtype} {array.shape} ".encode())
        digest.update(
            repr(array.tolist()).encode()
            if array.dtype == np.object_
            else np.ascontiguousarray(array).tobytes()
        )
    return digest.hexdigest()[:32]


def open_session(
    path: Path, announce: Announce, crashed: Mapping[str, str], custom: Sequence[str]
) -> Session:
    """Load the model at ``path``; ``custom`` are the operators that come from elsewhere.

    Raises ModelError with the reason that fits best.
    """
    try:
        return Session(path, announce, crashed)
    except Exception as error:
        text = tidy(str(error))
    if "locale" in text:
        raise ModelError(
            f"{path}: the model changes the case of text, for which ONNX Runtime needs the locale "
            "en_US.UTF-8, and this machine does not have it. Generate the locale (Debian and "
            "Ubuntu: install the package locales, then run locale-gen en_US.UTF-8)."
        )
    if "till opset" in text or "IR version" in text:
        raise ModelError(
            f"{path}: too new for the installed ONNX Runtime {onnxruntime.__version__}: {text} "
            "Export the model with an older opset or upgrade onnxruntime."
        )
    if custom:
        raise ModelError(
            f"{path}: needs custom operators that ONNX Runtime does not have: {', '.join(custom)}. "
            "Export the model with standard operators only."
        )
    raise ModelError(f"{path}: ONNX Runtime cannot open it: {text}")
