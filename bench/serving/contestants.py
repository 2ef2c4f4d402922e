"""Every server that is measured: how it is started, and how it is asked for a prediction."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.serving.workloads import OUTPUT, Array, Workload

PROGRAMS = Path(__file__).parent.parent / "servers"
MODEL = "model"
"""What MLServer and KServe call the model; the name of the generated service, too."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for one prediction; ``read`` takes the probabilities out of the JSON answer."""

    path: str
    body: bytes
    read: Callable[[Any], Any]
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    def probabilities(self, answer: bytes) -> Array:
        return np.array(self.read(json.loads(answer)), np.float32).reshape(-1)


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that is installed in an environment, and there is known by a package's version.

    In the command and the settings ``{python}``, ``{bin}``, ``{folder}``, ``{port}`` and ``{free}``
    (any port that nobody uses) are filled in. ``spread``: it works in several processes, so it gets
    every core; all others get one. ``models``: the workloads that it is measured with.
    ``predicts``: the floor does not, its answer is always the same.
    """

    name: str
    environment: str
    package: str
    command: Sequence[str]
    ask: Callable[[Workload], Ask]
    health: str = "/health"
    settings: Mapping[str, str] = field(default_factory=dict)
    spread: bool = False
    models: Sequence[str] = ("iris", "cnn")
    predicts: bool = True


def _program(name: str) -> tuple[str, str]:
    return "{python}", str(PROGRAMS / f"{name}.py")


def _json(path: str, read: Callable[[Any], Any], **content: Any) -> Ask:
    return Ask(path, json.dumps(content).encode(), read)


def _prediction(answer: Any) -> Any:
    return answer["prediction"]


def _output(answer: Any) -> Any:
    """The probabilities in an answer of the Open Inference Protocol."""
    return next(it["data"] for it in answer["outputs"] if it["name"] == OUTPUT)


def _ask_generated(workload: Workload) -> Ask:
    """A large tensor goes as bytes by the Open Inference Protocol; the answer is JSON."""
    if not workload.binary:
        return _json("/predict", _prediction, data=workload.data.tolist())
    data = workload.data.tobytes()
    tensor = {
        "name": workload.input,
        "datatype": "FP32",
        "shape": list(workload.data.shape),
        "parameters": {"binary_data_size": len(data)},
    }
    header = json.dumps({"inputs": [tensor], "outputs": [{"name": OUTPUT}]}).encode()
    return Ask(
        f"/v2/models/{MODEL}/infer",
        header + data,
        _output,
        {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(header)),
        },
    )


def _ask_handwritten(workload: Workload) -> Ask:
    if workload.binary:
        headers = {"Content-Type": "application/octet-stream"}
        return Ask("/predict/binary", workload.data.tobytes(), _prediction, headers)
    return _json("/predict", _prediction, data=workload.data.tolist())


def _ask_classic(workload: Workload) -> Ask:
    if workload.binary:
        return _json("/predict/image", _prediction, data=workload.text)
    return _json("/predict", _prediction, data=workload.data.tolist())


def _ask_mlserver(workload: Workload) -> Ask:
    tensor = {"name": workload.input, "datatype": "FP32", "shape": list(workload.data.shape)}
    tensor["data"] = workload.data.ravel().tolist()
    if workload.binary:
        tensor |= {"datatype": "BYTES", "shape": [1], "data": [workload.text]}
    return _json(f"/v2/models/{MODEL}/infer", _output, inputs=[tensor])


def _ask_kserve(workload: Workload) -> Ask:
    instances = [workload.text] if workload.binary else workload.data.tolist()
    path = f"/v1/models/{MODEL}:predict"
    return _json(path, lambda answer: answer["predictions"], instances=instances)


def _ask_litserve(workload: Workload) -> Ask:
    data = workload.text if workload.binary else workload.data.tolist()
    return _json("/predict", _prediction, data=data)


def _ask_bentoml(workload: Workload) -> Ask:
    if workload.binary:
        return _json("/predict_image", lambda answer: answer, data=workload.text)
    return _json("/predict", lambda answer: answer, data=workload.data.tolist())


def _mlserver(name: str, workers: int) -> Contestant:
    return Contestant(
        name,
        "mlserver",
        "mlserver",
        ("{bin}/mlserver", "start", "."),
        _ask_mlserver,
        health="/v2/health/live",
        spread=workers > 0,
        settings={
            "PYTHONPATH": str(PROGRAMS),
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{free}",
            "MLSERVER_METRICS_PORT": "{free}",
            "MLSERVER_DEBUG": "false",
            "MLSERVER_PARALLEL_WORKERS": str(workers),
            "MLSERVER_MODEL_NAME": MODEL,
            "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_runtime.OnnxRuntime",
        },
    )


GENERATED = "generated service"
ECHO = "uvicorn, bare ASGI echo"
HANDWRITTEN = "FastAPI + orjson, by hand"
CLASSIC = "classic style"
KSERVE = "KServe SDK"
MLSERVER = "MLServer, 0 workers"
LITSERVE = "LitServe"
BENTOML = "BentoML"

CONTESTANTS = (
    Contestant(
        GENERATED,
        "service",
        "onnxruntime",
        ("./run.sh",),
        _ask_generated,
        settings={"PYTHON": "{python}", "WORKERS": "1"},
    ),
    Contestant(
        ECHO,
        "fastapi",
        "uvicorn",
        _program("echo"),
        lambda workload: _json("/", _prediction, data=workload.data.tolist()),
        models=("iris",),
        predicts=False,
    ),
    Contestant(HANDWRITTEN, "fastapi", "fastapi", _program("handwritten"), _ask_handwritten),
    Contestant(CLASSIC, "fastapi", "fastapi", _program("classic"), _ask_classic),
    Contestant(
        KSERVE, "kserve", "kserve", _program("kserve_server"), _ask_kserve,
        health="/v2/health/live",
    ),
    _mlserver(MLSERVER, 0),
    _mlserver("MLServer, as it comes", 1),
    Contestant(
        LITSERVE, "litserve", "litserve", _program("litserve_server"), _ask_litserve, spread=True
    ),
    Contestant(
        BENTOML,
        "bentoml",
        "bentoml",
        ("{bin}/bentoml", "serve", "--working-dir", str(PROGRAMS), "bentoml_service:Onnx"),
        _ask_bentoml,
        health="/livez",
        settings={
            "BENTOML_HOST": "127.0.0.1",
            "BENTOML_PORT": "{port}",
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": "{folder}",
        },
    ),
)  # fmt: skip


def chosen(names: Sequence[str]) -> list[Contestant]:
    """Those whose name begins with one of these, whatever its case; all if none is given."""
    found = [
        it
        for it in CONTESTANTS
        if not names or any(it.name.lower().startswith(name.lower()) for name in names)
    ]
    for name in names:
        if not any(it.name.lower().startswith(name.lower()) for it in CONTESTANTS):
            known = ", ".join(it.name for it in CONTESTANTS)
            sys.exit(f"error: --servers: no server is called {name!r}; there are: {known}")
    return found
