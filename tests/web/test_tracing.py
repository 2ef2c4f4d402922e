"""Traces of a booted service, as a collector receives them; and that nobody else receives any."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conftest import Cli
from tests.test_services import BIN, ask, booted, post

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SAMPLE = [[5.1, 3.5, 1.4, 0.2]]
STAGES = ["queue", "decode", "inference", "encode"]


class Collector(ThreadingHTTPServer):
    """An OpenTelemetry collector that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[ExportTraceServiceRequest] = []
        self.address = f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resource(self) -> dict[str, str]:
        return attributes(self.requests[0].resource_spans[0].resource)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        assert self.headers["Content-Type"] == "application/x-protobuf"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.05,))
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


@pytest.fixture
def service(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    done = cli("new", "--name", "sample", "--set", "tracing=true")
    assert done.returncode == 0, done.stderr
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    # Longer than any test: what arrives was sent as the service ended.
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    return tmp_path / "sample"


def attributes(owner: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in owner.attributes
    }


def test_spans_of_requests_and_their_stages(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
        with booted(service) as address:
            body = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'
            assert ask(f"{address}/predict", body, traceparent=f"00-{TRACE}-{PARENT}-01")[0] == 200
            assert ask(f"{address}/predict", body, **{"X-Request-Timeout": "0"})[0] == 504
            assert ask(f"{address}/nowhere")[0] == 404
            not_sampled = f"00-{TRACE}-{PARENT}-00"
            assert ask(f"{address}/label", traceparent=not_sampled)[0] == 200
            assert ask(f"{address}/health")[0] == 200
    assert collector.resource()["service.name"] == "sample"
    assert collector.resource()["service.version"] == "0.1.0"
    requests = [span for span in collector.spans() if span.kind == span.SPAN_KIND_SERVER]
    assert [span.name for span in requests] == ["POST /predict", "POST /predict", "GET"]
    answered, late, lost = requests

    assert answered.trace_id.hex() == TRACE
    assert answered.parent_span_id.hex() == PARENT
    found = attributes(answered)
    assert found["http.request.method"] == "POST"
    assert found["http.route"] == found["url.path"] == "/predict"
    assert found["http.response.status_code"] == 200
    assert answered.status.code == answered.status.STATUS_CODE_UNSET
    stages = [span for span in collector.spans() if span.parent_span_id == answered.span_id]
    assert [span.name for span in stages] == STAGES
    assert {span.trace_id for span in stages} == {answered.trace_id}
    ends = [span.end_time_unix_nano for span in stages]
    assert [span.start_time_unix_nano for span in stages][1:] == ends[:-1]
    assert answered.start_time_unix_nano <= stages[0].start_time_unix_nano
    assert ends[-1] <= answered.end_time_unix_nano

    assert late.trace_id.hex() != TRACE
    assert attributes(late)["http.response.status_code"] == 504
    assert attributes(late)["error.type"] == "504"
    assert late.status.code == late.status.STATUS_CODE_ERROR
    assert attributes(lost)["http.response.status_code"] == 404
    assert "http.route" not in attributes(lost)
    assert lost.status.code == lost.status.STATUS_CODE_UNSET


def test_the_standard_variables_are_heard(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"{collector.address}/v1/traces")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "flowers")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        with booted(service) as address:
            assert ask(f"{address}/label")[0] == 200
    assert collector.resource()["service.name"] == "flowers"
    assert collector.resource()["deployment.environment.name"] == "test"
    assert [span.name for span in collector.spans()] == ["GET /label"]


@pytest.mark.parametrize("listens", [False, True])
def test_a_collector_that_does_not_answer_harms_nothing(
    service: Path, monkeypatch: pytest.MonkeyPatch, listens: bool
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        with booted(service) as address:
            for _ in range(100):
                assert post(f"{address}/predict", SAMPLE)[0] == 200


@pytest.mark.parametrize("setting", ["", "OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=none"])
def test_nothing_is_sent_unless_asked_for(
    service: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    with collecting() as collector:
        if setting:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address)
            monkeypatch.setenv(*setting.split("="))
        with booted(service) as address:
            assert post(f"{address}/predict", SAMPLE)[0] == 200
    assert collector.requests == []


def test_a_protocol_that_is_not_spoken_ends_the_start(service: Path) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "PORT": "0",
    }
    done = subprocess.run(
        ["./run.sh"],
        cwd=service,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf, got 'grpc'" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_option_there_is_no_trace_of_it(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    folder = tmp_path / "sample"
    for path in [*(folder / "src").rglob("*"), folder / "requirements.in"]:
        if path.is_file():
            assert b"opentelemetry" not in path.read_bytes().lower(), path
            assert "tracing" not in path.name
