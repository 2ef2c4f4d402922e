"""Logs, the same in every service: one line for each record, JSON for machines or text for people.

Records carry ``request_id``, ``route``, ``code`` and ``duration_ms`` by ``extra={…}``; what is
logged while a request is answered has its id without being told.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import zlib
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import msgspec

LONGEST_SHOWN = 2048
"""Bytes of a request's input, and of its answer, that a logged prediction shows."""

current_request_id: ContextVar[bytes | None] = ContextVar("current_request_id", default=None)
"""Set by the gateway, for what endpoints log."""

_EXTRA = (
    *("route", "code", "duration_ms"),
    *("input", "input_bytes", "answer", "answer_bytes"),
)
_INDENT = "\n    "
# What ends a line for some reader of logs, hides text in a terminal, or is no UTF-8.
_IN_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_IN_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_requests = logging.getLogger("requests")
_predictions = logging.getLogger("predictions")


def configure_logging(level: str, format: str, worker: int | None = None) -> None:
    """Log to standard error: what the service and uvicorn say from ``level`` upwards, and warnings
    of all others. ``format`` is json or text; ``worker`` is named in every line.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(worker) if format == "json" else TextFormatter(worker))
    logging.root.handlers = [handler]
    logging.root.setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    for name in ("src", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(level.upper())
    # Whoever asks for these lines gets them, at any level.
    _requests.setLevel(logging.INFO)
    _predictions.setLevel(logging.INFO)
    # The gateway logs requests, if they are to be logged.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught


def log_request(
    request_id: bytes,
    method: str,
    route: str,
    code: int,
    seconds: float,
    error: BaseException | None = None,
) -> None:
    """One line for one request; an ``error`` brings its traceback."""
    _requests.log(
        logging.ERROR if error else logging.WARNING if code >= 500 else logging.INFO,
        "%s %s %d",
        method,
        route,
        code,
        exc_info=error,
        extra={
            "request_id": request_id,
            "route": route,
            "code": code,
            "duration_ms": round(seconds * 1000, 3),
        },
    )


def is_sampled(request_id: bytes, share: float) -> bool:
    """Whether this request is among the ``share`` (0 to 1) whose prediction is logged.

    The id decides, so that all services which a request passes through choose alike.
    """
    return zlib.crc32(request_id) < share * 2**32


def log_prediction(request_id: bytes, route: str, body: bytes, answer: bytes) -> None:
    """One line with input and answer, each cut to LONGEST_SHOWN bytes and told its true length."""
    _predictions.info(
        "prediction",
        extra={
            "request_id": request_id,
            "route": route,
            "input": _beginning(body),
            "input_bytes": len(body),
            "answer": _beginning(answer),
            "answer_bytes": len(answer),
        },
    )


class JsonFormatter(logging.Formatter):
    """One JSON object; what is not known of a record is left out."""

    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self._worker = worker
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record, self._worker)
        if exception := _exception(self, record):
            fields["exception"] = exception
        shown = {
            name: _IN_JSON.sub(_escape, value) if isinstance(value, str) else value
            for name, value in fields.items()
        }
        return self._encoder.encode(shown).decode()


class TextFormatter(logging.Formatter):
    """The same for people: a traceback follows its line, indented."""

    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields(record, self._worker)
        head = [str(fields.pop(name)) for name in ("time", "level", "logger")]
        line = f"{head[0]} {head[1].upper():7} {head[2]}: {fields.pop('message')}"
        line += "".join(f" {name}={value}" for name, value in fields.items() if name != "pid")
        line = _IN_TEXT.sub(_escape, line)
        for part in _exception(self, record).splitlines():
            line += _INDENT + _IN_TEXT.sub(_escape, part)
        return line


def _fields(record: logging.LogRecord, worker: int | None) -> dict[str, Any]:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    fields: dict[str, Any] = {
        "time": f"{moment}.{int(record.msecs):03d}Z",
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    own = record.__dict__
    request_id = own.get("request_id") or current_request_id.get()
    if request_id is not None:
        fields["request_id"] = _text(request_id)
    for name in _EXTRA:
        value = own.get(name)
        if value is not None:
            fields[name] = value
    if worker is not None:
        fields["worker"] = worker
    fields["pid"] = record.process
    return fields


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _beginning(data: bytes) -> str:
    return _text(data[:LONGEST_SHOWN])


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    logging.getLogger("src").critical("not handled", exc_info=(kind, error, traceback))
