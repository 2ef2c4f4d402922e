"""Models that take images: settings resolved, an image drawn, the tensor made as promised."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builder.errors import ModelError
from builder.model.facts import ImageFacts
from builder.model.inspect import ImageSettings, Request, inspect_model
from tests.model.models import build, convolution, node, numbers, save, value, weight
from tests.model.runtime import inspect


def pixels_of(sample: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(sample))))


def test_sizes_are_224_where_the_model_is_free(tmp_path: Path) -> None:
    facts = inspect(tmp_path, convolution(), image=ImageSettings())
    assert facts.image == ImageFacts(224, 224, 3, "NCHW", 255.0, (0.0,), (1.0,), "bilinear")
    assert (facts.data.dtype, facts.data.structure) == ("image", "base64")
    assert len(facts.data.sample) < 8000
    pixels = pixels_of(facts.data.sample)
    assert pixels.shape == (224, 224, 3)
    assert len(np.unique(pixels)) > 50
    expected = pixels.transpose(2, 0, 1)[np.newaxis].astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(
        np.array(facts.sample_inputs["image"], dtype=np.float32), expected
    )
    assert facts.batching == "rows"


def test_sizes_and_normalisation(tmp_path: Path) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    settings = ImageSettings(width=40, height=24, mean=mean, std=std)
    facts = inspect(tmp_path, convolution(), image=settings)
    assert facts.image is not None
    assert (facts.image.width, facts.image.height) == (40, 24)
    pixels = pixels_of(facts.data.sample)
    assert pixels.shape == (24, 40, 3)
    values = pixels.astype(np.float32) / np.float32(255)
    values = (values - np.array(mean, np.float32)) / np.array(std, np.float32)
    np.testing.assert_array_equal(
        np.array(facts.sample_inputs["image"], dtype=np.float32)[0], values.transpose(2, 0, 1)
    )


@pytest.mark.parametrize("layout", [None, "NHWC"])
def test_a_grey_image_with_channels_last(tmp_path: Path, layout: str | None) -> None:
    model = build(
        [node("Flatten", ["x"], ["f"]), node("MatMul", ["f", "W"], ["y"])],
        [value("x", "float32", ["N", 8, 12, 1])],
        [value("y", shape=["N", 2])],
        [weight("W", numbers(96, 2))],
    )
    facts = inspect(tmp_path, model, image=ImageSettings(layout=layout))
    assert facts.image is not None
    assert (facts.image.layout, facts.image.channels) == ("NHWC", 1)
    assert (facts.image.width, facts.image.height) == (12, 8)
    assert pixels_of(facts.data.sample).shape == (8, 12)


def test_raw_pixels_for_an_integer_model(tmp_path: Path) -> None:
    model = convolution(dtype="uint8", size=(16, 16))
    facts = inspect(tmp_path, model, image=ImageSettings(scale=1.0))
    pixels = pixels_of(facts.data.sample)
    assert facts.sample_inputs["image"] == [pixels.transpose(2, 0, 1).tolist()]
    with pytest.raises(ModelError, match=r"set image\.scale 1"):
        inspect_model(Request(tmp_path / "model.onnx", image=ImageSettings()))


def test_a_given_image_is_turned_upright_and_resized(tmp_path: Path) -> None:
    picture = Image.fromarray(
        np.random.default_rng(3).integers(0, 256, (30, 50, 3)).astype(np.uint8)
    )
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turned by a quarter
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    sample = base64.b64encode(file.getvalue()).decode()
    settings = ImageSettings(width=20, height=28, resample="bicubic")
    facts = inspect(tmp_path, convolution(), image=settings, data_sample=sample)
    assert facts.data.sample == sample
    upright = picture.transpose(Image.Transpose.ROTATE_270)
    resized = np.asarray(upright.resize((20, 28), Image.Resampling.BICUBIC))
    expected = resized.transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(
        np.array(facts.sample_inputs["image"], dtype=np.float32)[0], expected
    )


def two_inputs() -> Any:
    return build(
        [node("Add", ["a", "b"], ["y"])],
        [value("a", shape=[1, 3, 8, 8]), value("b", shape=[1, 3, 8, 8])],
        [value("y", shape=[1, 3, 8, 8])],
    )


def batch_of_eight() -> Any:
    return build(
        [node("Neg", ["x"], ["y"])],
        [value("x", shape=[8, 3, 8, 8])],
        [value("y", shape=[8, 3, 8, 8])],
    )


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (two_inputs(), ImageSettings(), "needs a model with one input, but this one has 'a', 'b'"),
        (batch_of_eight(), ImageSettings(), r"\(8,3,8,8\) takes no image"),
        (convolution(channels=5), ImageSettings(), r"\(batch,5,height,width\) takes no image"),
        (
            convolution(size=(16, 16)),
            ImageSettings(width=32),
            r"image\.width is 32, but .* takes 16",
        ),
        (convolution(), ImageSettings(layout="NHWC"), "takes no image in NHWC"),
        (convolution(), ImageSettings(mean=(0.5,) * 4), r"as many as mean and std .* \(4\)"),
        (convolution(), ImageSettings(width=1, height=1), "does not run on an image"),
    ],
)
def test_what_takes_no_image(
    tmp_path: Path, model: Any, settings: ImageSettings, message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        inspect_model(Request(save(tmp_path, model), image=settings))


@pytest.mark.parametrize("sample", ["no base64!", base64.b64encode(b"no image").decode(), 7])
def test_a_sample_that_is_no_image(tmp_path: Path, sample: Any) -> None:
    path = save(tmp_path, convolution())
    with pytest.raises(ModelError, match="data_sample"):
        inspect_model(Request(path, image=ImageSettings(), data_sample=sample))
