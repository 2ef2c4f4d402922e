"""Fleets of a thousand services, and the catalogue of one in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.conftest import Cli, tree
from tests.fleet.fleets import document, fleet, stated, write
from tests.sets import make_layered_set
from tests.sets import write as write_text
from tests.web.conftest import FLAGS
from tests.web.seen import assert_laid_out, assert_readable


def test_of_a_thousand_the_three_that_are_broken_are_named(cli: Cli, tmp_path: Path) -> None:
    files = {f"s{n:03}": stated(f"title: Species {n}", f"port: {8000 + n}") for n in range(1000)}
    files |= {
        "s017": stated("title: x", "prot: 1"),
        "s500": "title: [\n",
        "s999": stated("model_file_name: none.onnx"),
    }
    write(tmp_path / "vars", **files)
    done = cli("fleet", "vars", "--output", "out", timeout=3600)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "1000 services: 997 created, 3 failed"
    assert [line.partition(": ")[2] for line in done.stderr.splitlines()] == [
        "error: vars/s017.yaml:2: unknown variable prot; did you mean port?",
        "error: vars/s500.yaml:2: not valid YAML: while parsing a flow node, did not find expected"
        " node content",
        "error: vars/s999.yaml:1: no file none.onnx in vars or vars/models; put it there, or give"
        " --models DIR",
    ]
    made = {path.name for path in (tmp_path / "out").iterdir()} - {".infergen-fleet"}
    assert made == files.keys() - {"s017", "s500", "s999"}
    assert cli("new", "--name", "s123", "--vars", "vars/s123.yaml").returncode == 0
    assert tree(tmp_path / "out" / "s123") == tree(tmp_path / "s123")
    done = cli("fleet", "vars", "--output", "out", "--only", "s0*", "--check", timeout=3600)
    assert done.stdout.splitlines()[-1] == "100 services: 99 unchanged, 1 failed"


def test_memory_does_not_grow_with_the_fleet(cli: Cli, tmp_path: Path) -> None:
    """Peak memory of a fleet of small services, and of one twenty times as large."""
    make_layered_set(tmp_path / "set")
    peaks = []
    for size in (50, 1000):
        for number in range(size):
            write_text(tmp_path / f"vars{size}" / f"s{number}.yaml", "variant: large\n")
        peak = tmp_path / f"peak{size}"
        write_text(
            tmp_path / f"hook{size}" / "sitecustomize.py",
            "import atexit, resource\n"
            "def note():\n"
            "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
            f"    open({str(peak)!r}, 'w').write(str(peak))\n"
            "atexit.register(note)\n",
        )
        done = cli(
            "fleet", f"vars{size}", "--output", f"out{size}", "--templates", "set", "--jobs", "1",
            environment={"PYTHONPATH": str(tmp_path / f"hook{size}")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        peaks.append(int(peak.read_text()))
    assert peaks[1] < peaks[0] * 1.25


@pytest.fixture(scope="module")
def chromium(player: Playwright) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "Chromium is missing; .ci/system-packages installs it"
    browser = player.chromium.launch(executable_path=program, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def catalogue(cli: Cli, tmp_path: Path) -> Path:
    hostile = '"</script><img src=x onerror=alert(1)>"'
    write(
        tmp_path / "vars", b=stated(f"title: {hostile}"), a=stated(), c10=stated(), c9=stated(),
        broken="title: [\n",
    )  # fmt: skip
    assert fleet(cli).returncode == 1
    (tmp_path / "out" / "c9" / "makefile").unlink()
    assert document(fleet(cli, "--json", "--report", "fleet.html"))["counts"]["unchanged"] == 4
    return tmp_path / "fleet.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 360])
def test_the_catalogue_in_a_browser(
    chromium: Browser, catalogue: Path, scheme: str, width: int
) -> None:
    said: list[str] = []
    asked: list[str] = []
    context = chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(catalogue.as_uri())
    assert_laid_out(page)
    assert_readable(page)
    assert _names(page) == ["a", "b", "broken", "c10", "c9"]
    # By keyboard, as a screen reader tells it.
    button = page.get_by_role("columnheader", name="Service").get_by_role("button")
    button.focus()
    for order, names in (
        ("ascending", ["a", "b", "broken", "c9", "c10"]),
        ("descending", ["c10", "c9", "broken", "b", "a"]),
    ):
        page.keyboard.press("Enter")
        assert _names(page) == names
        head = page.get_by_role("columnheader", name="Service")
        assert head.get_attribute("aria-sort") == order
    drift = page.get_by_role("columnheader", name="Drift").get_by_role("button")
    drift.click()
    drift.click()
    # What has no value comes last either way.
    assert (_names(page)[0], _names(page)[-1]) == ("c9", "broken")
    page.get_by_label("Find").fill("not valid yaml")
    assert _names(page) == ["broken"]
    assert page.locator(".find output").inner_text() == "1 of 5 services"
    page.get_by_label("Find").fill("")
    page.get_by_text("1 file", exact=True).click()
    assert page.get_by_text("makefile").is_visible()
    assert page.get_by_text("onerror=alert(1)").is_visible()
    assert said == []
    assert asked == [catalogue.as_uri()]
    context.close()


def test_the_policy_lets_no_other_script_run(chromium: Browser, catalogue: Path) -> None:
    text = catalogue.read_text()
    catalogue.write_text(text.replace("</main>", "</main><script>document.title = 'x'</script>"))
    page = chromium.new_page()
    page.goto(catalogue.as_uri())
    assert page.title() == "Fleet: 5 services"
    page.close()


def _names(page: Page) -> list[str]:
    rows = page.locator("tbody tr:visible th").all()
    return [row.locator("a, b").first.inner_text() for row in rows]
