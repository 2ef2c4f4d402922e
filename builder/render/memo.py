"""What templates rendered to before, for services that agree in the variables that they read.

A template in the sandbox is a function of the variables that it looks up: there is no clock, no
chance and no file but other templates of the set. So if all that it looked up last time is the same
now, it would look up the same, and print the same. Of a fleet's services most templates read only
what many have in common.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from jinja2 import Environment
from jinja2.runtime import Context

Result = TypeVar("Result")

_MOST_KEPT = 8
"""Results of one template: enough for kinds of services that take turns, and no more memory."""


class Fingerprints(dict[str, "str | None"]):
    """The variables of one service as texts that are equal only if a template could not tell the
    variables apart; None for a name that is no variable.

    JSON tells 1, 1.0 and true apart, which Python's equality does not, and keeps a mapping's order.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__()
        self._variables = variables

    def __missing__(self, name: str) -> str | None:
        found = json.dumps(self._variables[name]) if name in self._variables else None
        self[name] = found
        return found


class Memo(Generic[Result]):
    """Results by template. Notes what the templates of an environment look up from now on."""

    def __init__(self, environment: Environment) -> None:
        self._read: set[str] = set()
        self._known: dict[str, OrderedDict[tuple[tuple[str, str | None], ...], Result]] = {}
        environment.context_class = _noting(self._read)

    def begin(self) -> None:
        """A template is about to be rendered."""
        self._read.clear()

    def keep(self, template: str, service: Fingerprints, result: Result) -> None:
        """What the template that was just rendered became."""
        results = self._known.setdefault(template, OrderedDict())
        results[tuple((name, service[name]) for name in sorted(self._read))] = result
        if len(results) > _MOST_KEPT:
            results.popitem(last=False)

    def recall(self, template: str, service: Fingerprints) -> tuple[Result] | None:
        """What a template would become, as a tuple of one; None if it is to be rendered."""
        results = self._known.get(template)
        for read, result in reversed(results.items()) if results else ():
            if all(service[name] == value for name, value in read):
                return (result,)
        return None


def _noting(read: set[str]) -> type[Context]:
    class NotingContext(Context):
        """Every look-up passes here, those of included and imported templates as well."""

        def resolve_or_missing(self, key: str) -> Any:
            read.add(key)
            return super().resolve_or_missing(key)

    return NotingContext
