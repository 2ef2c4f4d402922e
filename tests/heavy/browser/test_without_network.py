"""The page works when its host is gone, and on hosts that know nothing of it."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.heavy.browser.conftest import Visitors
from tests.heavy.browser.sites import Project
from tests.web.seen import bars, predict

KEPT = "Works without a network"


def until_kept(page: Page) -> None:
    expect(page.locator("#kept")).to_have_text(KEPT, timeout=30_000)


class PlainFiles(http.server.SimpleHTTPRequestHandler):
    """A host that sends files and no header of ours."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def plainly_served(folder: str) -> Iterator[str]:
    handler = functools.partial(PlainFiles, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("example", ["iris", "shapes"])
def test_a_stopped_host_is_not_missed(
    example: str, request: pytest.FixtureRequest, visitors: Visitors
) -> None:
    project: Project = request.getfixturevalue(example)
    with project.served() as address:
        visitor = visitors.new(address)
        page = visitor.open()
        predict(page)
        online = bars(page)
        until_kept(page)
    page.reload()
    predict(page)
    assert bars(page) == online
    expect(page.locator("#runs")).to_have_text("2 threads")
    until_kept(page)
    # A new window starts as well, and an address that says the file's name.
    other = visitor.open("index.html")
    predict(other)
    assert bars(other) == online
    # What the browser says of the one request for a newer release.
    told = [text for text in visitor.complaints if "ERR_CONNECTION_REFUSED" in text]
    assert told == visitor.complaints
    visitor.complaints.clear()


def test_a_host_without_headers_gives_one_thread_first_and_more_then(
    iris: Project, visitors: Visitors
) -> None:
    with plainly_served(str(iris.folder / "site")) as address:
        page = visitors.new(address).open()
        assert predict(page) == "setosa"
        expect(page.locator("#runs")).to_have_text("One thread")
        single = bars(page)
        until_kept(page)
        page.reload()
        assert predict(page) == "setosa"
        expect(page.locator("#runs")).to_have_text("2 threads")
        assert bars(page) == pytest.approx(single, abs=1e-6)


def test_a_path_below_the_root_is_as_good(iris: Project, visitors: Visitors) -> None:
    with plainly_served(str(iris.folder)) as address:
        visitor = visitors.new(address)
        page = visitor.open("site/")
        predict(page)
        until_kept(page)
    page.reload()
    assert predict(page) == "setosa"
    assert {urlsplit(url).path.split("/")[1] for url in visitor.requests} == {"site"}
    visitor.complaints.clear()


def test_the_page_can_be_installed(iris: Project, visitors: Visitors) -> None:
    with iris.served() as address:
        page = visitors.new(address).open()
        until_kept(page)
        session = page.context.new_cdp_session(page)
        assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
            [],
            # A context of a test is like a private window, which installs nothing.
            [{"errorId": "in-incognito", "errorArguments": []}],
        )
        manifest = session.send("Page.getAppManifest")
        assert manifest["errors"] == []
        assert manifest["manifest"]["startUrl"] == address
