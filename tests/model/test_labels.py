"""Labels files: every spelling that is taken, and what is wrong with the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import ModelError
from builder.model.labels import read_labels


def write(folder: Path, content: str | bytes, name: str = "labels.json") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.json", '["cat", "dog", "Käfer"]'),
        ("l.json", '{"0": "cat", "1": "dog", "2": "Käfer"}'),
        ("l.json", '{"2": "Käfer", "0": "cat", "1": "dog"}'),
        ("l.json", '\ufeff["cat", "dog", "Käfer"]'),
        ("l.txt", "cat\ndog\nKäfer\n"),
        ("l.txt", "\ufeffcat\r\ndog\r\nKäfer"),
        ("l.txt", "cat\ndog\nKäfer\n\n\n"),
        ("l.txt", ' ["cat", "dog", "Käfer"]'),
    ],
)
def test_spellings(tmp_path: Path, name: str, content: str) -> None:
    assert read_labels(write(tmp_path, content, name)) == ("cat", "dog", "Käfer")


def test_a_label_may_occur_twice(tmp_path: Path) -> None:
    assert read_labels(write(tmp_path, "crane\ncrane\n", "l.txt")) == ("crane", "crane")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.json", "", "line 1: not JSON"),
        ("l.json", "[]", "holds no label"),
        ("l.json", "{}", "holds no label"),
        ("l.txt", "", "holds no label"),
        ("l.txt", "\n\n", "holds no label"),
        ("l.json", '["a",\n "b",,]', "line 2: not JSON"),
        ("l.json", '"cat"', "expected a list of labels or a map"),
        ("l.json", '["a", 7]', "index 1: 7 is not a string"),
        ("l.json", '["a", null]', "index 1: None is not a string"),
        ("l.json", '{"0": ["a"]}', "key '0': ['a'] is not a string"),
        ("l.json", '{"0": "a", "0": "b"}', "key '0' occurs twice"),
        ("l.json", '{"0": "a", "2": "b"}', "'1' is missing and '2' is there"),
        ("l.json", '{"1": "a", "2": "b"}', "'0' is missing and '2' is there"),
        ("l.json", '{"00": "a"}', "'0' is missing and '00' is there"),
        ("l.json", '{"cat": 0, "dog": 1}', "turn it round"),
        ("l.json", '["a", " "]', "index 1: the label is empty"),
        ("l.txt", "a\n\nb\n", "line 2: the label is empty"),
        ("l.txt", "a\nb\x07\n", "line 2: the label holds a control character"),
        ("l.json", '["\\ud800"]', "index 0: the label holds a control character"),
        ("l.txt", b"a\nK\xe4fer\n", "line 2: not UTF-8"),
        ("l.json", "[" * 100_000, "not JSON"),
        ("l.json", f"[{'9' * 10_000}]", "not JSON"),
    ],
)
def test_mistakes(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    path = write(tmp_path, content, name)
    with pytest.raises(ModelError) as caught:
        read_labels(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_labels_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        read_labels(tmp_path / "none.txt")
    with pytest.raises(ModelError, match="is not a file"):
        read_labels(tmp_path)
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ModelError, match="larger than 16 MB"):
        read_labels(huge)


LABEL = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda label: bool(label.strip())
)


@given(st.lists(LABEL, min_size=1, max_size=30))
def test_a_list_and_a_map_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("labels")
    by_index = {str(index): label for index, label in reversed(list(enumerate(labels)))}
    assert read_labels(write(folder, json.dumps(labels))) == tuple(labels)
    assert read_labels(write(folder, json.dumps(by_index))) == tuple(labels)
