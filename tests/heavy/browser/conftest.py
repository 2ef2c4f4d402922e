"""A real Chromium, and the pages that it opens."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.heavy.browser.sites import IRIS, Project, generate, with_runtime
from tests.web.conftest import FLAGS

MAKER = ("googleapis.com", "google.com", "gvt1.com")
"""What Chromium itself asks, whatever it shows; no page of ours may."""


class Outside(http.server.BaseHTTPRequestHandler):
    """The proxy for all that is not this machine; it notes who was asked for, and refuses."""

    asked: list[str]

    def do_GET(self) -> None:
        host = urlsplit(self.path).netloc or self.path.partition(":")[0]
        self.asked.append(host)
        self.send_error(502)

    do_CONNECT = do_POST = do_HEAD = do_GET  # noqa: N815 - so http.server calls them

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def outside() -> Iterator[tuple[str, list[str]]]:
    """Where requests to other machines go, and those that did."""
    asked: list[str] = []
    handler = type("Noting", (Outside,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def chromium(player: Playwright, outside: tuple[str, list[str]]) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "Chromium is missing; .ci/system-packages installs it"
    browser = player.chromium.launch(
        executable_path=program,
        args=FLAGS,
        proxy={"server": outside[0], "bypass": "127.0.0.1"},
    )
    yield browser
    browser.close()


@dataclass
class Visitor:
    """Somebody with a browser profile of their own; pages share what was kept."""

    context: BrowserContext
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str = "") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._console(message.type, message.text))
        response = page.goto(self.address + path)
        assert response is not None
        assert response.ok
        return page

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


class Visitors:
    def __init__(self, browser: Browser, stack: ExitStack) -> None:
        self._browser = browser
        self._stack = stack
        self.all: list[Visitor] = []

    def new(self, address: str, *, width: int = 1280, scheme: str = "light") -> Visitor:
        context = self._stack.enter_context(
            self._browser.new_context(
                viewport={"width": width, "height": 844},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                permissions=["clipboard-read", "clipboard-write"],
            )
        )
        visitor = Visitor(context, address)
        context.on("request", lambda request: visitor.requests.append(request.url))
        self.all.append(visitor)
        return visitor


@pytest.fixture
def visitors(chromium: Browser, outside: tuple[str, list[str]]) -> Iterator[Visitors]:
    """Visitors, whose browsers in the end complained of nothing and asked nobody else."""
    with ExitStack() as stack:
        made = Visitors(chromium, stack)
        yield made
        for visitor in made.all:
            assert visitor.complaints == []
            asked = {urlsplit(url) for url in visitor.requests if not url.startswith("blob:")}
            origins = {f"{url.scheme}://{url.netloc}/" for url in asked}
            assert origins <= {visitor.address}
        assert [host for host in outside[1] if not host.endswith(MAKER)] == []


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A page for the iris model, its runtime brought by its own `make vendor`."""
    project = Project(generate(tmp_path_factory.mktemp("iris"), variables=IRIS))
    project.make("vendor")
    project.make("site")
    return project


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory, iris: Project) -> Project:
    """A page for the image model."""
    project = with_runtime(generate(tmp_path_factory.mktemp("shapes")), iris.folder)
    project.make("site")
    return project


@pytest.fixture
def fresh(tmp_path: Path, iris: Project) -> Project:
    """A page for the image model that the test may change."""
    project = with_runtime(generate(tmp_path), iris.folder)
    project.make("site")
    return project
