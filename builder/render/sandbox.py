"""The one Jinja2 environment that a template set is rendered in.

Both kinds are sandboxed and bounded, read templates from one folder only, and make undefined
variables errors. The layered one also *marks*: ``{{ … }}`` prints a Quoted or an int, no more. A
Quoted comes from a quoting filter, from a string constant in the template itself, or from what the
template printed before (a macro's answer, ``{% set x %}…{% endset %}``, ``caller()``, ``super()``),
so no text of a variable reaches the output unless a filter quoted it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    TemplateNotFound,
    Undefined,
    UndefinedError,
    nodes,
)
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment
from jinja2.utils import missing

from builder.render import bounds
from builder.render.compiled import FOLDER, CompiledTemplates
from builder.render.quoting import HELPERS, QUOTING, Quoted
from builder.set_files import BASE


class UnquotedError(Exception):
    """A value was printed that no quoting filter made."""


class RefusalError(Exception):
    """A template found that its variant cannot be made of this model; the message is for people."""


class UndefinedNameError(UndefinedError):
    """A variable, attribute or item that does not exist was used."""

    def __init__(self, message: str | None, *, name: Any, owner: Any) -> None:
        super().__init__(message)
        self.name = name
        self.owner = owner

    @property
    def is_variable(self) -> bool:
        return self.owner is missing


def layered_environment(
    templates: Path, *bases: Path, compiled: Path = FOLDER
) -> SandboxedEnvironment:
    """For a set of infergen's own form, whose values must be quoted.

    ``bases`` are the templates of the sets that it extends. Templates that lie ``compiled`` in that
    folder are not compiled again.
    """
    environment = LayeredEnvironment(
        loader=ConfinedLoader(templates, *bases),
        bytecode_cache=CompiledTemplates(compiled),
        undefined=NamedStrictUndefined,
        finalize=_only_quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Folding constants would hide from visit_Const what the author wrote.
        optimized=False,
        auto_reload=False,
        cache_size=-1,
    )
    for name in ("random", "safe"):
        del environment.filters[name]
    del environment.globals["lipsum"]
    environment.globals["refuse"] = _refuse
    environment.filters |= {**QUOTING, **HELPERS, "join": _join, "indent": _indent}
    return environment


def plain_environment(templates: Path) -> SandboxedEnvironment:
    """For a set of the classic form: the settings of ``Environment(loader=…)`` itself."""
    return PlainEnvironment(
        loader=ConfinedLoader(templates),
        undefined=_PlainUndefined,
        auto_reload=False,
        cache_size=-1,
    )


class ConfinedLoader(FileSystemLoader):
    """Loads templates from one folder, and through no link that leads out of it.

    Where there are more folders, they are of sets that the first's extends, one after another: the
    first that has a template gives it. ``base:`` before a name passes over the folder of the
    template that says it, so that a template can extend or include the one that it replaces.

    ``inside`` is a larger folder that links may lead to, if not each folder alone.
    """

    def __init__(self, folder: Path, *bases: Path, inside: Path | None = None) -> None:
        super().__init__([folder, *bases])
        self.folders = (folder, *bases)
        self._loaders = [
            (os.path.realpath(inside or path) + os.sep, FileSystemLoader(path))
            for path in self.folders
        ]

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Callable[[], bool]]:
        name, level = _without_base(template)
        for inside, loader in self._loaders[level:]:
            try:
                source, path, is_fresh = loader.get_source(environment, name)
            except TemplateNotFound:
                continue
            if not os.path.realpath(path).startswith(inside):
                raise TemplateNotFound(
                    template, f"{template} is a link that leads out of the folder"
                )
            return source, path, is_fresh
        raise TemplateNotFound(template)

    def level_of(self, template: str) -> int:
        """Of which folder a template is; that of the last if none has it."""
        name, level = _without_base(template)
        last = len(self.folders) - 1
        while level < last and not (self.folders[level] / name).exists():
            level += 1
        return min(level, last)

    def file_of(self, template: str) -> Path:
        """Where a template lies, if anywhere."""
        return self.folders[self.level_of(template)] / _without_base(template)[0]


def _without_base(template: str) -> tuple[str, int]:
    """A template's name, and how many folders are passed over to find it."""
    level = 0
    while template.startswith(BASE):
        template, level = template[len(BASE) :], level + 1
    return template, level


class _BoundedGenerator(CodeGenerator):
    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.write("environment.bounded(")
        super().visit_Concat(node, frame)
        self.write(")")


class _MarkingGenerator(_BoundedGenerator):
    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802
        if isinstance(node.value, str):
            self.write(f"environment.written_by_author({node.value!r})")
        else:
            super().visit_Const(node, frame)

    def visit_Call(  # noqa: N802
        self, node: nodes.Call, frame: Frame, forward_caller: bool = False
    ) -> None:
        # What {% call %} prints is not passed to finalize by Jinja2.
        if forward_caller:
            self.write("environment.finalize(")
        super().visit_Call(node, frame, forward_caller=forward_caller)
        if forward_caller:
            self.write(")")

    def visit_FilterBlock(self, node: nodes.FilterBlock, _frame: Frame) -> NoReturn:  # noqa: N802
        self.fail(
            "{% filter %} would change text that is quoted already; use {% set x %}…{% endset %}"
            " and {{ x | indent }}",
            node.lineno,
        )

    def _output_child_to_const(self, node: nodes.Expr, _frame: Frame, _finalize: Any) -> str:
        if isinstance(node, nodes.TemplateData):
            return node.data
        # finalize is to see every expression, and it does so when the template is rendered.
        raise nodes.Impossible


class BoundedEnvironment(SandboxedEnvironment):
    """A sandbox in which nothing grows without bound."""

    code_generator_class = _BoundedGenerator
    intercepted_binops = frozenset(bounds.OPERATORS)
    bounded = staticmethod(bounds.bounded)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.binop_table |= bounds.OPERATORS
        self.filters = bounds.guarded_filters(self.filters)

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Join what a template printed."""
        pieces = list(pieces)
        bounds.check_characters(sum(map(len, pieces)))
        return "".join(pieces)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        bounds.check_call(__obj, args)
        return bounds.bounded(super().call(__context, __obj, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        owner = getattr(value, "__self__", None)
        if not isinstance(owner, str):
            return None
        # A plain str, since Jinja2 makes the answer one of the owner's type: of a Quoted, a Quoted.
        wrapped = super().wrap_str_format(getattr(str(owner), value.__name__, None))
        if wrapped is not None:
            bounds.check_braces(owner)
        return wrapped


class PlainEnvironment(BoundedEnvironment):
    """The classic form's environment."""


class LayeredEnvironment(ImmutableSandboxedEnvironment, BoundedEnvironment):
    """infergen's own form's environment, which marks."""

    code_generator_class = _MarkingGenerator
    written_by_author = Quoted

    def join_path(self, template: str, parent: str) -> str:
        """What a template calls another, as the loader knows it."""
        if not template.startswith(BASE) or not isinstance(self.loader, ConfinedLoader):
            return template
        return BASE * self.loader.level_of(parent) + template

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Join what a template printed; every piece was quoted, so the whole is."""
        return Quoted(BoundedEnvironment.concat(pieces))


def _refuse(reason: str) -> NoReturn:
    """``{{ refuse("…") }}`` ends the run; its author says why, and what to do."""
    raise RefusalError(reason)


def _only_quoted(value: Any) -> str:
    if type(value) is Quoted:
        return value
    if type(value) is int:
        return str(value)
    # What `x if y` is without an else; undefined variables are of another type.
    if type(value) is Undefined:
        return ""
    if isinstance(value, Undefined):
        return str(value)
    raise UnquotedError(value)


def _join(value: Iterable[Any], separator: str = Quoted("")) -> str:
    """Joins what is quoted into what is quoted, and anything else into plain text."""
    items = list(value)
    quoted = all(type(item) in (Quoted, int) for item in (separator, *items))
    text = bounds.bounded(str(separator).join(map(str, items)))
    return Quoted(text) if quoted else text


def _indent(value: str, width: int = 4, first: bool = False) -> str:
    """Indents all lines but the first (``first``: that too), save blank ones."""
    bounds.check_widths((width,))
    pad = " " * width
    lines = [pad + line if line.strip() else line for line in str(value).split("\n")]
    text = bounds.bounded("\n".join(lines))
    text = text if first else text[width if str(value).split("\n")[0].strip() else 0 :]
    return Quoted(text) if type(value) is Quoted else text


class _NamedUndefined(Undefined):
    """Tells its error what was undefined, so that the message can suggest another name."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: Any = UndefinedError,
    ) -> None:
        if exc is UndefinedError and hint is None:
            exc = partial(UndefinedNameError, name=name, owner=obj)
        super().__init__(hint, obj, name, exc)


class NamedStrictUndefined(_NamedUndefined, StrictUndefined):
    """An error wherever it is used."""

    __slots__ = ()


class _PlainUndefined(_NamedUndefined):
    """As Jinja2's own, but printing it is an error."""

    __slots__ = ()

    __str__ = Undefined._fail_with_undefined_error
