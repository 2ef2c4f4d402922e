"""The classic style of the pattern: a synchronous endpoint, lists in pydantic, a response model."""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import os

import numpy as np
import onnx_model
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

session = onnx_model.load()
app = FastAPI()


class Data(BaseModel):
    data: list[list[float]]


class Image(BaseModel):
    data: str


class Prediction(BaseModel):
    prediction: list[float]


@app.get("/health")
def health() -> dict[str, str]:
    return {"health": "ok"}


@app.post("/predict", response_model=Prediction)
def predict(data: Data) -> dict[str, list[float]]:
    probabilities = onnx_model.run(session, np.array(data.data).astype(np.float32))
    return {"prediction": list(probabilities[0])}


@app.post("/predict/image", response_model=Prediction)
def predict_image(image: Image) -> dict[str, list[float]]:
    probabilities = onnx_model.run(session, onnx_model.from_base64(image.data))
    return {"prediction": list(probabilities[0])}


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
