"""Log lines that nothing can break, and the ids of requests."""

from __future__ import annotations

import io
import json
import logging
import multiprocessing
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from src.app.request_id import request_id
from src.utils.logger import (
    LONGEST_SHOWN,
    configure_logging,
    current_request_id,
    is_sampled,
    log_prediction,
    log_request,
)

HOSTILE = 'a\nb\r\x1b[2J "}\u2028\u0085\ud800{é'
TRACE = b"0af7651916cd43dd8448eb211c80319c"
PARENT = b"b7ad6b7169203331"

Lines = Callable[[], list[str]]


@pytest.fixture
def level() -> str:
    return "info"


@pytest.fixture
def logged(form: str, level: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What was logged since, in lines as the strictest reader splits them."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, "utf-8", write_through=True))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    handlers = logging.root.handlers
    configure_logging(level, form, worker=3)

    def lines() -> list[str]:
        text = written.getvalue().decode()
        written.seek(0)
        written.truncate()
        return text.splitlines()

    yield lines
    logging.root.handlers = handlers
    logging.captureWarnings(False)


both = pytest.mark.parametrize("form", ["json", "text"])
only_json = pytest.mark.parametrize("form", ["json"])
only_text = pytest.mark.parametrize("form", ["text"])


def only(lines: Lines) -> dict[str, Any]:
    (line,) = lines()
    fields: dict[str, Any] = json.loads(line)
    return fields


@only_json
def test_a_request_in_json(logged: Lines) -> None:
    log_request(b"id-1", "POST", "/predict", 200, 0.0012345)
    fields = only(logged)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields.pop("time"))
    assert isinstance(fields.pop("pid"), int)
    assert fields == {
        "level": "info",
        "logger": "requests",
        "message": "POST /predict 200",
        "request_id": "id-1",
        "route": "/predict",
        "code": 200,
        "duration_ms": 1.234,
        "worker": 3,
    }


@only_json
def test_an_error_is_one_field(logged: Lines) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        log_request(b"id-1", "POST", "/predict", 500, 0.1, error)
    fields = only(logged)
    assert fields["level"] == "error"
    assert fields["exception"].startswith("Traceback (most recent call last):\n")
    assert "ValueError: a\nb" in fields["exception"]


@both
def test_hostile_values_break_no_line(logged: Lines) -> None:
    logging.getLogger("src").warning("got %s", HOSTILE, extra={"route": HOSTILE})
    (line,) = logged()
    assert line.isprintable()
    assert "{é" in line


@only_text
def test_a_traceback_cannot_pass_for_a_line(logged: Lines) -> None:
    try:
        raise ValueError("x\n2026-01-01T00:00:00.000Z INFO src: forged")
    except ValueError:
        logging.getLogger("src").exception("failed")
    first, *rest = logged()
    assert " ERROR   src: failed" in first
    assert "forged" in rest[-1]
    assert all(line.startswith("    ") for line in rest)


@both
def test_others_are_logged_alike(logged: Lines) -> None:
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("some.library").info("not shown")
    logging.getLogger("some.library").warning("shown")
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second, third = logged()
    assert "started" in first
    assert "shown" in second
    assert "DeprecationWarning: old" in third


@only_json
def test_what_is_not_caught_is_logged(logged: Lines) -> None:
    try:
        raise ValueError("lost")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    assert "ValueError: lost" in only(logged)["exception"]


@only_json
def test_what_is_logged_for_a_request_has_its_id(logged: Lines) -> None:
    token = current_request_id.set(b"id-2")
    logging.getLogger("src").info("inside")
    current_request_id.reset(token)
    assert only(logged)["request_id"] == "id-2"
    logging.getLogger("src").info("outside")
    assert "request_id" not in only(logged)


@only_json
def test_predictions_are_cut(logged: Lines) -> None:
    log_prediction(b"id-3", "/predict", b"\xff" + b"x" * 100_000, '{"a": "é"}'.encode())
    fields = only(logged)
    assert fields["logger"] == "predictions"
    assert fields["input"] == "\\xff" + "x" * (LONGEST_SHOWN - 1)
    assert fields["input_bytes"] == 100_001
    assert (fields["answer"], fields["answer_bytes"]) == ('{"a": "é"}', 11)


@both
@pytest.mark.parametrize("level", ["error"])
def test_lines_that_were_asked_for_come_at_any_level(logged: Lines) -> None:
    log_request(b"id", "GET", "/health", 200, 0.1)
    log_prediction(b"id", "/predict", b"", b"")
    logging.getLogger("src").warning("not shown")
    assert len(logged()) == 2


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_the_share_of_logged_predictions(share: float) -> None:
    ids = [request_id({}) for _ in range(5000)]
    chosen = sum(is_sampled(each, share) for each in ids)
    assert chosen == pytest.approx(share * len(ids), rel=0.2)
    assert [is_sampled(each, share) for each in ids].count(True) == chosen


@pytest.mark.parametrize("given", [b"a", b"Z9._:/+=-", b"x" * 128])
def test_ids_that_are_taken(given: bytes) -> None:
    assert request_id({b"x-request-id": given, b"traceparent": b"-"}) == given


@pytest.mark.parametrize("given", [b"", b"x" * 129, b"a b", b"a\n", b'a"', b"\xc3\xa9", b"a;b"])
def test_ids_that_are_made_anew(given: bytes) -> None:
    made = request_id({b"x-request-id": given})
    assert re.fullmatch(rb"[0-9a-f]{32}", made)


@pytest.mark.parametrize(
    "parent",
    [
        b"00-%s-%s-01" % (TRACE, PARENT),
        b"01-%s-%s-00" % (TRACE, PARENT),
        b"cc-%s-%s-01-what.the.future.brings" % (TRACE, PARENT),
    ],
)
def test_trace_ids_that_are_taken(parent: bytes) -> None:
    assert request_id({b"x-request-id": b"not an id", b"traceparent": parent}) == TRACE


@pytest.mark.parametrize(
    "parent",
    [
        b"ff-%s-%s-01" % (TRACE, PARENT),
        b"00-%s-%s-01-more" % (TRACE, PARENT),
        b"00-%s-%s-01" % (b"0" * 32, PARENT),
        b"00-%s-%s-01" % (TRACE, b"0" * 16),
        b"00-%s-%s-01" % (TRACE.upper(), PARENT),
        b"00-%s-%s" % (TRACE, PARENT),
        b"cc-%s-%s-01x" % (TRACE, PARENT),
        b"",
    ],
)
def test_trace_ids_that_are_not(parent: bytes) -> None:
    assert request_id({b"traceparent": parent}) != TRACE


def test_workers_make_ids_of_their_own() -> None:
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        theirs = pool.map(request_id, [{}] * 20, chunksize=1)
    ids = [*theirs, *(request_id({}) for _ in range(20))]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", ["/health", "/nowhere"])
def test_every_answer_has_the_id_of_its_request(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"X-Request-ID": "a-1"}).headers["x-request-id"] == "a-1"
    made = [client.get(path, headers={"X-Request-ID": "a b"}) for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in made]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    assert ids[0] != ids[1]
