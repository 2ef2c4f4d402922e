"""Repositories and zips made for a test, and a cache that is the test's own."""

from __future__ import annotations

import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.sets import make_layered_set

Zipped = Callable[..., Path]


@dataclass(frozen=True)
class Repository:
    """A git repository on this machine."""

    folder: Path

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def git(self, *arguments: str) -> str:
        """What git prints, run in the repository."""
        done = subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments],
            cwd=self.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self) -> str:
        """Commit all that is there; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where fetched sets are kept; the home is the test's own as well."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "cache" / "infergen" / "sources"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One with a set at its root, and another in a sub-folder."""
    made = Repository(make_layered_set(tmp_path / "origin" / "our-set"))
    make_layered_set(made.folder / "more" / "inner")
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit()
    return made


@pytest.fixture
def zipped(tmp_path: Path) -> Zipped:
    """Makes a zip of a folder, or of what is given by name: bytes, or what zipfile says of it."""

    def make(
        folder: Path | None = None, entries: dict[str, bytes] | None = None, name: str = "set.zip"
    ) -> Path:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            if folder is not None:
                archive.write(folder, folder.name)
                for item in sorted(folder.rglob("*")):
                    archive.write(item, item.relative_to(folder.parent))
            for entry, content in (entries or {}).items():
                archive.writestr(entry, content)
        return path

    return make


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The URL at which the test's folder is served."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
