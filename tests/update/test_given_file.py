"""`.infergen/vars.yaml`: what the user gave, and nothing that is not theirs to give."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import yamlfile
from builder.errors import VariablesError
from builder.given_file import format_given, given_file
from builder.schema import Schema

texts = st.text(st.characters(exclude_categories=["Cs"]))
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, min_size=1))
def test_it_is_read_as_it_was_written(variables: dict[str, Any]) -> None:
    read = yamlfile.parse(format_given(variables).decode(), "vars.yaml").value
    assert json.dumps(read) == json.dumps(variables)


def test_half_a_surrogate_pair_is_told_by_name() -> None:
    with pytest.raises(VariablesError, match="title: half a surrogate pair is no text"):
        format_given({"title": "a\ud800"})


SCHEMA = Schema(
    "schema.json",
    {
        "properties": {
            "name": {"type": "string"},
            "model_file_name": {"type": "string"},
            "label_file_name": {"type": "string"},
            "prediction_sample": {},
            "model": {"readOnly": True},
            "token": {"writeOnly": True},
            "inner": {
                "type": "object",
                "properties": {"secret": {"writeOnly": True}, "found": {"readOnly": True}, "a": {}},
            },
        }
    },
)


def written(given: dict[str, Any], variables: dict[str, Any]) -> Any:
    content = given_file(SCHEMA, given, variables).content
    assert isinstance(content, bytes)
    return yamlfile.parse(content.decode(), "vars.yaml").value


def test_secrets_and_what_the_model_says_are_left_out() -> None:
    given = {"token": "t", "model": {"sha256": "s"}, "name": "svc", "inner": {"secret": 1, "a": 2}}
    assert written(given, given) == {"name": "svc", "inner": {"a": 2}}
    assert written({"inner": {"secret": 1, "found": 2}, "name": "a"}, {}) == {"name": "a"}


def test_files_are_named_as_the_service_has_them() -> None:
    variables = {"model_file_name": "m.onnx", "label_file_name": "l.json", "prediction_sample": 2}
    given = {"label_file_name": "../l.txt", "prediction_sample": 1}
    assert written(given, variables) == variables
    assert written({}, {**variables, "label_file_name": None}) == {"model_file_name": "m.onnx"}


def test_it_does_not_matter_in_which_order_they_were_given() -> None:
    one, other = {"inner": {"a": 1}, "name": "svc"}, {"name": "svc", "inner": {"a": 1}}
    assert given_file(SCHEMA, one, one) == given_file(SCHEMA, other, other)
