"""What people see and can do on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.heavy.browser.conftest import Visitors
from tests.heavy.browser.sites import Project
from tests.web.seen import assert_laid_out, assert_readable, bars, predict


def test_the_sample_is_predicted_with_the_time_of_each_stage(
    iris: Project, visitors: Visitors
) -> None:
    with iris.served() as address:
        page = visitors.new(address).open()
        expect(page).to_have_title("Iris species")
        assert predict(page) == "setosa"
        expect(page.locator("#headline")).to_contain_text("95.7%")
        assert [*bars(page)] == ["setosa", "versicolor", "virginica"]
        assert page.locator("#stages dt").all_inner_texts() == ["Read", "Model", "Answer"]
        assert all(time.endswith(" ms") for time in page.locator("#stages dd").all_inner_texts())
        expect(page.locator("#runs")).to_have_text("2 threads")
        assert page.evaluate("crossOriginIsolated")


def test_what_is_typed_is_predicted_and_what_is_wrong_is_told(
    iris: Project, visitors: Visitors
) -> None:
    with iris.served() as address:
        page = visitors.new(address).open()
        page.get_by_label("3", exact=True).fill("5.55")
        page.get_by_label("4", exact=True).fill("1.8")
        assert predict(page) == "virginica"
        page.get_by_label("1", exact=True).fill("1e300")
        page.get_by_role("button", name="Predict").click()
        expect(page.get_by_role("alert")).to_have_text(
            "X: expected float32 of shape (?,4), got 1e+300"
        )
        assert bars(page) == {}
        page.get_by_role("button", name="Sample").click()
        assert predict(page) == "setosa"
        expect(page.get_by_role("alert")).to_be_empty()


def test_an_image_is_chosen_dropped_pasted_and_taken(
    shapes: Project, visitors: Visitors, tmp_path: Path
) -> None:
    from PIL import Image  # noqa: PLC0415 - no other test here needs it

    picture = tmp_path / "a red one.png"
    Image.new("RGB", (40, 30), (220, 20, 30)).save(picture)
    with shapes.served() as address:
        page = visitors.new(address).open()
        predict(page)
        sample = bars(page)
        page.set_input_files("#file", picture)
        expect(page.locator("#source")).to_have_text("a red one.png")
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
        chosen = bars(page)
        assert chosen != sample
        for event in ("drop", "paste"):
            page.get_by_role("button", name="Sample").click()
            expect(page.locator("#source")).to_have_text("The sample")
            page.evaluate(
                """([kind, bytes]) => {
                  const data = new DataTransfer();
                  data.items.add(new File([new Uint8Array(bytes)], `${kind}.png`));
                  const options = { bubbles: true, cancelable: true };
                  document.querySelector(".picture").dispatchEvent(
                    kind === "drop"
                      ? new DragEvent("drop", { dataTransfer: data, ...options })
                      : new ClipboardEvent("paste", { clipboardData: data, ...options }),
                  );
                }""",
                [event, list(picture.read_bytes())],
            )
            expect(page.locator("#source")).to_have_text(f"{event}.png")
            expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
            assert bars(page) == chosen
        page.get_by_role("button", name="Camera").click()
        page.get_by_role("button", name="Take the picture").click()
        expect(page.locator("#source")).to_have_text("camera.png")
        expect(page.locator("#camera")).to_be_hidden()
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
        assert bars(page).keys() == {"circle", "square", "triangle"}
        text = tmp_path / "no image.txt"
        text.write_text("no image")
        page.set_input_files("#file", text)
        expect(page.get_by_role("alert")).to_contain_text("expected an image (BMP, GIF, JPEG")


def test_the_keyboard_is_enough(iris: Project, visitors: Visitors) -> None:
    with iris.served() as address:
        page = visitors.new(address).open()
        expect(page.locator("#loading")).to_be_hidden()
        stops = []
        for _ in range(12):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if focused.count() == 0:
                break
            name = focused.evaluate("at => at.labels?.[0]?.innerText ?? at.textContent.trim()")
            outline = focused.evaluate("at => getComputedStyle(at).outlineStyle")
            stops.append((name, outline))
            if name == "3":
                page.keyboard.type("5.55")
            if name == "Predict":
                page.keyboard.press("Enter")
                page.locator("#headline strong").wait_for()
        names = ["1", "2", "3", "4", "Predict", "Sample", "JSON"]
        assert stops == [(name, "solid") for name in names]
        assert next(iter(bars(page).values())) < 0.9


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_text_can_be_read(shapes: Project, visitors: Visitors, width: int, scheme: str) -> None:
    with shapes.served() as address:
        page = visitors.new(address, width=width, scheme=scheme).open()
        predict(page)
        page.locator("#kept:not(:empty)").wait_for()
        assert_laid_out(page)
        assert_readable(page)


def test_whoever_cannot_see_is_told(iris: Project, visitors: Visitors) -> None:
    with iris.served() as address:
        page = visitors.new(address).open()
        predict(page)
        expect(page.get_by_role("form", name="Data")).to_be_visible()
        answer = page.get_by_role("region", name="Answer")
        expect(answer.get_by_role("status")).to_have_text("setosa 95.7%")
        expect(answer.get_by_role("listitem").first).to_have_text("setosa 95.7%")
        expect(answer.get_by_role("definition")).to_have_count(3)
        expect(answer.get_by_role("progressbar")).to_be_hidden()
        assert page.locator("html").get_attribute("lang") == "en"
