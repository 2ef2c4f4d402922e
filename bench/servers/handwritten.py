"""What a good engineer writes in an hour: async endpoints, orjson, raw bytes for the large tensor.

The small model runs in the event loop; the large one in a thread, so that /health is answered.
"""

# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx_model
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

session = onnx_model.load()
threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
app = FastAPI()


@app.get("/health")
async def health() -> dict[str, str]:
    return {"health": "ok"}


@app.post("/predict")
async def predict(request: Request) -> Response:
    data = np.array(orjson.loads(await request.body())["data"], np.float32)
    return _answer(onnx_model.run(session, data))


@app.post("/predict/binary")
async def predict_binary(request: Request) -> Response:
    data = onnx_model.from_bytes(await request.body())
    loop = asyncio.get_running_loop()
    return _answer(await loop.run_in_executor(threads, onnx_model.run, session, data))


def _answer(probabilities: np.ndarray) -> Response:
    body = orjson.dumps({"prediction": probabilities[0]}, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")


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
