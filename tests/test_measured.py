"""What a model took is measured once, and stays in a service whose input did not change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from builder.model.facts import Measured, ModelFacts
from builder.model.inspect import Request, inspect_model
from tests.conftest import ROOT, Cli, tree
from tests.model.models import build, identity, linear, node, numbers, save, value, weight

MODELS = ROOT / "vars" / "models"
IRIS = MODELS / "iris_svc.onnx"
EXAMPLES = sorted((ROOT / "vars").glob("*.yaml"))
NEW = ("new", "--name", "mine")


def variables_of(service: Path) -> dict[str, Any]:
    record = json.loads((service / ".infergen" / "record.json").read_text())
    variables: dict[str, Any] = record["variables"]
    return variables


def with_other_figures(service: Path) -> dict[str, Any]:
    """Make the record say what another machine might have measured; what it says now."""
    record = service / ".infergen" / "record.json"
    figures: dict[str, Any] = variables_of(service)["model"]["measured"]
    other = {**figures, "milliseconds": 12345.0, "execution": "threads"}
    old, new = (json.dumps(part, sort_keys=True) for part in (figures, other))
    assert old in record.read_text()
    record.write_text(record.read_text().replace(old, new))
    return other


def facts_of(folder: Path, model: Any) -> ModelFacts:
    return inspect_model(Request(save(folder, model)))


def assert_sound(measured: Measured) -> None:
    assert measured.milliseconds > 0
    assert measured.loaded_mebibytes > 0
    assert (measured.execution == "inline") == (measured.milliseconds < 1)
    figures = (measured.milliseconds, measured.batch_milliseconds, measured.loaded_mebibytes)
    assert all(figure is None or figure == float(f"{figure:.2g}") for figure in figures)


def test_a_quick_model_runs_inline_and_in_large_batches(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, linear())
    assert_sound(facts.measured)
    assert facts.measured.execution == "inline"
    assert facts.measured.max_batch == 64
    assert facts.measured.batch_milliseconds is not None


def test_a_slow_model_runs_in_threads_and_in_small_batches(tmp_path: Path) -> None:
    weights = [weight(f"w{step}", numbers(1500, 1500, seed=step)) for step in range(12)]
    steps = [node("MatMul", [f"t{step}", f"w{step}"], [f"t{step + 1}"]) for step in range(12)]
    model = build(
        steps, [value("t0", shape=[1, 64, 1500])], [value("t12", shape=[1, 64, 1500])], weights
    )
    measured = facts_of(tmp_path, model).measured
    assert_sound(measured)
    assert measured.execution == "threads"
    assert measured.milliseconds > 1
    size = 12 * 1500 * 1500 * 4 / 2**20
    assert measured.loaded_mebibytes >= float(f"{size:.2g}")  # figures have two digits
    assert (measured.max_batch, measured.batch_milliseconds) == (1, None)


@pytest.mark.parametrize("shape", [[1, 2], ["time"]])
def test_what_is_not_batched_has_no_batch_to_measure(tmp_path: Path, shape: list[Any]) -> None:
    model = build(
        [node("ReduceSum", ["x", "axes"], ["y"])],
        [value("x", shape=shape)],
        [value("y", shape=None)],
        [weight("axes", [0], "int64")],
    )
    facts = facts_of(tmp_path, model)
    assert facts.batching != "rows"
    assert (facts.measured.max_batch, facts.measured.batch_milliseconds) == (1, None)


def test_a_batch_is_no_larger_than_what_the_model_takes(tmp_path: Path) -> None:
    """Rows of a table, one for each item: there are five."""
    model = build(
        [
            node("Shape", ["x"], ["shape"]),
            node("Gather", ["shape", "zero"], ["items"]),
            node("Sub", ["items", "one"], ["last"]),
            node("Gather", ["table", "last"], ["nothing"]),
            node("Add", ["x", "nothing"], ["y"]),
        ],
        [value("x", shape=["batch", 2])],
        [value("y", shape=["batch", 2])],
        [
            weight("zero", 0, "int64"),
            weight("one", 1, "int64"),
            weight("table", [0.0] * 5),
        ],
    )
    facts = facts_of(tmp_path, model)
    assert (facts.batching, facts.measured.max_batch) == ("rows", 5)


def test_large_items_are_not_piled_up(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, identity("float32", ["batch", 1 << 20]))
    assert facts.batching == "rows"
    assert 3 <= facts.measured.max_batch <= 8


def test_inspect_shows_the_figures(cli: Cli) -> None:
    document = json.loads(cli("inspect", IRIS, "--json").stdout)
    assert_sound(Measured(**document["measured"]))
    text = cli("inspect", IRIS).stdout
    assert "one run " in text
    assert "64 items in " in text
    values = yaml.safe_load(cli("inspect", IRIS, "--vars").stdout)
    assert_sound(Measured(**values["model"]["measured"]))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_record_of_every_example_has_figures(cli: Cli, tmp_path: Path, path: Path) -> None:
    done = cli(*NEW, "--vars", path)
    assert done.returncode == 0, done.stderr
    assert_sound(Measured(**variables_of(tmp_path / "mine")["model"]["measured"]))


def test_nothing_changes_where_the_model_did_not(cli: Cli, tmp_path: Path) -> None:
    assert cli(*NEW, "--model", IRIS).returncode == 0
    before = tree(tmp_path)
    for look in (["--dry-run"], ["--diff"]):
        done = cli(*NEW, "--model", IRIS, *look, "--exit-code")
        assert done.returncode == 0, done.stdout + done.stderr
    assert cli(*NEW, "--model", IRIS, "--force").returncode == 0
    assert tree(tmp_path) == before


def test_figures_measured_elsewhere_are_kept(cli: Cli, tmp_path: Path) -> None:
    assert cli(*NEW, "--model", IRIS).returncode == 0
    other = with_other_figures(tmp_path / "mine")
    done = cli(*NEW, "--model", IRIS, "--force", "--set", "title=Another")
    assert done.returncode == 0, done.stderr
    variables = variables_of(tmp_path / "mine")
    assert variables["title"] == "Another"
    assert variables["model"]["measured"] == other


@pytest.mark.parametrize(
    "change", ["another model", "another sample", "no figures", "figures of an older infergen"]
)
def test_another_model_or_sample_is_measured_anew(cli: Cli, tmp_path: Path, change: str) -> None:
    assert cli(*NEW, "--model", IRIS).returncode == 0
    service = tmp_path / "mine"
    other = with_other_figures(service)
    arguments: tuple[str | Path, ...] = ("--model", IRIS)
    if change == "another model":
        again = tmp_path / IRIS.name
        again.write_bytes(IRIS.read_bytes() + b"\x32\x01v")  # doc_string, "v"
        arguments = ("--model", again)
    elif change == "another sample":
        arguments += ("--set", "data_sample=[[6.3, 3.3, 6.0, 2.5]]")
    else:
        record = service / ".infergen" / "record.json"
        text = record.read_text()
        spelled = json.dumps(other, sort_keys=True)
        replacement = "null" if change == "no figures" else '{"milliseconds": 12345.0}'
        record.write_text(text.replace(spelled, replacement))
    done = cli(*NEW, *arguments, "--force")
    assert done.returncode == 0, done.stderr
    measured = variables_of(service)["model"]["measured"]
    assert measured["milliseconds"] != 12345.0
    assert_sound(Measured(**measured))


def test_a_variables_file_that_states_figures_wins(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "mine").returncode == 0
    with_other_figures(tmp_path / "mine")
    assert cli("new", "--name", "mine", "--force").returncode == 0
    stated = yaml.safe_load((ROOT / "vars" / "sample.yaml").read_text())["model"]["measured"]
    assert variables_of(tmp_path / "mine")["model"]["measured"] == stated


@pytest.mark.parametrize("missing", ["measured", "max_batch"])
def test_a_variables_file_without_figures_is_to_be_renewed(
    cli: Cli, tmp_path: Path, missing: str
) -> None:
    values = yaml.safe_load(cli("inspect", IRIS, "--labels", MODELS / "iris.json", "--vars").stdout)
    model = values["model"]
    del (model if missing == "measured" else model["measured"])[missing]
    (tmp_path / "v.yaml").write_text(yaml.safe_dump(values))
    done = cli(*NEW, "--vars", "v.yaml", "--model", IRIS, "--labels", MODELS / "iris.json")
    assert done.returncode == 1
    assert f"{missing} is missing" in done.stderr
    assert "infergen inspect MODEL --vars" in done.stderr
    assert not (tmp_path / "mine").exists()
