"""Whom booted services let in: callers with a key, or with a token of the issuer; no others."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.conftest import Cli
from tests.test_services import BIN, booted

SAMPLE = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'
GUARDED = ("/metadata", "/label", "/predict/test", "/openapi.json", "/v2", "/nowhere")
OPEN = (
    *("/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"),
    *("/metrics", "/", "/docs"),
)

Fields = list[tuple[str, str | bytes]]


def ask(address: str, path: str, fields: Fields, body: bytes | None = None) -> tuple[int, bytes]:
    """The answer to a request with exactly these header fields, doubled ones too."""
    answer = send(address, path, fields, body)
    return answer.status, answer.read()


def send(
    address: str, path: str, fields: Fields, body: bytes | None = None
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest("GET" if body is None else "POST", path)
    for name, value in fields:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    return connection.getresponse()


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until this holds ten times in a row, so that every worker has been asked."""
    deadline = time.monotonic() + 60
    in_a_row = 0
    while in_a_row < 10:
        in_a_row = in_a_row + 1 if holds() else 0
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def new_key(service: Path, name: str) -> tuple[str, str]:
    """A key and its line, made as users make them."""
    done = subprocess.run(
        [BIN / "python", "-m", "src.jobs.new_key", name],
        cwd=service, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stderr.split()[-1], done.stdout


@pytest.fixture
def with_keys(cli: Cli, tmp_path: Path) -> Path:
    done = cli("new", "--name", "guarded", "--set", "auth=api_key")
    assert done.returncode == 0, done.stderr
    (tmp_path / "guarded" / "secrets").mkdir()
    return tmp_path / "guarded"


def test_callers_with_a_key(with_keys: Path) -> None:
    (alice, a), (bob, b), (mallory, _) = (new_key(with_keys, name) for name in ("a", "b", "m"))
    (with_keys / "secrets" / "api-keys").write_text(f"# callers\n{a}{b}")
    right: list[Fields] = [
        [("X-API-Key", alice)],
        [("x-api-key", bob)],
        [("Authorization", f"Bearer {alice}")],
        [("authorization", f"bearer {bob}")],
        [("X-API-Key", alice), ("Authorization", "Basic YTpi")],
    ]
    wrong: list[Fields] = [
        [],
        [("X-API-Key", "")],
        [("X-API-Key", mallory)],
        [("X-API-Key", alice[:-1])],
        [("X-API-Key", f"{alice}0")],
        [("X-API-Key", alice.swapcase())],
        [("X-API-Key", a.strip().partition(":")[2])],
        [("X-API-Key", "a")],
        [("X-API-Key", b"\xe9\xff\x80")],
        [("X-API-Key", alice * 100)],
        [("X-API-Key", alice), ("X-API-Key", mallory)],
        [("X-API-Key", mallory), ("X-API-Key", alice)],
        [("X-API-Key", alice), ("X-API-Key", alice)],
        [("X-API-Key", mallory), ("Authorization", f"Bearer {alice}")],
        [("Authorization", alice)],
        [("Authorization", f"Basic {alice}")],
        [("Authorization", f"Bearer {mallory}")],
        [("Authorization", f"Bearer {alice}"), ("Authorization", f"Bearer {mallory}")],
        [("Cookie", f"X-API-Key={alice}")],
    ]
    with booted(with_keys) as address:
        assert_guarded(address, right, wrong)
        assert ask(address, f"/metadata?X-API-Key={alice}", [])[0] == 401


def assert_guarded(address: str, right: list[Fields], wrong: list[Fields]) -> None:
    for fields in right:
        status, body = ask(address, "/predict", fields, SAMPLE)
        assert status == 200, (fields, body)
    for fields in wrong:
        answer = send(address, "/predict", fields, SAMPLE)
        assert answer.status == 401, fields
        assert str(answer.headers["www-authenticate"]).startswith("Bearer")
        assert list(json.loads(answer.read())) == ["detail"]
    for path in GUARDED:
        status, body = ask(address, path, [])
        assert status == 401, path
        assert list(json.loads(body)) == ["error" if path == "/v2" else "detail"]
        assert ask(address, path, right[0])[0] == (404 if path == "/nowhere" else 200)
    for path in OPEN:
        assert ask(address, path, wrong[-1])[0] == 200, path


def test_a_refused_request_is_not_read(with_keys: Path) -> None:
    (with_keys / "secrets" / "api-keys").write_text(new_key(with_keys, "alice")[1])
    with booted(with_keys) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        connection.putrequest("POST", "/predict")
        connection.putheader("Content-Length", "1000000")
        connection.endheaders()
        assert connection.getresponse().status == 401
        connection.close()


def test_keys_change_while_the_service_runs(
    with_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS", "2")
    (old, old_line), (new, new_line) = (new_key(with_keys, "alice") for _ in range(2))
    path = with_keys / "secrets" / "api-keys"
    path.write_text(old_line)

    with booted(with_keys) as address:

        def statuses() -> tuple[int, int]:
            answers = (ask(address, "/metadata", [("X-API-Key", key)])[0] for key in (old, new))
            return next(answers), next(answers)

        assert statuses() == (200, 401)
        path.write_text(old_line + new_line)
        until(lambda: statuses() == (200, 200), "both keys are valid while callers change over")
        path.with_name("next").write_text(new_line)
        path.with_name("next").replace(path)
        until(lambda: statuses() == (401, 200), "the old key is valid no longer")
        path.write_text("")
        until(lambda: statuses() == (401, 401), "a file without keys lets nobody in")


@pytest.mark.parametrize("content", [None, "# nobody yet\n", "alice:a key in the clear\n"])
def test_without_usable_keys_there_is_no_start(with_keys: Path, content: str | None) -> None:
    if content is not None:
        (with_keys / "secrets" / "api-keys").write_text(content)
    assert_no_start(with_keys, {}, "error: AUTH_KEYS_FILE: ")


def assert_no_start(service: Path, environment: dict[str, str], line: str) -> None:
    done = subprocess.run(
        ["./run.sh"], cwd=service, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **environment},
    )  # fmt: skip
    assert done.returncode == 1
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert "in the clear" not in done.stderr


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def public_jwk(key: PrivateKey, algorithm: str) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        described = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        described = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        described = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**described, "kid": algorithm, "alg": algorithm, "use": "sig"}


class Issuer:
    """Signs tokens, a key for each algorithm; publishes the keys, or fails to while ``down``."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/jwks.json"
        self.name = f"http://127.0.0.1:{port}/"
        self.keys: dict[str, PrivateKey] = {
            "RS256": rsa.generate_private_key(65537, 2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }
        self.fetches = 0
        self.down = False

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.name, "aud": "iris", "sub": "alice", "exp": now + 3600}
        return {k: v for k, v in {**usual, **changes}.items() if v is not None}

    def token(self, algorithm: str = "RS256", key_id: str | None = None, **changes: Any) -> str:
        header = {"kid": key_id or algorithm}
        return jwt.encode(self.claims(**changes), self.keys[algorithm], algorithm, header)

    def forged(self, header: dict[str, Any], secret: bytes | None) -> str:
        """A token of our own making: without a signature, or with an HMAC."""
        parts = [json.dumps(part).encode() for part in (header, self.claims())]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        digest = b"" if secret is None else hmac.digest(secret, text, hashlib.sha256)
        return (text + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.fetches += 1
            self.send_response(500 if found.down else 200)
            self.end_headers()
            keys = [public_jwk(key, algorithm) for algorithm, key in found.keys.items()]
            self.wfile.write(b"" if found.down else json.dumps({"keys": keys}).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Issuer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def with_tokens(cli: Cli, tmp_path: Path, issuer: Issuer) -> Path:
    settings = (f"jwt.issuer={issuer.name}", "jwt.audience=iris", f"jwt.jwks_url={issuer.url}")
    done = cli("new", "--name", "guarded", "--set", "auth=jwt", *interleaved("--set", settings))
    assert done.returncode == 0, done.stderr
    return tmp_path / "guarded"


def interleaved(option: str, values: tuple[str, ...]) -> list[str]:
    return [text for value in values for text in (option, value)]


def bearer(token: str) -> Fields:
    return [("Authorization", f"Bearer {token}")]


def test_callers_with_a_token(with_tokens: Path, issuer: Issuer) -> None:
    now = int(time.time())
    stranger = Issuer(1)
    stranger.name = issuer.name
    public = issuer.keys["RS256"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, claims, signature = issuer.token().split(".")
    _, others, _ = issuer.token(sub="root").split(".")
    wrong = [
        issuer.token(exp=now - 3600),
        issuer.token(exp=None),
        issuer.token(nbf=now + 3600),
        issuer.token(aud="other"),
        issuer.token(aud=None),
        issuer.token(iss="http://127.0.0.1/"),
        issuer.token(iss=None),
        issuer.token(key_id="ES256"),
        issuer.token(key_id="unknown"),
        stranger.token(),
        stranger.token("EdDSA"),
        issuer.forged({"alg": "none", "kid": "RS256"}, None),
        issuer.forged({"alg": "nOnE", "kid": "RS256"}, None),
        issuer.forged({"alg": "HS256", "kid": "RS256"}, pem),
        issuer.forged({"alg": "HS256", "kid": "RS256"}, pem.strip()),
        issuer.forged({"alg": "HS256", "kid": "RS256", "jwk": {"kty": "oct", "k": "AA"}}, b"\0"),
        f"{header}.{others}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        "." * 3,
        "a" * 20_000,
        secrets.token_urlsafe(500),
    ]
    right = [bearer(issuer.token(algorithm)) for algorithm in issuer.keys]
    twice = [*right[0], *bearer(wrong[0])]
    refused: list[Fields] = [*map(bearer, wrong), [], twice, twice[::-1]]
    refused += [[("Authorization", f"Basic {issuer.token()}")], [("X-API-Key", issuer.token())]]
    with booted(with_tokens) as address:
        assert_guarded(address, right, refused)
        assert issuer.fetches == 1


def test_a_storm_of_unknown_keys_reaches_neither_the_issuer_nor_other_callers(
    with_tokens: Path, issuer: Issuer
) -> None:
    with booted(with_tokens) as address, ThreadPoolExecutor(16) as callers:
        assert ask(address, "/metadata", bearer(issuer.token()))[0] == 200

        def call(number: int) -> tuple[int, int]:
            unknown = issuer.token("ES256", f"unknown {number}")
            known = issuer.token("ES256", sub=f"caller {number}")
            return (
                ask(address, "/metadata", bearer(unknown))[0],
                ask(address, "/metadata", bearer(known))[0],
            )

        began = time.monotonic()
        assert set(callers.map(call, range(200))) == {(401, 200)}
        assert issuer.fetches <= 2 + (time.monotonic() - began) / 10


def test_the_issuers_keys_change_and_the_issuer_fails(with_tokens: Path, issuer: Issuer) -> None:
    issuer.down = True
    with booted(with_tokens) as address:

        def status(token: str) -> int:
            return ask(address, "/predict/test", bearer(token))[0]

        refused = send(address, "/predict/test", bearer(issuer.token()))
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        assert ask(address, "/predict/test", [])[0] == 401
        assert ask(address, "/health/ready", [])[0] == 200
        issuer.down = False
        until(lambda: status(issuer.token()) == 200, "the issuer answers again")
        issuer.keys = {**issuer.keys, "PS384": rsa.generate_private_key(65537, 2048)}
        until(lambda: status(issuer.token("PS384")) == 200, "the new key is fetched")
        issuer.down = True
        assert status(issuer.token("ES256")) == 200
        assert status(issuer.token(key_id="unknown")) == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWKS_URL", "gopher://127.0.0.1/keys"),
        ("JWKS_URL", "file:///no/such/keys.json"),
        ("JWT_SCOPE", "two scopes"),
    ],
)
def test_settings_of_tokens_that_make_no_sense_end_the_start(
    with_tokens: Path, name: str, value: str
) -> None:
    assert_no_start(with_tokens, {name: value}, f"error: {name}: ")


def test_without_auth_nothing_of_it_is_generated(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    text = "".join(
        path.read_text()
        for path in (tmp_path / "sample").rglob("*")
        if path.suffix in (".py", ".txt", ".yaml", ".yml") and ".infergen" not in path.parts
    ).lower()
    for word in ("authenticator", "jwt", "api-key", "api_key", "securityschemes", "origins"):
        assert word not in text, word
