"""The playground of generated services, in a real Chromium: what people see and can do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from justhtml import JustHTML
from playwright.sync_api import expect

from tests.conftest import Cli
from tests.test_services import ask, booted, post
from tests.web.conftest import Browsing, Served
from tests.web.seen import assert_laid_out, assert_readable, bars, labelled, predict
from tests.web.test_auth import new_key


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
    assert page.get_by_role("textbox").input_value() == "Please refund the payment"
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


@pytest.mark.parametrize("example", ["sample", "image_cnn", "mixed_pipeline", "regressor"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(served: Served, browsing: Browsing, example: str, scheme: str) -> None:
    page = browsing.open(served(example), width=390, scheme=scheme).page
    predict(page)
    assert_laid_out(page)
    assert_readable(page)


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
            done = subprocess.run([*command, code], capture_output=True, check=True)
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
