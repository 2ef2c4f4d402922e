"""The playground of models of further kinds: each is asked for its sample exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.test_services import new_service
from tests.web.conftest import Browsing
from tests.web.test_page_kinds import LATER, assert_sample_is_asked_for


@pytest.mark.parametrize("kind", LATER)
def test_the_sample_of_every_kind_is_asked_for_exactly(
    cli: Cli, tmp_path: Path, browsing: Browsing, kind: str
) -> None:
    assert_sample_is_asked_for(new_service(cli, tmp_path, kind), browsing, kind)
