"""The example models are what their scripts export, and answer as scikit-learn does."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

from builder import variables, yamlfile
from builder.model import inspect
from builder.model.labels import read_labels
from examples import export, image_cnn, iris_svc, mixed_pipeline, regressor, text_classifier

SCRIPTS = (iris_svc, mixed_pipeline, text_classifier, regressor, image_cnn)
VARS = export.FOLDER.parent
VARIABLES_FILES = sorted(VARS.glob("*.yaml"))

Feed = dict[str, NDArray[Any]]


@pytest.fixture(scope="module", params=SCRIPTS, ids=lambda script: script.__name__)
def trained(request: pytest.FixtureRequest) -> tuple[ModuleType, Any, Any, Any]:
    """A script, what it trained just now, and its held-out data with the right answers."""
    return request.param, *request.param.train()


@pytest.fixture(scope="module")
def exported(trained: tuple[ModuleType, Any, Any, Any]) -> export.Files:
    script, estimator, _, _ = trained
    files: export.Files = script.export(estimator)
    return files


def feed(script: ModuleType, data: Any) -> Feed:
    """The held-out data as the script's models take it."""
    if script is mixed_pipeline:
        return mixed_pipeline.columns(data)
    if script is text_classifier:
        return {"text": data[:, None]}
    if script is image_cnn:
        return {"image": image_cnn.preprocess(data)}
    return {"X": data}


def scores_of_sklearn(script: ModuleType, estimator: Any, data: Any) -> NDArray[Any]:
    if script is regressor:
        return np.asarray(estimator.predict(data))[:, None]
    if script is image_cnn:
        seen = image_cnn.features(image_cnn.preprocess(data), estimator.edges, estimator.mixtures)
        return np.asarray(estimator.head.decision_function(seen))
    return np.asarray(estimator.predict_proba(data))


def scores_of_model(content: bytes, inputs: Feed) -> NDArray[Any]:
    """The last output, a ZipMap's maps as rows in the order of their keys."""
    answer = onnxruntime.InferenceSession(content).run(None, inputs)[-1]
    if isinstance(answer, list):
        return np.array([[row[key] for key in sorted(row)] for row in answer])
    return np.asarray(answer)


def models(files: export.Files) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name.endswith(".onnx")}


def test_every_committed_file_comes_from_a_script_and_is_small() -> None:
    names = {path.name for path in export.FOLDER.iterdir()}
    assert names == {
        "iris.json",
        "iris_svc.onnx",
        "iris_svc_zipmap.onnx",
        "mixed_pipeline.onnx",
        "text_classifier.onnx",
        "topics.txt",
        "regressor.onnx",
        "image_cnn.onnx",
        "shapes.json",
    }
    assert all(path.stat().st_size <= export.MAX_BYTES for path in export.FOLDER.iterdir())


def test_items_are_what_the_scripts_make_and_are_small() -> None:
    items = {path for path in export.DATA.rglob("*") if path.is_file()}
    shapes = image_cnn.items()
    assert items == {export.DATA / "iris.csv", *(image_cnn.SHAPES / name for name in shapes)}
    assert iris_svc.items() == {"iris.csv": (export.DATA / "iris.csv").read_bytes()}
    for name, content in shapes.items():
        committed = (image_cnn.SHAPES / name).read_bytes()
        # Builds of zlib compress differently, and numpy's sines differ in their last bits.
        drawn, kept = (np.asarray(Image.open(BytesIO(each)), int) for each in (content, committed))
        difference = drawn - kept
        assert np.abs(difference).max() <= 1
        assert len(committed) < 2000


def test_an_export_gives_the_same_bytes_again(
    trained: tuple[ModuleType, Any, Any, Any], exported: export.Files
) -> None:
    script, estimator, _, _ = trained
    assert script.export(estimator) == exported


def test_what_is_committed_is_what_the_script_exports(
    trained: tuple[ModuleType, Any, Any, Any], exported: export.Files
) -> None:
    script, _, data, _ = trained
    for name, content in exported.items():
        committed = (export.FOLDER / name).read_bytes()
        if not name.endswith(".onnx"):
            assert committed == content
            continue
        # Training elsewhere may differ in the weights' last bits, but in nothing else.
        ours, theirs = onnx.load_from_string(content), onnx.load_from_string(committed)
        assert [node.op_type for node in theirs.graph.node] == [
            node.op_type for node in ours.graph.node
        ]
        assert list(theirs.graph.input) == list(ours.graph.input)
        assert list(theirs.graph.output) == list(ours.graph.output)
        inputs = feed(script, data)
        kept, made = (scores_of_model(each, inputs) for each in (committed, content))
        if script is image_cnn:
            # Its solver stops when it is near enough, and where that is depends on the CPU: logits
            # of 6 differ by hundredths then, the shares that the service answers by thousandths.
            np.testing.assert_array_equal(kept.argmax(axis=1), made.argmax(axis=1))
            kept, made = shares(kept), shares(made)
            np.testing.assert_allclose(kept, made, atol=1e-2)
        else:
            np.testing.assert_allclose(kept, made, rtol=1e-3, atol=1e-3)


def shares(logits: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_models_agree_with_scikit_learn(
    trained: tuple[ModuleType, Any, Any, Any], exported: export.Files
) -> None:
    script, estimator, data, _ = trained
    expected = scores_of_sklearn(script, estimator, data)
    for content in models(exported).values():
        scores = scores_of_model(content, feed(script, data))
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


def test_models_are_good_at_what_they_do(trained: tuple[ModuleType, Any, Any, Any]) -> None:
    script, estimator, data, truth = trained
    scores = scores_of_sklearn(script, estimator, data)
    if script is regressor:
        baseline = np.abs(truth - truth.mean()).mean()
        assert np.abs(scores[:, 0] - truth).mean() < 0.85 * baseline
        return
    classes = range(len(image_cnn.LABELS)) if script is image_cnn else estimator.classes_
    right = [classes[best] == label for best, label in zip(scores.argmax(1), truth, strict=True)]
    assert np.mean(right) >= (0.8 if script is mixed_pipeline else 0.9)


def test_labels_are_in_the_order_of_the_models_scores() -> None:
    pipeline, _, _ = text_classifier.train()
    assert read_labels(export.FOLDER / "topics.txt") == tuple(pipeline.classes_)
    assert read_labels(export.FOLDER / "shapes.json") == tuple(image_cnn.LABELS)
    assert read_labels(export.FOLDER / "iris.json") == ("setosa", "versicolor", "virginica")


@pytest.mark.parametrize("path", VARIABLES_FILES, ids=lambda path: path.stem)
def test_every_variables_file_names_an_example(path: Path) -> None:
    values = yamlfile.read_mapping(path).value
    assert (export.FOLDER / values["model_file_name"]).is_file()
    label_file = values.get("label_file_name")
    assert label_file is None or (export.FOLDER / label_file).is_file()


def test_every_model_has_a_variables_file() -> None:
    named = {yamlfile.read_mapping(path).value["model_file_name"] for path in VARIABLES_FILES}
    assert named == {path.name for path in export.FOLDER.glob("*.onnx")}


def test_the_sample_says_of_its_model_what_the_model_says_of_itself() -> None:
    values = yamlfile.read_mapping(VARS / "sample.yaml").value
    facts = inspect.inspect_model(
        inspect.Request(
            model=export.FOLDER / values["model_file_name"],
            data_sample=values["data_sample"],
            labels=read_labels(export.FOLDER / values["label_file_name"]),
        )
    )
    said = variables.from_facts(facts)
    # Another processor's exponential function may differ in the last bit.
    answer = pytest.approx(said.pop("prediction_sample"), rel=1e-6)
    assert values["prediction_sample"] == answer
    # The figures are those of the machine that the file was written on.
    figures, stated = said["model"].pop("measured"), values["model"].pop("measured")
    assert figures.keys() == stated.keys()
    assert {name: values[name] for name in said} == said
