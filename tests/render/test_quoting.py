"""Every filter's literal reads back, by the language's own reader, as the value that went in."""

from __future__ import annotations

import ast
import json
import math
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder.render import quoting
from builder.render.literals import QuotingError
from builder.render.quoting import Quoted
from tests.render.sources import (
    HOSTILE,
    data,
    hostile_text,
    one_line_text,
    shell_text,
)

thorough = settings(max_examples=400, deadline=None)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            same(a, b) for a, b in zip(one.items(), other.items(), strict=True)
        )
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@thorough
@given(data())
def test_python_reads_back(value: Any) -> None:
    literal = quoting.python(value)
    assert same(ast.literal_eval(literal), value)
    assert "\n" not in literal


@given(st.recursive(st.integers() | hostile_text, lambda inner: st.tuples(inner, inner)))
def test_python_keeps_tuples(value: Any) -> None:
    assert same(ast.literal_eval(quoting.python(value)), value)


@thorough
@given(data())
def test_yaml_reads_back(value: Any) -> None:
    literal = str(quoting.yaml(value))
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert same(yaml.load(literal, loader), value)
        in_place = yaml.load(f"- a: {literal}\n  b: [{literal}]\n", loader)
        assert same(in_place, [{"a": value, "b": [value]}])
    assert "\n" not in literal


@given(hostile_text)
def test_yaml_text_is_a_key_too(value: str) -> None:
    assert yaml.safe_load(f"{quoting.yaml(value)}: 1") == {value: 1}


def test_yaml_takes_long_keys() -> None:
    value = {"k" * 2000: {"a" * 5000: 1}, "b": 2}
    assert yaml.safe_load(quoting.yaml(value)) == value


YAML_1_2_CORE = re.compile(
    r"null|Null|NULL|~|true|True|TRUE|false|False|FALSE"
    r"|[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


@pytest.mark.parametrize("text", [*HOSTILE, "Y", "OFF", "0o17", "1.", "+1", "-0", "NULL", "1e5"])
def test_yaml_text_is_text_in_1_2_as_well(text: str) -> None:
    literal = quoting.yaml(text)
    assert literal.startswith('"') or not YAML_1_2_CORE.fullmatch(literal)
    assert literal.startswith('"') or literal.lower() not in {"y", "n", "yes", "no", "on", "off"}


def test_yaml_is_plain_where_it_can_be() -> None:
    assert quoting.yaml("iris-svc") == "iris-svc"
    assert quoting.yaml("The iris model") == "The iris model"
    assert quoting.yaml(["a", 1, None, True, 1.5]) == "[a, 1, null, true, 1.5]"
    assert quoting.yaml({"a": "b"}) == "{a: b}"


@pytest.mark.parametrize("value", [1e16, 1e-7, -1.5e300, math.inf, -math.inf, 5e-324])
def test_yaml_floats_are_floats_for_1_1(value: float) -> None:
    assert same(yaml.safe_load(quoting.yaml(value)), value)


def test_not_a_number_in_each_language() -> None:
    assert math.isnan(yaml.safe_load(quoting.yaml(math.nan)))
    assert math.isnan(tomllib.loads(f"x = {quoting.toml(math.nan)}")["x"])
    assert math.isnan(eval(quoting.python(math.nan)))
    assert eval(quoting.python([-math.inf])) == [-math.inf]
    with pytest.raises(QuotingError, match="JSON has no nan"):
        quoting.json([math.nan])


@thorough
@given(data(), st.none() | st.integers(0, 4))
def test_json_reads_back(value: Any, indent: int | None) -> None:
    literal = quoting.json(value, indent)
    assert same(json.loads(literal), value)
    assert "</" not in literal
    assert "<!--" not in literal
    if indent is None:
        assert len(literal.splitlines()) == 1


def test_json_layout() -> None:
    value = {"a": [1, "é"], "b": None}
    assert quoting.json(value) == '{"a": [1, "é"], "b": null}'
    assert quoting.json(value, indent=2) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("indent", ["evil", True, -1, 17, 1.0])
def test_json_is_indented_by_spaces_only(indent: Any) -> None:
    with pytest.raises(QuotingError, match="indent is to be"):
        quoting.json([1], indent)


@thorough
@given(data(null=False))
def test_toml_reads_back(value: Any) -> None:
    literal = quoting.toml(value)
    assert same(tomllib.loads(f"x = {literal}")["x"], value)
    assert "\n" not in literal


def in_batches(values: Sequence[str], reader: Callable[[Sequence[str]], Sequence[str]]) -> None:
    assert list(reader(values)) == list(values)


def by_shell(values: Sequence[str]) -> list[str]:
    script = "".join(f"printf '%s\\0' {quoting.shell(value)}\n" for value in values)
    completed = subprocess.run(
        ["sh", "-s"], input=script.encode(), capture_output=True, check=True, timeout=60
    )
    assert completed.stderr == b""
    return completed.stdout.decode().split("\0")[:-1]


def test_shell_reads_back_what_is_hostile() -> None:
    in_batches(HOSTILE, by_shell)


@settings(max_examples=20, deadline=None)
@given(st.lists(shell_text, max_size=30))
def test_shell_reads_back(values: list[str]) -> None:
    in_batches(values, by_shell)


def by_make(folder: Path) -> Callable[[Sequence[str]], list[str]]:
    def read(values: Sequence[str]) -> list[str]:
        lines = [f"V{index} := {quoting.make(value)}" for index, value in enumerate(values)]
        lines += [f"export V{index}" for index in range(len(values))]
        lines += ["all:", "\t@env -0"]
        (folder / "makefile").write_bytes("\n".join([*lines, ""]).encode())
        completed = subprocess.run(
            ["make", "-s"], cwd=folder, capture_output=True, check=True, timeout=60
        )
        found = dict(
            entry.split("=", 1) for entry in completed.stdout.decode().split("\0") if "=" in entry
        )
        return [found[f"V{index}"] for index in range(len(values))]

    return read


def can_be_made(text: str) -> bool:
    return not text.endswith("\\") and all(char >= " " or char == "\t" for char in text)


def test_make_reads_back_what_is_hostile(tmp_path: Path) -> None:
    values = [text for text in HOSTILE if can_be_made(text) and text != "\x7f"]
    in_batches(
        [*values, "a\\#b", "\\\\#", "  two", "a $(x) # $$", "$(shell id)"], by_make(tmp_path)
    )


def test_make_reads_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    read = by_make(tmp_path_factory.mktemp("make"))

    @settings(max_examples=20, deadline=None)
    @given(st.lists(one_line_text.filter(can_be_made), max_size=30))
    def check(values: list[str]) -> None:
        in_batches(values, read)

    check()


def unquoted_by_docker(word: str) -> str:
    """As BuildKit reads a double-quoted word: only quote, dollar and backslash are escaped."""
    assert re.fullmatch(r'"(\\["$\\]|[^"$\\])*"', word, re.DOTALL), word
    return re.sub(r'\\(["$\\])', r"\1", word[1:-1])


@thorough
@given(one_line_text)
def test_dockerfile_reads_back(text: str) -> None:
    assert unquoted_by_docker(quoting.dockerfile(text)) == text


@thorough
@given(hostile_text)
def test_docstring_reads_back(text: str) -> None:
    source = f'"""{quoting.docstring(text)}"""'
    assert ast.literal_eval(source) == text.replace("\r\n", "\n").replace("\r", "\n")


@thorough
@given(hostile_text)
@example("syntax=evil/frontend")
@example("!/bin/sh")
@example("coding: utf-7")
@example("a\\")
@example("\\ \\")
def test_comment_is_one_line_and_no_directive(text: str) -> None:
    comment = quoting.comment(text)
    assert len(comment.splitlines()) <= 1
    assert comment.isprintable()
    assert not comment.endswith("\\")
    assert not comment.startswith("!")
    assert not re.match(r"#\s*[A-Za-z]\w*\s*=", f"# {comment}")
    source = f"# {comment}\nx = 'é'\n".encode()
    namespace: dict[str, Any] = {}
    exec(compile(source, "<test>", "exec"), namespace)
    assert namespace["x"] == "é"


def test_comment_keeps_ordinary_text() -> None:
    assert quoting.comment("Iris: 3 kinds\n of flower (it's ours)") == (
        "Iris: 3 kinds of flower (it's ours)"
    )


@thorough
@given(hostile_text)
def test_markdown_is_one_line_of_text(text: str) -> None:
    line = quoting.markdown(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*\[\]<>&|]", line)
    assert not re.match(r"[#>+=-]|\d+[.)]", line)
    unescaped = re.sub(r"\\([\\`*_\[\]<>&|~$#+=.)-])", r"\1", line)
    expected = "".join(char if char.isprintable() else " " for char in text)
    assert unescaped == " ".join(expected.split())


def test_markdown_leaves_words_readable() -> None:
    assert (
        quoting.markdown("Model iris_svc 3.10, it's 50-50!") == "Model iris_svc 3.10, it's 50-50!"
    )
    assert quoting.markdown("_a_ **b** <c> [d](e)") == r"\_a\_ \*\*b\*\* \<c\> \[d\](e)"


def by_html(source: str) -> tuple[str, dict[str, str | None], set[str]]:
    """The text, the attributes and the elements that a browser would see."""
    texts: list[str] = []
    attributes: dict[str, str | None] = {}
    elements = set()

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            texts.append(data)

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            elements.add(tag)
            attributes.update(attrs)

    reader = Reader()
    reader.feed(source)
    reader.close()
    return "".join(texts), attributes, elements


@thorough
@given(hostile_text)
@example("</p><script>x</script>")
@example("\" onload='x' &amp; &#0; &lt")
@example("a\r\nb\rc\x00\x1b\x85")
def test_html_reads_back(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    expected = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]", "\ufffd", expected)
    literal = quoting.html(text)
    seen, attributes, elements = by_html(f"<p title=\"{literal}\" class='{literal}'>{literal}</p>")
    assert seen == expected
    assert attributes == {"title": expected, "class": expected}
    assert elements == {"p"}


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("a", '"a"'),
        ('say "hi"', "'say \"hi\"'"),
        ('it\'s "a"', "'it\\'s \"a\"'"),
        ("it's", '"it\'s"'),
        ("'\"", '"\'\\""'),
        (1e16, "1e16"),
        (1e-5, "1e-05"),
        ((1, 4), "(1, 4)"),
        ((1,), "(1,)"),
        ({"a": None, "b": [True]}, '{"a": None, "b": [True]}'),
    ],
)
def test_python_is_written_as_ruff_writes_it(value: Any, literal: str) -> None:
    assert quoting.python(value) == literal


def test_ruff_leaves_python_literals_alone(tmp_path: Path) -> None:
    values: list[Any] = [*HOSTILE, 1e16, 1.5e-7, -3, (1,), [], {}, {"a": [1.0, (2, 3)]}, [math.nan]]
    values += ["'" * count + '"' * (4 - count) + "\\" for count in range(5)]
    source = "".join(f"x{index} = {quoting.python(value)}\n" for index, value in enumerate(values))
    path = tmp_path / "literals.py"
    path.write_text(source, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "320", path],
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert path.read_text(encoding="utf-8") == source


@pytest.mark.parametrize("name", quoting.QUOTING)
def test_half_a_surrogate_pair_is_refused(name: str) -> None:
    with pytest.raises(QuotingError, match="surrogate"):
        quoting.QUOTING[name]("a\ud800b")


@pytest.mark.parametrize("name", ["python", "yaml", "json", "toml"])
@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object()])
def test_what_is_no_data_is_refused(name: str, value: Any) -> None:
    with pytest.raises(QuotingError, match="has no value for"):
        quoting.QUOTING[name]({"a": [value]})


@pytest.mark.parametrize(
    "name", ["shell", "make", "dockerfile", "comment", "docstring", "markdown", "html"]
)
@pytest.mark.parametrize("value", [None, [1], {"a": 1}])
def test_text_filters_take_text(name: str, value: Any) -> None:
    with pytest.raises(QuotingError, match="expected text"):
        quoting.QUOTING[name](value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("shell", "a\x00", "NUL"),
        ("make", "a\nb", "a newline"),
        ("make", "a\rb", "'\\\\r'"),
        ("make", "a\\", "backslash"),
        ("dockerfile", "a\nb", "a newline"),
        ("dockerfile", "a\x00b", "NUL"),
        ("dockerfile", "a\tb", "'\\\\t'"),
        ("toml", None, "None"),
        ("toml", 2**63, "64 bits"),
        ("json", {1: 2}, "key is to be text"),
        ("yaml", {(1, 2): 3}, "key is to be a scalar"),
    ],
)
def test_what_a_language_cannot_carry(name: str, value: Any, why: str) -> None:
    with pytest.raises(QuotingError, match=why):
        quoting.QUOTING[name](value)


@pytest.mark.parametrize("name", ["python", "yaml", "json"])
def test_integers_too_long_for_python_to_write(name: str) -> None:
    with pytest.raises(QuotingError, match="too long"):
        quoting.QUOTING[name](10**5000)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("iris_svc", "iris-svc"),
        ("Iris", "iris"),
        ("a__b", "a-b"),
        ("a_", "a"),
        ("a" * 62 + "_b", "a" * 62),
        ("é a.b", "a-b"),
    ],
)
def test_dns_label(name: str, label: str) -> None:
    assert quoting.dns_label(name) == label
    assert type(quoting.dns_label(name)) is str


def test_dns_label_of_nothing() -> None:
    with pytest.raises(QuotingError, match="no DNS label"):
        quoting.dns_label("___")


def test_the_mark_is_lost_with_every_change() -> None:
    quoted = quoting.yaml("a b")
    assert type(quoted) is Quoted
    changed = (
        *(quoted + "", "" + quoted, quoted[1:], quoted.upper(), quoted.strip(), quoted * 1),
        *(quoted.replace("a", "b"), "".join([quoted]), f"{quoted}", str(quoted)),
    )
    assert [type(text) for text in changed] == [str] * len(changed)
