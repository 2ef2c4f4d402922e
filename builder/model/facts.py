"""The values that introspection gives to the rest of the builder; needs no onnxruntime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Dimension = int | str | None
"""A fixed size, a symbol that the graph names, or None where it says nothing."""

Json = Any
"""Nested lists, mappings, strings, numbers and booleans; NaN and infinities as the strings
"NaN", "Infinity" and "-Infinity" (the convention of protobuf's JSON mapping)."""

Batching = Literal["rows", "single", "none"]
"""How a model takes several items.

rows    axis 0 of every input and output counts items; running several at once was verified to
        leave each item's answer unchanged to the bit
single  axis 0 counts items too, but only one may be run at a time (fixed to 1, fails at 2, or
        answers differ in a batch)
none    the model has no axis of items: one item is one whole run
"""


@dataclass(frozen=True, slots=True)
class TensorFacts:
    """One input or output of a model, under the model's own name.

    ``dtype`` is numpy's name (``float32``, ``int64``, ``bool``, ``string``, …). ``shape`` is None
    when the graph leaves the rank open. ``optional`` marks an input that may be left out.
    ``classes`` are the keys of a sequence of maps (ZipMap), in order: such an output is served as
    one tensor of rows x classes whose dtype is that of the maps' values.
    """

    name: str
    dtype: str
    shape: tuple[Dimension, ...] | None
    optional: bool = False
    classes: tuple[int | str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """Type, structure and sample of a service's data, or of its prediction.

    With a single tensor: ``dtype`` "float32", ``structure`` "(1,4)", ``sample`` nested lists. With
    several: mappings from tensor names to those.
    """

    dtype: str | dict[str, str]
    structure: str | dict[str, str]
    sample: Json


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """How an image becomes the model's tensor, all sizes known.

    ``channels`` is 1 (grey) or 3 (RGB); ``layout`` NCHW or NHWC; ``mean`` and ``std`` hold one
    number or one for each channel; ``resample`` is Pillow's name of the filter in lower case.
    """

    width: int
    height: int
    channels: int
    layout: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resample: str


Execution = Literal["inline", "threads"]
"""Where a service runs the model: in its event loop, or in threads beside it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the model took on the machine that inspected it, on one thread.

    Figures have two significant digits, and differ from run to run.
    """

    execution: Execution
    """inline if one item takes less than a millisecond."""
    milliseconds: float
    """Median of one run on the sample: the thread's own time."""
    batch_milliseconds: float | None
    """Median of one run on ``max_batch`` items; None unless batching is rows."""
    max_batch: int
    """The largest number of items whose answers were verified to stay the same to the bit when run
    at once; 1 unless batching is rows."""
    loaded_mebibytes: float
    """Resident memory that the loaded model takes, once it has run on one and on that many."""


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """All that ``infergen inspect`` shows of a model."""

    file_name: str
    sha256: str
    """Of the file followed by its external data, as ``cat`` would join them."""
    size: int
    """Bytes, with the external data."""
    external_data: tuple[str, ...]
    locales: tuple[str, ...]
    """The locales that the model changes the case of texts by, which the system has to have."""
    ir_version: int
    opsets: dict[str, int]
    producer: str
    parameters: int
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    constants: tuple[str, ...]
    """Initializers that the graph lists as inputs too; the service keeps the model's values."""
    batching: Batching
    data: Described
    prediction: Described
    prediction_outputs: tuple[str, ...]
    """The outputs that make up ``prediction``: one, or several that are answered as a mapping."""
    labels: tuple[str, ...] | None
    """The labels given, else the classes that the model itself names, else None."""
    sample_inputs: dict[str, Json]
    """What was run: each model input's tensor as nested lists (after preprocessing)."""
    sample_outputs: dict[str, Json]
    """What the model answered to it: every output as nested lists (before postprocessing)."""
    image: ImageFacts | None
    """The resolved image settings when images are preprocessed, else None."""
    measured: Measured
