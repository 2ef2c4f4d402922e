"""A service that stands, as those see it who join it with others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import VariablesError


@dataclass(frozen=True, slots=True)
class Service:
    """``app`` is what its image and objects are called; ``rank`` says who chose its port: 0 its
    own variables file, 1 what it shares with others, 2 nobody."""

    name: str
    folder: Path
    app: str
    namespace: str
    rank: int


def refuse_same(services: Sequence[Service], *, by_namespace: bool) -> None:
    """Raise VariablesError if two services would be one: `iris_svc` and `iris-svc`, say."""
    seen: dict[tuple[str, str], Service] = {}
    for service in services:
        key = (service.app, service.namespace if by_namespace else "")
        other = seen.setdefault(key, service)
        if other is not service:
            raise VariablesError(
                [
                    f"{other.folder} and {service.folder} are both called {service.app} once they"
                    " stand side by side; rename one"
                ]
            )
