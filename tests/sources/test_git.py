"""Template sets from git repositories."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from builder.errors import InfergenError, SourceError
from builder.generate import Generated, Request, generate
from builder.output import OutputFile
from builder.record import RECORD_PATH, Source, parse_record
from builder.sources import fetch, limits
from tests.conftest import Cli, tree
from tests.sets import write
from tests.sources.conftest import Repository

NEW = ("new", "--name", "sample", "--templates")


def made(text: str) -> Generated:
    """In this process, where cookiecutter is imported only once."""
    fetched = fetch(text)
    return generate(
        Request("sample", fetched.folder, source=fetched.source, confined_to=fetched.confined_to)
    )


def refused(text: str) -> str:
    with pytest.raises(InfergenError) as caught:
        made(text)
    assert caught.value.exit_code == 1
    return str(caught.value)


def output(generated: Generated, path: str) -> bytes:
    (found,) = (it for it in generated.outputs if it.path == path)
    assert isinstance(found, OutputFile)
    assert isinstance(found.content, bytes)
    return found.content


def record_of(service: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((service / ".infergen" / "record.json").read_text())
    return record


def test_a_tag_a_branch_and_a_commit(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "--annotate", "--message", "the first", "v1")
    write(repository.folder / "template" / "base" / "notes.txt", "second\n")
    second = repository.commit()
    repository.git("branch", "feature/x")
    url = repository.url
    wanted = {
        "": (second, "second\n"),
        "@v1": (first, "as it stands\n"),
        "@main": (second, "second\n"),
        "@feature/x": (second, "second\n"),
        f"@{first}": (first, "as it stands\n"),
        "@v1#more/inner": (first, "as it stands\n"),
    }
    for suffix, (commit, notes) in wanted.items():
        generated = made(url + suffix)
        assert output(generated, "notes.txt").decode() == notes
        assert generated.record.source == Source(url + suffix, commit)
        assert generated.record.set_name == ("inner" if "#" in suffix else "our-set")
        assert parse_record(output(generated, RECORD_PATH), "here") == generated.record


def test_the_same_as_from_the_folder(cli: Cli, tmp_path: Path, repository: Repository) -> None:
    assert cli(*NEW, repository.url).returncode == 0
    done = cli("new", "--name", "sample", "--templates", repository.folder, "--output", "local")
    assert done.returncode == 0, done.stderr
    fetched, local = record_of(tmp_path / "sample"), record_of(tmp_path / "local" / "sample")
    del fetched["source"]
    assert fetched == local


def test_abbreviations_of_cookiecutters_settings(
    cli: Cli, tmp_path: Path, repository: Repository
) -> None:
    parent = repository.folder.parent.as_uri()
    write(tmp_path / "home" / ".cookiecutterrc", f'abbreviations:\n  ours: "{parent}/{{0}}"\n')
    repository.git("tag", "v1")
    done = cli(*NEW, "ours:our-set@v1#more/inner")
    assert done.returncode == 0, done.stderr
    assert record_of(tmp_path / "sample")["source"]["templates"] == "ours:our-set@v1#more/inner"


def test_a_commit_needs_no_network_again_and_a_branch_is_asked_for(
    tmp_path: Path, repository: Repository
) -> None:
    commit = repository.git("rev-parse", "HEAD")
    made(f"{repository.url}@main")
    repository.folder.rename(tmp_path / "gone")
    made(f"{repository.url}@{commit}")
    message = refused(f"{repository.url}@main")
    assert "does not appear to be a git repository" in message
    assert f"What was fetched last is still here, by its commit: @{commit}" in message


def test_a_tag_that_moved_is_told(cli: Cli, repository: Repository) -> None:
    repository.git("tag", "v1")
    assert cli(*NEW, f"{repository.url}@v1").returncode == 0
    first = repository.git("rev-parse", "HEAD")
    write(repository.folder / "template" / "base" / "notes.txt", "second\n")
    second = repository.commit()
    repository.git("tag", "--force", "v1")
    done = cli(*NEW, f"{repository.url}@v1", "--force")
    assert done.returncode == 0
    assert f"{repository.url}@v1 is not what it was" in done.stderr
    assert f"commit {first[:12]} then, {second[:12]} now" in done.stderr
    assert cli(*NEW, f"{repository.url}@v1", "--force").stderr == ""


@pytest.mark.parametrize(
    ("suffix", "told"),
    [
        ("@v2", "no tag or branch v2 (it has: main, v1)"),
        ("@mian", "no tag or branch mian; did you mean main?"),
        ("@abcdef1", "give a commit in full"),
        ("@" + "0" * 40, "no commit 0000"),
        ("@v1#nowhere", "no folder nowhere in it"),
        ("@v1#../..", "which may lead elsewhere"),
        ("@v1#/etc", "is absolute"),
        ("@v1#", "the path is empty"),
        ("@", "no tag, branch or commit can be called ''"),
        ("@--upload-pack=touch", "no tag, branch or commit can be called '--upload-pack=touch'"),
        ("@v1..v2", "no tag, branch or commit can be called 'v1..v2'"),
        ("-nowhere", "does not appear to be a git repository"),
        ("/..", "the repository's name '..'"),
        ("/.git", "the repository's name '.git'"),
        ("\n", "has no control characters"),
    ],
)
def test_what_cannot_be_fetched(
    tmp_path: Path, cache: Path, repository: Repository, suffix: str, told: str
) -> None:
    repository.git("tag", "v1")
    assert told in refused(repository.url + suffix)
    assert not (tmp_path / "sample").exists()
    assert not [path for path in cache.rglob(".part") if path.exists()]


@pytest.mark.parametrize(
    "text",
    [
        "ext::sh -c touch% pwned",
        "git+ext::sh -c touch% pwned",
        "git::ext::sh -c touch% pwned",
        "file::ext::sh -c touch% pwned",
        "--upload-pack=touch pwned",
        "-u touch pwned",
        "ssh://-oProxyCommand=touch%20pwned/x",
        "user@-oProxyCommand=touch:x",
        "hg+https://127.0.0.1/x",
        "nowhere",
        "un:known",
        "",
        ".",
    ],
)
def test_what_git_is_never_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    message = refused(text)
    assert "\n" not in message
    assert tree(tmp_path) == before


def test_a_tag_of_a_folder_is_told_how(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    message = refused("origin/our-set@v1")
    assert f"for a tag of the repository here: {repository.url}@v1" in message


def test_passwords_stay_out_of_messages() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        message = refused(f"http://me:secret@127.0.0.1:{port}/set.git@v1")
    assert "secret" not in message
    assert message.startswith(f"http://127.0.0.1:{port}/set.git: cannot be fetched: ")


def test_a_password_is_not_asked_for() -> None:
    class Locked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="sets"')
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Locked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        message = refused(f"http://127.0.0.1:{server.server_port}/set.git")
        server.shutdown()
    assert "set up a key or a credential helper" in message


def test_no_git(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = repository.git("rev-parse", "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    for text in (repository.url, f"{repository.url}@{commit}"):
        assert "git is not installed here" in refused(text)


def test_no_place_for_the_cache(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "file", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "cannot be written: Not a directory" in refused(repository.url)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    made(repository.url)
    assert (tmp_path / "home" / ".cache" / "infergen" / "sources").is_dir()
    monkeypatch.setenv("HOME", "")
    assert "set XDG_CACHE_HOME" in refused(repository.url)


def test_broken_settings_of_cookiecutter(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "settings", "abbreviations: [\n")
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(tmp_path / "settings"))
    assert "cookiecutter's settings: Unable to parse" in refused(repository.url)
    write(tmp_path / "settings", "abbreviations: {ours: '{0.__class__.x}'}\n")
    assert "have no such abbreviation" in refused("ours:x")


def test_links_that_lead_out_of_the_repository(repository: Repository) -> None:
    (repository.folder / "more" / "secrets").symlink_to("../../../../../../etc/hostname")
    repository.commit()
    assert "the link more/secrets leads outside" in refused(repository.url)
    (repository.folder / "more" / "secrets").unlink()
    (repository.folder / "more" / "inside").symlink_to("inner")
    (repository.folder / "more" / "loop").symlink_to("loop")
    repository.commit()
    made(repository.url)


def test_a_set_from_elsewhere_extends_nothing_of_this_machine(
    tmp_path: Path, repository: Repository
) -> None:
    top = repository.folder / "top"
    write(top / "infergen.yaml", "extends: ../more/inner\nversion: 1\n")
    repository.commit()
    made(f"{repository.url}#top")
    for text in (str(tmp_path / "origin" / "our-set"), "../../../../../../origin/our-set"):
        write(top / "infergen.yaml", f"extends: {text}\nversion: 1\n")
        repository.commit()
        assert "leads out of what the set was fetched with" in refused(f"{repository.url}#top")
    for text in (repository.url, str(tmp_path / "set.zip")):
        write(top / "infergen.yaml", f"extends: {text}\nversion: 1\n")
        repository.commit()
        message = refused(f"{repository.url}#top")
        assert "a set from elsewhere cannot lead to this machine's files" in message


def test_a_set_here_extends_one_from_elsewhere(tmp_path: Path, repository: Repository) -> None:
    repository.git("tag", "v1")
    write(
        tmp_path / "ours" / "infergen.yaml",
        f"extends: {repository.url}@v1#more/inner\nversion: 1\n",
    )
    assert made(str(tmp_path / "ours")).record.set_name == "ours"


def test_nothing_of_a_repository_or_of_git_runs(tmp_path: Path, repository: Repository) -> None:
    """Not the hooks that git copies into each clone."""
    hooks = tmp_path / "home" / "templates" / "hooks"
    for name in ("post-checkout", "reference-transaction"):
        write(hooks / name, f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    write(tmp_path / "home" / ".gitconfig", f"[init]\n\ttemplateDir = {hooks.parent}\n")
    made(repository.url)
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git", "clone", "--quiet", repository.url, tmp_path / "clone"], check=True)
    assert (tmp_path / "ran").exists()


def test_inside_a_hook_of_git(
    tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git tells its hooks which repository they are of; that is not the one to clone."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "no.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "x")
    monkeypatch.setenv("GIT_WORK_TREE", "/")
    made(repository.url)
    assert os.environ["GIT_WORK_TREE"] == "/"


def test_settings_of_git_in_the_environment_are_kept(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as who a caller is; CI systems say it so."""
    url = repository.url
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{repository.folder.parent.as_uri()}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://127.0.0.1:1/")
    generated = made("https://127.0.0.1:1/our-set@main")
    assert generated.template_set.digest == made(url).template_set.digest
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.ext::touch pwned .insteadOf")
    assert "transport 'ext' not allowed" in refused("https://127.0.0.1:1/other@main")


def test_variables_of_a_set_from_elsewhere_name_files_beside_them(
    repository: Repository,
) -> None:
    sample = repository.folder / "vars.yaml"
    for name in ("model_file_name", "label_file_name"):
        for path in ("/etc/hostname", "../../../../../secret.txt"):
            write(sample, f"variant: small\n{name}: {path}\n")
            repository.commit()
            message = refused(repository.url)
            assert "vars.yaml:2: the path" in message
    write(sample, "variant: small\nmodel_file_name: model.onnx\nlabel_file_name: ''\n")
    repository.commit()
    made(repository.url)


def test_line_ends_are_the_repositorys(tmp_path: Path, repository: Repository) -> None:
    write(tmp_path / "home" / ".gitconfig", "[core]\n\tautocrlf = true\n")
    assert output(made(repository.url), "notes.txt") == b"as it stands\n"


def test_too_large(repository: Repository, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository.folder / "large").write_bytes(os.urandom(200_000))
    repository.commit()
    monkeypatch.setattr(limits, "MAX_BYTES", 100_000)
    with pytest.raises(SourceError, match="the repository holds more than"):
        fetch(repository.url)
    assert [path.name for path in cache.rglob("*") if path.is_file()] == []
    monkeypatch.undo()


@pytest.mark.parametrize("rest", [".git", f".git@{'a' * 40}", ".zip"])
def test_too_slow(cache: Path, monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    monkeypatch.setattr(limits, "MAX_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        message = refused(f"http://127.0.0.1:{silent.getsockname()[1]}/set{rest}")
    assert message.endswith("took longer than 1 s and was stopped")
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_names_that_cookiecutter_takes_for_others(repository: Repository) -> None:
    for name in ("site.github.io", "c++", "set.git", "a+b.git"):
        repository.folder.rename(repository.folder.with_name(name))
        repository = Repository(repository.folder.with_name(name))
        generated = made(f"{repository.url}@main")
        assert generated.record.set_name == name.removesuffix(".git")


def test_runs_at_once_fetch_once(tmp_path: Path, cache: Path, repository: Repository) -> None:
    program = Path(sys.executable).parent / "infergen"
    runs = [
        subprocess.Popen(
            [program, "new", "--name", f"s{n}", "--templates", repository.url],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for n in range(3)
    ]  # fmt: skip
    for run in runs:
        _, stderr = run.communicate(timeout=120)
        assert run.returncode == 0, stderr
    assert len([path for path in cache.rglob("infergen.yaml") if "more" not in path.parts]) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_git_waits(tmp_path: Path, cache: Path, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/set.git@{'a' * 40}"
        run = subprocess.Popen(
            [Path(sys.executable).parent / "infergen", *NEW, url],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        connection, _ = silent.accept()
        run.send_signal(number)
        _, stderr = run.communicate(timeout=60)
        connection.close()
    assert run.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert [path for path in cache.rglob("*") if not path.parent.samefile(cache)] == []
    assert not (tmp_path / "sample").exists()


def test_what_a_killed_run_left_is_cleared(cache: Path, repository: Repository) -> None:
    made(repository.url)
    (key,) = cache.iterdir()
    write(key / ".part" / "work" / "half", "x")
    repository.commit()
    made(repository.url)
    assert not (key / ".part").exists()


def test_a_folder_touches_no_network_and_starts_no_program(
    tmp_path: Path, repository: Repository
) -> None:
    watch = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event.split('.')[0] in ('socket', 'subprocess', 'urllib') or event in ('os.system',"
        " 'os.exec', 'os.posix_spawn', 'os.fork'):\n"
        "        print('seen', event, file=sys.stderr)\n"
        "sys.addaudithook(hook)\n"
        "import atexit\n"
        "atexit.register(lambda: print([name for name in ('cookiecutter', 'requests', 'socket')"
        " if name in sys.modules], file=sys.stderr))\n"
        "from builder.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, *NEW, repository.folder],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == "[]\n"
