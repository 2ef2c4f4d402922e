"""Clients of a soaked service: good ones, whose answers are checked, and all sorts of bad ones."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field

REFUSALS = {503, 504}
LIMIT_BYTES = 100_000
"""The soaked service's MAX_BODY_BYTES."""

MALFORMED = (
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"data": []}',
    b'{"data": [[1.5]]}',
    b'{"data": [[1, 2]]}',
    b'{"data": [["a"]]}',
    b'{"data": [[9223372036854775808]]}',
    b'{"data": [[NaN]]}',
    b'{"data": ' + b"[" * 5000,
    b'{"data": ' + b"9" * 5000 + b"}",
)
NO_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
)
LEFT = (
    b"POST /predict HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    b'POST /predict HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"data": [[9]]}',
)
"""Clients that do not wait for the answer to these."""


@dataclass
class Findings:
    """What happened; ``wrong`` is empty if all went as it must."""

    answered: int = 0
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    excused: int = 0
    wrong: list[str] = field(default_factory=list)
    doomed: set[int] = field(default_factory=set)
    """Ports of the clients that a killed worker had."""


class Client:
    """One connection at a time, opened anew when it is gone."""

    def __init__(self, port: int, findings: Findings) -> None:
        self._port = port
        self._findings = findings
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, bytes] | None:
        """Status and body; None if the worker was killed. Whatever else is lost is wrong."""
        port = 0
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            port = writer.get_extra_info("sockname")[1]
            head = f"POST {path} HTTP/1.1\r\nHost: soak\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            lines = answer.decode().lower().split("\r\n")
            fields = dict(line.split(": ", 1) for line in lines[1:] if line)
            content = await reader.readexactly(int(fields["content-length"]))
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            if port in self._findings.doomed:
                self._findings.excused += 1
            else:
                self._findings.wrong.append(f"{path} was lost: {error!r}")
            return None
        if fields.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), content

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def predict(self, turns: int) -> None:
        """A good request, by one of the ways that there are; refusals are counted."""
        way = random.choice(("one", "batch", "v2"))
        rows = [[random.randint(0, turns)] for _ in range(1 if way == "one" else 5)]
        tripled = [number * 3 for (number,) in rows]
        path = {"one": "/predict", "batch": "/predict/batch", "v2": "/v2/models/lingering/infer"}
        asked: object = {"data": rows}
        if way == "v2":
            tensor = {"name": "n", "shape": [5, 1], "datatype": "INT64", "data": rows}
            asked = {"inputs": [tensor]}
        done = await self.post(path[way], json.dumps(asked).encode())
        if done is None:
            return
        status, body = done
        self._findings.codes[way, status] += 1
        if status == 200:
            answer = json.loads(body)
            if way == "v2":
                told = answer["outputs"][0]["data"]
            else:
                told = [answer["prediction"]] if way == "one" else answer["prediction"]
            if _flat(told) != tripled:
                self._findings.wrong.append(f"{way}: {rows} is answered {answer}")
            self._findings.answered += 1
        elif status not in REFUSALS:
            self._findings.wrong.append(f"{way}: {status} {body!r}")

    async def be_refused(self, body: bytes, expected: int) -> None:
        done = await self.post("/predict", body)
        if done is not None:
            self._findings.codes["refused", done[0]] += 1
            if done[0] not in {expected, *REFUSALS}:
                self._findings.wrong.append(f"{body[:60]!r}: {done[0]} {done[1]!r}")


def _flat(told: object) -> list[object]:
    return [each for item in told for each in _flat(item)] if isinstance(told, list) else [told]


async def bad_clients(port: int, findings: Findings) -> None:
    """Malformed and too large bodies, no HTTP at all, clients that leave: one by one."""
    client = Client(port, findings)
    try:
        while True:
            for body in MALFORMED:
                await client.be_refused(body, 400)
                await client.predict(10)
            await client.be_refused(b" " * (LIMIT_BYTES + 1), 413)
            for sent in NO_HTTP:
                await _send(port, sent, leave=False)
            for sent in LEFT:
                await _send(port, sent, leave=True)
            await asyncio.sleep(0.05)
    finally:
        client.close()


async def _send(port: int, data: bytes, *, leave: bool) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        await writer.drain()
        if not leave:
            await reader.read()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def slow_client(port: int) -> None:
    """Sends a byte now and then, as far as it gets."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            for byte in b"POST /predict HTTP/1.1\r\nContent-Length: 99\r\n\r\n{":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(random.uniform(0, 0.3))
        except ConnectionError:
            pass
        finally:
            writer.close()
        await asyncio.sleep(0.1)
