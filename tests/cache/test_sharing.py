"""Services that share a Redis: what they have in common, and what none may have of another."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.cache.asking import Said, ask, metric, session
from tests.cache.conftest import generate
from tests.cache.redis import Redis
from tests.conftest import ROOT
from tests.web.running import Running, serving, wait_until

SHAPES = ROOT / "vars" / "image_cnn.yaml"
STORE_HITS = 'cache_hits_total{cache="data",tier="store"}'
STORE_MISSES = 'cache_misses_total{cache="data",tier="store"}'


def another_model(path: Path) -> Path:
    """The example's with other weights, and another name of its input."""
    model = onnx.load(ROOT / "vars" / "models" / "image_cnn.onnx")
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32:
            weight.CopyFrom(numpy_helper.from_array(values * np.float32(0.75), weight.name))
    (given,) = model.graph.input
    for node in model.graph.node:
        node.input[:] = ["picture" if name == given.name else name for name in node.input]
    given.name = "picture"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Services of two models that keep data and predictions."""
    folder = tmp_path_factory.mktemp("two")
    common = ("--variant", "data-cache", "--set", "cache=both", "--vars", SHAPES)
    first = generate(folder, "first", *common)
    model = another_model(folder / "another.onnx")
    return first, generate(folder, "second", *common, "--model", model)


def expected(service: Path, name: str) -> list[float]:
    """The prediction for an item, by the service's own transformations and ONNX Runtime."""
    from PIL import Image  # noqa: PLC0415 - as the service does

    image = Image.open(service / "data" / "shapes" / f"{name}.png").convert("RGB")
    pixels = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32)
    tensor = ((pixels / 255 - 0.5) / 0.5).transpose(2, 0, 1)[None]
    (model,) = (service / "models").glob("*.onnx")
    running = session(model)
    (scores,) = running.run(None, {running.get_inputs()[0].name: np.ascontiguousarray(tensor)})
    powers = np.exp(scores[0] - scores[0].max())
    shares: list[float] = (powers / powers.sum()).tolist()
    return shares


def test_what_one_made_ready_another_finds(two: tuple[Path, Path], redis: Redis) -> None:
    """Of the same data, made ready in the same way, whatever the model is."""
    first, second = two
    with serving(first, CACHE_URL=redis.url) as running:
        answer = ask(running, "0003")
        assert answer.content["prediction"] == pytest.approx(expected(first, "0003"), abs=1e-6)
        wait_until(lambda: redis.command("DBSIZE") == 2, "the data and the prediction")
    with serving(second, CACHE_URL=redis.url) as running:
        answer = ask(running, "0003")
        assert answer.cache == "miss"  # as a prediction
        assert metric(running, STORE_HITS) == 1
        assert answer.content["prediction"] == pytest.approx(expected(second, "0003"), abs=1e-6)
    assert expected(first, "0003") != pytest.approx(expected(second, "0003"), abs=1e-3)


def test_a_new_model_has_predictions_of_its_own_and_the_same_data(
    tmp_path: Path, redis: Redis
) -> None:
    """The same service, generated anew for another model."""
    new = partial(
        generate, tmp_path, "shapes", "--variant", "data-cache", "--set", "cache=both",
        "--vars", SHAPES,
    )  # fmt: skip
    service = new()
    with serving(service, CACHE_URL=redis.url) as running:
        ask(running, "0001")
        wait_until(lambda: redis.command("DBSIZE") == 2, "the data and the prediction")
        before = ask(running, "0001")
        assert before.cache == "hit"
    # The model's file keeps its name, as it does where a model is trained again.
    another_model(tmp_path / "image_cnn.onnx")
    service = new("--model", tmp_path / "image_cnn.onnx", "--force")
    with serving(service, CACHE_URL=redis.url) as running:
        after = ask(running, "0001")
        assert after.cache == "miss"
        assert metric(running, STORE_HITS) == 1
        assert after.content["prediction"] == pytest.approx(expected(service, "0001"), abs=1e-6)
        assert after.content != before.content


def test_other_data_of_the_same_id_is_not_taken_for_it(tmp_path: Path, redis: Redis) -> None:
    """Two services whose data comes with them, and differs."""
    services = []
    for name, item in (("left", "0001"), ("right", "0002")):
        variables = tmp_path / name / "vars.yaml"
        (variables.parent / "data" / "shapes").mkdir(parents=True)
        variables.write_text(SHAPES.read_text())
        for file in ("models/image_cnn.onnx", "models/shapes.json"):
            target = variables.parent / Path(file).name
            target.write_bytes((ROOT / "vars" / file).read_bytes())
        picture = (ROOT / "vars" / "data" / "shapes" / f"{item}.png").read_bytes()
        (variables.parent / "data" / "shapes" / "0000.png").write_bytes(picture)
        services.append(
            generate(tmp_path, name + "-svc", "--variant", "data-cache", "--vars", variables)
        )
    for service in services:
        with serving(service, CACHE_URL=redis.url) as running:
            answer = ask(running, "0000")
            assert answer.cache == "miss"
            shown = pytest.approx(expected(service, "0000"), abs=1e-6)
            assert answer.content["prediction"] == shown
            wait_until(lambda: redis.command("DBSIZE") >= 1, "the data")


class SlowSource(SimpleHTTPRequestHandler):
    """The example's pictures, each of which takes a while; counts who asks."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        time.sleep(0.4)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def source(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a web server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def ask_all_at_once(everybody: Sequence[Running], name: str, times: int) -> list[Said]:
    with ThreadPoolExecutor(len(everybody) * times) as pool:
        return list(pool.map(lambda running: ask(running, name), list(everybody) * times))


def test_what_a_fleet_misses_is_fetched_about_once(shapes: Path, redis: Redis) -> None:
    class Pictures(SlowSource):
        asked: list[str] = []  # noqa: RUF012 - of this test

        def __init__(self, *arguments: object) -> None:
            folder = ROOT / "vars" / "data" / "shapes"
            super().__init__(*arguments, directory=folder)  # type: ignore[arg-type]

    with source(Pictures) as url:
        settings = {"CACHE_URL": redis.url, "DATA_URL": url, "WORKERS": 2}
        with serving(shapes, **settings) as one, serving(shapes, **settings) as other:
            for name in ("0002", "0005"):
                answers = ask_all_at_once([one, other], name, times=10)
                for answer in answers:
                    assert answer.status == 200, answer.content
                    shown = pytest.approx(expected(shapes, name), abs=1e-6)
                    assert answer.content["prediction"] == shown
            # Nearly once: of 40 requests to 4 processes, and not once each.
            assert len(Pictures.asked) <= 4
            assert ask(one, "no-such").status == 404


def test_an_unknown_item_of_a_batch_is_no_fault_of_who_asks_for_another(
    shapes: Path, tmp_path: Path
) -> None:
    """A request that waits for the same item as a batch does is not told of the batch's error."""

    class Pictures(SlowSource):
        asked: list[str] = []  # noqa: RUF012 - of this test

        def __init__(self, *arguments: object) -> None:
            folder = ROOT / "vars" / "data" / "shapes"
            super().__init__(*arguments, directory=folder)  # type: ignore[arg-type]

    with (
        source(Pictures) as url,
        serving(shapes, DATA_URL=url, CACHE_FOLDER=tmp_path / "cache") as running,
        ThreadPoolExecutor(2) as pool,
    ):
        batch = pool.submit(ask, running, ["0004", "no-such"], "/predict/batch")
        time.sleep(0.1)
        single = pool.submit(ask, running, "0004")
        assert batch.result().status == 404
        assert single.result().content["prediction"] == pytest.approx(
            expected(shapes, "0004"), abs=1e-6
        )


def test_postprocessing_may_change_what_it_is_given(tmp_path: Path) -> None:
    """In place, and each request's own: what is kept stays as the model answered it."""
    service = generate(tmp_path, "iris", "--variant", "prediction-cache")
    transformers = service / "src" / "ml" / "transformers.py"
    changed = transformers.read_text().replace(
        "    return prediction\n", "    prediction *= 2\n    return prediction\n"
    )
    transformers.write_text(changed)
    job = [sys.executable, "-m", "src.jobs.record_sample"]
    assert subprocess.run(job, cwd=service, check=False).returncode == 0
    flower = [[6.0, 3.0, 4.0, 1.2]]
    with serving(service, CACHE_MEMORY_BYTES=0) as running, ThreadPoolExecutor(16) as pool:
        for _ in range(2):
            answers = pool.map(lambda _: ask(running, flower), range(16))
            sums = [sum(answer.content["prediction"]) for answer in answers]
            assert sums == pytest.approx([2.0] * 16)


def test_a_source_that_fails_is_told(shapes: Path, tmp_path: Path) -> None:
    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with (
        source(Broken) as url,
        serving(shapes, DATA_URL=url, CACHE_FOLDER=tmp_path / "cache") as running,
    ):
        answer = ask(running, "0001")
        assert answer.status == 503
        assert "0001" in answer.content["detail"]
    with serving(
        shapes, DATA_URL="http://127.0.0.1:1/", CACHE_FOLDER=tmp_path / "other"
    ) as running:
        assert ask(running, "0001").status == 503
