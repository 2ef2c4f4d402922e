"""Many requests at once, and what bounds them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from src.app.app import create_app
from src.app.gateway import Gateway
from src.configurations import ROOT, Settings
from src.ml.errors import ModelError
from tests.clients import async_client_of, client_of
from tests.reference import SAMPLE, SETTINGS, assert_same, expected


def post_at_once(settings: Settings, bodies: list[object]) -> list[httpx2.Response]:
    """What each of these requests to /predict is answered, all sent in one turn."""

    async def post_all() -> list[httpx2.Response]:
        async with async_client_of(create_app(settings)) as client:
            posts = [client.post("/predict", json=body) for body in bodies]
            return list(await asyncio.gather(*posts))

    return asyncio.run(post_all())


@pytest.mark.parametrize("execution", ["inline", "threads"])
def test_many_at_once_are_answered_as_one_is(execution: str) -> None:
    bodies: list[object] = [{"data": SAMPLE}] * 40
    bodies[7] = bodies[23] = {"data": None}
    prediction = expected()
    for index, answer in enumerate(post_at_once(replace(SETTINGS, execution=execution), bodies)):
        if index in (7, 23):
            assert answer.status_code == 400
        else:
            assert answer.status_code == 200, answer.text
            assert_same(answer.json()["prediction"], prediction)


def test_more_than_may_wait_are_refused_at_once() -> None:
    prediction = expected()
    settings = replace(SETTINGS, max_waiting=3, threads=1)
    answers = post_at_once(settings, [{"data": SAMPLE}] * 30)
    taken = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(taken) + len(refused) == 30
    assert len(taken) >= 3
    assert len(refused) >= 1
    for answer in taken:
        assert_same(answer.json()["prediction"], prediction)
    for answer in refused:
        assert answer.headers["retry-after"] == "1"
        assert "waiting" in answer.json()["detail"]


@pytest.mark.parametrize("execution", ["inline", "threads"])
def test_a_request_whose_time_is_over_is_not_answered(execution: str) -> None:
    with client_of(create_app(replace(SETTINGS, execution=execution))) as client:
        late = client.post("/predict", json={"data": SAMPLE}, headers={"x-request-timeout": "0"})
        assert late.status_code == 504
        nonsense = {"x-request-timeout": "soon"}
        refused = client.post("/predict", json={"data": SAMPLE}, headers=nonsense)
        assert refused.status_code == 400
        in_time = {"x-request-timeout": "20"}
        assert client.post("/predict", json={"data": SAMPLE}, headers=in_time).status_code == 200


def test_the_metrics_count_what_was_asked(client: TestClient) -> None:
    def count(code: int) -> float:
        label = f'http_requests_total{{route="/predict",method="POST",code="{code}"}} '
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.removeprefix(label)) for line in lines if line.startswith(label))

    good, bad = count(200), count(400)
    for _ in range(3):
        client.post("/predict", json={"data": SAMPLE})
    client.post("/predict", content=b"{")
    assert count(200) == good + 3
    assert count(400) == bad + 1


def test_whoever_is_about_to_end_is_not_ready() -> None:
    app: Gateway = create_app()
    with client_of(app) as client:
        assert client.get("/health/ready").status_code == 200
        app.service.draining = True
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/live").status_code == 200
        assert client.post("/predict", json={"data": SAMPLE}).status_code == 200


def test_a_damaged_model_is_not_served(tmp_path: Path) -> None:
    content = bytearray((ROOT / SETTINGS.model_path).read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(content)
    for path in (damaged, tmp_path / "missing.onnx"):
        with pytest.raises(ModelError, match=path.name):
            create_app(replace(SETTINGS, model_path=str(path)))
