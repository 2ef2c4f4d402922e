"""The default set: nothing is found in it, and whatever is broken in a copy is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder.template_set import default_root
from tests.lint.linting import Lint, sub
from tests.sets import write


def copy_of_the_default_set(root: Path) -> Path:
    """With one variables file, which states what its model says, so that no model is run."""
    shutil.copytree(default_root() / "template", root / "template")
    shutil.copytree(default_root() / "template_files", root / "template_files")
    for name in ("correspond_file_path.yaml", "infergen.yaml"):
        shutil.copy(default_root() / name, root / name)
    names = ("schema.json", "sample.yaml", "data/iris.csv", "models/iris_svc.onnx")
    for name in (*names, "models/iris.json"):
        (root / "vars" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(default_root() / "vars" / name, root / "vars" / name)
    return root


def test_nothing_is_found_in_the_default_set(lint: Lint) -> None:
    linted = lint(default_root(), "--strict")
    assert linted.document["findings"] == []
    assert linted.document["unchecked"] == []
    assert linted.document["services"] >= 6


Change = tuple[str, str, str, str]
"""A file, what is replaced in it, by what, and the code of the finding on that line."""

CHANGES: tuple[Change, ...] = (
    ("web/Dockerfile.j2", "{{ title | dockerfile }}", "{{ titel | dockerfile }}", "undefined"),
    ("web/Dockerfile.j2", "{{ version | dockerfile }}", "{{ version | yaml }}", "wrong-quoting"),
    ("web/routers.py.j2", "kind.labelled", "kind.labeled", "undefined"),
    ("web/configurations.py.j2", "model.sha256 | python", "model.sha265 | python", "undefined"),
    ("web/auth.py.j2", "web/_auth_jwt.j2", "web/_auth_jwd.j2", "missing-template"),
    ("web/makefile.j2", "{{ objective.latency | make }}", "{{ objective.latency }}", "unquoted"),
    ("web/manifests/base/service.yaml.j2", "name: {{ names.app | yaml }}", "name: {{ names.app }}",
     "unquoted"),
    ("common/_tensor_spec.j2", "dtype={{ tensor.dtype | python }}", "dtype={{ tensor.dtype }}",
     "unquoted"),
    ("common/metadata.json.j2", "{{ data_sample |", "{{ data_sampel |", "undefined"),
    ("web/pages.py.j2", "def ", "def (", "output"),
    ("web/cors.py.j2", "{% if", "{% iff", "syntax"),
    ("web/jwks.py.j2", "{% endif", "{% endfor", "syntax"),
    ("web/manifests/base/hpa.yaml.j2", "maxReplicas:", "mostReplicas:", "kubernetes"),
    ("web/docker-compose.yml.j2", "ports:", "prots:", "yaml"),
    ("web/tests/test_predict.py.j2", "__future__ import", "__future__  import", "format"),
)  # fmt: skip


@pytest.mark.parametrize("together", [CHANGES[0::2], CHANGES[1::2]], ids=["even", "odd"])
def test_every_change_for_the_worse_is_found(
    lint: Lint, tmp_path: Path, together: tuple[Change, ...]
) -> None:
    """Several at once: none hides another."""
    root = copy_of_the_default_set(tmp_path / "set")
    expected = set()
    for file, old, new, code in together:
        path = f"template_files/{file}"
        text = (root / path).read_text()
        assert old in text, (path, old)
        write(root / path, text.replace(old, new, 1))
        line = (root / path).read_text().split(new)[0].count("\n") + 1
        expected.add((path, line, code))
    found = lint(root).places
    # A syntax error is found where Jinja2 sees it: at the end of what was opened.
    missed = {
        place for place in expected - found
        if not any(place[0] == p and place[2] == c == "syntax" for p, _, c in found)
    }  # fmt: skip
    assert missed == set(), found


def test_a_float_that_may_be_chosen_is_found_though_no_sample_has_it(
    lint: Lint, tmp_path: Path
) -> None:
    """Rendering alone finds nothing: the latency of the sample is a whole number."""
    root = copy_of_the_default_set(tmp_path / "set")
    path = "template_files/web/makefile.j2"
    sub(root, path, "objective.latency | make", "objective.latency")
    assert {place[2] for place in lint(root).places} == {"unquoted"}
