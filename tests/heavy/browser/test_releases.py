"""A new release is used once it is whole and good; else the page goes on with what it has."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper
from playwright.sync_api import Page, expect

from tests.heavy.browser.conftest import Visitor, Visitors
from tests.heavy.browser.sites import Project
from tests.heavy.browser.test_without_network import KEPT, plainly_served, until_kept
from tests.web.seen import bars, predict

NEW = "A new version is ready for the next start"
REFUSED = "Works without a network; the host's version failed its test and is not used"


def told(page: Page, text: str) -> None:
    expect(page.locator("#kept")).to_have_text(text, timeout=30_000)


def site_of(project: Project) -> Path:
    return project.folder / "site"


def rename_label(project: Project, name: str) -> None:
    """A release whose first label is another."""
    labels = project.folder / "models" / "shapes.json"
    labels.write_text(json.dumps({**json.loads(labels.read_text()), "0": name}))
    project.make("site")


def spoil_model(project: Project) -> None:
    """A model that loads and answers otherwise than recorded."""
    path = next((project.folder / "models").glob("*.onnx"))
    model = onnx.load(path)
    for weight in model.graph.initializer:
        numbers = numpy_helper.to_array(weight)
        if numbers.dtype.kind == "f":
            weight.CopyFrom(numpy_helper.from_array(-numbers, weight.name))
    onnx.save(model, path)
    project.make("site")


def caches(page: Page) -> list[str]:
    found: list[str] = page.evaluate("caches.keys()")
    return sorted(name.split(" ")[1] for name in found)


def release(project: Project) -> str:
    text: str = json.loads((site_of(project) / "release.json").read_text())["id"]
    return text


def first_visit(visitors: Visitors, address: str) -> tuple[Visitor, Page]:
    visitor = visitors.new(address)
    page = visitor.open()
    predict(page)
    until_kept(page)
    return visitor, page


def test_a_new_release_is_used_from_the_next_start(fresh: Project, visitors: Visitors) -> None:
    with fresh.served() as address:
        visitor, page = first_visit(visitors, address)
        first = release(fresh)
        rename_label(fresh, "disc")
        page.reload()
        told(page, NEW)
        predict(page)
        assert "circle" in bars(page)
        assert caches(page) == sorted([first, release(fresh), "state"])
        page.get_by_role("button", name="Use it now").click()
        told(page, KEPT)
        predict(page)
        assert "disc" in bars(page)
        assert caches(page) == sorted([release(fresh), "state"])
    page.reload()
    predict(page)
    assert "disc" in bars(page)
    visitor.complaints.clear()


def test_a_model_that_answers_otherwise_is_refused_for_good(
    fresh: Project, visitors: Visitors
) -> None:
    with fresh.served() as address:
        visitor, page = first_visit(visitors, address)
        first, good = release(fresh), bars(page)
        spoil_model(fresh)
        for asked_for in (True, False):
            visitor.requests.clear()
            page.reload()
            told(page, REFUSED)
            predict(page)
            assert bars(page) == good
            assert caches(page) == sorted([first, "state"])
            assert any(release(fresh) in url for url in visitor.requests) == asked_for
    page.reload()
    predict(page)
    assert bars(page) == good
    visitor.complaints.clear()


def test_a_new_visitor_of_a_bad_release_is_told(fresh: Project, visitors: Visitors) -> None:
    spoil_model(fresh)
    with fresh.served() as address:
        page = visitors.new(address).open()
        expect(page.get_by_role("alert")).to_contain_text("so it is not used", timeout=30_000)
        assert caches(page) == []


@pytest.mark.parametrize("damage", ["another content", "missing", "cut short"])
def test_a_release_with_a_wrong_file_is_not_used(
    fresh: Project, visitors: Visitors, damage: str
) -> None:
    with plainly_served(str(site_of(fresh))) as address:
        visitor, page = first_visit(visitors, address)
        good = bars(page)
        shutil.copytree(site_of(fresh), fresh.folder / "kept")
        rename_label(fresh, "disc")
        file = site_of(fresh) / "releases" / release(fresh) / "models" / "image_cnn.onnx"
        content = file.read_bytes()
        if damage == "missing":
            file.unlink()
        else:
            file.write_bytes(content[:-1] if damage == "cut short" else content[::-1])
        page.reload()
        told(page, KEPT)
        predict(page)
        assert bars(page) == good
        # Once the host has the right file, only what is missing is fetched.
        file.write_bytes(content)
        visitor.requests.clear()
        page.reload()
        told(page, NEW)
        page.reload()
        told(page, KEPT)
        predict(page)
        assert "disc" in bars(page)
        visitor.complaints.clear()


def test_a_host_that_vanishes_in_the_middle_changes_nothing(
    fresh: Project, visitors: Visitors
) -> None:
    with fresh.served() as address:
        visitor, page = first_visit(visitors, address)
        good = bars(page)
        rename_label(fresh, "disc")
        cut = f"**/releases/{release(fresh)}/models/*.onnx"
        visitor.context.route(cut, lambda route: route.abort())
        page.reload()
        told(page, KEPT)
        predict(page)
        assert bars(page) == good
        visitor.context.unroute(cut)
        page.reload()
        told(page, NEW)
        visitor.complaints.clear()


def test_an_older_release_can_be_brought_back(fresh: Project, visitors: Visitors) -> None:
    with fresh.served() as address:
        _, page = first_visit(visitors, address)
        first = release(fresh)
        rename_label(fresh, "disc")
        page.reload()
        told(page, NEW)
        page.reload()
        told(page, KEPT)
        rename_label(fresh, "circle")
        page.reload()
        told(page, NEW)
        page.reload()
        told(page, KEPT)
        predict(page)
        assert "circle" in bars(page)
        assert release(fresh) != first  # the labels' file is spelled otherwise
