"""The model that every server here serves. Each program runs in an environment of its own."""

from __future__ import annotations

import base64
import os
from typing import Any

import numpy as np
import onnxruntime as ort

INPUT = os.environ["INPUT"]
SHAPE = (1, 3, 224, 224)
"""Of a CNN's image, for bodies that do not say."""


def load() -> Any:
    """A session with one thread, as the generated service has for each run of the model."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])


def run(session: Any, array: Any) -> Any:
    return session.run(["probabilities"], {INPUT: array})[0]


def from_bytes(body: bytes) -> Any:
    return np.frombuffer(body, np.float32).reshape(SHAPE)


def from_base64(text: str) -> Any:
    return from_bytes(base64.b64decode(text))
