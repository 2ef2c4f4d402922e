"""A rendered file that does not parse is an error with the output's line and its text."""

from __future__ import annotations

import warnings

import pytest

from builder.errors import RenderError
from builder.render.verify import verify

DOCKERFILE = """\
# syntax=docker/dockerfile:1
# a comment

FROM python:3.13 AS base
run echo a \\
    # a comment inside
    && echo b \\

    && echo c
COPY <<EOF <<-"TWO" /app/
not an instruction
EOF
\tnor this
\tTWO
ONBUILD RUN true
HEALTHCHECK NONE
"""

MAKEFILE = """\
# comment
include other.mk
-include maybe.mk
export NAME
NAME := value
LONG = a \\
  words \\
  here
ifeq ($(NAME),value)
NAME += more
else ifdef NAME
endif
define BODY
any thing here
endef
.PHONY: all
all: one
\tany thing
$(info hello)
override define OTHER
x y
endef
"""

GOOD = {
    "a.py": "x = 1\n",
    "empty.py": "",
    "escape.py": "x = '\\d'\n",
    "cookie.py": "# -*- coding: latin-1 -*-\n",
    "future.py": "from __future__ import annotations\nx: int = 1\n",
    "a.yml": "a: 1\n---\nb: [1, 2]\n",
    "empty.yaml": "",
    "comment.yaml": "# only\n",
    "tags.yaml": "a: !Ref b\nc: 2024-99-99\n",
    "merge.yaml": "a: &a {x: 1}\nb: {<<: *a, x: 2}\n",
    "alias.yaml": "a: &a [1]\nb: *a\n",
    "loop.yaml": "a: &a [*a]\n",
    "keys.yaml": '1: a\n"1": b\n[x]: c\n',
    "anchors.yaml": "a: &x 1\nb: *x\n---\na: &x 2\n*x : 3\n",
    "depths.yaml": "a: {b: {a: 1}, c: [a, {a: 1}, a]}\nb: 1\nc: [{a: 1}, {a: 1}]\n",
    "merges.yaml": "a: &a {x: 1}\nb: {<<: *a, <<: *a}\n",
    "a.json": '{"a": {"b": 1}, "c": {"b": 2}}',
    "a.toml": "a = 1\n[b]\nc = 2024-01-01\n",
    "Dockerfile": DOCKERFILE,
    "Dockerfile.gpu": "FROM scratch\n",
    "gpu.dockerfile": "# escape=`\nFROM scratch\nRUN a `\n  b\n",
    "makefile": MAKEFILE,
    "Makefile": ".RECIPEPREFIX = >\nall:\n> any thing\n",
    "rules.mk": "a: b ; c\n",
    "run.sh": "#!/bin/sh\nif x\n",
    "README.md": "# {[\n",
    "data.bin": "\\",
}


@pytest.mark.parametrize("name", GOOD)
def test_what_parses(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verify(f"sample/{name}", GOOD[name].encode(), template=f"{name}.j2")


@pytest.mark.parametrize(
    ("name", "text", "line", "reason", "shown"),
    [
        ("a.py", "x = 1\ny = = 2\n", 2, "not valid Python: invalid syntax", "y = = 2"),
        ("a.py", "def f():\nx = 1\n", 2, "expected an indented block", "x = 1"),
        ("a.py", "x = 1\nreturn x\n", 2, "'return' outside function", "return x"),
        ("a.py", "def f(a, a):\n    pass\n", 1, "duplicate argument 'a'", "def f(a, a):"),
        ("a.pyi", "x: =\n", 1, "not valid Python", "x: ="),
        ("a.py", "\nx = 'a\n", 2, "unterminated string literal", "x = 'a"),
        (
            "a.yml",
            "a: 1\nb: c: d\n",
            2,
            "not valid YAML: mapping values are not allowed",
            "b: c: d",
        ),
        ("a.yml", "a: 1\nb: 2\na: 3\n", 3, "the key a twice", "a: 3"),
        ("a.yml", "x:\n  - {a: 1, a: 2}\n", 2, "the key a twice", "- {a: 1, a: 2}"),
        ("a.yml", "a: {b: [{c: 1}]}\n'a': 1\n", 2, "the key a twice", "'a': 1"),
        ("a.yml", "1: a\n'1': b\n!!int '1': c\n", 3, "the key 1 twice", "!!int '1': c"),
        ("a.yml", "a: &x b\nb: 1\n*x : 2\n", 3, "the key b twice", "*x : 2"),
        ("a.yml", "a: &x b\nc: &x d\n", 2, "duplicate anchor", "c: &x d"),
        ("a.yml", "a: &x 1\n---\nb: *x\n", 3, "undefined alias", "b: *x"),
        ("a.yml", "a: [\n", 2, "not valid YAML", ""),
        ("a.yml", "a: 1\n---\nb: *no\n", 3, "undefined alias", "b: *no"),
        ("a.yaml", "a:\n\t- b\n", 2, "not valid YAML", "- b"),
        ("a.yaml", "a: \x07\n", None, "not valid YAML", ""),
        ("a.json", '{\n"a": 1\n"b": 2\n}', 3, "not valid JSON", '"b": 2'),
        ("a.json", '{"a": 1, "a": 2}', None, "the key 'a' twice", ""),
        ("a.json", "[NaN]", None, "NaN is no JSON value", ""),
        ("a.json", "", 1, "not valid JSON", ""),
        ("a.toml", "a = 1\nb = c\n", 2, "not valid TOML: Invalid value", "b = c"),
        ("a.toml", "a = 1\na = 2\n", 2, "not valid TOML: Cannot overwrite a value", "a = 2"),
        ("Dockerfile", "FROM a\n\nfoo bar\n", 3, "unknown instruction FOO", "foo bar"),
        ("Dockerfile", "FROM a\nRUN a\n b\n", 3, "unknown instruction B", "b"),
        (
            "Dockerfile",
            "FROM a\nCOPY <<EOF /a\nx\n",
            2,
            "the heredoc EOF does not end",
            "COPY <<EOF /a",
        ),
        ("makefile", "A := 1\nrm -rf x\n", 2, "not a makefile: neither a rule nor", "rm -rf x"),
        ("makefile", "A := 1 # b\nb # c: d\n", 2, "not a makefile", "b # c: d"),
        ("run.sh", "echo a\necho \x00\n", 2, "NUL, which is no text", "echo"),
        ("README.md", "\x00", 1, "NUL", ""),
    ],
)
def test_what_does_not(name: str, text: str, line: int | None, reason: str, shown: str) -> None:
    with pytest.raises(RenderError) as caught:
        verify(f"sample/{name}", text.encode(), template="web/t.j2")
    message = str(caught.value)
    where = f"sample/{name}:{line}: " if line else f"sample/{name}: "
    assert message.startswith(where)
    assert reason in message
    assert "(rendered from web/t.j2)" in message
    if shown:
        assert message.split("\n", 1)[1].startswith(f"    {shown}")


@pytest.mark.parametrize("name", ["a.json", "a.toml", "Dockerfile", "makefile"])
def test_text_is_utf_8(name: str) -> None:
    with pytest.raises(RenderError, match=f"{name}:2: not UTF-8"):
        verify(name, b"\n\xff", template="t.j2")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "(" * 5000 + ")" * 5000),
        ("a.py", "-" * 200_000 + "1"),
        ("a.json", "[" * 100_000),
        ("a.toml", "a = " + "[" * 100_000),
        ("a.yaml", "[" * 20_000),
    ],
)
def test_what_is_nested_too_deeply(name: str, text: str) -> None:
    with pytest.raises(RenderError, match=r"^a\.\w+"):
        verify(name, text.encode(), template="t.j2")


def test_a_heredoc_begins_only_where_buildkit_begins_one() -> None:
    verify("Dockerfile", b'FROM scratch\nLABEL a="<<no"\nRUN echo "<<no"\n', template="t.j2")
    verify("Dockerfile", b"FROM scratch\nRUN <<EOF\nwhatever\nEOF\n", template="t.j2")
    with pytest.raises(RenderError, match="heredoc EOF does not end"):
        verify("Dockerfile", b"FROM scratch\nRUN <<EOF\nwhatever\n", template="t.j2")
