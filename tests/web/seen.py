"""What is seen on a page in the browser."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.test_services import ask

CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text()


def predict(page: Page) -> str:
    """Press Predict; the headline of the answer, not of one that was there before."""
    page.get_by_role("button", name="Predict").click()
    best = page.locator(":has(#answer[aria-busy='false']) > #headline strong")
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


def assert_laid_out(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unlabelled = (
        "fields => fields.filter(field => !field.labels.length).map(field => field.outerHTML)"
    )
    assert page.locator("input, textarea").evaluate_all(unlabelled) == []


def assert_readable(page: Page) -> None:
    """Every text stands out from what is behind it, as WCAG 2 (AA) asks."""
    contrasts: dict[str, float] = page.evaluate(CONTRASTS)
    assert len(contrasts) > 5
    assert {text: contrast for text, contrast in contrasts.items() if contrast < 4.5} == {}
