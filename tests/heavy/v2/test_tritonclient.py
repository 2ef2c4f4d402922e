"""The inference protocol of services of further kinds, asked by Triton's client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kinds import KINDS
from tests.v2.served import serving
from tests.v2.test_tritonclient import LATER, check_inference


@pytest.mark.parametrize("kind", LATER)
def test_tritonclient_gets_what_onnx_runtime_answers(tmp_path: Path, kind: str) -> None:
    with serving(tmp_path, KINDS[kind]) as served:
        check_inference(served, kind)
