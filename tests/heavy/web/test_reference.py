"""The reference of the API at /docs, in a real Chromium."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import Cli
from tests.test_services import ask, booted
from tests.web.conftest import Browsing, Served
from tests.web.seen import assert_laid_out, assert_readable


@pytest.mark.parametrize("example", ["sample", "image_cnn", "mixed_pipeline"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_reference_lists_every_operation(
    served: Served, browsing: Browsing, example: str, scheme: str
) -> None:
    address = served(example)
    page = browsing.open(address, "/docs", width=390, scheme=scheme).page
    page.locator("summary").first.wait_for()
    listed = [
        (row.locator(".method").inner_text().lower(), row.locator("code").inner_text())
        for row in page.locator("summary").all()
    ]
    paths: dict[str, dict[str, Any]] = ask(f"{address}/openapi.json")[1]["paths"]
    assert sorted(listed) == sorted((method, path) for path in paths for method in paths[path])
    for row in page.locator("summary").all():
        row.click()
    assert_laid_out(page)
    assert_readable(page)
    status = [row.inner_text() for row in page.locator("[id='post/predict'] h3").all()]
    assert set(paths["/predict"]["post"]["responses"]) <= set(status)


def test_the_calls_of_the_reference_work(served: Served, browsing: Browsing) -> None:
    address = served("sample")
    page = browsing.open(address, "/docs#post/predict").page
    call = page.locator("[id='post/predict'] figure code").first.inner_text()
    done = subprocess.run(["bash", "-c", call], capture_output=True, check=True, timeout=60)
    assert json.loads(done.stdout) == ask(f"{address}/predict/test")[1]


OWN_ROUTES = '''
from pydantic import BaseModel


class Tree(BaseModel):
    """A tree."""

    name: str
    height: float | None = None
    below: list["Tree"] = []


@router.put("/trees/{number}", tags=["Forest"], summary="Plant a tree")
async def plant(number: int, tree: Tree, deep: bool) -> Tree:
    return tree
'''


def test_routes_of_ones_own_are_told(cli: Cli, tmp_path: Path, browsing: Browsing) -> None:
    """FastAPI describes them by references, which may lead to themselves."""
    assert cli("new", "--name", "sample").returncode == 0
    pages = tmp_path / "sample" / "src" / "app" / "pages.py"
    pages.write_text(pages.read_text().replace("(include_in_schema=False)", "()") + OWN_ROUTES)
    with booted(tmp_path / "sample") as address:
        page = browsing.open(address, "/docs#put/trees/{number}").page
        told = page.locator("[id='put/trees/{number}']")
        expect(told).to_contain_text("name: string")
        expect(told).to_contain_text("height?: number | null")
        expect(told).to_contain_text("below?: [Tree-Input, …]")
        expect(told.locator("tbody tr")).to_contain_text(["path", "query"])
        expect(page.get_by_role("heading", name="Forest")).to_be_visible()
        call = told.locator("figure code").first.inner_text()
        done = subprocess.run(["bash", "-c", call], capture_output=True, check=True, timeout=60)
        assert json.loads(done.stdout)["name"] == "text"
