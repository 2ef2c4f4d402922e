"""The names that a template has set, as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from builder.lint.values import UNKNOWN, Value, either


class Scope:
    """Names and what is known of them; what is set inside stays inside.

    ``variables`` says whether the context's variables can be reached, which they cannot from a
    template that is imported without context.
    """

    def __init__(self, outer: Scope | None = None, *, variables: bool = True) -> None:
        self._outer = outer
        self.names: dict[str, Value] = {}
        self.variables: bool = outer.variables if outer is not None else variables

    def find(self, name: str) -> Value | None:
        if name in self.names:
            return self.names[name]
        return None if self._outer is None else self._outer.find(name)

    def is_empty(self) -> bool:
        """Whether nothing at all was set so far."""
        return not self.names and (self._outer is None or self._outer.is_empty())

    @contextmanager
    def branch(self, taken: list[Mapping[str, Value]]) -> Iterator[None]:
        """What is set inside is put into ``taken`` and undone, for ``merge`` to decide."""
        before = dict(self.names)
        try:
            yield
        finally:
            taken.append(self.names)
            self.names = before

    def forget(self, assumed: Mapping[str, Value], before: Mapping[str, Value]) -> None:
        """What was assumed of names in a branch ends with it, unless they were set there."""
        for name, value in assumed.items():
            if self.names.get(name) is value:
                del self.names[name]
                if name in before:
                    self.names[name] = before[name]

    def merge(self, taken: Sequence[Mapping[str, Value]]) -> None:
        """After branches of which one is taken: each name is what one of them made it."""
        before = self.names
        merged = dict(before)
        for name in dict.fromkeys(name for names in taken for name in names):
            values = [names.get(name) or self.find(name) or UNKNOWN for names in taken]
            merged[name] = either(values)
        self.names = merged


def exported(scope: Scope) -> dict[str, Value]:
    """What whoever imports the template sees of it."""
    return {name: value for name, value in scope.names.items() if not name.startswith("_")}
