"""Circles, squares and triangles: a small convolutional network for 32 x 32 pixels in colour.

It is trained without a deep learning framework: the first convolution finds edges in eight
directions, the second mixes these with random weights, and only the linear layer on top of the two
is fitted, by logistic regression. What is exported is an ordinary graph of convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from builder.model.transform import write_png
from examples.export import DATA, IR_VERSION, OPSET, Files, json_bytes, model_bytes, write

LABELS = ["circle", "square", "triangle"]
SIZE = 32
DIRECTIONS = 8
MIXTURES = 64
SHAPES = DATA / "shapes"
ITEMS = 8

Images = NDArray[np.uint8]
"""Images x height x width x RGB, as they come from a file."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Network:
    """The filters of both convolutions (out x in x 3 x 3), and the classifier on top of them."""

    edges: Floats
    mixtures: Floats
    head: Pipeline


def draw(label: str, random: np.random.Generator, noise: float = 6) -> Images:
    """One shape in one colour on another, slightly turned, with noise."""
    radius = random.uniform(7, 13)
    centre = random.uniform(radius + 1, SIZE - radius - 1, 2)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - centre[:, None, None]
    if label == "circle":
        outside = np.hypot(x, y) - radius
    else:
        corners = {"square": 4, "triangle": 3}[label]
        # The first side is the bottom one, as seen by people.
        normals = np.pi * (0.5 + 2 * np.arange(corners) / corners) + random.uniform(-0.2, 0.2)
        reach = [x * np.cos(normal) + y * np.sin(normal) for normal in normals]
        outside = np.max(reach, axis=0) - radius * np.cos(np.pi / corners)
    covered = np.clip(0.5 - outside, 0, 1)[..., None]
    ground, colour = random.uniform(0, 255, (2, 3))
    while np.abs(ground - colour).max() < 80:
        ground, colour = random.uniform(0, 255, (2, 3))
    pixels = ground + covered * (colour - ground) + random.normal(0, noise, (SIZE, SIZE, 3))
    return np.asarray(pixels.round().clip(0, 255), np.uint8)


def make_images(count: int, seed: int) -> tuple[Images, NDArray[np.int64]]:
    """Images, and for each the index of its label."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, len(LABELS), count)
    return np.stack([draw(LABELS[label], random) for label in labels]), labels


def preprocess(images: Images) -> Floats:
    """What a service does with ``preprocess: image`` and the settings in vars/image_cnn.yaml."""
    scaled = (images.astype(np.float32) / np.float32(255) - np.float32(0.5)) / np.float32(0.5)
    return scaled.transpose(0, 3, 1, 2)


def features(tensor: Floats, edges: Floats, mixtures: Floats) -> Floats:
    """What the two convolutions see: one number for each mixture."""
    count, _, height, width = tensor.shape
    seen = _convolve(tensor, edges)
    pooled = seen.reshape(count, -1, height // 2, 2, width // 2, 2).max((3, 5))
    return np.asarray(_convolve(pooled, mixtures).mean((2, 3)), np.float32)


def _convolve(tensor: Floats, filters: Floats) -> Floats:
    padded = np.pad(tensor, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    sums = np.einsum("nchwij,ocij->nohw", windows, filters, optimize=True)
    return np.asarray(np.maximum(sums, 0), np.float32)


def train() -> tuple[Network, Images, NDArray[np.int64]]:
    """The trained network, and held-out images with the indices of their labels."""
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    down, right = np.mgrid[-1:2, -1:2]
    slopes = np.stack([right * np.cos(angle) + down * np.sin(angle) for angle in angles]) / 4
    edges = np.zeros((3, DIRECTIONS, 3, 3, 3))
    for channel in range(3):
        edges[channel, :, channel] = slopes
    mixtures = np.random.default_rng(0).normal(0, 0.1, (MIXTURES, DIRECTIONS, 3, 3))
    mixtures -= mixtures.mean((1, 2, 3), keepdims=True)
    filters = (
        edges.reshape(-1, 3, 3, 3).astype(np.float32),
        # The same for all three channels, so that a shape's colour does not matter.
        np.tile(mixtures, (1, 3, 1, 1)).astype(np.float32),
    )
    images, labels = make_images(2000, seed=0)
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    head.fit(features(preprocess(images), *filters), labels)
    return Network(*filters, head), *make_images(500, seed=1)


def build(network: Network) -> onnx.ModelProto:
    """The network as one graph, from pixels to logits: the softmax is left to the service."""
    scaler, classifier = (step for _, step in network.head.steps)
    weights = classifier.coef_ / scaler.scale_
    bias = classifier.intercept_ - weights @ scaler.mean_
    constants = {
        "edges": network.edges,
        "mixtures": network.mixtures,
        "weights": weights,
        "bias": bias,
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["image", "edges"], ["edges_found"], pads=[1, 1, 1, 1]),
        node("Relu", ["edges_found"], ["edges_seen"]),
        node("MaxPool", ["edges_seen"], ["edges_pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["edges_pooled", "mixtures"], ["mixtures_found"], pads=[1, 1, 1, 1]),
        node("Relu", ["mixtures_found"], ["mixtures_seen"]),
        node("GlobalAveragePool", ["mixtures_seen"], ["means"]),
        node("Flatten", ["means"], ["features"]),
        node("Gemm", ["features", "weights", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "image_cnn",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in constants.items()],
    )
    return helper.make_model(
        graph,
        producer_name="infergen examples",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )


def export(network: Network) -> Files:
    return {
        "image_cnn.onnx": model_bytes(build(network), "image_cnn"),
        "shapes.json": json_bytes(LABELS),
    }


def items() -> Files:
    """Images to ask for by ID, without the noise that would make them several times as large."""
    random = np.random.default_rng(2)
    return {
        f"{index:04}.png": write_png(draw(LABELS[index % len(LABELS)], random, noise=0))
        for index in range(ITEMS)
    }


def main() -> None:
    network, images, labels = train()
    seen = features(preprocess(images), network.edges, network.mixtures)
    print(f"accuracy on held-out images: {network.head.score(seen, labels):.2f}")
    write(export(network))
    write(items(), SHAPES)


if __name__ == "__main__":
    main()
