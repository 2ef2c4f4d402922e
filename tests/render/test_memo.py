"""What is remembered of templates is what they would render to, whatever the services before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.generate import Request, generate
from builder.opened_set import OpenedSet, open_set
from builder.plan import Rendering
from builder.template_set import default_root
from tests.sets import make_layered_set, write, write_map

TEMPLATES = {
    "typed": "{{ value | json }} {{ (other is defined) | json }}",
    "branches": (
        "{% if value %}{{ other | default(1) | json }}{% else %}{{ third | json }}{% endif %}"
    ),
    "importing": '{% import "base/_macros.j2" as m with context %}{{ m.show() }} {{ m.top }}',
    "setting": (
        '{% set other = 7 %}{% import "base/_macros.j2" as m with context %}{{ m.show() }}'
    ),
    "twice": (
        '{% import "base/_macros.j2" as m with context %}'
        '{% import "base/_more.j2" as n with context %}{{ n.more }}'
    ),
    "counting": ('{% import "base/_count.j2" as c with context %}{{ c.next() }}{{ c.next() }}'),
    "counting_too": '{% import "base/_count.j2" as c with context %}{{ c.next() }}',
    "including": '{% include "base/_part.j2" %}',
}
PARTIALS = {
    "macros": (
        "{% set top = third | json %}"
        "{% macro show() %}{{ other | default(0) | json }}{{ value | json }}{% endmacro %}"
    ),
    "more": "{% set more %}{{ m.top }} {{ value | json }}{% endset %}",
    "count": (
        "{% set state = namespace(n=0) %}"
        "{% macro next() %}{% set state.n = state.n + 1 %}{{ state.n }}{% endmacro %}"
    ),
    "part": "{{ third | json }}",
}

_SCALARS = st.sampled_from([0, 1, 1.0, True, False, "1", "", None])
_VARIABLES = st.fixed_dictionaries(
    {"value": _SCALARS | st.lists(_SCALARS, max_size=2), "third": _SCALARS},
    optional={"other": _SCALARS},
)


def _open(folder: Path) -> OpenedSet:
    make_layered_set(folder)
    for name, text in TEMPLATES.items():
        write(folder / "template_files" / "base" / f"{name}.txt.j2", text)
    for name, text in PARTIALS.items():
        write(folder / "template_files" / "base" / f"_{name}.j2", text)
    for path in (folder / "template_files").rglob("*.py.j2"):
        path.unlink()
    for path in (folder / "template_files").rglob("*.yml.j2"):
        path.unlink()
    write_map(folder, {f"base/{name}.txt.j2": f"{{}}/{name}.txt" for name in TEMPLATES})
    return open_set(folder)


@given(services=st.lists(_VARIABLES, min_size=1, max_size=12))
def test_any_services_one_after_the_other(
    tmp_path_factory: Any, services: list[dict[str, Any]]
) -> None:
    opened = _open(tmp_path_factory.mktemp("set"))
    fresh, many = (OpenedSet(opened.template_set, None) for _ in range(2))
    many.prepare_for_many()
    renderings = [
        Rendering(path=f"{name}.txt", template=f"base/{name}.txt.j2", mode=0o644)
        for name in TEMPLATES
    ]
    for variables in services:
        assert many.render(renderings, variables) == fresh.render(renderings, variables)


_SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["Iris", "sample", "8000", "A: b"]),
        "port": st.sampled_from([8000, 9000]),
        "auth": st.sampled_from(["none", "api_key", "jwt"]),
        "tracing": st.sampled_from(["true", "false"]),
        "playground": st.sampled_from(["true", "false"]),
        "replicas": st.sampled_from([1, 3]),
        "namespace": st.sampled_from(["", "models"]),
        "version": st.sampled_from(["1.0", "2"]),
    },
)

DEFAULT = open_set(default_root())
MANY = open_set(default_root())
MANY.prepare_for_many()


@settings(max_examples=12)
@given(name=st.sampled_from(["a", "sample", "iris_svc"]), chosen=_SETTINGS)
def test_services_of_the_default_set(name: str, chosen: dict[str, Any]) -> None:
    """One set makes them all; each is as if it had been the first."""
    assignments = tuple(f"{key}={value}" for key, value in chosen.items())
    request = Request(name, default_root(), assignments=assignments)
    assert generate(request, MANY).outputs == generate(request, DEFAULT).outputs
