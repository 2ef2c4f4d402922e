"""Updates by the command: for people and for programs, well and badly used, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto

from tests.conftest import tree
from tests.edge_updates.projects import Project, environment
from tests.model.models import build, node, value, weight
from tests.web.running import wait_until


def test_the_whole_story(project: Project) -> None:
    assert project.active() is None
    project.make_keys()
    assert "offers release 1 (version 1.0)" in project.publish("1.0")
    assert "release 1 (version 1.0) is active:" in project.update()
    assert project.status()["slots"][0]["version"] == "1.0"
    assert project.active() == 1
    assert "is active already" in project.update()

    told = json.loads(project.publish("2.0", "--json"))
    assert (told["release"], told["version"]) == (2, "2.0")
    told = json.loads(project.update("--from", project.releases, "--json").partition("\n")[0])
    assert (told["installed"], told["release"], told["before"]) == (True, 2, 1)
    assert project.active() == 2

    told = json.loads(project("rollback", "--state", project.state, "--json"))
    assert told == {"left": 2, "active": 1}
    assert project.active() == 1
    assert "found bad before, and is not installed: rolled back" in project.update(code=1)
    assert "is active:" in project.update("--from", project.releases, "--again")
    assert project.active() == 2


def test_wrong_use(project: Project, tmp_path: Path) -> None:
    assert "say where from" in project("update", code=2)
    assert "publish init" in project("update", "--from", tmp_path, code=1)
    assert "nothing to roll back to" in project("rollback", "--state", project.state, code=1)
    assert not project.state.exists()
    assert "publish init makes the keys" in project.publish("1.0", code=1)
    project.make_keys()
    assert "exists, and devices may trust it" in project(
        *("publish", "init", "--keys", tmp_path / "keys", "--root", project.root), code=1
    )
    assert "no releases here" in project.update("--from", tmp_path, code=1)
    assert "no such folder" in project.update("--from", tmp_path / "nowhere", code=1)
    assert "no address" in project.update("--from", "https://[", code=1)
    assert "only https" in project.update("--from", "http://example.com/", code=1)
    (tmp_path / "row.json").write_text("[[1]]")
    assert f"{tmp_path}/row.json: data: expected float32" in project.publish(
        "1", "--golden", tmp_path / "row.json", code=1
    )
    assert "nothing is published here" in project(
        *("publish", "renew", "--to", project.releases),
        *("--keys", tmp_path / "keys", "--root", project.root),
        code=1,
    )
    assert "ONNX Runtime cannot load it" in project.publish("1", no_model(tmp_path), code=1)
    assert "expected a number of days" in project.publish("1", "--expires", "x", code=2)
    project.publish("1.0")
    occupied = tmp_path / "no.onnx"
    assert "cannot be written" in project(
        *("update", "--from", project.releases, "--root", project.root, "--state", occupied), code=1
    )
    assert occupied.read_bytes() == b"no model"


def no_model(folder: Path) -> Path:
    (folder / "no.onnx").write_bytes(b"no model")
    return folder / "no.onnx"


@pytest.mark.parametrize("stage", ["fetching", "testing"])
def test_an_interrupted_update(project: Project, stage: str) -> None:
    project.make_keys()
    project.publish("1.0")
    process = subprocess.Popen(
        [sys.executable, "-m", "src", "update", "--from", project.releases,
         "--state", project.state, "--root", project.root],
        cwd=project.folder, env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    while stage not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate()[1]
    assert process.returncode == 130
    assert project.active() is None
    project.update()
    assert project.active() == 1


def test_releases_on_a_web_server(project: Project) -> None:
    project.make_keys()
    project.publish("1.0")
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=project.releases, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = server.stdout.readline().partition("(")[2].partition("/)")[0]
        project.update("--from", address)
    finally:
        server.kill()
        server.communicate()
    assert project.active() == 1
    assert "cannot be read" in project.update("--from", address, code=1)


UNTESTED = """
import json
import sys
from pathlib import Path
from src.updates.release import facts_of
from tests.releases import Publisher

def swap(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    model = Path(sys.argv[2]).read_bytes()
    (folder / manifest["file"]).write_bytes(model)
    manifest["sha256"] = facts_of(folder / manifest["file"]).sha256
    (folder / "manifest.json").write_text(json.dumps(manifest))

Publisher(Path(sys.argv[1])).publish_untested("2.0", swap)
"""


def test_a_model_that_crashes_its_process(project: Project, tmp_path: Path) -> None:
    """On the device only, so that the publisher's own test does not find it."""
    project.make_keys()
    project.publish("1.0")
    project.update()
    assert project.active() == 1
    onnx.save(dying(), tmp_path / "crash.onnx")
    done = project.python(UNTESTED, tmp_path, tmp_path / "crash.onnx")
    assert done.returncode == 0, done.stderr
    assert "the model crashed its process (SIGFPE)" in project.update(code=1)
    assert project.active() == 1
    assert list(project.status()["bad"]) == ["2"]


def test_a_model_that_crashes_its_process_is_not_published(
    project: Project, tmp_path: Path
) -> None:
    project.make_keys()
    project.publish("1.0")
    before = tree(project.releases)
    onnx.save(dying(), tmp_path / "crash.onnx")
    told = project.publish("2.0", tmp_path / "crash.onnx", code=1)
    assert told.splitlines() == [
        f"iris: {tmp_path}/crash.onnx: not published, since it crashed its process (SIGFPE)"
    ]
    assert tree(project.releases) == before
    assert "offers release 2" in project.publish("2.0")


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_publication_that_is_ended(
    project: Project, tmp_path: Path, how: signal.Signals, code: int
) -> None:
    """Of a model that takes its time: its process ends as well, by a terminal's signal to all or
    because nobody waits for it."""
    project.make_keys()
    onnx.save(endless(), tmp_path / "endless.onnx")
    process = subprocess.Popen(
        [sys.executable, "-m", "src", "publish", "release", "--version", "1",
         "--to", project.releases, "--keys", project.beside / "keys", "--root", project.root,
         tmp_path / "endless.onnx"],
        cwd=project.folder, env=environment(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_until(lambda: any(map(runs_models, children(process.pid))), "the model's process")
    started = children(process.pid)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    assert (process.communicate()[0], process.returncode) == ("", code)
    wait_until(lambda: not any(map(is_there, started)), "the end of what it started")
    assert not (project.releases / "metadata").exists()


def children(process: int) -> list[int]:
    return [
        int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


def is_there(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def runs_models(process: int) -> bool:
    try:
        return "onnxruntime" in Path(f"/proc/{process}/maps").read_text()
    except OSError:
        return False


def endless() -> onnx.ModelProto:
    """Takes and answers what the iris model does, but not in this life."""
    body = onnx.helper.make_graph(
        [node("Identity", ["go"], ["again"]), node("Neg", ["state"], ["next"])],
        "body",
        [value("i", "int64", []), value("go", "bool", []), value("state", shape=["batch", 4])],
        [value("again", "bool", []), value("next", shape=["batch", 4])],
    )
    return build(
        [
            node("Loop", ["trips", "yes", "X"], ["probabilities"], body=body),
            node("Identity", ["no_label"], ["label"]),
        ],
        [value("X", shape=["batch", 4])],
        [value("label", "int64", [1]), value("probabilities", shape=["batch", 4])],
        [
            weight("trips", 10**15, "int64"),
            weight("yes", True, "bool"),
            weight("no_label", [0], "int64"),
        ],
    )


def dying() -> onnx.ModelProto:
    """Takes and answers what the iris model does, and dies of a quotient that has no room."""
    return build(
        [
            node("Cast", ["X"], ["whole"], to=TensorProto.INT64),
            node("Mul", ["whole", "zero"], ["gone"]),
            node("Sub", ["gone", "one"], ["minus_one"]),
            node("Div", ["least", "minus_one"], ["divided"]),
            node("Cast", ["divided"], ["probabilities"], to=TensorProto.FLOAT),
            node("Identity", ["no_label"], ["label"]),
        ],
        [value("X", shape=["batch", 4])],
        [value("label", "int64", [1]), value("probabilities", shape=["batch", 4])],
        [
            weight("zero", 0, "int64"),
            weight("one", 1, "int64"),
            weight("least", -(2**63), "int64"),
            weight("no_label", [0], "int64"),
        ],
    )


def test_a_full_disk(project: Project) -> None:
    project.make_keys()
    project.publish("1.0")
    model = project.state / "incoming" / project.model.name
    full: list[str | Path] = ["strace", "-qq", "-o", project.beside / "trace", "-P", model]
    full += ["-e", "trace=write", "-e", "inject=write:error=ENOSPC"]
    assert "No space left on device; nothing changed" in project.update(code=1, before=full)
    assert "INJECTED" in (project.beside / "trace").read_text()
    assert not (project.state / "incoming").exists()
    assert project.active() is None
    project.update()
    assert project.active() == 1
