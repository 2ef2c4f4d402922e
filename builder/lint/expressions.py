"""Follows the expressions of templates: what they may be, and which variables they use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment, nodes

from builder.lint import filters, values
from builder.lint.findings import Finding
from builder.lint.scope import Scope
from builder.lint.texts import Text
from builder.lint.values import AUTHORED, INTEGER, REFUSED, UNKNOWN, Mark, Print, Value, either
from builder.nearest import did_you_mean, nearest
from builder.render.quoting import QUOTING
from builder.schema import Schema

_LOOP = {
    **dict.fromkeys(
        ("index", "index0", "revindex", "revindex0", "length", "depth", "depth0"), INTEGER
    ),
    **dict.fromkeys(("first", "last", "changed"), REFUSED),
    **dict.fromkeys(("previtem", "nextitem", "cycle"), UNKNOWN),
}
LOOP = Value(REFUSED.printed, members=_LOOP, call=lambda *_: AUTHORED, owner="loop")
_WHOLE = (nodes.Add, nodes.Sub, nodes.Mul, nodes.FloorDiv, nodes.Mod)


@dataclass(frozen=True, slots=True)
class Known:
    """What a set gives its templates; ``folder`` is where its own lie, ``texts`` are all that it
    has."""

    schema: Schema
    layered: bool
    folder: str
    texts: Mapping[str, Text]


class Expressions:
    """Follows expressions in the template that ``template`` names; collects findings and uses."""

    def __init__(self, environment: Environment, known: Known) -> None:
        self._environment = environment
        self._known = known
        self._schema = known.schema
        self._variables = known.schema.properties()
        self.template = ""
        self.found: dict[Finding, None] = {}
        self.used: set[str] = set()

    def report(self, code: str, node: nodes.Node | int, message: str, hint: str = "") -> None:
        line = node if isinstance(node, int) else node.lineno
        file = str(self._known.texts[self.template].file)
        self.found[Finding(file, line, code, message, hint)] = None

    def use(self, value: Value) -> Value:
        """Note that the template does something with this value."""
        self.used |= value.paths
        return value

    def value(self, node: nodes.Node, scope: Scope) -> Value:
        """What is known of an expression."""
        follow = _FOLLOW.get(type(node))
        if follow is not None:
            return follow(self, node, scope)
        if isinstance(node, nodes.BinExpr):
            parts = [self.use(self.value(each, scope)) for each in (node.left, node.right)]
            return _calculated(node, parts)
        if isinstance(node, nodes.UnaryExpr):
            inner = self.use(self.value(node.node, scope))
            return INTEGER if inner.printed is Print.INTEGER else REFUSED
        for child in node.iter_child_nodes():
            if isinstance(child, nodes.Expr):
                self.use(self.value(child, scope))
        return UNKNOWN

    def _condition(self, node: nodes.CondExpr, scope: Scope) -> Value:
        self.use(self.value(node.test, scope))
        other = AUTHORED if node.expr2 is None else self.value(node.expr2, scope)
        inner = Scope(scope)
        inner.names |= self.assumed(node.test, scope)
        return either([self.value(node.expr1, inner), other])

    def assumed(self, test: nodes.Node, scope: Scope) -> dict[str, Value]:
        """Names of which more is known where this test holds: that they are defined, or whole."""
        if isinstance(test, nodes.And):
            return self.assumed(test.left, scope) | self.assumed(test.right, scope)
        if not isinstance(test, nodes.Test) or not isinstance(test.node, nodes.Name):
            return {}
        name = test.node.name
        if test.name == "integer":
            value = self._name(test.node, scope, quietly=True)
            return {name: replace(value, printed=Print.INTEGER)}
        is_new = scope.find(name) is None and name not in self._variables
        return {name: UNKNOWN} if test.name == "defined" and is_new else {}

    def _and_or(self, node: nodes.BinExpr, scope: Scope) -> Value:
        return either([self.use(self.value(node.left, scope)), self.value(node.right, scope)])

    def _not(self, node: nodes.Not, scope: Scope) -> Value:
        self.use(self.value(node.node, scope))
        return REFUSED

    def _compare(self, node: nodes.Compare, scope: Scope) -> Value:
        self._use_all([node.expr, *(operand.expr for operand in node.ops)], scope)
        return REFUSED

    def _concat(self, node: nodes.Concat, scope: Scope) -> Value:
        parts = [self.use(self.value(each, scope)) for each in node.nodes]
        return replace(REFUSED, paths=values.paths_of(parts))

    def _list(self, node: nodes.List | nodes.Tuple, scope: Scope) -> Value:
        return self._literal([self.value(item, scope) for item in node.items])

    def _dict(self, node: nodes.Dict, scope: Scope) -> Value:
        self._use_all([pair.key for pair in node.items], scope)
        return self._literal([self.value(pair.value, scope) for pair in node.items])

    def _use_all(self, children: list[nodes.Expr], scope: Scope) -> None:
        for child in children:
            self.use(self.value(child, scope))

    def _literal(self, items: list[Value]) -> Value:
        """A list or mapping that the template writes; whoever uses it uses what is in it."""
        paths = values.paths_of(items)
        item = replace(either(items), paths=paths) if items else UNKNOWN
        return replace(values.listing(item), paths=paths)

    def _name(self, node: nodes.Name, scope: Scope, *, quietly: bool = False) -> Value:
        name = node.name
        found = scope.find(name)
        if found is not None:
            return found
        if scope.variables and name in self._variables:
            return values.of_definition(self._schema, self._variables[name], frozenset({name}))
        if name in self._environment.globals:
            return REFUSED if name not in ("namespace", "joiner", "cycler") else UNKNOWN
        if not quietly and name not in ("self", "caller", "varargs", "kwargs", "super"):
            self._undefined(node, name, scope)
        return UNKNOWN

    def _undefined(self, node: nodes.Expr, name: str, scope: Scope) -> None:
        if name in self._variables:
            message = f"`{name}` is not known to an imported template"
            self.report("undefined", node, message, "Import the template `with context`.")
            return
        near = nearest(name, self._variables)
        hint = (
            f"Did you mean `{near}`?"
            if near
            else "Set it in the template, or add it to vars/schema.json."
        )
        self.report("undefined", node, f"`{name}` is not defined", hint)

    def _getattr(self, node: nodes.Getattr, scope: Scope) -> Value:
        return self._attribute(node, node.node, node.attr, scope)

    def _attribute(
        self, node: nodes.Expr, owner: nodes.Expr, name: str, scope: Scope, *, quietly: bool = False
    ) -> Value:
        base = self.value(owner, scope)
        found = values.attribute(self._schema, base, name)
        if found is not None:
            return found
        self.use(base)
        if not quietly:
            self._no_attribute(node, base, name)
        return UNKNOWN

    def _no_attribute(self, node: nodes.Node, base: Value, name: str) -> None:
        known = values.attribute_names(self._schema, base)
        near = nearest(name, known)
        hint = (
            f"Did you mean `{near}`?" if near else f"It has: {', '.join(known)}." if known else ""
        )
        owner = base.owner or " or ".join(sorted(base.paths)) or "this value"
        self.report("undefined", node, f"`{owner}` has no `{name}`", hint)

    def _getitem(self, node: nodes.Getitem, scope: Scope) -> Value:
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._attribute(node, node.node, node.arg.value, scope)
        base = self.value(node.node, scope)
        if isinstance(node.arg, nodes.Slice):
            parts = [node.arg.start, node.arg.stop, node.arg.step]
            self._use_all([part for part in parts if part is not None], scope)
            kept = values.listing(base.item) if base.item is not None else REFUSED
            return replace(kept, paths=base.paths)
        self.use(self.value(node.arg, scope))
        self.use(base)
        return base.item or UNKNOWN

    def _filter(self, node: nodes.Filter, scope: Scope) -> Value:
        if node.name not in self._environment.filters:
            hint = did_you_mean(node.name, self._environment.filters).removeprefix("; ")
            self.report(
                "syntax", node, f"no filter is called `{node.name}`", hint[:1].upper() + hint[1:]
            )
            return UNKNOWN
        if node.node is None:
            value = AUTHORED
        elif node.name in filters.DEFAULTS:
            value = self._guarded(node.node, scope)
        else:
            value = self.value(node.node, scope)
        arguments = [self.value(argument, scope) for argument in node.args]
        named = {str(each.key): each.value for each in node.kwargs}
        for argument in (*arguments, *(self.value(each, scope) for each in named.values())):
            self.use(argument)
        # What only passes a value on leaves it to others to use it.
        if node.name not in filters.SAME | filters.SAME_ITEMS | filters.DEFAULTS:
            self.use(value)
        if node.name in filters.OF_ATTRIBUTES:
            by_attribute = self._by_attribute(node, value, named)
            if by_attribute is not None:
                return by_attribute
        return filters.filtered(node.name, value, arguments, self._mark(node))

    def _mark(self, node: nodes.Filter) -> Mark:
        return Mark(node.name, self.template, node.lineno, "")

    def _by_attribute(
        self, node: nodes.Filter, value: Value, named: Mapping[str, nodes.Expr]
    ) -> Value | None:
        """For filters that are given the name of an attribute, or of another filter."""
        item = value.item or UNKNOWN
        first = node.args[0] if node.args else None
        if node.name == "map" and isinstance(first, nodes.Const):
            mark = replace(self._mark(node), language=str(first.value))
            if mark.language in QUOTING or mark.language in self._environment.filters:
                made = filters.filtered(mark.language, item, [], mark)
                return replace(values.listing(made), paths=value.paths)
        given = named.get("attribute")
        if given is None and node.name in ("rejectattr", "selectattr"):
            given = first
        if not isinstance(given, nodes.Const) or not isinstance(given.value, str):
            return None
        for part in given.value.split("."):
            if part.isdecimal():
                return UNKNOWN
            found = values.attribute(self._schema, item, part)
            if found is None:
                self._no_attribute(node, item, part)
                return UNKNOWN
            item = found
        self.use(item)
        if node.name == "map":
            return replace(values.listing(item), paths=item.paths)
        if node.name == "sum":
            return INTEGER if item.printed is Print.INTEGER else UNKNOWN
        return None

    def _guarded(self, node: nodes.Node, scope: Scope) -> Value:
        """An expression that may be undefined, since the template asks."""
        if isinstance(node, nodes.Name):
            return self._name(node, scope, quietly=True)
        if isinstance(node, nodes.Getattr):
            return self._attribute(node, node.node, node.attr, scope, quietly=True)
        return self.value(node, scope)

    def _test(self, node: nodes.Test, scope: Scope) -> Value:
        if node.name not in self._environment.tests:
            near = nearest(node.name, self._environment.tests)
            hint = f"Did you mean `{near}`?" if near else ""
            self.report("syntax", node, f"no test is called `{node.name}`", hint)
            return REFUSED
        asks = node.name in ("defined", "undefined")
        self.use(self._guarded(node.node, scope) if asks else self.value(node.node, scope))
        self._use_all([*node.args, *(each.value for each in node.kwargs)], scope)
        return REFUSED

    def _call(self, node: nodes.Call, scope: Scope, caller: Value | None = None) -> Value:
        arguments = [self.value(argument, scope) for argument in node.args]
        named = {each.key: self.value(each.value, scope) for each in node.kwargs}
        self._use_all(
            [each for each in (node.dyn_args, node.dyn_kwargs) if each is not None], scope
        )
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        if name and name in self._environment.globals and scope.find(name) is None:
            self._use_values(arguments, named)
            if scope.variables and name in self._variables:
                self.report(
                    "shadowed", node,
                    f"`{name}(…)` calls the variable `{name}`, which hides Jinja2's own function",
                    f"Rename the variable, or do without `{name}(…)`.",
                )  # fmt: skip
                return UNKNOWN
            return values.listing(INTEGER) if name == "range" else UNKNOWN
        if name in ("caller", "super") or (
            isinstance(node.node, nodes.Getattr)
            and isinstance(node.node.node, nodes.Name)
            and node.node.node.name == "self"
        ):
            found = scope.find(name) if name == "caller" else None
            return found or AUTHORED
        value = self.value(node.node, scope)
        if value.call is not None:
            return value.call(node, arguments, named, caller)
        self.use(value)
        self._use_values(arguments, named)
        return values.called_method(value) if value.method else UNKNOWN

    def _use_values(self, arguments: list[Value], named: Mapping[str, Value]) -> None:
        for value in (*arguments, *named.values()):
            self.use(value)


def _constant(_: Expressions, node: nodes.Const, _scope: Scope) -> Value:
    if isinstance(node.value, str):
        return AUTHORED
    return INTEGER if type(node.value) is int else REFUSED


def _calculated(node: nodes.BinExpr, parts: list[Value]) -> Value:
    kinds = {part.printed for part in parts}
    if kinds == {Print.INTEGER}:
        return (
            INTEGER if isinstance(node, _WHOLE) else UNKNOWN if node.operator == "**" else REFUSED
        )
    items = [part.item for part in parts if part.item is not None]
    if items:
        return replace(values.listing(either(items)), paths=values.paths_of(parts))
    return UNKNOWN if Print.UNKNOWN in kinds else replace(REFUSED, paths=values.paths_of(parts))


_FOLLOW: Mapping[type[nodes.Node], Callable[[Expressions, Any, Scope], Value]] = {
    nodes.Const: _constant,
    nodes.TemplateData: lambda *_: AUTHORED,
    nodes.Name: Expressions._name,
    nodes.Getattr: Expressions._getattr,
    nodes.Getitem: Expressions._getitem,
    nodes.Filter: Expressions._filter,
    nodes.Test: Expressions._test,
    nodes.Call: Expressions._call,
    nodes.CondExpr: Expressions._condition,
    nodes.And: Expressions._and_or,
    nodes.Or: Expressions._and_or,
    nodes.Not: Expressions._not,
    nodes.Compare: Expressions._compare,
    nodes.Concat: Expressions._concat,
    nodes.List: Expressions._list,
    nodes.Tuple: Expressions._list,
    nodes.Dict: Expressions._dict,
}
