"""Whether this package's code can run a release: the code knows one set of inputs and outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..about import COMMAND
from ..ml.signature import INPUTS, OUTPUTS
from .release import Release


def signature() -> dict[str, Any]:
    """What the models of this package take and answer."""
    said = {
        "inputs": [asdict(spec) for spec in INPUTS],
        "outputs": [asdict(spec) for spec in OUTPUTS],
    }
    return dict(json.loads(json.dumps(said)))


def misfit(release: Release) -> str | None:
    """Why this package cannot run the release, or None if it can."""
    if release.name != COMMAND:
        return f"{release} is for {release.name}, and this is {COMMAND}"
    expected = signature()
    for which in ("inputs", "outputs"):
        if release.signature.get(which) != expected[which]:
            return (
                f"{release} has other {which} than this package's code expects:"
                f" {_tell(release.signature, which)}, not {_tell(expected, which)}; install a"
                " version of this package that was made for it"
            )
    return None


def _tell(said: Mapping[str, Any], which: str) -> str:
    try:
        tensors = [f"{one['name']} {one['dtype']} {_shape(one['shape'])}" for one in said[which]]
    except (KeyError, TypeError):
        return str(said.get(which))[:200]
    return ", ".join(tensors)


def _shape(shape: list[Any] | None) -> str:
    if shape is None:
        return "of any shape"
    return (
        "(" + ",".join("?" if isinstance(size, str | None) else str(size) for size in shape) + ")"
    )
