"""Running services that the tests of the protocol share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kinds import KINDS, Kind
from tests.v2.served import Served, numbers_and_texts, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("mixed"), Kind(numbers_and_texts)) as served:
        yield served


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A model of one input, x: FP32 of shape [-1, 4]."""
    with serving(tmp_path_factory.mktemp("single"), KINDS["rows"]) as served:
        yield served
