"""Which locales a model needs, as its StringNormalizer nodes say."""

from __future__ import annotations

from typing import Any

import onnx
import pytest

from builder.model.graph import locales
from tests.model.models import build, node, value


def normalizing(**attributes: Any) -> onnx.ModelProto:
    return build(
        [node("StringNormalizer", ["x"], ["y"], **attributes)],
        [value("x", "string", ["n"])],
        [value("y", "string", ["n"])],
    )


@pytest.mark.parametrize(
    ("attributes", "needed"),
    [
        ({}, ()),
        ({"case_change_action": "NONE"}, ()),
        ({"case_change_action": "LOWER"}, ("en_US.UTF-8",)),
        ({"case_change_action": "UPPER", "locale": "de_DE.UTF-8"}, ("de_DE.UTF-8",)),
        ({"case_change_action": "LOWER", "locale": "C"}, ()),
        ({"stopwords": ["a"]}, ("en_US.UTF-8",)),
        ({"stopwords": ["a"], "is_case_sensitive": 1}, ()),
    ],
)
def test_locales(attributes: dict[str, Any], needed: tuple[str, ...]) -> None:
    assert locales(normalizing(**attributes)) == needed
