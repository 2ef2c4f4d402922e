"""`infergen update` as its users call it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Cli, tree
from tests.update.sets import make_service, make_set
from tests.write.test_surroundings import can_mount

TEXT = "".join(f"line {number}\n" for number in range(9))
MORE = TEXT.replace("line 7", "theirs")


@pytest.fixture
def service(tmp_path: Path) -> Path:
    place = make_set(tmp_path, {"a.txt": TEXT, "b.txt": TEXT, "hi.txt": "{{ greeting | yaml }}\n"})
    return make_service(place, tmp_path)


@pytest.fixture
def newer(service: Path) -> Path:
    """The set that ``service`` is made of, one version later."""
    files = {"a.txt": MORE, "b.txt": TEXT, "hi.txt": "{{ greeting | yaml }}!\n", "new.txt": "n\n"}
    return make_set(service.parent, files, 2)


def test_a_session(cli: Cli, service: Path, newer: Path) -> None:
    (service / "b.txt").write_text("mine\n")
    done = cli("update", service, "--templates", newer)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"{service}: updated (set 1 → set 2)\n"
        "  replace   a.txt\n"
        "  edited    b.txt: your edit is kept\n"
        "  replace   hi.txt\n"
        "  create    new.txt: new in the set\n"
    )
    done = cli("update", service, "--templates", newer)
    assert done.stdout.splitlines()[0] == f"{service}: up to date"


def test_looking_writes_nothing(cli: Cli, service: Path, newer: Path) -> None:
    before = tree(service)
    diff = cli("update", service, "--templates", newer, "--diff", "--exit-code")
    assert diff.returncode == 2
    assert "--- a/a.txt\n+++ b/a.txt\n" in diff.stdout
    assert "-line 7\n+theirs\n" in diff.stdout
    assert "--- /dev/null\n+++ b/new.txt\n" in diff.stdout
    assert "record.json" not in diff.stdout
    done = cli("update", service, "--templates", newer, "--dry-run", "--exit-code")
    assert done.returncode == 2
    assert "would be updated" in done.stdout
    assert cli("update", service, "--templates", newer, "--dry-run").returncode == 0
    done = cli("update", service, "--templates", newer, "--dry-run", "--json")
    (document,) = json.loads(done.stdout)["services"]
    assert document["dry_run"] is document["changed"] is True
    actions = {file["path"]: file["action"] for file in document["files"]}
    assert actions["a.txt"] == "replace"
    assert actions["b.txt"] == "unchanged"
    assert tree(service) == before
    assert cli("update", service, "--templates", newer).returncode == 0
    done = cli("update", service, "--templates", newer, "--dry-run", "--exit-code")
    assert done.returncode == 0


def test_conflicts_are_nothing_that_anybody_misses(cli: Cli, service: Path, newer: Path) -> None:
    (service / "a.txt").write_text(TEXT.replace("line 7", "mine"))
    done = cli("update", service, "--templates", newer)
    assert done.returncode == 3
    assert "  conflict  a.txt: 1 place marked to be settled\n" in done.stdout
    assert "1 conflict to be settled" in done.stderr
    before = tree(service)
    again = cli("update", service, "--templates", newer)
    assert again.returncode == 3
    assert "conflicts of a former update are left in\n  a.txt\n" in again.stderr
    assert tree(service) == before
    healed = cli("update", service, "--templates", newer, "--heal", "a.txt")
    assert healed.returncode == 0
    assert (service / "a.txt").read_text() == MORE


def test_what_is_set_is_set_from_now_on(cli: Cli, service: Path, newer: Path) -> None:
    assert cli("update", service, "--templates", newer, "--set", "greeting=hey").returncode == 0
    assert (service / "hi.txt").read_text() == "hey!\n"
    vars_file = service / ".infergen" / "vars.yaml"
    vars_file.write_text(vars_file.read_text().replace("hey", "edited in place  # because"))
    assert cli("update", service, "--templates", newer).returncode == 0
    assert (service / "hi.txt").read_text() == "edited in place!\n"
    assert "# because" in vars_file.read_text()
    assert cli("check", service, "--templates", newer).returncode == 0
    assert cli("update", service, "--templates", newer, "--set", "more=1").returncode == 0
    assert "greeting: edited in place  # because\n" in vars_file.read_text()
    assert "more: 1\n" in vars_file.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--exit-code"], "--exit-code goes with --dry-run or --diff"),
        (["--diff", "--json"], "choose one"),
        (["--heal", "a.tx"], "--heal a.tx: no generated file"),
        (["--set", "port"], "expected key=value"),
    ],
)
def test_wrong_usage(
    cli: Cli, service: Path, newer: Path, arguments: list[str], message: str
) -> None:
    before = tree(service)
    done = cli("update", service, "--templates", newer, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert tree(service) == before


def test_every_service_is_updated_whatever_comes_of_the_others(
    cli: Cli, service: Path, newer: Path, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    done = cli("update", "none", "nowhere", service, "--templates", newer, "--json")
    assert done.returncode == 1
    services = json.loads(done.stdout)["services"]
    assert [sorted(document)[:2] for document in services[:2]] == [["error", "path"]] * 2
    assert services[2]["changed"] is True
    assert (service / "new.txt").exists()


def test_a_folder_that_cannot_be_written(cli: Cli, service: Path, newer: Path) -> None:
    before = tree(service)
    infergen = Path(sys.executable).with_name("infergen")
    made_read_only = (
        'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"'
        if can_mount()
        else 'chmod -R a-w "$1"; trap \'chmod -R u+w "$1"\' EXIT'
    )
    updated = f'{made_read_only}; "$0" update "$1" --templates "$2"'
    done = run(updated, service, newer, infergen)
    assert done.returncode == 1
    assert f"{service}: cannot be written: " in done.stderr
    assert tree(service) == before
    assert cli("update", service, "--templates", newer).returncode == 0
    assert run(updated, service, newer, infergen).stdout == f"{service}: up to date\n"


def run(shell: str, service: Path, newer: Path, infergen: Path) -> subprocess.CompletedProcess[str]:
    namespace = ["unshare", "--mount"] if can_mount() else []
    return subprocess.run(
        [*namespace, "sh", "-euc", shell, str(infergen), str(service), str(newer)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_another_run_at_work(cli: Cli, service: Path, newer: Path) -> None:
    held = os.open(service, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = cli("update", service, "--templates", newer)
    finally:
        os.close(held)
    assert done.returncode == 1
    assert "another infergen run is writing it" in done.stderr


def test_two_runs_at_once(service: Path, newer: Path) -> None:
    """Both succeed, or one is told of the other: never a mixture."""
    infergen = Path(sys.executable).with_name("infergen")
    command = [str(infergen), "update", str(service), "--templates", str(newer)]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [run.communicate()[1] for run in runs]
    codes = [run.returncode for run in runs]
    assert 0 in codes
    for code, words in zip(codes, said, strict=True):
        assert code == 0 or "another infergen run" in words or "while infergen was" in words
    assert subprocess.run([*command, "--dry-run", "--exit-code"], check=False).returncode == 0
    assert (service / "a.txt").read_text() == MORE
