"""MLServer has no runtime for ONNX; this is one as its documentation says to write it."""

# mypy: disable-error-code="import-not-found, misc"

from __future__ import annotations

import onnx_model
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxRuntime(MLModel):
    async def load(self) -> bool:
        self.session = onnx_model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        (given,) = payload.inputs
        if given.datatype == "BYTES":
            data = onnx_model.from_base64(given.data[0])
        else:
            data = NumpyCodec.decode_input(given)
        probabilities = onnx_model.run(self.session, data)
        return InferenceResponse(
            model_name=self.name,
            outputs=[NumpyCodec.encode_output("probabilities", probabilities)],
        )
