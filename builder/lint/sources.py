"""The templates of a set as syntax trees, each read and parsed once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, nodes

from builder.lint.findings import Finding
from builder.lint.texts import Text, full_name


class Sources:
    """Gives the tree of a template; collects findings of those that cannot be parsed."""

    def __init__(self, environment: Environment, texts: Mapping[str, Text]) -> None:
        self.environment = environment
        self._texts = texts
        self._trees: dict[str, nodes.Template | None] = {}
        self.found: dict[str, Finding] = {}

    def names(self) -> Mapping[str, Text]:
        """Every template, by its name."""
        return self._texts

    def called(self, name: str, by: str) -> str:
        """The name of the template that another calls so."""
        return full_name(name, self._texts[by].level)

    def tree(self, name: str) -> nodes.Template | None:
        """None for a template that there is not, or that cannot be parsed."""
        if name not in self._trees:
            self._trees[name] = self._parse(name)
        return self._trees[name]

    def _parse(self, name: str) -> nodes.Template | None:
        if name not in self._texts:
            return None
        file = str(self._texts[name].file)
        try:
            return self.environment.parse(self._texts[name].text, name)
        except TemplateSyntaxError as error:
            message = f"syntax error: {error.message}"
            self.found[name] = Finding(file, error.lineno, "syntax", message)
        except (RecursionError, TemplateNotFound) as error:
            message = f"cannot be parsed: {error}"
            self.found[name] = Finding(file, 0, "syntax", message)
        return None


def references(tree: nodes.Template) -> tuple[list[str], bool]:
    """The templates that a template names, and whether it may mean others too."""
    kinds = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    found: dict[str, None] = {}
    others = False
    for node in tree.find_all(kinds):
        names, open_ended = template_names(node.template)  # type: ignore[attr-defined]
        found |= dict.fromkeys(names)
        others |= open_ended
    return list(found), others


def template_names(expression: nodes.Expr) -> tuple[list[str], bool]:
    """The names that an expression may give, and whether it may give others too."""
    match expression:
        case nodes.Const(value=str() as name):
            return [name], False
        case nodes.CondExpr(expr1=first, expr2=second):
            parts = [template_names(each) for each in (first, second) if each is not None]
        case nodes.List(items=items) | nodes.Tuple(items=items):
            parts = [template_names(each) for each in items]
        case nodes.Or(left=left, right=right):
            parts = [template_names(left), template_names(right)]
        case _:
            return [], True
    names = dict.fromkeys(name for each, _ in parts for name in each)
    return list(names), any(others for _, others in parts)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
