"""The record says what was written, the same everywhere, and is read back without trust."""

from __future__ import annotations

import bz2
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.base import MAX_MERGED_BYTES, read_base, record_files
from builder.errors import InfergenError, WriteError
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder, OutputLink
from builder.record import (
    BASE_PATH,
    RECORD_PATH,
    Entry,
    Record,
    make_record,
    read_record,
)

VARIABLES: dict[str, Any] = {
    "title": "Fußgänger 数 \ud800",
    "name": "sample",
    "shape": [1, 4],
    "scale": 0.1,
    "image": {"std": [1.0], "mean": None},
}


def outputs_in(folder: Path) -> list[Output]:
    model = folder / "m.onnx"
    model.write_bytes(b"\x08\x00model" * 100)
    labels = folder / "labels.txt"
    labels.write_text("a\nb\n")
    return [
        OutputFile("src/app.py", FILE_MODE, b"print('\xc3\xa9')\r\nno end"),
        OutputFile("run.sh", EXECUTABLE_MODE, b"#!/bin/sh\n"),
        OutputFile("logo.png", FILE_MODE, b"\x89PNG\xff"),
        OutputFile("zeros.txt", FILE_MODE, b"a\0b"),
        OutputFile("models/m.onnx", FILE_MODE, model),
        OutputFile("models/labels.txt", FILE_MODE, labels),
        OutputLink("latest", "models/m.onnx"),
        OutputFolder("data"),
    ]


def record_of(outputs: list[Output]) -> Record:
    return make_record("default", 3, "d" * 64, "web-single", VARIABLES, outputs)


def written(folder: Path, record: Record, outputs: list[Output]) -> Path:
    for file in record_files(record, outputs):
        assert isinstance(file.content, bytes)
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return folder


def test_a_record_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    outputs = outputs_in(tmp_path)
    record = record_of(outputs)
    assert read_record(written(tmp_path / "service", record, outputs)) == record
    assert record.files["run.sh"] == Entry(
        "file", hashlib.sha256(b"#!/bin/sh\n").hexdigest(), executable=True
    )
    assert record.files["models/m.onnx"].value == (
        hashlib.sha256((tmp_path / "m.onnx").read_bytes()).hexdigest()
    )
    assert record.files["latest"] == Entry("link", "models/m.onnx")
    assert record.files["data"] == Entry("folder")


def test_the_base_has_the_text_files_and_no_others(tmp_path: Path) -> None:
    outputs = outputs_in(tmp_path)
    outputs.append(OutputFile("long.txt", FILE_MODE, b"x" * (MAX_MERGED_BYTES + 1)))
    service = written(tmp_path / "service", record_of(outputs), outputs)
    assert read_base(service) == {
        "src/app.py": "print('é')\r\nno end",
        "run.sh": "#!/bin/sh\n",
        "models/labels.txt": "a\nb\n",
    }


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
CONTENTS = st.text(st.sampled_from("abc1 -_\n\x01\x02\\é"), max_size=40)


@given(
    texts=st.dictionaries(st.text("abc1-_é", min_size=1), CONTENTS, max_size=5),
    variables=st.fixed_dictionaries(
        {},
        optional={
            "name": st.text("abc1_", max_size=6) | WORDS,
            "title": st.text("abc1 _", max_size=6) | WORDS,
            "port": st.integers(0, 1111),
        },
    ),
    joint=st.sampled_from(["", " ", "1", "/"]),
)
def test_the_base_gives_back_every_text_whatever_the_service_is_called(
    texts: dict[str, str], variables: dict[str, Any], joint: str
) -> None:
    told = joint.join(map(str, variables.values())).replace("\0", "")
    texts["told.txt"] = told + told
    outputs = [OutputFile(path, FILE_MODE, text.encode()) for path, text in texts.items()]
    record = make_record("s", 1, "d", None, variables, outputs)
    with tempfile.TemporaryDirectory() as folder:
        assert read_base(written(Path(folder), record, list(outputs))) == texts


def streams(name: str, port: int) -> list[bytes]:
    texts = {
        "a.txt": "same",
        "b.yml": f"name: {name}",
        f"src/{name}.py": f"PORT = {port}  # {name}",
    }
    outputs = [OutputFile(path, FILE_MODE, text.encode()) for path, text in texts.items()]
    variables = {"name": name, "title": f"{name} of all", "port": port}
    _, base = record_files(make_record("s", 1, "d", None, variables, outputs), outputs)
    assert isinstance(base.content, bytes)
    rest, found = base.content, []
    while rest:
        reader = bz2.BZ2Decompressor()
        found.append(reader.decompress(rest))
        rest = reader.unused_data
    return found


def test_services_of_a_fleet_have_all_but_their_own_words_in_common() -> None:
    one, other = streams("iris_1", 8001), streams("zebra", 9000)
    assert one[:-1] == other[:-1]
    assert one[-1] != other[-1]


def test_the_base_of_an_older_record_is_read(tmp_path: Path) -> None:
    path = tmp_path / BASE_PATH
    path.parent.mkdir()
    path.write_bytes(bz2.compress(b'{"a": "\xc3\xa9",\n') + bz2.compress(b'"b": "x"}'))
    assert read_base(tmp_path) == {"a": "é", "b": "x"}


def test_a_plain_set_has_no_variant(tmp_path: Path) -> None:
    record = make_record("classic", 0, "d", None, {}, [])
    found = read_record(written(tmp_path, record, []))
    assert found is not None
    assert found.variant is None


def test_the_record_is_made_for_reading_in_diffs(tmp_path: Path) -> None:
    outputs = outputs_in(tmp_path)
    (file, _base) = record_files(record_of(outputs), outputs)
    assert isinstance(file.content, bytes)
    lines = file.content.decode().splitlines()
    digest = hashlib.sha256(b"#!/bin/sh\n").hexdigest()
    assert f'    "run.sh": "{digest}",' in lines
    assert '    "title": "Fußgänger 数 \\ud800"' in lines
    assert file.content.endswith(b"}\n")
    document = json.loads(file.content)
    assert list(document["files"]) == sorted(document["files"])
    assert list(document["variables"]) == sorted(document["variables"])
    assert list(document["files"]) == sorted(document["files"])


def test_the_same_input_gives_the_same_bytes_whatever_order_place_or_process(
    tmp_path: Path,
) -> None:
    script = """
import sys
import tempfile
from pathlib import Path
from tests.test_record import outputs_in, record_of
from builder.base import record_files
outputs = outputs_in(Path(sys.argv[1]))
if sys.argv[2] == "reversed":
    outputs.reverse()
sys.stdout.buffer.write(b"".join(f.content for f in record_files(record_of(outputs), outputs)))
"""
    seen = set()
    for seed, order, locale in (("0", "given", "C"), ("1", "reversed", "C.UTF-8")):
        folder = tmp_path / order
        folder.mkdir()
        completed = subprocess.run(
            [sys.executable, "-c", script, str(folder), order],
            cwd=Path(__file__).parent.parent,
            env={"PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": f"UTC{seed}"},
            capture_output=True,
            check=True,
        )
        seen.add(completed.stdout)
        assert str(tmp_path).encode() not in completed.stdout
    assert len(seen) == 1


def test_the_base_is_what_libbzip2_has_written_since_2000() -> None:
    """A digest from another build: should a library ever compress differently, this shows it."""
    text = b"".join(b"line %d of a generated file\n" % (n * n) for n in range(2000))
    compressed = bz2.compress(text, 9)
    assert hashlib.sha256(compressed).hexdigest() == (
        "34af7e0bc3da1828df62d6b0340dbce7623b8211630f7933a91fab8524af82f8"
    )


def test_a_service_without_record_has_none(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None
    assert read_base(tmp_path) == {}
    assert read_record(tmp_path / "nowhere") is None


GOOD = (
    '{"format": 1, "set": {"name": "s", "version": 1, "digest": "d"}, "variant": "v",'
    ' "variables": {}, "files": %s, "executables": [], "links": {}, "folders": []}'
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "damaged"),
        ("{", "damaged"),
        ("[]", "damaged"),
        ("null", "damaged"),
        ('{"format": 1}', "no 'executables'"),
        ('{"format": 3}', "newer infergen"),
        ('{"format": "1"}', "damaged"),
        ("[" * 100_000, "damaged"),
        ("\xff", "damaged"),
        (GOOD % '{"a": 1}', "damaged"),
        (GOOD % '["a"]', "damaged"),
        (GOOD % '{"../../etc/passwd": "d"}', "may lead elsewhere"),
        (GOOD % '{"/etc/passwd": "d"}', "absolute"),
    ],
)
def test_a_damaged_record_is_a_clear_error(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / RECORD_PATH
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InfergenError, match=reason) as caught:
        read_record(tmp_path)
    assert str(path) in str(caught.value)


def test_a_record_that_is_a_folder_or_a_link_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / RECORD_PATH
    path.mkdir(parents=True)
    with pytest.raises(InfergenError, match="cannot be read"):
        read_record(tmp_path)
    path.rmdir()
    path.symlink_to("/etc/passwd")
    with pytest.raises(InfergenError, match="cannot be read"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no bz2",
        bz2.compress(b"[1]"),
        bz2.compress(b'{"a": 1}'),
        bz2.compress(b"\xff"),
        bz2.compress(b'{"a": "text"}')[:-5],
        bz2.compress(b'{"../x": ""}'),
        bz2.compress(b'[{"a": 1}, {}, []]'),
        bz2.compress(b'[{}, {"a": 1}, []]'),
        bz2.compress(b"[{}, {}, [1]]"),
        bz2.compress(b'[{}, {"\\u0000\\u0001": ""}, ["../x"]]'),
        bz2.compress(b'[{}, {"\\u0000\\u0001": ""}, []]'),
    ],
    ids=["empty", "foreign", "list", "number", "latin", "cut", "outside"]
    + ["shared number", "own number", "number for a word", "outside by a word", "word missing"],
)
def test_a_damaged_base_is_a_clear_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / BASE_PATH
    path.parent.mkdir()
    path.write_bytes(raw)
    with pytest.raises(InfergenError, match=r"base\.json\.bz2"):
        read_base(tmp_path)


def test_a_base_that_unpacks_without_end_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.base._MAX_BASE_BYTES", 4 * 1024 * 1024)
    path = tmp_path / BASE_PATH
    path.parent.mkdir()
    packer = bz2.BZ2Compressor(9)
    megabyte = b" " * 1024 * 1024
    path.write_bytes(b"".join(packer.compress(megabyte) for _ in range(5)) + packer.flush())
    assert path.stat().st_size < 4096
    with pytest.raises(InfergenError, match="larger than"):
        read_base(tmp_path)


def test_a_base_whose_words_grow_without_end_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builder.base._MAX_BASE_BYTES", 4 * 1024 * 1024)
    path = tmp_path / BASE_PATH
    path.parent.mkdir()
    content = [{}, {"a": "\0\1" * 5000, "b": "x"}, ["word" * 250]]
    path.write_bytes(bz2.compress(json.dumps(content).encode()))
    with pytest.raises(InfergenError, match="larger than"):
        read_base(tmp_path)


def test_a_source_that_is_missing_or_changes_is_a_clear_error(tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    outputs = [OutputFile("labels.txt", FILE_MODE, labels)]
    with pytest.raises(WriteError, match="cannot be read"):
        make_record("s", 1, "d", None, {}, outputs)
    labels.write_text("a")
    record = make_record("s", 1, "d", None, {}, outputs)
    labels.write_text("b")
    with pytest.raises(WriteError, match="changed while infergen was at work"):
        record_files(record, outputs)
