"""Variables files that other generators choke on: each gets one message with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder import yamlfile
from builder.errors import YamlError
from tests.conftest import Cli

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

BAD = [
    ("tag", b"title: !!python/object/apply:os.system [id]\n", ":1:", "tag"),
    ("own tag", b"title: !secret x\n", ":1:", "tag"),
    ("alias bomb", BOMB.encode(), "", "alias"),
    ("alias to itself", b"a: &a [1, *a]\n", ":1:", "itself"),
    ("duplicate key", b"port: 1\ntitle: x\nport: 2\n", ":3:", "twice"),
    ("nested duplicate", b"resources:\n  limits: {cpu: '1', cpu: '2'}\n", ":2:", "twice"),
    ("tab", b"resources:\n\tlimits: 1\n", ":2:", "not valid YAML"),
    ("empty", b"", "", "empty"),
    ("only a comment", b"# nothing\n", "", "empty"),
    ("list at the root", b"- name\n", ":1:", "list"),
    ("scalar at the root", b"name\n", ":1:", "single value"),
    ("two documents", b"port: 1\n---\nport: 2\n", ":3:", "second document"),
    ("Latin-1", "title: x\ndescription: é\n".encode("latin-1"), ":2:", "UTF-8"),
    ("UTF-16", "title: x\n".encode("utf-16"), ":1:", "UTF-8"),
    ("unclosed", b"title: [1, 2\n", ":2:", "not valid YAML"),
    ("nested too deeply", b"title: " + b"[" * 100_000, ":1:", "nested more than 100"),
    ("deep in one line", b"title:\n  " + b"- " * 100_000 + b"x\n", ":2:", "nested more than 100"),
    ("date", b"description: 2026-01-01\n", ":1:", 'quote it: "2026-01-01"'),
    ("number as key", b"38: x\n", ":1:", "quote"),
    ("huge number", b"port: " + b"9" * 5000 + b"\n", "", "number"),
    ("NUL", b"title: a\0b\n", "", "not valid YAML"),
]


@pytest.mark.parametrize(
    ("content", "place", "reason"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD]
)
def test_bad_yaml_is_one_message(
    cli: Cli, tmp_path: Path, content: bytes, place: str, reason: str
) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    done = cli("new", "--name", "sample", "--vars", "bad.yaml")
    assert done.returncode == 1
    assert f"bad.yaml{place}" in done.stderr
    assert reason in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "sample").exists()


def test_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfport: 80\n")
    assert yamlfile.read_mapping(tmp_path / "bom.yaml").value == {"port": 80}


def test_anchors_and_merges_work_and_keep_their_lines() -> None:
    document = yamlfile.parse("base: &b {p: 1}\nover:\n  <<: *b\n  q: 2\n", "f")
    assert document.value["over"] == {"p": 1, "q": 2}
    assert document.where(("over", "q")) == "f:4"


def test_where_falls_back_to_what_lies_around() -> None:
    document = yamlfile.parse("a:\n  b: 1\n", "f")
    assert document.where(("a", "missing")) == "f:1"


def test_numbers_that_json_lacks_are_named() -> None:
    assert yamlfile.parse("[.nan, .inf, -.inf]", "f").value == ["NaN", "Infinity", "-Infinity"]


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match="no such file"):
        yamlfile.read_mapping(tmp_path / "none.yaml")
    with pytest.raises(YamlError, match="cannot be read"):
        yamlfile.read_mapping(tmp_path)
