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

from jinja2 import BaseLoader, Environment, Template
from jinja2.environment import TemplateModule
from jinja2.runtime import Context
from jinja2.utils import missing

Result = TypeVar("Result")
_Results = OrderedDict[tuple["str | None", ...], Result]

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
        self._modules = _Modules(self._read)
        self._known: dict[str, dict[tuple[str, ...], _Results[Result]]] = {}
        environment.context_class = _noting(self._read)
        environment.template_class = _importing_from(self._modules)

    def begin_service(self) -> None:
        """What is rendered from now on has other variables."""
        self._modules.forget()

    def begin(self) -> None:
        """A template is about to be rendered."""
        self._read.clear()

    def keep(self, template: str, service: Fingerprints, result: Result) -> None:
        """What the template that was just rendered became."""
        names = tuple(sorted(self._read))
        results = self._known.setdefault(template, {}).setdefault(names, OrderedDict())
        results[tuple(service[name] for name in names)] = result
        if len(results) > _MOST_KEPT:
            results.popitem(last=False)

    def recall(self, template: str, service: Fingerprints) -> tuple[Result] | None:
        """What a template would become, as a tuple of one; None if it is to be rendered."""
        for names, results in self._known.get(template, {}).items():
            values = tuple(service[name] for name in names)
            if values in results:
                return (results[values],)
        return None


class _Modules:
    """What templates of one service import `with context`, which is mostly the same for all of
    them: one module is made for importers whose contexts are the same, object by object."""

    def __init__(self, read: set[str]) -> None:
        self._read = read
        self._made: dict[str, list[tuple[dict[str, Any], set[str], TemplateModule]]] = {}
        self._may_change: dict[str, bool] = {}

    def forget(self) -> None:
        self._made.clear()

    def recall(self, template: str, context: Mapping[str, Any]) -> TemplateModule | None:
        for known, read, module in self._made.get(template, ()):
            if known.keys() == context.keys() and all(
                known[name] is value for name, value in context.items()
            ):
                self._read |= read
                return module
        return None

    def keep(self, template: Template, context: dict[str, Any], module: TemplateModule) -> None:
        """Keep a module that has just been made, unless its macros might change it.

        More may have been read than it needed: what was read before it, in the same template.
        """
        name = str(template.name)
        if name not in self._may_change:
            loader = template.environment.loader
            assert isinstance(loader, BaseLoader)
            source, _, _ = loader.get_source(template.environment, name)
            self._may_change[name] = "namespace" in source
        if not self._may_change[name]:
            self._made.setdefault(name, []).append((context, set(self._read), module))


def _importing_from(modules: _Modules) -> type[Template]:
    class ImportedTemplate(Template):
        def make_module(
            self,
            vars: dict[str, Any] | None = None,
            shared: bool = False,
            locals: Mapping[str, Any] | None = None,
        ) -> TemplateModule:
            own = {name: it for name, it in (locals or {}).items() if it is not missing}
            context = {**(vars or {}), **own}
            module = modules.recall(str(self.name), context)
            if module is None:
                module = super().make_module(vars, shared, locals)
                modules.keep(self, context, module)
            return module

    return ImportedTemplate


def _noting(read: set[str]) -> type[Context]:
    class NotingContext(Context):
        """Every look-up passes here, those of included and imported templates as well."""

        def resolve_or_missing(self, key: str) -> Any:
            read.add(key)
            return super().resolve_or_missing(key)

    return NotingContext
