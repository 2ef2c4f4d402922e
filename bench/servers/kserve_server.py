"""KServe's SDK: one worker, REST only, no log line per request."""

# mypy: disable-error-code="import-not-found, misc"

from __future__ import annotations

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import kserve
import numpy as np
import onnx_model

threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)))


class Onnx(kserve.Model):
    def load(self) -> bool:
        self.session = onnx_model.load()
        self.ready = True
        return True

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if isinstance(payload, dict):
            data = np.array(payload["instances"], np.float32)
            return {"predictions": onnx_model.run(self.session, data).tolist()}
        data = payload.inputs[0].as_numpy()
        # Its documentation: what blocks goes into a thread, or no probe is answered meanwhile.
        loop = asyncio.get_running_loop()
        probabilities = await loop.run_in_executor(threads, onnx_model.run, self.session, data)
        output = kserve.InferOutput("probabilities", list(probabilities.shape), "FP32")
        output.set_data_from_numpy(probabilities, binary_data=False)
        return kserve.InferResponse(payload.id, self.name, [output])


if __name__ == "__main__":
    model = Onnx("model")
    model.load()
    server = kserve.ModelServer(
        http_port=int(os.environ["PORT"]),
        workers=1,
        enable_grpc=False,
        enable_latency_logging=False,
    )
    for name in ("uvicorn.access", "kserve.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    server.start([model])
