"""Customers who may leave: one pipeline over numbers, counts and words, with labels of its own.

The customers are made up by a seeded generator, so that the example needs no data from elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from examples.export import OPSET, Files, model_bytes, write

INPUTS = {
    "age": FloatTensorType([None, 1]),
    "monthly_fee": FloatTensorType([None, 1]),
    "support_calls": Int64TensorType([None, 1]),
    "plan": StringTensorType([None, 1]),
    "country": StringTensorType([None, 1]),
}
"""The model's inputs, in the order of the customers' columns."""

Customers = NDArray[np.object_]


def make_customers(count: int, seed: int) -> tuple[Customers, NDArray[np.str_]]:
    """Rows of customers, and for each whether it "stays" or "leaves"."""
    random = np.random.default_rng(seed)
    age = random.uniform(18, 80, count).astype(np.float32).round(0)
    fee = random.gamma(4.0, 12.0, count).astype(np.float32).round(2)
    calls = random.poisson(1.5, count)
    plan = random.choice(["basic", "family", "business"], count, p=[0.5, 0.3, 0.2])
    country = random.choice(["DE", "FR", "JP", "US"], count)
    urge = 0.9 * calls + 0.03 * fee - 0.04 * age + 1.2 * (plan == "basic") - 1.0
    leaves = urge + random.logistic(0.0, 0.5, count) > 0
    customers = np.empty((count, len(INPUTS)), object)
    for column, values in enumerate((age, fee, calls, plan, country)):
        customers[:, column] = values
    return customers, np.where(leaves, "leaves", "stays")


def columns(customers: Customers) -> dict[str, NDArray[np.generic]]:
    """The customers as the exported model takes them: one column for each input."""
    dtypes = (np.float32, np.float32, np.int64, np.str_, np.str_)
    return {
        name: customers[:, [column]].astype(dtype)
        for column, (name, dtype) in enumerate(zip(INPUTS, dtypes, strict=True))
    }


def train() -> tuple[Pipeline, Customers, NDArray[np.str_]]:
    """The trained pipeline, and held-out customers with what they did."""
    pipeline = make_pipeline(
        ColumnTransformer(
            [
                ("amounts", StandardScaler(), [0, 1]),
                ("counts", StandardScaler(), [2]),
                ("words", OneHotEncoder(handle_unknown="ignore"), [3, 4]),
            ]
        ),
        LogisticRegression(),
    )
    customers, decisions = make_customers(2000, seed=0)
    return pipeline.fit(customers, decisions), *make_customers(500, seed=1)


def export(pipeline: Pipeline) -> Files:
    # The ZipMap, which is skl2onnx's default, tells the classes: no labels file is needed.
    model = to_onnx(pipeline, initial_types=list(INPUTS.items()), target_opset=OPSET)
    return {"mixed_pipeline.onnx": model_bytes(model, "mixed_pipeline")}


def main() -> None:
    pipeline, customers, decisions = train()
    print(f"accuracy on held-out customers: {pipeline.score(customers, decisions):.2f}")
    write(export(pipeline))


if __name__ == "__main__":
    main()
