"""Images of what the example's network tells apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from examples.image_cnn import LABELS, draw


def draw_shapes(folder: Path, count: int) -> Path:
    """The folder, with so many shapes in it, as the network was trained on them."""
    random = np.random.default_rng(7)
    for number in range(count):
        label = LABELS[number % len(LABELS)]
        Image.fromarray(draw(label, random)).save(folder / f"{number}-{label}.png")
    return folder
