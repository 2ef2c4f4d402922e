"""What cannot be read, run or served gets one clear ModelError."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from builder.errors import ModelError
from builder.model.inspect import Request, inspect_model
from tests.model.models import (
    build,
    identity,
    linear,
    maps,
    node,
    numbers,
    save,
    sequence,
    value,
    weight,
)


def refusal(path: Path, **more: Any) -> str:
    with pytest.raises(ModelError) as caught:
        inspect_model(Request(path, **more))
    message = str(caught.value)
    assert "Traceback" not in message
    assert len(message) < 1200
    return message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello, this is no model", "not an ONNX model"),
        (os.urandom(4096), "model"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"PK\x03\x04archive/data.pkl", "zip archive"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"<!doctype html>", "HTML"),
        (b"\x18\x00\x00\x00ORTM....", "ORT format"),
        (b"\x1c\x00\x00\x00TFL3....", "TensorFlow Lite"),
        (linear().SerializeToString()[:-20], "not an ONNX model, or cut short"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "holds no graph"),
    ],
)
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    text = refusal(path)
    assert message in text
    assert "m.onnx" in text


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "missing.onnx")
    assert "a folder" in refusal(tmp_path)
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "not a regular file" in refusal(tmp_path / "pipe.onnx")
    loop = tmp_path / "loop.onnx"
    loop.symlink_to(loop)
    assert "loop.onnx" in refusal(loop)
    assert "does not exist" in refusal(Path("a\0b.onnx"))


def test_custom_operators(tmp_path: Path) -> None:
    model = build(
        [node("Frobnicate", ["x"], ["y"], domain="acme.ops")],
        [value("x", shape=[1])],
        [value("y", shape=[1])],
    )
    model.opset_import.append(helper.make_opsetid("acme.ops", 1))
    assert "custom operators that ONNX Runtime does not have: acme.ops:Frobnicate" in refusal(
        save(tmp_path, model)
    )


def test_a_locale_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(
        [node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER", stopwords=["a"])],
        [value("x", "string", ["N"])],
        [value("y", "string", None)],
    )
    path = save(tmp_path, model)
    monkeypatch.setenv("LOCPATH", str(tmp_path))  # where no locale lies
    assert "needs the locale en_US.UTF-8" in refusal(path)


def test_too_new(tmp_path: Path) -> None:
    assert "too new for the installed ONNX Runtime" in refusal(save(tmp_path, linear(opset=99)))
    assert "too new for the installed ONNX Runtime" in refusal(save(tmp_path, linear(ir=99)))


@pytest.mark.parametrize("kind", ["FLOAT8E4M3FN", "INT4", "COMPLEX64"])
def test_element_types_that_numpy_lacks(tmp_path: Path, kind: str) -> None:
    element = getattr(TensorProto, kind)
    cast = [node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)]
    typed = helper.make_tensor_value_info("x", element, ["N"])
    text = refusal(save(tmp_path, build(cast, [typed], [value("y", shape=["N"])], opset=21)))
    if kind != "COMPLEX64":  # which the runtime does not even open
        assert "input 'x' is tensor(" in text
        assert "Supported are tensors of float16, float32" in text


def test_bfloat16_beside_what_only_python_carries(tmp_path: Path) -> None:
    narrow = [value("x", "bfloat16", ["N", 2])]
    same = node("Identity", ["x"], ["y"])
    texts = build(
        [same, node("Identity", ["t"], ["u"])],
        [*narrow, value("t", "string", ["N"])],
        [value("y", "bfloat16", ["N", 2]), value("u", "string", ["N"])],
    )
    assert "bfloat16 tensors beside string inputs ('t')" in refusal(save(tmp_path, texts))
    zipped = build(
        [
            node("Cast", ["x"], ["scores"], to=TensorProto.FLOAT),
            node("ZipMap", ["scores"], ["z"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]),
        ],
        narrow,
        [maps("z")],
    )
    assert "bfloat16 tensors beside a sequence of maps ('z')" in refusal(save(tmp_path, zipped))


def test_an_output_that_json_lacks(tmp_path: Path) -> None:
    model = build(
        [node("SequenceConstruct", ["x"], ["y"])], [value("x", shape=["N"])], [sequence("y")]
    )
    text = refusal(save(tmp_path, model))
    assert "output 'y' is seq(tensor(float))" in text
    assert "Supported are" in text


def test_an_input_that_json_lacks(tmp_path: Path) -> None:
    model = build([node("ConcatFromSequence", ["x"], ["y"], axis=0)], [sequence("x")], [value("y")])
    assert "input 'x' is seq(tensor(float))" in refusal(save(tmp_path, model))


def test_nothing_to_serve(tmp_path: Path) -> None:
    model = build(
        [node("Identity", ["w"], ["y"])], [], [value("y", shape=[2])], [weight("w", [1, 2])]
    )
    assert "no input" in refusal(save(tmp_path, model))


def test_no_sample_runs(tmp_path: Path) -> None:
    model = build(
        [node("Reshape", ["x", "shape"], ["y"])],
        [value("x", shape=[4])],
        [value("y")],
        [weight("shape", [3, 3], "int64")],
    )
    text = refusal(save(tmp_path, model))
    assert "found no input that the model runs on" in text
    assert "Give data_sample" in text


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ([[1, 2, 3]], r"does not run on x (1,3)"),
        ([[1, 2, 3, "4"]], "'4' is not a number"),
        ([[1, 2, 3, True]], "True is not a number"),
        ([[1, 2, 3, 1e39]], "1e+39 does not fit float32"),
        ([[1, 2], [3]], "at [1]: 1 values where others hold 2"),
        ({"x": [[1, 2, 3, 4]]}, "is not a number"),
        ([[1, 2, 3, None]], "None is not a number"),
        ({1, 2}, "holds what JSON cannot"),
    ],
)
def test_a_sample_that_does_not_fit(tmp_path: Path, sample: Any, message: str) -> None:
    text = refusal(save(tmp_path, linear()), data_sample=sample)
    assert text.startswith("data_sample")
    assert message in text


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ([[1]], "give a mapping with 'age', 'job'"),
        ({"age": [[1]], "jab": [["x"]]}, "no input 'jab'; did you mean 'job'?"),
        ({"age": [[1]]}, "no value for input 'job'"),
        ({"age": [["x"]], "job": [["x"]]}, "input 'age': 'x' is not a number"),
        ({"age": [[1]], "job": [[2]]}, "input 'job': 2 is not a string"),
    ],
)
def test_a_mapping_that_does_not_fit(tmp_path: Path, sample: Any, message: str) -> None:
    model = build(
        [node("Identity", ["age"], ["a"]), node("Identity", ["job"], ["j"])],
        [value("age", shape=[1, 1]), value("job", "string", [1, 1])],
        [value("a", shape=[1, 1]), value("j", "string", [1, 1])],
    )
    assert message in refusal(save(tmp_path, model), data_sample=sample)


def external(folder: Path, location: str) -> Path:
    """A model whose weights lie at ``location``, whatever that is."""
    tensor = weight("w", numbers(4))
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=location)
    model = build(
        [node("Add", ["x", "w"], ["y"])], [value("x", shape=[4])], [value("y", shape=[4])], [tensor]
    )
    return save(folder, model)


@pytest.mark.parametrize(
    "location", ["../w.bin", "/etc/passwd", "a/../../w.bin", "link.bin", ".", "loop.bin", "a\\b"]
)
def test_external_data_outside(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "w.bin").write_bytes(numbers(4).tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    (folder / "loop.bin").symlink_to("loop.bin")
    assert "not inside the model's own folder" in refusal(external(folder, location))


def test_external_data_missing_or_short(tmp_path: Path) -> None:
    path = external(tmp_path, "w.bin")
    assert "keeps weights in 'w.bin', which is missing" in refusal(path)
    (tmp_path / "w.bin").write_bytes(b"12")
    assert "cannot open" in refusal(path)
    (tmp_path / "w.bin").write_bytes(numbers(4).tobytes())
    assert inspect_model(Request(path)).external_data == ("w.bin",)


def test_an_input_of_unreasonable_size(tmp_path: Path) -> None:
    assert "found no input" in refusal(save(tmp_path, identity("float32", [1 << 20, 1 << 20])))
