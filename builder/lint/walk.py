"""Follows one template from its first line to its last, with all that it includes and imports.

Every way through it is taken, whatever the variables are; a macro is followed at each call, with
what it is called with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from jinja2 import nodes

from builder.lint import values
from builder.lint.expressions import LOOP, Expressions, Known
from builder.lint.scope import Scope, exported
from builder.lint.sources import Sources, template_names
from builder.lint.values import AUTHORED, UNKNOWN, Mark, Print, Value, quoted
from builder.nearest import nearest
from builder.render.quoting import QUOTING

_DEEPEST = 12
"""How deep includes and macros are followed; a template may include itself under a condition."""


class Walk(Expressions):
    """Follows a template; ``printed`` are the quoting filters that made parts of its output."""

    def __init__(self, sources: Sources, known: Known, kind: str | None) -> None:
        super().__init__(sources.environment, known)
        self._sources = sources
        self._filter_name = kind if kind in QUOTING else "python"
        self._blocks: dict[str, list[tuple[str, nodes.Block]]] = {}
        self._imported: dict[str, Value] = {}
        self._depth = 0
        self.printed: set[Mark] = set()

    def follow(self, template: str) -> None:
        """Everything that rendering this template may do."""
        self._template(template, Scope())

    def _template(self, name: str, scope: Scope) -> None:
        tree = self._sources.tree(name)
        if tree is None or self._depth >= _DEEPEST:
            return
        with self._inside(name):
            for block in tree.find_all(nodes.Block):
                self._blocks.setdefault(block.name, []).append((name, block))
            parents = [node for node in tree.body if isinstance(node, nodes.Extends)]
            if parents:
                # Of a template that extends another, only what it sets is run, and its blocks.
                kept = (
                    nodes.Assign,
                    nodes.AssignBlock,
                    nodes.Import,
                    nodes.FromImport,
                    nodes.Macro,
                )
                self._body([node for node in tree.body if isinstance(node, kept)], scope)
                for parent in self._names(parents[0], parents[0].template, scope):
                    self._template(parent, scope)
            else:
                self._body(tree.body, scope)

    @contextmanager
    def _inside(self, template: str) -> Iterator[None]:
        before, self.template = self.template, template
        self._depth += 1
        try:
            yield
        finally:
            self.template = before
            self._depth -= 1

    @contextmanager
    def _captured(self, marks: set[Mark]) -> Iterator[None]:
        """What is printed inside goes into ``marks`` rather than into the output."""
        before, self.printed = self.printed, marks
        try:
            yield
        finally:
            self.printed = before

    def _body(self, body: Sequence[nodes.Node], scope: Scope) -> None:
        for node in body:
            self._statement(node, scope)

    def _statement(self, node: nodes.Node, scope: Scope) -> None:
        follow = _FOLLOW.get(type(node))
        if follow is not None:
            follow(self, node, scope)

    def _output(self, node: nodes.Output, scope: Scope) -> None:
        for part in node.nodes:
            if not isinstance(part, nodes.TemplateData):
                self._print(part, scope)

    def _assign(self, node: nodes.Assign, scope: Scope) -> None:
        self._bind(node.target, self.value(node.node, scope), scope)

    def _assign_block(self, node: nodes.AssignBlock, scope: Scope) -> None:
        made = self._capture(node.body, Scope(scope))
        self._bind(node.target, made if node.filter is None else UNKNOWN, scope)

    def _filter_block(self, node: nodes.FilterBlock, scope: Scope) -> None:
        if self._known.layered:
            message = "{% filter %} would change text that is quoted already"
            hint = "Use {% set x %}…{% endset %} and {{ x | indent }}."
            self.report("syntax", node, message, hint)
        self._body(node.body, Scope(scope))

    def _with(self, node: nodes.With, scope: Scope) -> None:
        inner = Scope(scope)
        for target, given in zip(node.targets, node.values, strict=True):
            self._bind(target, self.value(given, scope), inner)
        self._body(node.body, inner)

    def _inner(self, node: nodes.Scope | nodes.ScopedEvalContextModifier, scope: Scope) -> None:
        self._body(node.body, Scope(scope))

    def _expression(self, node: nodes.ExprStmt, scope: Scope) -> None:
        self.use(self.value(node.node, scope))

    def _import_as(self, node: nodes.Import, scope: Scope) -> None:
        scope.names[node.target] = self._module(node, node.template, scope, node.with_context)

    def _print(self, node: nodes.Expr, scope: Scope) -> None:
        value = self.value(node, scope)
        self.use(value)
        for path in sorted(self._secrets(value.paths)):
            self.report(
                "secret", node, f"the secret variable `{path}` is printed",
                "Let the service read it from its environment or from a mounted secret.",
            )  # fmt: skip
        if not self._known.layered:
            return
        if value.printed is Print.REFUSED:
            what = f"`{'` or `'.join(sorted(value.paths))}`" if value.paths else "a value"
            self.report(
                "unquoted", node, f"{what} is printed unquoted",
                f"End the expression with a quoting filter, such as {{{{ … | {self._filter_name}"
                " }}; ~, + and other filters after it undo the quoting.",
            )  # fmt: skip
        self.printed |= value.marks

    def _secrets(self, paths: frozenset[str]) -> Iterator[str]:
        for path in paths:
            if (self._schema.at(tuple(path.split("."))) or {}).get("writeOnly", False):
                yield path

    def _if(self, node: nodes.If, scope: Scope) -> None:
        taken: list[Mapping[str, Value]] = []
        for test, body in [(node.test, node.body), *((n.test, n.body) for n in node.elif_)]:
            tested = self._guarded(test, scope) if not self._known.layered else None
            self.use(tested or self.value(test, scope))
            assumed = self.assumed(test, scope)
            with scope.branch(taken):
                before = dict(scope.names)
                scope.names |= assumed
                self._body(body, scope)
                scope.forget(assumed, before)
        with scope.branch(taken):
            self._body(node.else_, scope)
        scope.merge(taken)

    def _for(self, node: nodes.For, scope: Scope) -> None:
        values_ = self.use(self.value(node.iter, scope))
        inner = Scope(scope)
        self._bind(node.target, values_.item or UNKNOWN, inner)
        inner.names["loop"] = LOOP
        if node.test is not None:
            self.use(self.value(node.test, inner))
        self._body(node.body, inner)
        self._body(node.else_, Scope(scope))

    def _bind(self, target: nodes.Node, value: Value, scope: Scope) -> None:
        if isinstance(target, nodes.Name):
            scope.names[target.name] = value
        elif isinstance(target, (nodes.Tuple, nodes.List)):
            for each in target.items:
                self._bind(each, value.item or UNKNOWN, scope)
        else:
            self.use(value)

    def _capture(self, body: Sequence[nodes.Node], scope: Scope) -> Value:
        marks: set[Mark] = set()
        with self._captured(marks):
            self._body(body, scope)
        return quoted(frozenset(marks))

    def _macro(self, node: nodes.Macro, scope: Scope) -> None:
        defined_in = self.template

        def call(
            _call: nodes.Call | None, arguments: list[Value], named: Mapping[str, Value],
            caller: Value | None,
        ) -> Value:  # fmt: skip
            if self._depth >= _DEEPEST:
                return AUTHORED
            inner = Scope(scope)
            inner.names |= {"varargs": UNKNOWN, "kwargs": UNKNOWN, "caller": caller or AUTHORED}
            defaults = [None] * (len(node.args) - len(node.defaults)) + [*node.defaults]
            with self._inside(defined_in):
                for parameter, default, value in zip_longest(
                    node.args, defaults, arguments[: len(node.args)]
                ):
                    given = value or named.get(parameter.name)
                    if given is None:
                        given = UNKNOWN if default is None else self.value(default, inner)
                    inner.names[parameter.name] = given
                return self._capture(node.body, inner)

        # Named first, since it may call itself.
        scope.names[node.name] = Value(call=call)
        # Once as nobody may call it, too.
        call(None, [UNKNOWN] * len(node.args), {}, None)

    def _call_block(self, node: nodes.CallBlock, scope: Scope) -> None:
        inner = Scope(scope)
        for parameter in node.args:
            inner.names[parameter.name] = UNKNOWN
        caller = self._capture(node.body, inner)
        made = self._call(node.call, scope, caller)
        if self._known.layered and made.printed is Print.REFUSED:
            self.report("unquoted", node, "what {% call %} answers is printed unquoted")
        self.printed |= made.marks | caller.marks

    def _block(self, node: nodes.Block, scope: Scope) -> None:
        for template, block in self._blocks.get(node.name) or [(self.template, node)]:
            if self._depth < _DEEPEST:
                with self._inside(template):
                    self._body(block.body, Scope(scope))

    def _include(self, node: nodes.Include, scope: Scope) -> None:
        for name in self._names(node, node.template, scope, may_miss=node.ignore_missing):
            within = Scope(scope) if node.with_context else Scope(variables=False)
            self._template(name, within)

    def _module(
        self, node: nodes.Node, template: nodes.Expr, scope: Scope, with_context: bool
    ) -> Value:
        found = [
            self._import(name, scope, with_context) for name in self._names(node, template, scope)
        ]
        return values.either(found) if found else UNKNOWN

    def _import(self, name: str, scope: Scope, with_context: bool) -> Value:
        """An imported template's names; what it prints is for whoever prints the module."""
        # Most are imported before anything is set, and are the same each time.
        plain = scope.is_empty() and with_context
        if plain and name in self._imported:
            return self._imported[name]
        if self._sources.tree(name) is None:
            return UNKNOWN
        within = Scope(scope) if with_context else Scope(variables=False)
        marks: set[Mark] = set()
        with self._captured(marks):
            self._template(name, within)
        module = Value(Print.QUOTED, frozenset(marks), members=exported(within), owner=name)
        if plain:
            self._imported[name] = module
        return module

    def _from_import(self, node: nodes.FromImport, scope: Scope) -> None:
        module = self._module(node, node.template, scope, node.with_context)
        for each in node.names:
            name, alias = each if isinstance(each, tuple) else (each, each)
            found = None if module.members is None else module.members.get(name)
            if found is None and module.members is not None:
                self._no_attribute(node, module, name)
            scope.names[alias] = found or UNKNOWN

    def _names(
        self, node: nodes.Node, expression: nodes.Expr, scope: Scope, *, may_miss: bool = False
    ) -> list[str]:
        """The templates that a statement may mean; reports those that there are not."""
        self.use(self.value(expression, scope))
        said, _ = template_names(expression)
        names = [self._sources.called(name, self.template) for name in said]
        known = self._sources.names()
        alternatives = isinstance(expression, (nodes.List, nodes.Tuple))
        missing = [name for name in names if name not in known]
        if missing and not may_miss and not (alternatives and len(missing) < len(names)):
            near = nearest(missing[0], known)
            hint = f"Did you mean {near}?" if near else f"Put it into {self._known.folder}/."
            self.report("missing-template", node, f"no template {missing[0]}", hint)
        return [name for name in names if name in known]


_FOLLOW: Mapping[type[nodes.Node], Callable[[Walk, Any, Scope], None]] = {
    nodes.Output: Walk._output,
    nodes.If: Walk._if,
    nodes.For: Walk._for,
    nodes.Assign: Walk._assign,
    nodes.AssignBlock: Walk._assign_block,
    nodes.Macro: Walk._macro,
    nodes.CallBlock: Walk._call_block,
    nodes.FilterBlock: Walk._filter_block,
    nodes.With: Walk._with,
    nodes.Block: Walk._block,
    nodes.Include: Walk._include,
    nodes.Import: Walk._import_as,
    nodes.FromImport: Walk._from_import,
    nodes.ExprStmt: Walk._expression,
    nodes.Scope: Walk._inner,
    nodes.ScopedEvalContextModifier: Walk._inner,
}
