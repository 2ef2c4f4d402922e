"""Progression of diabetes after a year: gradient boosted trees, a regressor without labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split

from examples.export import OPSET, Files, model_bytes, write


def train() -> tuple[GradientBoostingRegressor, NDArray[np.float32], NDArray[np.float64]]:
    """The trained regressor, and held-out patients with how their disease progressed."""
    patients, progression = load_diabetes(return_X_y=True, scaled=False)
    x_train, x_test, y_train, y_test = train_test_split(
        patients.astype(np.float32), progression, test_size=0.2, random_state=0
    )
    regressor = GradientBoostingRegressor(
        n_estimators=80, max_depth=2, learning_rate=0.05, subsample=0.8, random_state=0
    )
    return regressor.fit(x_train, y_train), x_test, y_test


def export(regressor: GradientBoostingRegressor) -> Files:
    model = to_onnx(regressor, np.zeros((1, 10), np.float32), target_opset=OPSET)
    return {"regressor.onnx": model_bytes(model, "regressor")}


def main() -> None:
    regressor, patients, progression = train()
    print(f"R² on held-out patients: {regressor.score(patients, progression):.2f}")
    write(export(regressor))


if __name__ == "__main__":
    main()
