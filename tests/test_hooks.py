"""Hooks of a set run only if the caller says so, and do harm to nothing but their own folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder import hooks
from builder.errors import HookError
from builder.generate import Request, generate
from builder.output import OutputFile
from builder.template_set import open_template_set
from tests.conftest import Cli, tree
from tests.sets import make_layered_set, make_plain_set, write

NEW = ("new", "--name", "sample", "--templates", "set")
POST = "hooks/post_gen_project.py"


@pytest.fixture
def layered(tmp_path: Path) -> Path:
    return make_layered_set(tmp_path / "set")


def hook(root: Path, text: str, name: str = POST) -> None:
    write(root / name, text)
    (root / name).chmod(0o755)


def test_they_are_not_run_unasked(cli: Cli, tmp_path: Path, layered: Path) -> None:
    hook(layered, f"open('{tmp_path}/ran', 'w')\n")
    before = tree(tmp_path)
    for more in ([], ["--dry-run"], ["--diff"]):
        done = cli(*NEW, *more)
        assert done.returncode == 1
        assert f"  set/{POST}\n" in done.stderr
        assert "With --trust they run; with --no-hooks they do not" in done.stderr
        assert tree(tmp_path) == before
    assert cli(*NEW, "--no-hooks").returncode == 0
    assert not (tmp_path / "ran").exists()
    done = cli(*NEW, "--no-hooks", "--trust")
    assert done.returncode == 2
    assert "choose one" in done.stderr


def test_they_add_to_the_service(cli: Cli, tmp_path: Path, layered: Path) -> None:
    hook(
        layered,
        "from pathlib import Path\n"
        "Path('made.txt').write_text({{ name | python }})\n"
        "Path('deep').mkdir()\n"
        "Path('deep/link').symlink_to('../made.txt')\n"
        "Path('notes.txt').unlink()\n"
        "print('said')\n",
    )
    hook(layered, "#!/bin/sh\ntouch first\n", "hooks/pre_gen_project.sh")
    done = cli(*NEW, "--trust", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "said\n"
    service = tmp_path / "sample"
    files = {it["path"] for it in json.loads(done.stdout)["files"]}
    assert files == {path for path, (kind, _) in tree(service).items() if kind != "folder"}
    assert (service / "made.txt").read_text() == "sample"
    assert os.readlink(service / "deep" / "link") == "../made.txt"
    assert not (service / "notes.txt").exists()
    assert (service / "first").is_file()
    record = json.loads((service / ".infergen" / "record.json").read_text())
    assert {"made.txt", "app.py", "first"} <= record["files"].keys()
    assert cli(*NEW, "--trust", "--diff", "--exit-code").returncode == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import sys\nsys.exit(3)\n", f"{POST}: exited with 3; nothing was written"),
        ("import os\nos.kill(os.getpid(), 9)\n", f"{POST}: was ended by SIGKILL"),
        ("X = {{ name }}\n", f"{POST}:1: "),
        ("X = {{ nome | python }}\n", f"{POST}:1: `nome` is not defined; did you mean `name`?"),
        ("import os\nos.symlink('/etc', 'out')\n", "out"),
        ("import os\nos.mkfifo('pipe')\n", "pipe: neither a file"),
        ("open('.infergen/record.json', 'w')\n", ".infergen"),
        ("open('con', 'w')\n", "a device's name on Windows"),
    ],
)
def test_one_that_fails_leaves_nothing(
    cli: Cli, tmp_path: Path, layered: Path, text: str, told: str
) -> None:
    hook(layered, text)
    before = tree(tmp_path)
    done = cli(*NEW, "--trust")
    assert done.returncode == 1, done.stdout
    assert told in done.stderr
    assert tree(tmp_path) == before


def test_one_that_cannot_be_run(cli: Cli, layered: Path) -> None:
    hook(layered, "no first line\n", "hooks/pre_gen_project.sh")
    done = cli(*NEW, "--trust")
    assert done.returncode == 1
    assert "hooks/pre_gen_project.sh: cannot be run: Exec format error" in done.stderr


def test_one_before_the_questions_is_not_supported(cli: Cli, layered: Path) -> None:
    hook(layered, "pass\n", "hooks/pre_prompt.py")
    done = cli(*NEW, "--trust")
    assert done.returncode == 1
    assert "hooks that run before variables are asked for are not supported" in done.stderr


def test_they_see_little_of_the_surroundings(cli: Cli, tmp_path: Path, layered: Path) -> None:
    hook(
        layered,
        "import json, os, sys\n"
        "json.dump([dict(os.environ), sys.stdin.read()], open('seen.json', 'w'))\n",
    )
    done = cli(*NEW, "--trust", environment={"SECRET_TOKEN": "x"}, stdin="typed")
    assert done.returncode == 0, done.stderr
    environment, typed = json.loads((tmp_path / "sample" / "seen.json").read_text())
    assert "SECRET_TOKEN" not in environment
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"
    assert typed == ""


def test_one_that_lasts_too_long_is_stopped(layered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook(layered, "import time\ntime.sleep(600)\n")
    monkeypatch.setattr(hooks, "MAX_SECONDS", 1)
    with pytest.raises(HookError, match="took longer than 1 s and was stopped"):
        generate(Request("sample", layered, hooks="run"))


def _is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_what_one_leaves_running_is_ended(tmp_path: Path, layered: Path) -> None:
    hook(
        layered,
        "import subprocess\n"
        "run = subprocess.Popen(['sleep', '600'])\n"
        f"open('{tmp_path}/pid', 'w').write(str(run.pid))\n",
    )
    generate(Request("sample", layered, hooks="run"))
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while _is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, layered: Path, number: signal.Signals) -> None:
    hook(
        layered,
        f"import os, time\nopen('{tmp_path}/pid', 'w').write(str(os.getpid()))\n"
        f"os.rename('{tmp_path}/pid', '{tmp_path}/ready')\ntime.sleep(600)\n",
    )
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    run = subprocess.Popen(
        [Path(sys.executable).parent / "infergen", *NEW, "--trust"],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    while not (tmp_path / "ready").exists():
        time.sleep(0.02)
    run.send_signal(number)
    _, stderr = run.communicate(timeout=60)
    assert run.returncode == 130
    assert stderr.strip().startswith("infergen: interrupted")
    assert not (tmp_path / "sample").exists()
    assert list(temporary.iterdir()) == []
    pid = int((tmp_path / "ready").read_text())
    assert not _is_running(pid)


def test_large_files_stay_what_they_are(layered: Path) -> None:
    large = layered / "template" / "base" / "large.bin"
    large.write_bytes(os.urandom(2_000_000))
    (layered / "template" / "base" / "other.bin").write_bytes(bytes(2_000_000))
    hook(layered, "open('other.bin', 'ab').write(b'x')\n")
    generated = generate(Request("sample", layered, hooks="run"))
    files = {it.path: it for it in generated.outputs if isinstance(it, OutputFile)}
    assert files["large.bin"].content == large
    assert files["other.bin"].content == bytes(2_000_000) + b"x"


def test_those_of_a_base_run_first(cli: Cli, tmp_path: Path, layered: Path) -> None:
    hook(layered, "open('order', 'a').write('base ')\n")
    write(tmp_path / "over" / "infergen.yaml", "extends: ../set\nversion: 1\n")
    hook(tmp_path / "over", "open('order', 'a').write('over')\n")
    done = cli("new", "--name", "sample", "--templates", "over")
    assert done.returncode == 1
    assert done.stderr.index(f"set/{POST}") < done.stderr.index(f"over/{POST}")
    done = cli("new", "--name", "sample", "--templates", "over", "--trust")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "sample" / "order").read_text() == "base over"


def test_they_count_for_the_digest(layered: Path) -> None:
    before = open_template_set(layered).digest
    hook(layered, "pass\n")
    assert open_template_set(layered).digest != before


def test_the_classic_form_knows_none(cli: Cli, tmp_path: Path) -> None:
    hook(make_plain_set(tmp_path / "set"), f"open('{tmp_path}/ran', 'w')\n")
    assert cli(*NEW).returncode == 0
    assert cli(*NEW, "--trust", "--force").returncode == 0
    assert not (tmp_path / "ran").exists()
