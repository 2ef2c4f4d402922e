"""Template sets from zips, and zips that are none."""

from __future__ import annotations

import socket
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from builder.errors import InfergenError
from builder.sources import archive, fetch, limits
from tests.conftest import Cli, tree
from tests.sets import make_layered_set
from tests.sources.conftest import Zipped


@pytest.fixture
def layered(tmp_path: Path) -> Path:
    root = make_layered_set(tmp_path / "our-set")
    script = root / "template" / "base" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return root


def refused(text: str | Path) -> str:
    with pytest.raises(InfergenError) as caught:
        fetch(str(text))
    assert caught.value.exit_code == 1
    return str(caught.value)


def kept(cache: Path) -> list[str]:
    """What the cache holds, but for empty folders."""
    return [path for path, (kind, _) in tree(cache).items() if kind != "folder"]


def test_a_zip_is_as_its_folder(
    cli: Cli, tmp_path: Path, layered: Path, zipped: Zipped, server: str
) -> None:
    zipped(layered)
    sources = ("our-set", "set.zip", f"{server}/set.zip")
    for number, source in enumerate(sources):
        done = cli("new", "--name", "s", "--output", str(number), "--templates", source)
        assert done.returncode == 0, done.stderr
    local, from_file, from_server = (tree(tmp_path / str(number)) for number in range(3))
    assert from_file == local
    record = from_server["s/.infergen/record.json"][1]
    assert isinstance(record, bytes)
    assert f'"source": {{"templates": "{server}/set.zip"}}'.encode() in record
    assert (tmp_path / "1" / "s" / "run.sh").stat().st_mode & 0o100


def test_a_sub_folder(zipped: Zipped, tmp_path: Path, layered: Path) -> None:
    (tmp_path / "all").mkdir()
    layered.rename(tmp_path / "all" / "deep")
    fetched = fetch(f"{zipped(tmp_path / 'all')}#deep")
    assert (fetched.folder / "infergen.yaml").is_file()
    assert fetched.confined_to == fetched.folder.parent
    assert "no folder other in it" in refused(f"{tmp_path / 'set.zip'}#other")


@pytest.mark.parametrize(
    "name",
    [
        "../out",
        "set/../../out",
        "/etc/out",
        "set/..",
        "C:/out",
        "set\\..\\out",
        "set/\x01",
        "set/con",
    ],
)
def test_names_that_lead_outside(tmp_path: Path, cache: Path, zipped: Zipped, name: str) -> None:
    path = zipped(entries={"set/": b"", name: b"x"})
    before = tree(tmp_path)
    assert "set.zip: the path" in refused(path)
    after = {path: what for path, what in tree(tmp_path).items() if not path.startswith("cache")}
    assert after == before
    assert kept(cache) == []


@pytest.mark.parametrize("first", ["../out/", "a/b/", "/out/"])
def test_a_first_entry_that_leads_elsewhere(cache: Path, zipped: Zipped, first: str) -> None:
    refused(zipped(entries={first: b"", f"{first}x": b"x"}))
    assert kept(cache) == []


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({}, "expected one folder with everything in it"),
        ({"a.txt": b"x"}, "expected one folder with everything in it"),
        ({"set/": b"", "set/a": b"", "set/A": b""}, "are one and the same"),
        ({"set/": b"", "set/a": b"", "set/a/b": b""}, "is a file for"),
    ],
)
def test_zips_that_are_no_set(
    cache: Path, zipped: Zipped, entries: dict[str, bytes], told: str
) -> None:
    assert told in refused(zipped(entries=entries))
    assert kept(cache) == []


def test_links_are_refused(tmp_path: Path, cache: Path) -> None:
    link = zipfile.ZipInfo("set/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as made:
        made.writestr("set/", b"")
        made.writestr(link, b"/etc/hostname")
    assert "set/link is a link" in refused(tmp_path / "set.zip")
    assert kept(cache) == []


def test_encrypted_ones_are_refused_and_nobody_is_asked(cache: Path, zipped: Zipped) -> None:
    path = zipped(entries={"set/": b"", "set/a": b"x"})
    raw = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.rindex(signature) + flags
        raw[at] |= 1
    path.write_bytes(raw)
    assert "set/a is encrypted" in refused(path)
    assert kept(cache) == []


def test_bombs_are_refused_before_they_are_unpacked(
    cache: Path, zipped: Zipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(limits, "MAX_FILES", 100)
    large = zipped(entries={"set/": b"", "set/a": bytes(1_000_001)}, name="large.zip")
    assert large.stat().st_size < 10_000
    assert "which is no template set" in refused(large)
    many = {f"set/{number}": b"" for number in range(101)}
    assert "more than 100 files" in refused(zipped(entries={"set/": b"", **many}))
    assert kept(cache) == []


def test_a_bomb_that_lies_about_its_size(
    cache: Path, zipped: Zipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_BYTES", 1_000_000)
    path = zipped(entries={"set/": b"", "set/a": bytes(5_000_000)})
    raw = bytearray(path.read_bytes())
    for signature, size in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.rindex(signature) + size
        raw[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(raw)
    assert "not a whole zip" in refused(path)
    assert kept(cache) == []


@pytest.mark.parametrize("keep", [0, 10, 60, 200, -1, -30])
def test_zips_that_are_cut_short(layered: Path, cache: Path, zipped: Zipped, keep: int) -> None:
    path = zipped(layered)
    path.write_bytes(path.read_bytes()[:keep])
    assert "not a whole zip" in refused(path)
    assert kept(cache) == []


def test_a_damaged_one(cache: Path, zipped: Zipped) -> None:
    path = zipped(entries={"set/": b"", "set/a": b"abc" * 1000})
    raw = bytearray(path.read_bytes())
    at = raw.index(b"set/a") + len("set/a") + 2
    raw[at] ^= 0xFF
    path.write_bytes(raw)
    assert "not a whole zip" in refused(path)
    assert kept(cache) == []


def test_what_a_server_does_not_give(server: str, tmp_path: Path) -> None:
    assert "the server answers 404" in refused(f"{server}/none.zip")
    (tmp_path / "page.zip").write_text("<html>an error page</html>")
    assert "not a whole zip" in refused(f"{server}/page.zip")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/set.zip"
        assert "cannot be fetched" in refused(url)
    assert "without user and password" in refused(url.replace("127", "me:secret@127"))
    assert "secret" not in refused(url.replace("127", "me:secret@127"))
    assert "by http or https" in refused("file:///nowhere/set.zip")
    assert "by http or https" in refused("ssh://127.0.0.1/set.zip")
    assert "no such file" in refused("nowhere.zip")


def test_a_redirect_leads_to_no_file_of_this_machine(zipped: Zipped) -> None:
    path = zipped(entries={"set/": b""})

    class Sending(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", path.as_uri())
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Sending) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        message = refused(f"http://127.0.0.1:{http.server_port}/set.zip")
        http.shutdown()
    assert "the server answers 302" in message


def test_an_endless_download(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "large.zip").write_bytes(bytes(3_000_000))
    monkeypatch.setattr(limits, "MAX_BYTES", 1_000_000)
    monkeypatch.setattr(archive, "_CHUNK", 1000)
    assert "which is no template set" in refused(f"{server}/large.zip")
