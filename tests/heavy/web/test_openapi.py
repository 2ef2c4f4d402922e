"""The OpenAPI document of the further examples holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.web.test_openapi import BEYOND_JSON_SCHEMA, assert_nothing_is_found


@pytest.mark.parametrize("variables", [each for each in BEYOND_JSON_SCHEMA if each != "sample"])
def test_schemathesis_finds_nothing(cli: Cli, tmp_path: Path, variables: str) -> None:
    assert_nothing_is_found(cli, tmp_path, variables, "web-single")
