"""Every answer tells browsers how little they may do with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from src.app.security import API_HEADERS, PAGE_HEADERS

FORBIDDEN = (r"<script(?![^>]*\bsrc=)", r"<style", r"\sstyle=", r"\son\w+=", r"javascript:")


def assert_carries(answer: Any, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    for name, value in headers:
        assert answer.headers.get_list(name.decode()) == [value.decode()], name
    assert "server" not in answer.headers


def test_answers_to_programs(client: TestClient) -> None:
    for answer in (
        client.get("/health"),
        client.get("/metadata"),
        client.post("/predict", content=b"{"),
        client.get("/v2"),
    ):
        assert_carries(answer, API_HEADERS)


@pytest.mark.parametrize("path", ["/", "/docs", "/pages/docs.js"])
def test_pages(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    kept = (b"cache-control", b"no-cache")
    assert_carries(answer, (*(pair for pair in PAGE_HEADERS if pair[0] != kept[0]), kept))


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_hold_nothing_that_their_policy_forbids(client: TestClient, path: str) -> None:
    text = client.get(path).text
    assert "<script" in text
    for forbidden in FORBIDDEN:
        assert not re.search(forbidden, text, flags=re.IGNORECASE), forbidden
    for address in re.findall(r'<(?:script|link|img)[^>]*\b(?:src|href)="([^"]*)"', text):
        assert not re.match(r"[a-z]+:|//", address), address
