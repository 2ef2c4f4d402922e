"""The cache changes how long lint takes, and never what it says."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.lint.cache import Cache
from builder.lint.lint import Report, lint
from tests.conftest import tree
from tests.lint.linting import Lint, make_good_set
from tests.sets import write

APP = "template_files/base/app.py.j2"
MORE = "template_files/more/more.yml.j2"
NAMES = "template_files/base/_names.j2"
LINES = {
    APP: ["{{ port }}", "{{ titel | python }}", "{{ title }}", "import os", "X = 1", "x = = 1"],
    MORE: ["port: {{ port }}", "name: again", "title: {{ title | yaml }}", "{{ title | python }}"],
    NAMES: ["{% set full = 'x' %}", "{% set other = nmae %}", "{% if %}"],
    "vars/sample.yaml": ["port: 9", "prt: 1", "port: x"],
    "template/base/base/names.py": ["import os", "X = 1"],
    "infergen.yaml": ["  tiny: [base]", "  huge: [bas]"],
}


def said(report: Report) -> list[str]:
    return [str(finding) for finding in report.findings]


@settings(max_examples=6)
@given(
    edits=st.lists(
        st.sampled_from([(file, line) for file, lines in LINES.items() for line in lines]),
        min_size=1,
        max_size=4,
    )
)
def test_with_a_cache_lint_says_the_same(edits: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_good_set(Path(folder) / "set")
        first = {path: (root / path).read_text() for path in LINES}
        cache = Cache(Path(folder) / "cache.json")
        for path, line in [*edits, ("", "")]:
            if path:
                write(root / path, (root / path).read_text() + line + "\n")
            else:
                for each, text in first.items():
                    write(root / each, text)
            report = lint(root, cache)
            assert said(report) == said(lint(root, Cache(None)))
            cache.save()
            cache = Cache(Path(folder) / "cache.json")
        assert report.findings == ()


def kept(cache: Path) -> Path:
    (file,) = (cache / "lint").iterdir()
    return file


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"clean": 1}', b'{"analysis": {"x": 1}}', b"\xff", b"[" * 9999]
)
def test_a_damaged_cache_is_no_error(lint: Lint, good: Path, cache: Path, content: bytes) -> None:
    assert lint(good).code == 0
    kept(cache).write_bytes(content)
    assert lint(good).code == 0


def test_answers_in_the_cache_that_are_none(lint: Lint, good: Path, cache: Path) -> None:
    write(good / APP, (good / APP).read_text() + "{{ titel | python }}\n")
    before = lint(good).document
    document = json.loads(kept(cache).read_text())
    for section in ("analysis", "references"):
        document[section] = {key: [["nonsense"]] for key in document[section]}
    kept(cache).write_text(json.dumps(document))
    assert lint(good).document == before


def test_what_was_found_is_found_again(lint: Lint, good: Path) -> None:
    write(good / APP, (good / APP).read_text() + "{{ title }}\nimport os\n")
    first = lint(good)
    assert lint(good).document == first.document
    assert first.code == 1


def test_the_cache_forgets_what_is_gone(lint: Lint, good: Path, cache: Path) -> None:
    lint(good)
    lint(good)
    size = kept(cache).stat().st_size
    text = (good / APP).read_text()
    for number in range(5):
        write(good / APP, f"{text}X{number} = {number}\n")
        lint(good)
    write(good / APP, text)
    lint(good)
    lint(good)
    assert kept(cache).stat().st_size == size


def test_without_a_place_for_a_cache(
    lint: Lint, good: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cache, "a file where the folder would be")
    assert lint(good).code == 0
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/dev/null")
    assert lint(good).code == 0


def test_lint_writes_nothing_into_the_set(lint: Lint, good: Path) -> None:
    before = tree(good)
    lint(good)
    assert tree(good) == before
