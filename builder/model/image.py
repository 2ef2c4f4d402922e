"""Works out how an image becomes a model's input tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from builder.errors import ModelError
from builder.model.facts import Dimension, ImageFacts, TensorFacts
from builder.model.request import ImageSettings
from builder.model.tensors import is_float

SIDES = (224, 256, 299, 192, 160, 128, 96, 64, 48, 32, 28, 320, 384, 416, 512, 640)
"""Sizes to try, in pixels, where neither the model nor the settings give one."""

AXES = {"NCHW": (1, 2, 3), "NHWC": (3, 1, 2)}
"""Layout → the places of channels, height and width."""


def image_input(inputs: Sequence[TensorFacts]) -> TensorFacts:
    """The one input that the image goes to. Raises ModelError if there are several."""
    required = [value for value in inputs if not value.optional]
    if len(required) != 1:
        names = ", ".join(repr(value.name) for value in required)
        raise ModelError(
            f"preprocess image needs a model with one input, but this one has {names or 'none'}. "
            "Use preprocess none and write the preprocessing in the service."
        )
    return required[0]


def image_candidates(value: TensorFacts, settings: ImageSettings) -> Iterator[ImageFacts]:
    """Readings of the input as an image that fit the graph and the settings, likeliest first.

    Raises ModelError if there is none.
    """
    _check_range(value, settings)
    shape: tuple[Dimension, ...] = (None,) * 4 if value.shape is None else value.shape
    layouts = [settings.layout] if settings.layout else list(AXES)
    one_image = len(shape) == 4 and (shape[0] == 1 or not isinstance(shape[0], int))
    readings = [
        (layout, channels)
        for layout in layouts
        if one_image
        for channels in _channels([shape[axis] for axis in AXES[layout]], settings)
    ]
    if not readings:
        raise ModelError(
            f"input {value.name!r} of shape {spell_shape(value.shape)} takes no image"
            f"{' in ' + settings.layout if settings.layout else ''}: that needs four axes, one "
            f"image at a time, and 1 or 3 channels{_as_many(settings)}."
        )
    layout = readings[0][0]
    _check_sizes(value, settings, shape, layout)
    for side in SIDES:
        for layout, channels in readings:
            _, rows, columns = AXES[layout]
            height, width = shape[rows], shape[columns]
            yield ImageFacts(
                width=width if isinstance(width, int) else settings.width or side,
                height=height if isinstance(height, int) else settings.height or side,
                channels=channels,
                layout=layout,
                scale=settings.scale,
                mean=settings.mean,
                std=settings.std,
                resample=settings.resample,
            )


def spell_shape(shape: Sequence[Dimension] | None) -> str:
    """``(1,3,height,?)``; the empty shape of a scalar is ``()``."""
    if shape is None:
        return "(...)"
    return f"({','.join('?' if size is None else str(size) for size in shape)})"


def _channels(axes: Sequence[Dimension], settings: ImageSettings) -> list[int]:
    """The numbers of channels that the declared channels, height and width allow."""
    declared, height, width = axes
    named = {len(values) for values in (settings.mean, settings.std) if len(values) > 1}
    if isinstance(declared, int):
        allowed = [declared] if declared in (3, 1) else []
    else:
        # (N,5,h,w) is no image of height 5: whoever frees channels and width frees the height.
        allowed = [3, 1] if isinstance(height, int) == isinstance(width, int) else []
    return [count for count in allowed if named <= {count}]


def _as_many(settings: ImageSettings) -> str:
    longest = max(len(settings.mean), len(settings.std))
    return f", as many as mean and std have numbers ({longest})" if longest > 1 else ""


def _check_sizes(
    value: TensorFacts, settings: ImageSettings, shape: Sequence[Dimension], layout: str
) -> None:
    _, rows, columns = AXES[layout]
    for what, wanted, declared in (
        ("width", settings.width, shape[columns]),
        ("height", settings.height, shape[rows]),
    ):
        if wanted is not None and isinstance(declared, int) and wanted != declared:
            raise ModelError(
                f"image.{what} is {wanted}, but input {value.name!r} of shape "
                f"{spell_shape(value.shape)} takes {declared}."
            )


def _check_range(value: TensorFacts, settings: ImageSettings) -> None:
    """Whether the transformed pixels fit an integer input without loss."""
    if is_float(value.dtype):
        return
    if value.dtype in ("bool", "string"):
        raise ModelError(f"input {value.name!r} is {value.dtype}, which takes no image.")
    limits = np.iinfo(value.dtype)
    whole = settings.scale == 1 and set(settings.std) == {1}
    whole = whole and all(mean == int(mean) for mean in settings.mean)
    if not whole or any(-m < limits.min or 255 - m > limits.max for m in settings.mean):
        raise ModelError(
            f"input {value.name!r} takes {value.dtype}, into which pixels / {settings.scale:g} "
            "does not fit. For raw pixels set image.scale 1, image.mean [0] and image.std [1]."
        )
