"""The pages of generated services, in a real Chromium: what people see and can do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from justhtml import JustHTML
from playwright.sync_api import Page, expect

from tests.conftest import ROOT, Cli
from tests.model.models import identity
from tests.test_services import ask, booted, new_service, post
from tests.web.conftest import Browsing
from tests.web.test_auth import new_key

INFERGEN = Path(sys.executable).parent / "infergen"
KINDS = [
    *("rows", "regressor", "one at a time", "no batch", "scalar", "open rank", "zero length"),
    *("two inputs", "optional input", "not finite", "names that break code", "hostile texts"),
    *("embedding", "grey image", "string", "bool", "float64", "uint8", "int64"),
]

CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()

Served = Callable[[str], str]


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    """The address of an example's service, which runs until the last test is done."""
    addresses: dict[str, str] = {}
    with ExitStack() as stack:

        def address(example: str) -> str:
            if example not in addresses:
                variables = ROOT / "vars" / f"{example}.yaml"
                command = [INFERGEN, "new", "--name", example, "--vars", variables]
                subprocess.run(command, cwd=folder, check=True, capture_output=True)
                addresses[example] = stack.enter_context(booted(folder / example))
            return addresses[example]

        yield address


def predict(page: Page) -> str:
    """Press Predict; the headline of the answer."""
    page.get_by_role("button", name="Predict").click()
    best = page.locator("#headline strong")
    best.wait_for()
    return best.inner_text()


def bars(page: Page) -> dict[str, float]:
    rows = page.locator(".bars li")
    return {
        row.locator("span").inner_text(): float(row.locator("data").get_attribute("value") or "")
        for row in rows.all()
    }


def labelled(address: str, prediction: list[float]) -> dict[str, float]:
    return dict(zip(ask(f"{address}/label")[1].values(), prediction, strict=True))


def test_the_sample_is_filled_in_and_predicted(served: Served, browsing: Browsing) -> None:
    address = served("sample")
    page = browsing.open(address).page
    expect(page).to_have_title("Iris species")
    fields = page.get_by_role("spinbutton")
    assert [field.input_value() for field in fields.all()] == ["5.1", "3.5", "1.4", "0.2"]
    assert predict(page) == "setosa"
    assert bars(page) == labelled(address, ask(f"{address}/predict/test")[1]["prediction"])
    expect(page.locator("#headline")).to_contain_text("95.7%")
    expect(page.locator("#latency")).to_have_text(re.compile(r"^\d+\.\d ms"))
    widths = page.locator(".bar > div").evaluate_all(
        "bars => bars.map(bar => bar.offsetWidth / bar.parentElement.offsetWidth)"
    )
    assert widths == pytest.approx(list(bars(page).values()), abs=0.01)


def test_what_is_typed_is_predicted_and_shown_as_code(served: Served, browsing: Browsing) -> None:
    address = served("sample")
    page = browsing.open(address).page
    page.get_by_label("3", exact=True).fill("5.55")
    page.get_by_label("4", exact=True).fill("1.8")
    assert predict(page) == "virginica"
    assert bars(page) == labelled(
        address, post(f"{address}/predict", [[5.1, 3.5, 5.55, 1.8]])[1]["prediction"]
    )
    curl, python = (box.inner_text() for box in page.locator("#calls code").all())
    answers = [
        subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout
        for command in (["bash", "-c", curl], [sys.executable, "-c", python])
    ]
    assert json.loads(answers[0])["prediction"] == json.loads(answers[1]) == [*bars(page).values()]
    page.get_by_role("button", name="Copy: curl").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == curl
    page.get_by_role("button", name="Sample").click()
    assert predict(page) == "setosa"


def test_a_refusal_is_told(served: Served, browsing: Browsing) -> None:
    address = served("sample")
    visit = browsing.open(address)
    predict(visit.page)
    visit.page.get_by_label("1", exact=True).fill("1e300")
    visit.page.get_by_role("button", name="Predict").click()
    alert = visit.page.get_by_role("alert")
    expect(alert).not_to_be_empty()
    refusal = post(f"{address}/predict", [[1e300, 3.5, 1.4, 0.2]])[1]["detail"]
    assert alert.inner_text() == f"400: {refusal}"
    assert visit.refusals == 1
    assert bars(visit.page) == {}
    visit.page.get_by_role("button", name="Sample").click()
    assert predict(visit.page) == "setosa"
    expect(alert).to_be_empty()


def test_a_service_that_is_gone_is_told(cli: Cli, tmp_path: Path, browsing: Browsing) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    with booted(tmp_path / "sample") as address:
        visit = browsing.open(address)
        predict(visit.page)
    visit.page.get_by_role("button", name="Predict").click()
    expect(visit.page.get_by_role("alert")).to_have_text("The service did not answer.")
    gone = [text for text in visit.complaints if "ERR_CONNECTION_REFUSED" in text]
    assert gone == visit.complaints
    visit.complaints.clear()


def test_an_image_is_uploaded_dropped_and_taken(
    served: Served, browsing: Browsing, tmp_path: Path
) -> None:
    address = served("image_cnn")
    page = browsing.open(address).page
    predict(page)
    sample = ask(f"{address}/predict/test")[1]["prediction"]
    assert bars(page) == labelled(address, sample)

    red = _png(tmp_path, (220, 20, 30))
    with page.expect_response("**/predict/image") as response:
        page.set_input_files("#file", red)
    assert response.value.json()["prediction"] != sample
    expect(page.locator("#source")).to_have_text("a red one.png")
    expect(page.locator("#calls code").first).to_contain_text("""'file=@"a red one.png"'""")
    expect(page.locator(".bars data").first).to_have_attribute(
        "value", str(response.value.json()["prediction"][0])
    )

    with page.expect_response("**/predict/image"):
        page.get_by_role("button", name="Sample").click()
    with page.expect_response("**/predict/image") as dropped:
        page.evaluate(
            """async (bytes) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], "dropped.png"));
              document.querySelector(".picture").dispatchEvent(
                new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
            }""",
            list(red.read_bytes()),
        )
    assert dropped.value.json() == response.value.json()

    page.get_by_role("button", name="Camera").click()
    with page.expect_response("**/predict/image") as taken:
        page.get_by_role("button", name="Take the picture").click()
    assert taken.value.status == 200
    expect(page.locator("#source")).to_have_text("camera.png")
    expect(page.locator("#camera")).to_be_hidden()
    assert page.locator("#preview").evaluate("image => image.naturalWidth") > 0


def _png(folder: Path, colour: tuple[int, int, int]) -> Path:
    from PIL import Image  # noqa: PLC0415

    path = folder / "a red one.png"
    Image.new("RGB", (40, 30), colour).save(path)
    return path


def test_a_text_is_predicted(served: Served, browsing: Browsing) -> None:
    address = served("text_classifier")
    page = browsing.open(address).page
    text = 'It\'s late: where is my "parcel"?\n(ordered € 3 ago)'
    page.get_by_role("textbox").fill(text)
    assert predict(page) == post(f"{address}/predict/label", [[text]])[1]["prediction"]
    assert bars(page) == labelled(address, post(f"{address}/predict", [[text]])[1]["prediction"])
    codes = page.locator("#calls code").all_inner_texts()
    for command, code in zip((["bash", "-c"], [sys.executable, "-c"]), codes, strict=True):
        done = subprocess.run(
            [*command, code], capture_output=True, check=True, text=True, timeout=60
        )
        assert str(next(iter(bars(page).values()))) in done.stdout


def test_the_keyboard_is_enough(served: Served, browsing: Browsing) -> None:
    page = browsing.open(served("sample")).page
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                """() => {
                  const { activeElement: at } = document;
                  const outline = getComputedStyle(at).outlineStyle;
                  return [at.tagName, at.labels?.[0]?.innerText ?? at.textContent.trim(), outline];
                }"""
            )
        )
        if reached[-1][1] == "1":
            page.keyboard.type("7.7")
        if reached[-1][1] == "Predict":
            page.keyboard.press("Enter")
            page.locator("#headline strong").wait_for()
        if reached[-1][0] == "BODY":
            break
    stops = [(tag, text) for tag, text, _ in reached if tag in ("A", "INPUT", "BUTTON", "SUMMARY")]
    assert stops == [
        *[("A", "Playground"), ("A", "API")],
        *[("INPUT", str(number)) for number in (1, 2, 3, 4)],
        *[("BUTTON", "Predict"), ("BUTTON", "Sample"), ("SUMMARY", "JSON")],
        *[("BUTTON", "Copy"), ("BUTTON", "Copy")],
    ]
    assert {outline for tag, _, outline in reached if tag != "BODY"} == {"solid"}
    assert "7.7" in page.locator("#calls code").first.inner_text()


@pytest.mark.parametrize("kind", KINDS)
def test_the_sample_of_every_kind_is_asked_for_exactly(
    cli: Cli, tmp_path: Path, browsing: Browsing, kind: str
) -> None:
    with booted(new_service(cli, tmp_path, kind)) as address:
        visit = browsing.open(address, width=390)
        predict(visit.page)
        sent = next(request for request in visit.requests if request.method == "POST")
        if "image" not in kind:
            assert sent.post_data_json == {"data": ask(f"{address}/metadata")[1]["data_sample"]}
        answer = ask(f"{address}/predict/test")[1]
        raw = visit.page.locator("#raw pre")
        assert json.loads(raw.text_content() or "") == answer
        _assert_laid_out(visit.page)
        JustHTML(visit.page.request.get(address).text(), strict=True)


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


def _assert_laid_out(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unlabelled = (
        "fields => fields.filter(field => !field.labels.length).map(field => field.outerHTML)"
    )
    assert page.locator("input, textarea").evaluate_all(unlabelled) == []


@pytest.mark.parametrize("example", ["sample", "image_cnn", "mixed_pipeline", "regressor"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(served: Served, browsing: Browsing, example: str, scheme: str) -> None:
    page = browsing.open(served(example), width=390, scheme=scheme).page
    predict(page)
    _assert_laid_out(page)
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    assert len(contrasts) > 5
    assert {text: contrast for text, contrast in contrasts.items() if contrast < 4.5} == {}


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
    _assert_laid_out(page)
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    assert {text: contrast for text, contrast in contrasts.items() if contrast < 4.5} == {}
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


def test_a_key_is_asked_for_and_sent(
    cli: Cli, tmp_path: Path, browsing: Browsing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("new", "--name", "sample", "--set", "auth=api_key").returncode == 0
    key, line = new_key(tmp_path / "sample", "visitor")
    (tmp_path / "api-keys").write_text(line)
    monkeypatch.setenv("AUTH_KEYS_FILE", str(tmp_path / "api-keys"))
    with booted(tmp_path / "sample") as address:
        page = browsing.open(address).page
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_role("alert")).to_contain_text("401: ")
        page.get_by_label("API key").fill(key)
        assert predict(page) == "setosa"
        for command, code in zip(
            (["bash", "-c"], [sys.executable, "-c"]),
            page.locator("#calls code").all_inner_texts(),
            strict=True,
        ):
            assert key not in code
            monkeypatch.setenv("API_KEY", key)
            environment = {**os.environ, "API_KEY": key}
            done = subprocess.run(
                [*command, code], env=environment, capture_output=True, check=True
            )
            assert b"0.95" in done.stdout
        page = browsing.open(address, "/docs").page
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        page.locator("[id='post/predict'] summary").click()
        expect(page.locator("[id='post/predict'] figure").first).to_contain_text("$API_KEY")


def test_without_a_playground_the_root_leads_to_the_reference(
    cli: Cli, tmp_path: Path, browsing: Browsing
) -> None:
    assert cli("new", "--name", "sample", "--set", "playground=false").returncode == 0
    names = {path.name for path in (tmp_path / "sample/src/app/pages").iterdir()}
    assert not {"index.html", "playground.js", "input.js"} & names
    with booted(tmp_path / "sample") as address:
        page = browsing.open(address).page
        assert page.url == f"{address}/docs"
        page.locator("summary").first.wait_for()


def test_pages_are_asked_again_only_for_what_changed(served: Served) -> None:
    address = served("sample")
    with urllib.request.urlopen(f"{address}/") as answer:
        tag = answer.headers["etag"]
        assert answer.headers["cache-control"] == "no-cache"
        JustHTML(answer.read().decode(), strict=True)
    with urllib.request.urlopen(f"{address}/docs") as answer:
        JustHTML(answer.read().decode(), strict=True)
    request = urllib.request.Request(f"{address}/", headers={"if-none-match": f'"x", W/{tag}'})
    with pytest.raises(urllib.error.HTTPError, match="304"):
        urllib.request.urlopen(request)
