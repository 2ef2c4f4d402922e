"""The playground of models of every kind: each is asked for its sample exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from justhtml import JustHTML
from playwright.sync_api import expect

from tests.conftest import Cli
from tests.model.models import identity, linear
from tests.test_services import ask, booted, new_service
from tests.web.conftest import Browsing
from tests.web.seen import assert_laid_out, bars, labelled, predict

FIRST = [
    *("no batch", "open rank", "two inputs", "optional input", "hostile texts", "grey image"),
    "string",
]
LATER = [
    *("rows", "regressor", "one at a time", "scalar", "zero length", "not finite", "embedding"),
    *("names that break code", "bool", "float64", "uint8", "int64"),
]
"""Heavy tests."""


@pytest.mark.parametrize("kind", FIRST)
def test_the_sample_of_every_kind_is_asked_for_exactly(
    cli: Cli, tmp_path: Path, browsing: Browsing, kind: str
) -> None:
    assert_sample_is_asked_for(new_service(cli, tmp_path, kind), browsing, kind)


def assert_sample_is_asked_for(service: Path, browsing: Browsing, kind: str) -> None:
    with booted(service) as address:
        visit = browsing.open(address, width=390)
        predict(visit.page)
        sent = next(request for request in visit.requests if request.method == "POST")
        if "image" not in kind:
            assert sent.post_data_json == {"data": ask(f"{address}/metadata")[1]["data_sample"]}
        answer = ask(f"{address}/predict/test")[1]
        raw = visit.page.locator("#raw pre")
        assert json.loads(raw.text_content() or "") == answer
        assert_laid_out(visit.page)
        JustHTML(visit.page.request.get(address).text(), strict=True)


def test_of_many_labels_the_best_are_shown(cli: Cli, tmp_path: Path, browsing: Browsing) -> None:
    model, labels = tmp_path / "many.onnx", tmp_path / "labels.json"
    model.write_bytes(linear(outputs=12).SerializeToString())
    labels.write_text(json.dumps([f"label {index}" for index in range(12)]))
    done = cli("new", "--name", "service", "--model", model, "--labels", labels)
    assert done.returncode == 0, done.stderr
    with booted(tmp_path / "service") as address:
        page = browsing.open(address).page
        best = predict(page)
        assert best == ask(f"{address}/predict/test/label")[1]["prediction"]
        expected = labelled(address, ask(f"{address}/predict/test")[1]["prediction"])
        ranked = sorted(expected.items(), key=lambda pair: -pair[1])
        assert [*bars(page).items()] == ranked[:10]
        expect(page.get_by_text("and 2 more labels")).to_be_visible()


def test_a_large_sample_is_fetched_when_it_is_needed(
    cli: Cli, tmp_path: Path, browsing: Browsing
) -> None:
    model = tmp_path / "large.onnx"
    model.write_bytes(identity("float32", ["batch", 5000]).SerializeToString())
    assert cli("new", "--name", "service", "--model", model).returncode == 0
    assert (tmp_path / "service/src/app/pages/index.html").stat().st_size < 10_000
    with booted(tmp_path / "service") as address:
        page = browsing.open(address).page
        assert predict(page) == "5000 values"
        expect(page.locator("#calls code").first).to_contain_text("-d @request.json")
        page.get_by_label("data", exact=True).fill("[[1, 2")
        page.get_by_role("button", name="Predict").click()
        assert "not JSON" in page.get_by_label("data", exact=True).evaluate(
            "field => field.validationMessage"
        )
