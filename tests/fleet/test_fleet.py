"""``infergen fleet`` as its users call it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from builder.write.journal import PENDING
from tests.conftest import ROOT, Cli, infergen, tree
from tests.fleet.fleets import FILES, MODELS, actions, document, fleet, stated, variables, write
from tests.sets import make_layered_set, make_plain_set
from tests.sets import write as write_text


def test_a_service_for_each_file_as_new_makes_it(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", one=stated("title: One"), team__two=stated("name: second"))
    done = fleet(cli)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == [
        "2 services: 2 created",
        f"created       one  {FILES} files",
        f"created       second  {FILES} files",
    ]
    for name, file in (("one", "vars/one.yaml"), ("second", "vars/team/two.yaml")):
        options = ["--model", MODELS / "iris_svc.onnx", "--labels", MODELS / "iris.json"]
        options = [] if name == "one" else options[:2]
        if name == "second":
            shutil.copytree(MODELS, tmp_path / "vars" / "team" / "models")
        made = cli("new", "--name", name, "--vars", file, "--output", "alone")
        assert made.returncode == 0, made.stderr
        assert tree(tmp_path / "out" / name) == tree(tmp_path / "alone" / name)


def test_defaults_of_folders_are_laid_over_each_other(cli: Cli, tmp_path: Path) -> None:
    write(
        tmp_path / "vars",
        DEFAULTS="replicas: 3\nresources:\n  limits: {cpu: '2', memory: 1Gi}\n",
        team__DEFAULTS="resources:\n  limits: {memory: 2Gi}\n",
        team__inner__a=stated("replicas: 4"),
        b=stated(),
    )
    assert fleet(cli).returncode == 0
    inner = variables(tmp_path / "out" / "a")
    assert (inner["replicas"], inner["resources"]["limits"]) == (4, {"cpu": "2", "memory": "2Gi"})
    outer = variables(tmp_path / "out" / "b")
    assert (outer["replicas"], outer["resources"]["limits"]) == (3, {"cpu": "2", "memory": "1Gi"})


def test_models_may_lie_apart(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", team__a=stated())
    shutil.move(tmp_path / "vars" / "models", tmp_path / "store")
    done = fleet(cli)
    assert done.returncode == 1
    assert "vars/team/a.yaml:11: no file iris_svc.onnx in" in done.stderr
    assert "--models DIR" in done.stderr
    assert fleet(cli, "--models", "store").returncode == 0


def test_what_is_wrong_is_told_together_and_the_others_are_made(cli: Cli, tmp_path: Path) -> None:
    write(
        tmp_path / "vars",
        good=stated(),
        unknown=stated("prot: 1"),
        syntax="title: [\n",
        model=stated("model_file_name: none.onnx"),
        name="name: a/b\n",
        shouted="name: Sample\n" + stated(),
        number="name: 7\n",
        _typo="x: 1\n",
    )
    (tmp_path / "vars" / "latin.yaml").write_bytes(b"title: \xe9\n")
    done = fleet(cli)
    assert done.returncode == 1
    messages = done.stderr.splitlines()
    for begin in (
        "vars/unknown.yaml:1: unknown variable prot; did you mean port?",
        "vars/syntax.yaml:2: not valid YAML",
        "vars/model.yaml:1: no file none.onnx",
        "vars/name.yaml: the name 'a/b' is a path",
        "vars/shouted.yaml: name: expected lower case letters",
        "vars/number.yaml:1: name: expected text, got 7",
        "vars/_typo.yaml: a file that begins with _ is no service",
        "vars/latin.yaml:1: not UTF-8",
    ):
        assert any(m.startswith(f"infergen: error: {begin}") for m in messages), (begin, messages)
    assert len(messages) == 8
    assert [p.name for p in (tmp_path / "out").iterdir() if p.name[0] != "."] == ["good"]
    assert done.stdout.splitlines()[-1] == "9 services: 1 created, 8 failed"


def test_file_names_that_are_no_text_or_steer_a_terminal(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    (tmp_path / "vars").mkdir()
    for name in (b"\xff.yaml", b"\x1b[31mred.yaml", b"line\nbreak.yaml"):
        (tmp_path / "vars" / os.fsdecode(name)).write_text("variant: small\n")
    reports = ("--report", "r.html", "--report", "r.xml", "--report", "r.json")
    done = fleet(cli, "--templates", "set", *reports)
    assert done.returncode == 1
    assert done.stderr.count("infergen: error: ") == 3
    assert "\x1b" not in done.stdout + done.stderr
    assert "failed        \\x1b[31mred" in done.stdout
    assert len(json.loads((tmp_path / "r.json").read_text())["services"]) == 3
    done = fleet(cli, "--templates", "set", "--json")
    assert document(done)["counts"]["failed"] == 3


def test_a_mistake_in_shared_defaults_is_told_once_with_its_place(cli: Cli, tmp_path: Path) -> None:
    write(
        tmp_path / "vars", team__DEFAULTS="\nprot: 1\n", team__a=stated(), team__b=stated(),
        other=stated(),
    )  # fmt: skip
    done = fleet(cli)
    assert done.returncode == 1
    assert done.stderr == (
        "infergen: error: vars/team/_defaults.yaml:2: unknown variable prot; did you mean port?"
        " (so for 2 services)\n"
    )
    assert (tmp_path / "out" / "other").is_dir()
    write(tmp_path / "vars", team__DEFAULTS="name: x\n")
    done = fleet(cli)
    assert "vars/team/_defaults.yaml:1: name cannot be shared" in done.stderr
    write(tmp_path / "vars", team__DEFAULTS="# nothing yet\n")
    assert fleet(cli).returncode == 0


def test_two_files_for_one_service_are_one_error(cli: Cli, tmp_path: Path) -> None:
    make_plain_set(tmp_path / "set")
    write_text(tmp_path / "vars" / "a.yaml", "name: Same\n")
    write_text(tmp_path / "vars" / "sub" / "same.yaml", "title: x\n")
    write_text(tmp_path / "vars" / "other.yaml", "title: x\n")
    done = fleet(cli, "--templates", "set")
    assert done.returncode == 1
    assert done.stderr.count("error") == 1
    assert "vars/a.yaml (Same) and vars/sub/same.yaml (same)" in done.stderr
    assert (tmp_path / "out" / "other" / "hello.txt").read_text() == "hello other"
    assert not (tmp_path / "out" / "Same").exists()


def test_services_that_did_not_change_are_not_touched(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", a=stated(), b=stated())
    assert fleet(cli).returncode == 0
    times = _times(tmp_path / "out" / "a")
    write(tmp_path / "vars", b=stated("port: 9000"))
    assert actions(fleet(cli, "--json")) == {"a": "unchanged", "b": "changed"}
    assert variables(tmp_path / "out" / "b")["port"] == 9000
    assert _times(tmp_path / "out" / "a") == times
    assert actions(fleet(cli, "--json")) == {"a": "unchanged", "b": "unchanged"}


def _times(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.lstat().st_ctime_ns, path.lstat().st_ino) for path in folder.rglob("*")}


@pytest.mark.parametrize("harm", ["deleted", "damaged", "a file", "a link"])
def test_without_its_memory_the_outcome_is_the_same(cli: Cli, tmp_path: Path, harm: str) -> None:
    make_layered_set(tmp_path / "set")
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    arguments = ("--templates", "set", "--json")
    assert fleet(cli, *arguments).returncode == 0
    memory = tmp_path / "out" / ".infergen-fleet"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if harm == "damaged":
        for file in memory.glob("service-*"):
            file.write_text('{"text": 1}')
    else:
        shutil.rmtree(memory)
    if harm == "a file":
        memory.write_text("mine")
    if harm == "a link":
        memory.symlink_to(elsewhere)
    assert actions(fleet(cli, *arguments, "--check")) == {"a": "unchanged"}
    assert actions(fleet(cli, *arguments)) == {"a": "unchanged"}
    assert list(elsewhere.iterdir()) == []


def test_no_model_is_run_for_services_that_did_not_change(cli: Cli, tmp_path: Path) -> None:
    started = tmp_path / "started"
    write_text(
        tmp_path / "hook" / "sitecustomize.py",
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event == 'subprocess.Popen':\n"
        f"        open({str(started)!r}, 'a').write('x')\n"
        "sys.addaudithook(hook)\n",
    )
    text = "model_file_name: iris_svc.onnx\nlabel_file_name: iris.json\n"
    write(tmp_path / "vars", a=text, b=text)

    def run(*arguments: str) -> dict[str, str]:
        started.write_text("")
        done = cli(
            "fleet", "vars", "--output", "out", "--json", "--jobs", "1", *arguments,
            environment={"PYTHONPATH": str(tmp_path / "hook")},
        )  # fmt: skip
        assert done.returncode in (0, 2), done.stderr
        return actions(done)

    assert run() == {"a": "created", "b": "created"}
    # One question, one run.
    assert started.read_text() == "x"
    assert run() == {"a": "unchanged", "b": "unchanged"}
    assert started.read_text() == ""
    write(tmp_path / "vars", b=text + "port: 9000\n")
    assert run("--check") == {"a": "unchanged", "b": "changed"}
    assert run() == {"a": "unchanged", "b": "changed"}
    assert started.read_text() == ""
    shutil.copy(MODELS / "iris_svc_zipmap.onnx", tmp_path / "vars" / "models" / "iris_svc.onnx")
    assert run() == {"a": "changed", "b": "changed"}
    assert started.read_text() == "x"


def test_a_model_that_would_now_be_found_first_is_used(cli: Cli, tmp_path: Path) -> None:
    text = "model_file_name: m.onnx\nlabel_file_name: iris.json\n"
    write(tmp_path / "vars", team__a=text)
    shutil.copy(MODELS / "iris_svc.onnx", tmp_path / "vars" / "models" / "m.onnx")
    time.sleep(2.1)  # What has just changed is not remembered.
    assert fleet(cli).returncode == 0
    shutil.copy(MODELS / "iris_svc_zipmap.onnx", tmp_path / "vars" / "team" / "m.onnx")
    assert actions(fleet(cli, "--json")) == {"a": "changed"}


def test_edits_are_never_missed(cli: Cli, tmp_path: Path) -> None:
    """Neither right after a run, nor with the file's old time and size, nor a changed mode."""
    make_layered_set(tmp_path / "set")
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    file = tmp_path / "out" / "a" / "notes.txt"

    def edited() -> list[str]:
        done = fleet(cli, "--templates", "set", "--json")
        assert done.returncode == 0, done.stderr
        found: list[str] = document(done)["services"][0]["edited"]
        return found

    assert edited() == []
    as_made = file.read_text()
    file.write_text(as_made.upper())
    assert edited() == ["notes.txt"]
    file.write_text(as_made)
    assert edited() == []
    time.sleep(2.1)  # From now on its stamps are believed.
    assert edited() == []
    assert edited() == []
    before = file.stat()
    file.write_text(as_made.upper())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert edited() == ["notes.txt"]
    file.unlink()
    assert edited() == ["notes.txt"]
    file.symlink_to("app.py")
    assert edited() == ["notes.txt"]


def test_edits_survive_what_changes(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", a=stated(), b=stated())
    assert fleet(cli).returncode == 0
    dockerfile = tmp_path / "out" / "a" / "Dockerfile"
    dockerfile.write_text("# mine\n" + dockerfile.read_text())
    (tmp_path / "out" / "a" / "Makefile.local").write_text("mine\n")
    write(tmp_path / "vars", a=stated("port: 9001"), b=stated("port: 9002"))
    before = tree(tmp_path / "out")
    assert fleet(cli, "--check").returncode == 2
    done = fleet(cli, "--json")
    assert done.returncode == 0, done.stderr
    assert actions(done) == {"a": "changed", "b": "changed"}
    assert document(done)["services"][0]["edited"] == ["Dockerfile"]
    assert dockerfile.read_text().startswith("# mine\n")
    assert variables(tmp_path / "out" / "a")["port"] == 9001
    assert tree(tmp_path / "out" / "a").keys() == {
        path.removeprefix("a/") for path in before if path.startswith("a/")
    }
    for _ in range(2):
        done = fleet(cli, "--json")
        assert actions(done) == {"a": "unchanged", "b": "unchanged"}
        assert document(done)["services"][0]["edited"] == ["Dockerfile"]


def test_edits_that_contradict_are_a_conflict_until_they_are_settled(
    cli: Cli, tmp_path: Path
) -> None:
    templates = make_layered_set(tmp_path / "set")
    for name in ("a", "b"):
        write_text(tmp_path / "vars" / f"{name}.yaml", "variant: small\n")
    arguments = ("--templates", "set", "--json")
    assert fleet(cli, *arguments).returncode == 0
    notes = tmp_path / "out" / "a" / "notes.txt"
    notes.write_text("mine\n")
    write_text(templates / "template" / "base" / "notes.txt", "theirs\n")
    before = tree(tmp_path / "out")
    done = fleet(cli, *arguments, "--check")
    assert (done.returncode, actions(done)) == (3, {"a": "conflict", "b": "changed"})
    assert "out/a: an update would leave conflicts" in done.stderr
    assert tree(tmp_path / "out") == before
    done = fleet(cli, *arguments)
    assert (done.returncode, actions(done)) == (3, {"a": "conflict", "b": "changed"})
    assert document(done)["services"][0]["edited"] == ["notes.txt"]
    assert "it was updated, and leaves conflicts" in done.stderr
    assert {"mine", "theirs"} < set(notes.read_text().splitlines())
    # It stays one, whether anything is to be done or not, until somebody settles it.
    marked = notes.read_text()
    for text in ("theirs\n", "theirs\n", "again\n"):
        write_text(templates / "template" / "base" / "notes.txt", text)
        done = fleet(cli, *arguments)
        assert done.returncode == 3
        assert actions(done)["a"] == "conflict"
        assert "conflicts of a former update are left in\n  notes.txt\n" in done.stderr
        assert notes.read_text() == marked
    notes.write_text("again\n")
    done = fleet(cli, *arguments)
    assert (done.returncode, actions(done)) == (0, {"a": "changed", "b": "unchanged"})
    write_text(tmp_path / "vars" / "c.yaml", "variant: none\n")
    notes.write_text("mine\n")
    write_text(templates / "template" / "base" / "notes.txt", "once more\n")
    done = fleet(cli, *arguments)
    assert (done.returncode, actions(done)) == (
        1, {"a": "conflict", "b": "changed", "c": "failed"},
    )  # fmt: skip


def test_an_update_that_was_cut_short_is_finished_first(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    arguments = ("--templates", "set", "--json")
    assert fleet(cli, *arguments).returncode == 0
    whole = tree(tmp_path / "out" / "a")
    (tmp_path / "out" / "a" / ".infergen" / PENDING).mkdir()
    assert fleet(cli, *arguments, "--check").returncode == 1
    done = fleet(cli, *arguments)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out" / "a") == whole


def test_sets_that_extend_another_and_hooks(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    write_text(tmp_path / "ours" / "infergen.yaml", "extends: ../set\nversion: 1\n")
    write_text(tmp_path / "ours" / "template" / "base" / "notes.txt", "ours\n")
    hook = "from pathlib import Path\n\nPath('hooked.txt').write_text('x\\n')\n"
    write_text(tmp_path / "ours" / "hooks" / "post_gen_project.py", hook)
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    arguments = ("--templates", "ours", "--json")
    done = fleet(cli, *arguments)
    assert done.returncode == 1
    assert "With --trust they run; with --no-hooks they do not" in done.stderr
    service = tmp_path / "out" / "a"
    assert actions(fleet(cli, *arguments, "--no-hooks")) == {"a": "created"}
    assert (service / "notes.txt").read_text() == "ours\n"
    assert not (service / "hooked.txt").exists()
    assert actions(fleet(cli, *arguments, "--trust")) == {"a": "changed"}
    assert (service / "hooked.txt").read_text() == "x\n"
    assert actions(fleet(cli, *arguments, "--trust")) == {"a": "unchanged"}
    # What the set that is extended changes is followed, too.
    write_text(tmp_path / "set" / "template" / "more" / "new.txt", "new\n")
    write_text(tmp_path / "set" / "template" / "base" / "new.txt", "new\n")
    assert actions(fleet(cli, *arguments, "--trust")) == {"a": "changed"}
    assert (service / "new.txt").is_file()


def test_a_set_from_a_repository(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    origin = make_layered_set(tmp_path / "origin")
    who = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost")

    def commit() -> None:
        for arguments in (("add", "--all"), ("commit", "--quiet", "--message", "a change")):
            subprocess.run([*who, *arguments], cwd=origin, check=True)

    subprocess.run(["git", "init", "--quiet"], cwd=origin, check=True)
    commit()
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    arguments = ("--templates", origin.as_uri(), "--json")
    assert actions(fleet(cli, *arguments)) == {"a": "created"}
    assert actions(fleet(cli, *arguments)) == {"a": "unchanged"}
    record = json.loads((tmp_path / "out" / "a" / ".infergen" / "record.json").read_text())
    assert record["source"]["templates"] == origin.as_uri()
    assert cli("check", "out/a").returncode == 0
    write_text(origin / "template" / "base" / "notes.txt", "second\n")
    commit()
    assert actions(fleet(cli, *arguments)) == {"a": "changed"}
    assert (tmp_path / "out" / "a" / "notes.txt").read_text() == "second\n"


def test_items_of_data_beside_a_variables_file(cli: Cli, tmp_path: Path) -> None:
    """Those that come to it later are seen, though no file that was there has changed."""
    write(
        tmp_path / "vars",
        shapes=(ROOT / "vars" / "image_cnn.yaml").read_text() + "variant: data-cache\n",
    )
    items = Path(shutil.copytree(ROOT / "vars" / "data", tmp_path / "vars" / "data")) / "shapes"
    assert actions(fleet(cli, "--json")) == {"image_cnn": "created"}
    made = tmp_path / "out" / "image_cnn" / "data" / "shapes"
    time.sleep(2.1)  # What has just changed is not remembered.
    assert actions(fleet(cli, "--json")) == {"image_cnn": "unchanged"}
    shutil.copy(items / "0001.png", items / "0100.png")
    (items / "0002.png").unlink()
    assert actions(fleet(cli, "--json")) == {"image_cnn": "changed"}
    assert {path.name for path in made.iterdir()} == {path.name for path in items.iterdir()}


def test_check_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", a=stated(), b=stated())
    done = fleet(cli, "--check", "--aggregate", "compose")
    assert done.returncode == 2, done.stderr
    assert f"would create  a  {FILES} files" in done.stdout.splitlines()
    assert not (tmp_path / "out").exists()
    assert fleet(cli).returncode == 0
    before = tree(tmp_path)
    assert fleet(cli, "--check").returncode == 0
    assert fleet(cli, "--check", "--aggregate", "kustomize").returncode == 2
    write(tmp_path / "vars", a=stated("port: 9001"))
    changed = tree(tmp_path)
    done = fleet(cli, "--check")
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "2 services: 1 would change, 1 unchanged"
    assert tree(tmp_path) == changed
    assert {p: e for p, e in changed.items() if p.startswith("out")} == {
        p: e for p, e in before.items() if p.startswith("out")
    }


def test_only_some(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    for name in ("fraud-a", "fraud-b", "team/churn", "team/other"):
        write_text(tmp_path / "vars" / f"{name}.yaml", "variant: small\n")
    done = fleet(cli, "--templates", "set", "--json", "--only", "fraud-*", "--only", "team/c*.yaml")
    assert set(actions(done)) == {"fraud-a", "fraud-b", "churn"}
    done = fleet(cli, "--templates", "set", "--only", "faud-*")
    assert done.returncode == 2
    assert "--only faud-*: no service's name" in done.stderr


def test_fail_fast_begins_no_other(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    write_text(tmp_path / "vars" / "a.yaml", "variant: none\n")
    for name in "bcdefgh":
        write_text(tmp_path / "vars" / f"{name}.yaml", "variant: small\n")
    for jobs in ("1", "2"):
        arguments = ("--templates", "set", "--fail-fast", "--jobs", jobs, "--json")
        done = fleet(cli, *arguments, output=f"out{jobs}")
        assert done.returncode == 1
        counts = document(done)["counts"]
        assert counts["failed"] == 1
        assert counts["not_tried"] >= 8 - 2 * int(jobs)
        assert counts["created"] + counts["not_tried"] == 7


def test_jobs_make_no_difference(cli: Cli, tmp_path: Path) -> None:
    files = {f"s{number}": stated(f"port: {8000 + number}") for number in range(3)}
    write(tmp_path / "vars", **files)
    documents = []
    for jobs in ("1", "3"):
        done = fleet(cli, "--jobs", jobs, "--json", output=f"out{jobs}")
        assert done.returncode == 0, done.stderr
        documents.append(done.stdout.replace(f"out{jobs}", "out"))
        shutil.rmtree(tmp_path / f"out{jobs}" / ".infergen-fleet")
    assert documents[0] == documents[1]
    assert tree(tmp_path / "out1") == tree(tmp_path / "out3")


def test_services_without_variables_are_told(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    for name in ("a", "b"):
        write_text(tmp_path / "vars" / f"{name}.yaml", "variant: small\n")
    assert fleet(cli, "--templates", "set").returncode == 0
    (tmp_path / "vars" / "b.yaml").unlink()
    done = fleet(cli, "--templates", "set", "--json")
    assert done.returncode == 0
    assert document(done)["left_over"] == ["b"]
    assert "note: out/b has no variables file any more" in done.stderr
    assert (tmp_path / "out" / "b" / "app.py").is_file()


def test_services_inside_the_folder_are_no_variables(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path, a=stated())
    write_text(tmp_path / ".github" / "workflow.yml", "on: push\n")
    assert cli("new", "--name", "apart").returncode == 0
    for _ in range(2):
        done = fleet(cli, "--json", folder=".", output="services")
        assert done.returncode == 0, done.stderr
        assert set(actions(done)) == {"a"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--output", "out"], "none: no such folder"),
        (["empty", "--output", "out"], "empty: no variables files"),
        (["vars"], "--output"),
        (["vars", "--output", "out", "--report", "r.txt"], ".json, .html, .xml"),
        (["vars", "--output", "out", "--models", "none"], "--models none: no such folder"),
        (["vars", "--output", "out", "--jobs", "0"], "--jobs"),
        (["vars", "--output", "out", "--aggregate", "helm"], "--aggregate"),
    ],
)
def test_usage_errors(cli: Cli, tmp_path: Path, arguments: list[str], message: str) -> None:
    write(tmp_path / "vars", a=stated())
    (tmp_path / "empty").mkdir()
    done = cli("fleet", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be_written_to(cli: Cli, tmp_path: Path) -> None:
    make_layered_set(tmp_path / "set")
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    (tmp_path / "file").write_text("")
    for report in ("none/r.json", "vars.json/"):
        (tmp_path / "vars.json").mkdir(exist_ok=True)
        done = fleet(cli, "--templates", "set", "--report", report)
        assert done.returncode == 1
        assert report.rstrip("/") in done.stderr
        assert not (tmp_path / "out").exists()
    done = fleet(cli, "--templates", "set", output="file")
    assert done.returncode == 1
    assert "vars/a.yaml: file" in done.stderr
    done = fleet(cli, "--templates", "none")
    assert done.returncode == 1
    assert "none: no such folder" in done.stderr


@pytest.mark.parametrize(("jobs", "number"), [("1", signal.SIGTERM), ("2", signal.SIGINT)])
def test_interrupts_leave_whole_services(tmp_path: Path, jobs: str, number: signal.Signals) -> None:
    write(tmp_path / "vars", **{f"s{n}": stated() for n in range(10)})
    command = [infergen(), "fleet", "vars", "--output", "out", "--jobs", jobs]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does it
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, (first, errors)
    assert "Traceback" not in errors
    assert re.search(r"^\d+ of 10 services done", errors, flags=re.MULTILINE)
    found = [path for path in (tmp_path / "out").iterdir() if path.name != ".infergen-fleet"]
    assert 0 < len(found) < 10
    sizes = {len([path for path in service.rglob("*") if path.is_file()]) for service in found}
    assert sizes == {FILES}
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    last = f"10 services: {10 - len(found)} created, {len(found)} unchanged"
    assert done.stdout.splitlines()[-1] == last
