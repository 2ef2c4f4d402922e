"""Defaults beneath a variables file: laid over each other by the schema, with their places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from builder import schema as schemas
from builder.defaults import lay_over
from builder.schema import Schema, read_schema
from builder.yamlfile import KeyPath, parse
from tests.conftest import ROOT

SCHEMA = read_schema(ROOT / "vars" / "schema.json")

_LIMITS = st.dictionaries(st.sampled_from(["cpu", "memory"]), st.sampled_from(["1", "2", None]))
_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b"]),
        "port": st.integers(1, 3),
        "resources": st.dictionaries(st.sampled_from(["limits", "requests"]), _LIMITS) | st.none(),
        "data_sample": st.dictionaries(st.sampled_from("xy"), st.lists(st.integers(0, 2))),
        "image": st.fixed_dictionaries({}, optional={"mean": st.lists(st.just(0.5), max_size=2)}),
        "unknown": st.dictionaries(st.sampled_from("pq"), st.booleans()),
    },
)


@given(st.lists(_VALUES, min_size=1, max_size=4), st.sampled_from([SCHEMA, None]))
def test_values_and_their_places(
    tmp_path_factory: Any, layers: list[dict[str, Any]], schema: Schema | None
) -> None:
    folder: Path = tmp_path_factory.mktemp("defaults")
    files = []
    for number, layer in enumerate(layers):
        file = folder / f"{number}.yaml"
        file.write_text(yaml.safe_dump(layer, default_flow_style=False))
        files.append(file)
    laid = lay_over(schema, files[:-1], parse(files[-1].read_text(), str(files[-1])))
    expected: dict[str, Any] = {}
    for layer in layers:
        merged = schemas.overlay(schema, expected, layer) if schema else {**expected, **layer}
        expected = merged
    assert laid.value == expected
    for path in _paths(expected):
        source, _, line = laid.where(path).rpartition(":")
        assert _value(layers[int(Path(source).stem)], path) == _value(expected, path) or isinstance(
            _value(expected, path), dict
        )
        written = Path(source).read_text().splitlines()[int(line) - 1]
        name = next(key for key in reversed(path) if isinstance(key, str))
        assert name in written or isinstance(path[-1], int)


def _paths(value: Any, path: KeyPath = ()) -> list[KeyPath]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    here = [path] if path else []
    return here + [found for key, item in items for found in _paths(item, (*path, key))]


def _value(value: Any, path: KeyPath) -> Any:
    for key in path:
        value = value[key]
    return value
