"""Preprocessing and postprocessing as the generated service does them, step for step."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zlib
from typing import Any

import numpy as np

from builder.errors import ModelError
from builder.model.facts import ImageFacts
from builder.model.tensors import DTYPES, Array

PATCH = 16
"""Side of the sample image's coloured squares, in pixels."""


def image_tensor(pixels: Array, image: ImageFacts, dtype: str) -> Array:
    """The tensor (1, …) of ``pixels``, height x width x channels of uint8."""
    values: Array = pixels.astype(np.float32) / np.float32(image.scale)
    values = values - np.asarray(image.mean, dtype=np.float32)
    values = values / np.asarray(image.std, dtype=np.float32)
    if image.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[np.newaxis]).astype(DTYPES[dtype])


def softmax(scores: Array) -> Array:
    """Over the last axis, in float32, or in float64 for float64."""
    wide = _wide(scores)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    result: Array = powers / powers.sum(axis=-1, keepdims=True)
    return result


def sigmoid(scores: Array) -> Array:
    """Element by element, in float32, or in float64 for float64."""
    with np.errstate(over="ignore"):
        result: Array = 1 / (1 + np.exp(-_wide(scores)))
    return result


def _wide(scores: Array) -> Array:
    return scores if scores.dtype == np.float64 else scores.astype(np.float32)


def sample_pixels(image: ImageFacts) -> Array:
    """An image of coloured squares: deterministic, far from uniform, small as a PNG."""
    row = np.arange(image.height).reshape(-1, 1, 1) // PATCH
    column = np.arange(image.width).reshape(1, -1, 1) // PATCH
    channel = np.arange(image.channels).reshape(1, 1, -1)
    return ((row * 37 + column * 59 + channel * 85 + row * column * 11) % 256).astype(np.uint8)


def write_png(pixels: Array) -> bytes:
    """A PNG of ``pixels``, height x width x 1 (grey) or 3 (RGB), of uint8."""
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), dtype=np.uint8)
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    body = (
        _chunk(b"IHDR", header),
        _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
        _chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def read_image(data: object, image: ImageFacts) -> Array:
    """The pixels of a base64 image, upright, in the wanted channels and size.

    Raises ModelError if it is no image, or Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps  # noqa: PLC0415 - only a given image needs it
    except ImportError:
        raise ModelError(
            "data_sample: reading an image needs Pillow (pip install pillow); "
            "or leave it out, and one is drawn."
        ) from None
    if not isinstance(data, str):
        raise ModelError("data_sample: expected a base64 string that holds an image.")
    try:
        content = base64.b64decode(data, validate=True)
        opened: Any = Image.open(io.BytesIO(content))
        opened = ImageOps.exif_transpose(opened).convert("L" if image.channels == 1 else "RGB")
        size = (image.width, image.height)
        opened = opened.resize(size, Image.Resampling[image.resample.upper()])
    except (binascii.Error, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise ModelError("data_sample: not the base64 of an image that Pillow reads.") from None
    return np.asarray(opened, dtype=np.uint8).reshape(image.height, image.width, image.channels)
