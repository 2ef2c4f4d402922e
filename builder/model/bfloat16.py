"""bfloat16, which numpy lacks: here it is float32 whose values have the upper 16 bits alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def to_bits(array: Array) -> Array:
    """The bits of float32 numbers rounded to bfloat16, half to even, as uint16."""
    wide = np.asarray(array, dtype=np.float32, order="C").view(np.uint32)
    high, low = wide >> 16, wide & 0xFFFF
    up = (low > 0x8000) | ((low == 0x8000) & (high & 1 == 1))
    # Rounding must not carry a NaN over into infinity.
    bits: Array = np.where(np.isnan(array), high | 0x40, high + up).astype(np.uint16)
    return bits


def from_bits(bits: Array) -> Array:
    """The numbers that such bits are, exactly, as float32."""
    wide: Array = np.asarray(bits.astype(np.uint32) << 16)
    return wide.view(np.float32)
