"""``infergen new`` as its users call it: by hand, twice in a row, unattended, interrupted."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli, tree

INFERGEN = Path(sys.executable).parent / "infergen"
IRIS = ROOT / "vars" / "models" / "iris_svc.onnx"
LABELS = ROOT / "vars" / "models" / "iris.json"


def test_the_embedded_default(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "sample")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    service = tmp_path / "sample"
    assert (service / "models" / "iris_svc.onnx").read_bytes() == IRIS.read_bytes()
    assert os.access(service / "run.sh", os.X_OK)
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def test_a_second_run_is_refused_and_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    before = tree(tmp_path)
    done = cli("new", "--name", "sample")
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert tree(tmp_path) == before


def test_force_replaces_what_nobody_edited(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    (tmp_path / "sample" / "mine.txt").write_text("mine")
    done = cli("new", "--name", "sample", "--force", "--set", "port=9123")
    assert done.returncode == 0, done.stderr
    assert "9123" in (tmp_path / "sample" / "Dockerfile").read_text()
    assert (tmp_path / "sample" / "mine.txt").read_text() == "mine"


def test_force_stops_at_edited_files(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    edited = tmp_path / "sample" / "Dockerfile"
    edited.write_text(edited.read_text() + "# mine\n")
    before = tree(tmp_path)
    done = cli("new", "--name", "sample", "--force", "--set", "port=9123")
    assert done.returncode == 3
    assert "Dockerfile" in done.stderr
    assert tree(tmp_path) == before


def test_force_over_a_folder_of_somebody_else(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / "README.md").write_text("mine")
    before = tree(tmp_path)
    assert cli("new", "--name", "sample").returncode == 1
    assert cli("new", "--name", "sample", "--force").returncode == 3
    assert tree(tmp_path) == before


def test_an_empty_folder_is_filled(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    assert cli("new", "--name", "sample").returncode == 0


def test_output_names_the_parent_and_is_made(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample", "--output", "a/b").returncode == 0
    assert (tmp_path / "a" / "b" / "sample" / "run.sh").is_file()


def test_dry_run_lists_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "sample", "--dry-run")
    assert done.returncode == 0
    assert "create  run.sh" in done.stdout.splitlines()
    assert list(tmp_path.iterdir()) == []


def test_dry_run_lists_just_what_a_run_writes(cli: Cli, tmp_path: Path) -> None:
    listed = json.loads(cli("new", "--name", "sample", "--dry-run", "--json").stdout)["files"]
    assert cli("new", "--name", "sample").returncode == 0
    written = {name for name, entry in tree(tmp_path / "sample").items() if entry[0] != "folder"}
    assert {file["path"] for file in listed if file["action"] == "create"} == written


def test_exit_code_tells_whether_anything_would_change(cli: Cli) -> None:
    assert cli("new", "--name", "sample", "--dry-run", "--exit-code").returncode == 2
    assert cli("new", "--name", "sample").returncode == 0
    assert cli("new", "--name", "sample", "--dry-run", "--exit-code").returncode == 0
    assert cli("new", "--name", "sample", "--diff", "--exit-code").returncode == 0
    assert cli("new", "--name", "sample", "--exit-code").returncode == 2


def test_diff_shows_what_would_change(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    before = tree(tmp_path)
    assert cli("new", "--name", "sample", "--diff").stdout == ""
    done = cli("new", "--name", "sample", "--diff", "--set", "port=9123")
    assert "--- a/Dockerfile" in done.stdout
    assert any(line.startswith("+") and "9123" in line for line in done.stdout.splitlines())
    assert tree(tmp_path) == before


def test_json_is_one_document(cli: Cli) -> None:
    document = json.loads(cli("new", "--name", "sample", "--json").stdout)
    assert document["service"] == "sample"
    assert document["variant"] == "web-single"
    assert {"path": "run.sh", "action": "create"} in document["files"]


def test_the_same_input_gives_the_same_bytes(cli: Cli, tmp_path: Path) -> None:
    other = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": "/nonexistent"}
    assert cli("new", "--name", "sample", "--output", "a").returncode == 0
    time.sleep(1.1)
    assert cli("new", "--name", "sample", "--output", "b", environment=other).returncode == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_needs_neither_home_nor_git_nor_a_usual_locale(tmp_path: Path) -> None:
    for environment in ({}, {"PATH": "/nonexistent", "LC_ALL": "C"}, {"LANG": "xx_YY.latin1"}):
        done = subprocess.run(
            [INFERGEN, "new", "--name", "sample", "--set", "title=Ünïcode"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "# Ünïcode" in (tmp_path / "sample" / "README.md").read_text("utf-8")
        shutil.rmtree(tmp_path / "sample")


def test_nothing_generated_names_this_machine(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "sample").returncode == 0
    for name, (_, content) in tree(tmp_path / "sample").items():
        assert str(tmp_path).encode() not in (content if isinstance(content, bytes) else b""), name
        assert str(ROOT).encode() not in (content if isinstance(content, bytes) else b""), name


def test_a_model_alone_is_enough(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "mine", "--model", IRIS, "--labels", LABELS)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "mine" / "models" / "iris.json").read_text())["0"] == "setosa"


def test_the_file_and_the_model_disagree(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text('title: x\ndata_structure: "(1,5)"\ndata_type: int64\n')
    done = cli("new", "--name", "sample", "--vars", "v.yaml", "--model", IRIS)
    assert done.returncode == 1
    assert "v.yaml:2: data_structure is (1,5)" in done.stderr
    assert "(1,4)" in done.stderr
    assert "v.yaml:3: data_type is int64" in done.stderr
    assert not (tmp_path / "sample").exists()


def test_facts_of_another_model_are_refused(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(ROOT / "vars" / "sample.yaml", tmp_path / "v.yaml")
    other = ROOT / "vars" / "models" / "iris_svc_zipmap.onnx"
    done = cli("new", "--name", "sample", "--vars", "v.yaml", "--model", other, "--labels", LABELS)
    assert done.returncode == 1
    assert "facts are of another model" in done.stderr


def test_prediction_sample_is_what_the_model_answers(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(
        "data_sample: [[6.3, 3.3, 6.0, 2.5]]\nprediction_sample: [0.0, 0.0, 1.0]\n"
    )
    done = cli("new", "--name", "s", "--vars", "v.yaml", "--model", IRIS, "--labels", LABELS)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "s" / ".infergen" / "record.json").read_text())
    prediction = record["variables"]["prediction_sample"]
    assert prediction != [0.0, 0.0, 1.0]
    assert max(prediction) == prediction[2]


def test_an_option_behind_the_samples_asks_the_model_again(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "s", "--set", "data_sample=[[6.3, 3.3, 6.0, 2.5]]")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "s" / ".infergen" / "record.json").read_text())
    prediction = record["variables"]["prediction_sample"]
    assert max(prediction) == prediction[2]


@pytest.mark.parametrize("missing", ["--model", "--labels", "--vars", "--templates"])
def test_files_that_are_not_there(cli: Cli, tmp_path: Path, missing: str) -> None:
    arguments = {"--model": str(IRIS), "--labels": str(LABELS)}
    arguments[missing] = "none.onnx"
    done = cli("new", "--name", "sample", *[part for pair in arguments.items() for part in pair])
    assert done.returncode == 1
    assert "none.onnx" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_model_named_in_the_file_but_not_there(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text("title: x\nmodel_file_name: none.onnx\n")
    done = cli("new", "--name", "sample", "--vars", "v.yaml")
    assert done.returncode == 1
    assert "v.yaml:2" in done.stderr
    assert "--model" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["new"], ["nwe"], ["new", "--nme", "x"], ["new", "--name", "x", "extra"]]
    + [["new", "--name", "x", "--json", "--diff"], ["new", "--name", "x", "--set", "port"]],
)
def test_usage_errors(cli: Cli, tmp_path: Path, arguments: list[str]) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_and_version_need_nothing_heavy(cli: Cli) -> None:
    heavy = "onnxruntime|numpy|cookiecutter|jinja2|onnx|yaml|jsonschema_rs"
    for arguments in (["--version"], ["--help"]):
        code = (
            "import sys, builder.cli; sys.argv[1:] = " + repr(arguments) + "\n"
            "try: builder.cli.main()\n"
            "except SystemExit: pass\n"
            f"found = set(sys.modules) & set({heavy.split('|')!r})\n"
            "assert not found, found"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
    assert "infergen" in cli("--version").stdout
    assert "new" in cli("--help").stdout


def test_the_version_is_the_same_with_and_without_click(cli: Cli) -> None:
    alone, with_more = cli("--version"), cli("--version", "new")
    assert (alone.stdout, alone.returncode) == (with_more.stdout, with_more.returncode)


def test_a_version_that_cannot_be_printed() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [INFERGEN, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "infergen: error: the system: No space left on device\n"


def test_help_lists_the_variables_of_the_schema(cli: Cli) -> None:
    text = cli("new", "--help").stdout
    schema = json.loads((ROOT / "vars" / "schema.json").read_text())
    for name, definition in schema["properties"].items():
        if not definition.get("readOnly"):
            assert name in text


def test_interactive_without_a_terminal_asks_nothing(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "sample", "--interactive", stdin="")
    assert done.returncode == 0, done.stderr
    assert "no terminal" in done.stderr
    assert (tmp_path / "sample" / "run.sh").is_file()


def test_interactive_asks_checks_and_asks_again(tmp_path: Path) -> None:
    answers = {b"port [": [b"70000\n", b"9555\n"]}
    process, screen = _on_a_terminal(tmp_path, answers)
    assert process == 0, screen.decode()
    assert b"expected a whole number from 1 to 65535, got 70000" in screen
    record = json.loads((tmp_path / "sample" / ".infergen" / "record.json").read_text())
    assert record["variables"]["port"] == 9555


def _on_a_terminal(folder: Path, answers: dict[bytes, list[bytes]]) -> tuple[int, bytes]:
    """Answer each prompt from ``answers`` in turn, all others with Enter, on a real terminal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv(INFERGEN, ["infergen", "new", "--name", "sample", "--interactive"])
    screen, line = b"", b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        if not ready:
            continue
        try:
            read = os.read(terminal, 4096)
        except OSError:
            break
        if not read:
            break
        screen += read
        line = (line + read).rpartition(b"\n")[2]
        if line.endswith(b"]: "):
            waiting = next((queue for key, queue in answers.items() if key in line and queue), None)
            os.write(terminal, waiting.pop(0) if waiting else b"\n")
            line = b""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), screen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_leave_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """At many moments of a run: either the whole service stands there, or nothing does."""
    command: list[str | Path] = [INFERGEN, "new", "--name", "sample"]
    codes = []
    for step in range(20):
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        _wait_until_handled(process.pid, number)
        time.sleep(0.03 * step)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors
        codes.append(process.returncode)
        if process.returncode == 130:
            assert "interrupted" in errors
            assert list(tmp_path.iterdir()) == []
        elif process.returncode == 0:
            assert [path.name for path in tmp_path.iterdir()] == ["sample"]
            shutil.rmtree(tmp_path / "sample")
        else:
            # The interpreter had ended its work, and with it our handler; the service is complete.
            assert process.returncode == -number, errors
            shutil.rmtree(tmp_path / "sample")
    assert 130 in codes


def _wait_until_handled(pid: int, number: signal.Signals) -> None:
    """Until the process has a handler for the signal; Python itself needs a moment to start."""
    status = Path(f"/proc/{pid}/status")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        caught = next(line for line in status.read_text().splitlines() if "SigCgt" in line)
        # Python itself catches SIGINT from its start, so the later SIGTERM tells.
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.002)
    raise AssertionError(f"no handler for {number}")


def test_two_runs_at_once(tmp_path: Path) -> None:
    for _ in range(5):
        processes = [
            subprocess.Popen(
                [INFERGEN, "new", "--name", "sample", "--set", f"port={port}"],
                cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
            )
            for port in (9001, 9002)
        ]  # fmt: skip
        errors = [process.communicate(timeout=60)[1] for process in processes]
        codes = [process.returncode for process in processes]
        assert sorted(codes) == [0, 1], errors
        port = "9001" if codes[0] == 0 else "9002"
        assert port in (tmp_path / "sample" / "Dockerfile").read_text()
        assert [path.name for path in tmp_path.iterdir()] == ["sample"]
        shutil.rmtree(tmp_path / "sample")


def test_a_closed_pipe_is_no_defect(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{INFERGEN} new --name sample --dry-run | true"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
