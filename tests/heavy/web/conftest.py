"""The browser of the tests of pages, of the one Playwright that heavy tests have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

from tests.web.conftest import browsing, launched, served

__all__ = ["browsing", "served"]


@pytest.fixture(scope="session")
def chromium(player: Playwright) -> Iterator[Browser]:
    with launched(player) as browser:
        yield browser
