"""A service's own model and labels: edited or replaced, they are what it is made for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import pytest

from builder.record import read_record
from tests.conftest import ROOT, Cli, tree
from tests.model.models import linear

MODELS = ROOT / "vars" / "models"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service of the default set, made of a model and labels alone."""
    from builder.cli import app  # noqa: PLC0415 - once for all tests, in this process

    folder = tmp_path_factory.mktemp("made")
    options = ["--model", str(MODELS / "iris_svc.onnx"), "--labels", str(MODELS / "iris.json")]
    assert app.run(["new", "--name", "svc", "--output", str(folder), *options]) == 0
    return folder / "svc"


@pytest.fixture
def service(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "svc", symlinks=True))


def variables(service: Path) -> Any:
    record = read_record(service)
    assert record is not None
    return record.variables


def test_a_service_that_nothing_happened_to(cli: Cli, service: Path) -> None:
    before = tree(service)
    assert cli("check", service).returncode == 0
    done = cli("update", service)
    assert (done.returncode, done.stdout) == (0, f"{service}: up to date\n")
    assert tree(service) == before


def test_another_model_is_asked_for_its_facts(cli: Cli, service: Path) -> None:
    onnx.save(linear(inputs=5), service / "models" / "iris_svc.onnx")
    replaced = (service / "models" / "iris_svc.onnx").read_bytes()
    done = cli("check", service)
    assert done.returncode == 2
    assert "outdated: models/iris_svc.onnx was replaced" in done.stdout
    before = variables(service)
    assert cli("update", service).returncode == 0
    now = variables(service)
    assert (before["data_structure"], now["data_structure"]) == ("(1,4)", "(1,5)")
    assert now["model"]["sha256"] != before["model"]["sha256"]
    assert len(now["data_sample"][0]) == 5
    assert (service / "models" / "iris_svc.onnx").read_bytes() == replaced
    assert now["model"]["sha256"] in (service / "Dockerfile").read_text()
    assert cli("check", service).returncode == 0
    assert cli("update", service, "--dry-run", "--exit-code").returncode == 0


def test_a_model_of_another_name(cli: Cli, service: Path) -> None:
    (service / "models" / "iris_svc.onnx").rename(service / "models" / "renamed.onnx")
    done = cli("update", service)
    assert done.returncode == 1
    assert "vars.yaml:5: no file iris_svc.onnx in" in done.stderr
    assert cli("update", service, "--set", "model_file_name=renamed.onnx").returncode == 0
    assert "renamed.onnx" in (service / "README.md").read_text()
    assert sorted(path.name for path in (service / "models").iterdir()) == [
        "iris.json", "renamed.onnx",
    ]  # fmt: skip
    assert cli("check", service).returncode == 0


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        ('{"0": "x", "1": "y", "2": "z"}', True),
        ('["x", "y", "z"]', False),
    ],
)
def test_other_labels(cli: Cli, service: Path, labels: str, kept: bool) -> None:
    file = service / "models" / "iris.json"
    file.write_text(labels)
    assert cli("update", service).returncode == 0
    assert json.loads(file.read_text()) == {"0": "x", "1": "y", "2": "z"}
    assert (file.read_text() == labels) is kept
    assert cli("update", service, "--dry-run", "--exit-code").returncode == 0


def test_labels_that_do_not_fit(cli: Cli, service: Path) -> None:
    (service / "models" / "iris.json").write_text('["x", "y"]')
    before = tree(service)
    done = cli("update", service)
    assert done.returncode == 1
    assert "2 labels" in done.stderr
    assert tree(service) == before


def test_what_was_said_of_the_model_is_not_given_up(cli: Cli, service: Path) -> None:
    """Where the variables contradict a new model, both are shown with the line."""
    done = cli("update", service, "--set", "data_structure=(1,4)")
    assert done.returncode == 0, done.stderr
    onnx.save(linear(inputs=5), service / "models" / "iris_svc.onnx")
    before = tree(service)
    done = cli("update", service)
    assert done.returncode == 1
    assert "vars.yaml:7: data_structure is (1,4), but the model" in done.stderr
    assert "(1,5)" in done.stderr
    assert tree(service) == before


def test_wrong_variables_are_told_with_their_line(cli: Cli, service: Path) -> None:
    file = service / ".infergen" / "vars.yaml"
    file.write_text(f"{file.read_text()}port: 99999\nprot: 1\n")
    before = tree(service)
    done = cli("update", service)
    assert done.returncode == 1
    assert f"{file}:7: port: expected a whole number" in done.stderr
    assert f"{file}:8: unknown variable prot; did you mean port?" in done.stderr
    assert tree(service) == before


def test_a_variables_file_that_leads_elsewhere_is_not_read(cli: Cli, service: Path) -> None:
    file = service / ".infergen" / "vars.yaml"
    secret = service.parent / "secret"
    secret.write_text("name: secret\n")
    file.unlink()
    file.symlink_to(secret)
    for command in ("check", "update"):
        done = cli(command, service)
        assert done.returncode == 1
        assert "a link, and infergen follows none there" in done.stderr


def test_the_variables_file_comes_back_if_it_is_deleted(cli: Cli, service: Path) -> None:
    file = service / ".infergen" / "vars.yaml"
    before = file.read_text()
    file.unlink()
    assert cli("check", service).returncode == 2
    assert cli("update", service).returncode == 0
    assert file.read_text() == before


def test_force_does_not_take_what_was_edited_there(cli: Cli, service: Path) -> None:
    file = service / ".infergen" / "vars.yaml"
    file.write_text(f"{file.read_text()}port: 9000\n")
    model = MODELS / "iris_svc.onnx"
    done = cli("new", "--name", "svc", "--model", model, "--force", "--set", "port=9001")
    assert done.returncode == 3
    assert ".infergen/vars.yaml" in done.stderr
