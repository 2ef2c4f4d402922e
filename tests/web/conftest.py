"""A real Chromium, and the services whose pages it opens."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

from tests.conftest import ROOT
from tests.test_services import booted

INFERGEN = Path(sys.executable).parent / "infergen"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
]
REFUSED = "Failed to load resource: the server responded with a status of 4"

Served = Callable[[str], str]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, launched(playwright) as browser:
        yield browser


@contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "Chromium is missing; .ci/system-packages installs it"
    browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
    yield browser
    browser.close()


@dataclass
class Visit:
    """A page that was opened, and everything that went wrong or out since."""

    page: Page
    address: str
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    refusals: int = 0

    def assert_clean(self) -> None:
        """Nothing was asked of other servers, and the browser complained of nothing."""
        asked = {urlsplit(request.url) for request in self.requests if "blob:" not in request.url}
        assert {f"{url.scheme}://{url.netloc}" for url in asked} == {self.address}
        assert self.complaints == []

    def _request(self, request: Request) -> None:
        self.requests.append(request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.text.startswith(REFUSED):
            self.refusals += 1
        elif message.type in ("error", "warning"):
            self.complaints.append(message.text)


class Browsing:
    """Opens pages, each in a context of its own, and checks all of them in the end."""

    def __init__(self, browser: Browser, stack: ExitStack) -> None:
        self._browser = browser
        self._stack = stack
        self.visits: list[Visit] = []

    def open(
        self, address: str, path: str = "/", *, width: int = 1280, scheme: str = "light"
    ) -> Visit:
        context = self._stack.enter_context(
            self._browser.new_context(
                viewport={"width": width, "height": 844},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
                permissions=["clipboard-read", "clipboard-write"],
            )
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        visit = Visit(page, address)
        page.on("request", visit._request)
        page.on("console", visit._console)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        response = page.goto(address + path)
        assert response is not None
        assert response.status == 200
        assert "script-src 'self'" in response.headers["content-security-policy"]
        assert "unsafe" not in response.headers["content-security-policy"]
        self.visits.append(visit)
        return visit


@pytest.fixture
def browsing(chromium: Browser) -> Iterator[Browsing]:
    with ExitStack() as stack:
        opened = Browsing(chromium, stack)
        yield opened
        for visit in opened.visits:
            visit.assert_clean()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The address of an example's service, which runs until the last test is done."""
    folder = tmp_path_factory.mktemp("pages")
    addresses: dict[str, str] = {}
    with ExitStack() as stack:

        def address(example: str) -> str:
            if example not in addresses:
                variables = ROOT / "vars" / f"{example}.yaml"
                command: list[str | Path] = [
                    INFERGEN,
                    "new",
                    "--name",
                    example,
                    "--vars",
                    variables,
                ]
                subprocess.run(command, cwd=folder, check=True, capture_output=True)
                addresses[example] = stack.enter_context(booted(folder / example))
            return addresses[example]

        yield address
