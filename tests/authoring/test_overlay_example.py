"""A platform team's own set, as in `examples/overlay`: look at it, and test it as its owners do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builder.cli.app import run
from builder.template_set import default_root
from tests.authoring.conftest import Templates
from tests.conftest import ROOT
from tests.lint.linting import Lint, sub
from tests.sets import write

EXAMPLE = ROOT / "examples" / "overlay"
DOCKERFILE = "template_files/web/Dockerfile.j2"


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """The example in a repository of its own, with a sample of the team's."""
    root = Path(shutil.copytree(EXAMPLE, tmp_path / "team"))
    shipped = default_root() / "vars"
    for name in ("models/iris_svc.onnx", "models/iris.json"):
        (root / "vars" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(shipped / name, root / "vars" / name)
    sample = (shipped / "sample.yaml").read_text()
    write(root / "vars" / "ours.yaml", f"{sample}variant: web-single\ncost_centre: ml-42\n")
    return root


def test_its_lint_and_tests_tell_each_change(
    capsys: pytest.CaptureFixture[str], templates: Templates, team: Path
) -> None:
    lint = Lint(capsys)
    linted = lint(team, "--strict")
    assert linted.document["findings"] == []
    assert (linted.document["templates"], linted.document["services"]) == (2, 1)
    code, document = templates("test", team)
    assert (code, document["services"][0]["recorded"]) == (1, False)
    assert templates("test", team, "--update")[0] == 0
    record = team / "tests" / "golden" / "web-single" / "ours.json"
    assert "Dockerfile" in json.loads(record.read_text())["files"]
    code, document = templates("test", team)
    assert (code, document["services"][0]["changes"]) == (0, [])
    sub(team, DOCKERFILE, "cost-centre", "paid-by")
    assert lint(team).document["findings"] == []
    code, document = templates("test", team)
    assert code == 1
    (change,) = document["services"][0]["changes"]
    assert change["path"] == "Dockerfile"
    assert '+LABEL com.example.paid-by="ml-42"' in change["diff"]
    sub(team, DOCKERFILE, "{{ cost_centre", "{{ cost_center")
    assert lint(team).places == {(DOCKERFILE, 7, "undefined")}


def test_show_tells_what_comes_from_where(
    capsys: pytest.CaptureFixture[str], templates: Templates
) -> None:
    code, document = templates("show", EXAMPLE, "--variant", "web-single")
    assert code == 0
    assert (document["name"], document["extends"]) == ("overlay", "infergen")
    roots = {"overlay": EXAMPLE, "infergen": default_root()}
    for file in document["files"]["web-single"]:
        assert (roots[file["set"]] / file["source"]).is_file()
    own = {f["path"] for f in document["files"]["web-single"] if f["set"] == "overlay"}
    assert own == {"Dockerfile", "manifests/base/deployment.yaml"}
    assert "cost_centre" in {variable["name"] for variable in document["variables"]}
    capsys.readouterr()
    assert run(["templates", "show", str(EXAMPLE)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("overlay, version 1, extends infergen, version ")
    assert "template_files/web/README.md.j2 of infergen\n" in said


def test_schema_and_docs_tell_of_both_sets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["templates", "schema", str(EXAMPLE)]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"cost_centre", "port"} < schema["properties"].keys()
    assert run(["templates", "docs", str(EXAMPLE)]) == 0
    said = capsys.readouterr().out
    assert "| `port` |" in said
    assert "| `cost_centre` | Who pays for the service" in said
