"""Templates that were compiled beforehand give what Jinja2 gives without them, only sooner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2
import pytest

from builder.errors import RenderError
from builder.generate import Request, generate
from builder.output import OutputFile
from builder.render.compiled import compile_templates
from builder.render.renderer import Renderer
from builder.render.sandbox import layered_environment
from builder.template_set import default_root, open_template_set

TEMPLATES = {
    "web/a.j2": "A: {{ a | yaml }}\n{% include 'web/_b.j2' %}",
    "web/_b.j2": "\nB: {{ b | yaml }}\n",
}
VARIABLES = {"a": "x y", "b": 2}
DESTINATION = "a.yaml"
OTHER = "name = 'x'\ndef root(context):\n    yield 'other'\nblocks = {}\ndebug_info = ''\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    write(tmp_path / "template_files", TEMPLATES)
    return tmp_path / "template_files"


@pytest.fixture
def compiled(templates: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "compiled"
    write(folder, compile_templates(layered_environment(templates)))
    return folder


def render(templates: Path, compiled: Path) -> str:
    renderer = Renderer(layered_environment(templates, compiled=compiled))
    return renderer.render("web/a.j2", VARIABLES, destination=DESTINATION).decode()


def error(templates: Path, compiled: Path) -> str:
    with pytest.raises(RenderError) as caught:
        render(templates, compiled)
    return str(caught.value)


@pytest.mark.parametrize("variant", open_template_set(default_root()).variants)
def test_the_default_set_renders_to_the_same_bytes(tmp_path: Path, variant: str) -> None:
    template_set = open_template_set(default_root())
    generated = generate(Request("sample", default_root(), variant=variant))
    outputs = {it.path: it for it in generated.outputs if isinstance(it, OutputFile)}
    layers = template_set.layers(variant)
    folder = tmp_path / "compiled"
    made = compile_templates(layered_environment(*template_set.template_folders))
    write(folder, made)
    assert len(made) >= len(template_set.entries)
    with_them, without = (
        Renderer(layered_environment(*template_set.template_folders, compiled=it))
        for it in (folder, tmp_path / "none")
    )
    for entry in template_set.entries:
        if entry.template.partition("/")[0] not in layers:
            continue
        arguments = entry.template, {**generated.variables, "layers": layers}
        rendered = with_them.render(*arguments, destination=entry.destination)
        assert rendered == without.render(*arguments, destination=entry.destination)
        if entry.destination in outputs:
            assert rendered == outputs[entry.destination].content


def test_they_are_used(templates: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = render(templates, compiled)
    monkeypatch.delattr(jinja2.Environment, "compile")
    assert render(templates, compiled) == expected


def test_they_say_nothing_of_where_they_were_made(templates: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", TEMPLATES)
    made = compile_templates(layered_environment(templates))
    assert made == compile_templates(layered_environment(tmp_path / "elsewhere"))
    assert not any(str(tmp_path) in text for text in made.values())


def test_a_template_that_was_changed_is_compiled_anew(templates: Path, compiled: Path) -> None:
    before = render(templates, compiled)
    write(templates, {"web/_b.j2": "C: {{ b | yaml }}\n"})
    assert before.endswith("B: 2\n")
    assert render(templates, compiled).endswith("C: 2\n")


def test_another_jinja_compiles_anew(
    templates: Path, compiled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(compiled, dict.fromkeys((path.name for path in compiled.iterdir()), OTHER))
    assert render(templates, compiled) == "other"
    monkeypatch.setattr(jinja2, "__version__", "3.0.0")
    assert render(templates, compiled) == "A: x y\n\nB: 2\n"


@pytest.mark.parametrize(
    "damage",
    [
        lambda code: code[:0],
        lambda code: code[: len(code) // 2],
        lambda code: code[: code.rindex(b"debug_info")],
        lambda code: code.replace(b"debug_info", b"other"),
        lambda code: b"\x00\xff" + code,
        lambda code: code.decode().encode("utf-16"),
    ],
)
def test_what_is_damaged_is_left_alone(
    templates: Path, compiled: Path, damage: Callable[[bytes], bytes]
) -> None:
    for path in compiled.iterdir():
        path.write_bytes(damage(path.read_bytes()))
    assert render(templates, compiled) == "A: x y\n\nB: 2\n"


def test_what_is_no_file_is_left_alone(templates: Path, compiled: Path) -> None:
    for path in compiled.iterdir():
        path.unlink()
        path.mkdir()
    assert render(templates, compiled) == "A: x y\n\nB: 2\n"


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"web/a.j2": "\n\n{% if a %}\n{{ zzz | yaml }}{% endif %}"}, "web/a.j2:4: `zzz` is not"),
        ({"web/a.j2": "\n{{ a }}"}, "web/a.j2:2: str"),
        ({"web/_b.j2": "\n\n\n{{ (1 / 0) | yaml }}"}, "web/_b.j2:4: division by zero"),
    ],
)
def test_messages_name_the_line(
    templates: Path, tmp_path: Path, wrong: dict[str, str], place: str
) -> None:
    write(templates, wrong)
    compiled = tmp_path / "compiled"
    write(compiled, compile_templates(layered_environment(templates)))
    said = error(templates, compiled)
    assert place in said
    assert said == error(templates, tmp_path / "none")
