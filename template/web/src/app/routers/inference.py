"""The endpoints of the Open Inference Protocol: where each is, and what does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from src.app.http import Answer, Call, Endpoint, HttpError, Route
from src.app.inference import openapi
from src.app.inference.compression import compressed, decompressed
from src.app.inference.metadata import MODEL, NAME, SERVER, VERSION
from src.app.inference.request import Inference, read_inference
from src.app.inference.response import write_inference
from src.app.predictions import Predictions
from src.app.service import Service
from src.ml.runs import Answers, Run


def routes(service: Service, predictions: Predictions) -> list[Route]:
    async def live(call: Call) -> Answer:
        await service.live(call)
        return Answer(b'{"live":true}')

    async def ready(call: Call) -> Answer:
        await service.ready(call)
        return Answer(b'{"ready":true}')

    async def model_ready(call: Call) -> Answer:
        await service.ready(call)
        return Answer(msgspec.json.encode({"name": NAME, "ready": True}))

    async def infer(call: Call) -> Answer:
        inferring = _Inferring(call.headers, service.settings.max_body_bytes)
        return await predictions.infer(call, inferring)

    table = [
        Route("GET", "/v2", _constant(SERVER), openapi.SERVER),
        Route("GET", "/v2/health/live", live, openapi.LIVE),
        Route("GET", "/v2/health/ready", ready, openapi.READY),
    ]
    for path in (f"/v2/models/{NAME}", f"/v2/models/{NAME}/versions/{VERSION}"):
        table += [
            Route("GET", path, _constant(MODEL), openapi.MODEL),
            Route("GET", f"{path}/ready", model_ready, openapi.MODEL_READY),
            Route("POST", f"{path}/infer", infer, openapi.INFER),
        ]
    return table


def unknown(path: str) -> HttpError:
    """What is answered to a path under /v2 that is none of the above."""
    match path.split("/")[2:]:
        case ["models", name, *_] if name != NAME:
            detail = f"expected the model {NAME!r}, got {name[:200]!r}"
        case ["models", _, "versions", version, *_] if version != VERSION:
            detail = f"expected version {VERSION!r} of the model {NAME!r}, got {version[:200]!r}"
        case _:
            detail = "Not Found"
    return HttpError(404, detail)


class _Inferring:
    """One request to the model, between its bytes and those of its answer."""

    __slots__ = ("_asked", "_headers", "_max_bytes")

    def __init__(self, headers: Mapping[bytes, bytes], max_bytes: int) -> None:
        self._headers = headers
        self._max_bytes = max_bytes

    def prepare(self, body: bytes) -> list[Run]:
        body = decompressed(self._headers, body, self._max_bytes)
        self._asked: Inference = read_inference(self._headers, body)
        return [Run(self._asked.feeds, self._asked.outputs)]

    def finish(self, answers: Answers) -> Answer:
        return compressed(write_inference(self._asked, answers[0]), self._headers)


def _constant(content: dict[str, Any]) -> Endpoint:
    answer = Answer(msgspec.json.encode(content))

    async def endpoint(_: Call) -> Answer:
        return answer

    return endpoint
