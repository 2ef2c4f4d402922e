"""What to inspect, and how its parent tells the probe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.model.facts import Json


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How images become tensors, as the user set it; None means: read it from the model."""

    width: int | None = None
    height: int | None = None
    layout: str | None = None
    scale: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    resample: str = "bilinear"


@dataclass(frozen=True, slots=True)
class Request:
    """One model to inspect.

    ``data_sample`` is one item as a request to the service carries it; None lets the smallest
    sample be found. ``image`` is set exactly when preprocess is image. ``labels`` are those of a
    labels file; None takes the model's own if it has any. ``timeout`` is in seconds.
    """

    model: Path
    data_sample: Json | None = None
    image: ImageSettings | None = None
    postprocess: str = "none"
    prediction_output: str | None = None
    labels: tuple[str, ...] | None = None
    timeout: float = 120.0
