"""Variables: types, defaults, order, mistakes told all at once with line and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from builder import schema as schemas
from builder.errors import UsageError
from builder.mistakes import mistakes
from builder.variables import read_given
from tests.conftest import ROOT, Cli

SCHEMA = schemas.read_schema(ROOT / "vars" / "schema.json")


def variables_of(service: Path) -> dict[str, Any]:
    record = json.loads((service / ".infergen" / "record.json").read_text())
    variables: dict[str, Any] = record["variables"]
    return variables


def test_all_mistakes_come_together_in_order_of_their_lines(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "v.yaml").write_text(
        "model_file_name: x.onnx\n"
        "python_version: 3.10\n"
        "pyton_version: x\n"
        "port: 65536\n"
        "resources:\n"
        "  limits: {cpu: 2, memory: 1Gi}\n"
        "image:\n"
        "  mean: [0.5, x]\n"
        "  widht: 3\n"
        "log_level: no\n"
    )
    done = cli("new", "--name", "sample", "--vars", "v.yaml")
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "v.yaml:" in line]
    places = [int(line.partition("v.yaml:")[2].partition(":")[0]) for line in lines]
    assert places == [2, 3, 4, 6, 8, 9, 10]
    assert 'quote it to mean the text: "3.10"' in lines[0]
    assert "did you mean python_version?" in lines[1]
    assert "from 1 to 65535, got 65536" in lines[2]
    assert "resources.limits.cpu" in lines[3]
    assert "image.mean[1]: expected a number" in lines[4]
    assert "did you mean width?" in lines[5]
    assert '"no"' in lines[6]
    assert not (tmp_path / "sample").exists()


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "80.5", "99999999999999999999", "true"])
def test_impossible_ports(cli: Cli, port: str) -> None:
    done = cli("new", "--name", "sample", "--set", f"port={port}")
    assert done.returncode == 1
    assert "--set port: port: expected a whole number from 1 to 65535" in done.stderr


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("port=9000", 9000),
        ("python_version=3.11", "3.11"),
        ("title=no", "no"),
        ("title=3.10", "3.10"),
        ("title=a: b # c", "a: b # c"),
        ("title=x=y", "x=y"),
        ("version=1.10", "1.10"),
        ("label_file_name=null", None),
        ("resources.limits.cpu=2", "2"),
        ("image.mean=[0.5, 0.25]", [0.5, 0.25]),
        ("image.layout=null", None),
        ("data_sample=[[1.0, 2]]", [[1.0, 2]]),
    ],
)
def test_set_is_typed_by_the_schema(assignment: str, value: object) -> None:
    given = read_given(SCHEMA, None, [assignment])
    found: Any = given.values
    for key in assignment.partition("=")[0].split("."):
        found = found[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("assignment", ["port", "=1", "a..b=1", ".a=1", "port.x.=1"])
def test_set_without_key_or_value(assignment: str) -> None:
    with pytest.raises(UsageError, match="key=value"):
        read_given(SCHEMA, None, [assignment])


def test_set_wins_over_the_file_and_the_file_over_defaults(cli: Cli, tmp_path: Path) -> None:
    sample = (ROOT / "vars" / "sample.yaml").read_text()
    (tmp_path / "models").symlink_to(ROOT / "vars" / "models")
    (tmp_path / "v.yaml").write_text(sample + "\nport: 9001\nreplicas: 4\n")
    done = cli("new", "--name", "sample", "--vars", "v.yaml", "--set", "port=9002")
    assert done.returncode == 0, done.stderr
    variables = variables_of(tmp_path / "sample")
    assert (variables["port"], variables["replicas"], variables["workers"]) == (9002, 4, 1)


def test_part_of_a_mapping_leaves_its_other_parts(cli: Cli, tmp_path: Path) -> None:
    done = cli("new", "--name", "sample", "--set", "resources.limits.cpu=2")
    assert done.returncode == 0, done.stderr
    limits = variables_of(tmp_path / "sample")["resources"]["limits"]
    assert limits == {"cpu": "2", "memory": None}


def test_mistakes_in_set_name_the_option(cli: Cli) -> None:
    done = cli("new", "--name", "sample", "--set", "prot=80")
    assert done.returncode == 1
    assert "--set prot: unknown variable prot; did you mean port?" in done.stderr


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/x", "a/b", "C:\\x", "-rf", "Iris", "a b", "1a", "a\nb", "é"]
    + ["a" * 64, "con", "NUL", "a.", "x\x7f"],
)
def test_bad_names(cli: Cli, tmp_path: Path, name: str) -> None:
    done = cli("new", "--name", name)
    assert done.returncode in (1, 2)
    assert done.stderr.startswith(("infergen: error:", "Usage:"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "iris_svc", "iris-svc-2", "a" * 63, "trailing-"])
def test_good_names(cli: Cli, tmp_path: Path, name: str) -> None:
    done = cli("new", "--name", name)
    assert done.returncode == 0, done.stderr
    assert variables_of(tmp_path / name)["name"] == name


def test_secrets_are_not_recorded() -> None:
    schema = schemas.Schema(
        "s",
        {
            "properties": {
                "token": {"type": "string", "writeOnly": True},
                "auth": {"type": "object", "properties": {"key": {"writeOnly": True}, "kind": {}}},
            }
        },
    )
    values = {"token": "t", "auth": {"key": "k", "kind": "jwt"}, "port": 1}
    assert schemas.without_secrets(schema, values) == {"auth": {"kind": "jwt"}, "port": 1}


def test_every_variable_is_described() -> None:
    undescribed = [variable.name for variable in SCHEMA.variables() if not variable.description]
    assert undescribed == []


def test_defaults_pass_their_own_schema() -> None:
    found = mistakes(
        SCHEMA, schemas.defaults(SCHEMA), schemas.dotted, lambda _: None, complete=False
    )
    assert found == []
