"""BentoML: one worker, no access log."""

# mypy: disable-error-code="import-not-found, untyped-decorator, no-any-return"

from __future__ import annotations

import bentoml
import numpy as np
import onnx_model


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Onnx:
    def __init__(self) -> None:
        self.session = onnx_model.load()

    @bentoml.api
    async def predict(self, data: list[list[float]]) -> np.ndarray:
        return onnx_model.run(self.session, np.array(data, np.float32))

    @bentoml.api
    def predict_image(self, data: str) -> np.ndarray:
        return onnx_model.run(self.session, onnx_model.from_base64(data))
