"""What is called surely valid is valid to jsonschema_rs, by infergen's schema and by any other."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import schema as schemas
from builder.generate import Request, generate
from builder.schema_check import surely_valid
from builder.template_set import default_root
from tests.conftest import ROOT

SCHEMA = dict(schemas.read_schema(ROOT / "vars" / "schema.json").root)

_RUN = """
import sys
from builder.cli import main
try:
    main()
except SystemExit as end:
    sys.exit("asked the judge" if "jsonschema_rs" in sys.modules else end.code)
"""

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.sampled_from([1.0, 0.0, -0.0, 2**53, 2**53 + 1, 2**64, 1e300]),
    st.sampled_from(["", "a", "ab", "a\n", "1", "é", "a-b", "a.b", "\u0661", "\ud800", "a" * 300]),
    st.text(max_size=5),
)
values = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "c", "é"]) | st.text(max_size=2), parts),
    ),
    max_leaves=8,
)

_TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]
_NAMES = st.sampled_from(["a", "b", "c"])
_BOUND = st.integers(-2, 4) | st.sampled_from([0.5, 1.0, 2**53 + 1, "1", True, None])
_PATTERNS = st.sampled_from(
    ["^a", "a$", "^a?$", "^[a-z]+$", "^[^a-z]$", "b|c$", "^(a|b)*$", "^([a-z]+.)+$", r"^a\.b$"]
    + [r"\d", r"^\w+$", "^.$", "(?i)A", "[", "a{2}", "^a{1,300}$", "a{3,1}", "[[:alpha:]]", ")"]
    + ["^[0-9]", "a++", "*", "^*", "(?:a)", "[a--b]", r"\Z", "^[a-z-]+$", "a{,2}", "[z-a]", ""]
    + [r"^[^\u0000-\u001f\u007f\u2028]*$", r"^[\u00e0-\u00ff]+$", r"[\ud800]", r"[\u00ff-\u0000]"]
    + [r"[^\u0061]", r"^[\u0660-\u0669]$"]
)


def _schemas(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly valid ones, of few keywords, so that values often are valid by them."""
    named = st.dictionaries(_NAMES, parts, max_size=3)
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "type": st.sampled_from(_TYPES) | st.lists(st.sampled_from(_TYPES), max_size=3),
        "enum": st.lists(values, max_size=3),
        "const": values,
        "pattern": _PATTERNS,
        "items": parts,
        "prefixItems": st.lists(parts, min_size=1, max_size=2),
        "properties": named,
        "additionalProperties": parts,
        "required": st.lists(_NAMES, max_size=2),
        "anyOf": st.lists(parts, max_size=2),
        "not": parts,
        "$ref": st.sampled_from(["#/$defs/a", "#/$defs/b", "#/$defs/a/b", "#", "other"]),
        "$defs": named,
        "description": st.just("x") | st.just(3),
        "readOnly": st.booleans() | st.just("no"),
        "default": values,
        "x-own": values,
    }
    keywords |= dict.fromkeys(("minimum", "maximum", "exclusiveMinimum"), _BOUND)
    keywords |= dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _BOUND)
    keywords |= dict.fromkeys(("minProperties", "exclusiveMaximum"), _BOUND)
    return st.lists(st.sampled_from(sorted(keywords)), max_size=3, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: keywords[name] for name in chosen})
    )


random_schemas = st.recursive(st.booleans(), _schemas, max_leaves=6).flatmap(
    lambda part: st.fixed_dictionaries(
        {"properties": st.fixed_dictionaries({"a": st.just(part)})},
        optional={"$defs": st.dictionaries(_NAMES, st.just(part) | _schemas(st.booleans()))},
    )
)


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    return dict(generate(Request("sample", default_root())).variables)


@given(schema=random_schemas, value=values)
def test_by_any_schema(schema: dict[str, Any], value: Any) -> None:
    value = {"a": value}
    if surely_valid(schema, value):
        jsonschema_rs.validator_for(schema).validate(value)


@given(pattern=_PATTERNS, text=st.text("ab1Z.-\n\u0661é\u2028\U0001f600 ", max_size=4))
def test_by_any_pattern(pattern: str, text: str) -> None:
    if surely_valid({"pattern": pattern}, text):
        jsonschema_rs.validator_for({"pattern": pattern}).validate(text)


@given(data=st.data())
def test_by_infergens_own(usual: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(usual)
    for _ in range(data.draw(st.integers(0, 2))):
        _change(changed, data)
    if surely_valid(SCHEMA, changed):
        jsonschema_rs.validator_for(SCHEMA).validate(changed)


def _change(owner: Any, data: st.DataObject) -> None:
    """Replaces, adds or removes one value at any depth."""
    while True:
        keys: list[Any] = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
        if isinstance(owner, dict):
            keys.append("unknown")
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        below = owner[key] if key != "unknown" else None
        if not isinstance(below, dict | list) or data.draw(st.booleans()):
            break
        owner = below
    if below is not None and data.draw(st.booleans()):
        del owner[key]
    else:
        owner[key] = data.draw(values)


def test_what_is_usual_needs_no_judge(usual: dict[str, Any], tmp_path: Path) -> None:
    assert surely_valid(SCHEMA, usual)
    command = [sys.executable, "-c", _RUN, "new", "--name", "sample", "--set", "port=8080"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 0),
        ("port", True),
        ("port", "80"),
        ("name", "Sample"),
        ("name", "sample\n"),
        ("unknown", 1),
        ("log_level", "loud"),
        ("image", {"mean": [0.5, "x"]}),
        ("image", {"scale": 0}),
        ("data_type", {}),
        ("model", {}),
        ("registry", "Registry"),
    ],
)
def test_mistakes_are_for_the_judge(usual: dict[str, Any], name: str, value: Any) -> None:
    assert not surely_valid(SCHEMA, {**usual, name: value})


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a*)*b$", "a*a*a*a*a*a*b"])
def test_no_pattern_keeps_it_busy(pattern: str) -> None:
    assert not surely_valid({"pattern": pattern}, "a" * 200 + "!")


def test_a_schema_that_refers_to_itself() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}
    assert not surely_valid(schema, [[]])
