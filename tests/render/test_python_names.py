"""Whatever a service is called, Python's packaging takes the names that are made of it."""

from __future__ import annotations

import keyword
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from builder.render.python_names import python_package, python_version


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True))
def test_a_package_can_be_imported(name: str) -> None:
    package = python_package(name)
    assert package.isidentifier()
    assert not keyword.iskeyword(package)
    assert package not in sys.stdlib_module_names


@pytest.mark.parametrize(
    ("name", "package"),
    [("iris-svc", "iris_svc"), ("json", "json_model"), ("class", "class_model"), ("a__b-", "a_b")],
)
def test_a_package_is_called_after_the_service(name: str, package: str) -> None:
    assert python_package(name) == package


@given(st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}", fullmatch=True))
def test_a_version_is_one_of_pep_440(version: str) -> None:
    Version(python_version(version))


@pytest.mark.parametrize(
    ("version", "made"), [("0.1.0", "0.1.0"), ("1.2rc1", "1.2rc1"), ("2024-05_x", "0+2024.05.x")]
)
def test_a_version_stays_if_it_can(version: str, made: str) -> None:
    assert python_version(version) == made
