"""LitServe: one worker on the CPU, and its faster queue."""

# mypy: disable-error-code="import-not-found, misc, no-untyped-def"

from __future__ import annotations

import os
from typing import Any

import litserve
import numpy as np
import onnx_model


class Onnx(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.session = onnx_model.load()

    def decode_request(self, request):  # LitServe reads the annotation, were there one.
        data = request["data"]
        if isinstance(data, str):
            return onnx_model.from_base64(data)
        return np.array(data, np.float32)

    def predict(self, x: Any) -> Any:
        return onnx_model.run(self.session, x)

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"prediction": output[0].tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(
        Onnx(), accelerator="cpu", workers_per_device=1, fast_queue=True, timeout=60
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
