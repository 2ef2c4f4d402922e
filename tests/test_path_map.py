"""Whatever a path map says: it is refused with its place, or stays inside the service."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from builder.errors import InfergenError
from builder.plan import plan_set
from builder.template_set import open_template_set
from tests.sets import make_plain_set, write_map

pieces = st.sampled_from(
    [
        "{}",
        "{}/",
        "/",
        "..",
        ".",
        "a",
        "B",
        "{0}",
        "{",
        "}",
        "{{}}",
        "\\",
        "C:",
        "~",
        "$HOME",
        " ",
        "\n",
    ]
    + [
        "é",
        "e\u0301",
        "CON",
        "nul.txt",
        ".infergen",
        "-",
        "\0",
        "\u202e",
        "x" * 300,
        "%s",
        "hello.txt",
    ]
)
destinations = st.one_of(st.text(max_size=30), st.lists(pieces, max_size=6).map("".join))


@settings(max_examples=300, deadline=None)
@given(destination=destinations)
@example(destination="{}/../x")
@example(destination="{}/a/../../x")
@example(destination="{}/notes.txt")
def test_any_destination(destination: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_plain_set(Path(folder))
        write_map(root, {"hello.txt.j2": destination})
        try:
            template_set = open_template_set(root)
            plan = plan_set(template_set, ()).plan
        except InfergenError as error:
            assert "correspond_file_path.yaml" in str(error) or "hello.txt.j2" in str(error)
            return
    service = Path("/output/service")
    for rendering in plan.renderings:
        assert destination == "{}/" + rendering.path
        assert (service / rendering.path).resolve().is_relative_to(service)
        assert ".." not in rendering.path.split("/")


@settings(max_examples=100, deadline=None)
@given(template=st.one_of(st.text(max_size=30), st.lists(pieces, max_size=5).map("".join)))
@example(template="../vars.yaml")
@example(template="/etc/hostname")
def test_any_template(template: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_plain_set(Path(folder))
        write_map(root, {"hello.txt.j2": "{}/hello.txt", template: "{}/other.txt"})
        try:
            template_set = open_template_set(root)
        except InfergenError as error:
            assert "correspond_file_path.yaml" in str(error)
        else:
            inside = (root / "template_files").resolve()
            for entry in template_set.entries:
                assert (inside / entry.template).resolve().is_relative_to(inside)
