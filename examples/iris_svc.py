"""Iris flowers: a support vector classifier, exported with a plain tensor and with a ZipMap."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from examples.export import DATA, OPSET, Files, json_bytes, model_bytes, write

LABELS = {"0": "setosa", "1": "versicolor", "2": "virginica"}


def train() -> tuple[CalibratedClassifierCV, NDArray[np.float32], NDArray[np.int64]]:
    """The trained classifier, and the held-out flowers with their species."""
    flowers, species = load_iris(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        flowers.astype(np.float32), species, test_size=0.2, stratify=species, random_state=0
    )
    # SVC(probability=True) is deprecated since scikit-learn 1.9; this is what replaces it.
    classifier = CalibratedClassifierCV(SVC(), ensemble=False)
    return classifier.fit(x_train, y_train), x_test, y_test


def export(classifier: CalibratedClassifierCV) -> Files:
    return {
        "iris_svc.onnx": _convert(classifier, "iris_svc", zipmap=False),
        "iris_svc_zipmap.onnx": _convert(classifier, "iris_svc_zipmap", zipmap=True),
        "iris.json": json_bytes(LABELS),
    }


def _convert(classifier: CalibratedClassifierCV, name: str, zipmap: bool) -> bytes:
    with warnings.catch_warnings():
        # skl2onnx itself reads the attributes of SVC that scikit-learn deprecated.
        warnings.filterwarnings("ignore", "Attribute `prob[AB]_` was deprecated", FutureWarning)
        model = to_onnx(
            classifier,
            np.zeros((1, 4), np.float32),
            options={"zipmap": zipmap},
            target_opset=OPSET,
        )
    return model_bytes(model, name)


def items() -> Files:
    """Every twelfth flower as a row of a table, to ask for by ID; the first is the sample."""
    data = load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in data.feature_names]
    lines = [",".join(["id", *names])]
    for index, flower in enumerate(data.data[::12]):
        lines.append(",".join([f"{index:04}", *map(str, flower.tolist())]))
    return {"iris.csv": ("\n".join(lines) + "\n").encode()}


def main() -> None:
    classifier, flowers, species = train()
    print(f"accuracy on held-out flowers: {classifier.score(flowers, species):.2f}")
    write(export(classifier))
    write(items(), DATA)


if __name__ == "__main__":
    main()
