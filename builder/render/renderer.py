"""Turns a template and variables into the bytes of a file, or into an error that says where."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, cast

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

from builder.errors import RefusedError, RenderError
from builder.nearest import did_you_mean
from builder.render import bounds
from builder.render.filekind import file_kind
from builder.render.literals import QuotingError, shown
from builder.render.quoting import QUOTING
from builder.render.sandbox import (
    ConfinedLoader,
    PlainEnvironment,
    RefusalError,
    UndefinedNameError,
    UnquotedError,
)
from builder.render.timelimit import TimeUp, time_limit

_LONGEST_LINE = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of rendering one template: seconds, and characters of output."""

    seconds: float = 10.0
    characters: int = bounds.MAX_CHARACTERS


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something went wrong: its name, and the line itself as an addition to the message."""

    at: str
    line: str


class Renderer:
    """Renders the templates of one set; compiled ones are kept."""

    def __init__(self, environment: SandboxedEnvironment, *, limits: Limits | None = None) -> None:
        if not isinstance(environment.loader, ConfinedLoader):
            raise TypeError("the environment is to come from builder.render.sandbox")
        self.environment = environment
        self._loader = environment.loader
        self._limits = limits or Limits()

    def render(self, template: str, variables: Mapping[str, Any], *, destination: str) -> bytes:
        """The file's bytes. Raises RenderError with the template's file and line: RefusedError if
        the template wants it so.
        """
        if isinstance(self.environment, PlainEnvironment):
            from builder.render import plain  # noqa: PLC0415 - brings ast

            # A classic template may change lists and maps; what it does is to end with it.
            text = self.text(template, plain.tamed(variables), destination)
            plain.check_structure(
                text,
                variables,
                lambda harmless: self.text(template, harmless, destination),
                destination=destination,
                template=self._shown_path(template),
            )
        else:
            text = self.text(template, variables, destination)
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            line = text.count("\n", 0, error.start) + 1
            raise RenderError(
                f"{self._shown_path(template)}: line {line} of the output holds half a surrogate"
                f" pair, which is no text"
            ) from None

    def render_inline(self, source: str, variables: Mapping[str, Any], *, where: str) -> str:
        """What a template that is no file, such as a file's name, renders to.

        Raises RenderError, which begins with ``where``.
        """
        try:
            with time_limit(self._limits.seconds):
                return self._rendered(self.environment.from_string(source), variables)
        except (Exception, TimeUp) as error:
            told = self._explain(error, _Place(where, f"\n    {source}"), variables, "")
            raise RenderError(told) from None

    def text(self, name: str, variables: Mapping[str, Any], destination: str) -> str:
        """A template's text as it is, whatever a value does in it."""
        try:
            with time_limit(self._limits.seconds):
                return self._rendered(self.environment.get_template(name), variables)
        except (Exception, TimeUp) as error:
            template, line = self._where(error.__traceback__) or (name, 0)
            if isinstance(error, TemplateSyntaxError):
                template, line = error.name or name, error.lineno
            place = _Place(self._at(template, line), self._line(template, line))
            kind = RefusedError if isinstance(error, RefusalError) else RenderError
            raise kind(self._explain(error, place, variables, destination)) from None

    def _rendered(self, template: Template, variables: Mapping[str, Any]) -> str:
        context = template.new_context(dict(variables))
        pieces = template.root_render_func(context)
        return self._collect(cast("Generator[str, None, None]", pieces))

    def _collect(self, pieces: Generator[str, None, None]) -> str:
        collected = []
        size = 0
        for piece in pieces:
            size += len(piece)
            collected.append(piece)
            if size > self._limits.characters:
                # Raised where the template stands now, so that the message can name the line.
                limit = f"more than {self._limits.characters:,} characters"
                pieces.throw(bounds.TooLargeError(limit))
        return "".join(collected)

    def _where(self, traceback: TracebackType | None) -> tuple[str, int] | None:
        """The template and line that ran last: in an included file, that file's."""
        found = None
        while traceback is not None:
            template = traceback.tb_frame.f_globals.get("__jinja_template__")
            if template is not None:
                found = template.name, template.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        return found

    def _explain(
        self,
        error: BaseException,
        place: _Place,
        variables: Mapping[str, Any],
        destination: str,
    ) -> str:
        at = place.at
        match error:
            case RefusalError():
                return str(error)
            case TemplateSyntaxError():
                return f"{at}: {self._syntax(error)}"
            case TemplateNotFound():
                return f"{at}: {self._not_found(error)}"
            case UndefinedNameError():
                return f"{at}: {_undefined(error, variables)}"
            case UnquotedError():
                return f"{at}: {_unquoted(error, destination)}{place.line}"
            case QuotingError():
                return f"{at}: {error}{place.line}"
            case SecurityError():
                return f"{at}: not allowed in a template: {error}"
            case TimeUp():
                return (
                    f"{at}: rendering took longer than {self._limits.seconds:g} s and was stopped;"
                    f" look for a loop that does not end{place.line}"
                )
            case RecursionError():
                return f"{at}: it includes or calls itself without end{place.line}"
            case bounds.TooLargeError() | MemoryError() | OverflowError():
                return f"{at}: the output grows too large: {error}{place.line}"
            case UnicodeDecodeError():
                return f"{at}: not UTF-8; save the template as UTF-8"
            case OSError():
                return f"{at}: cannot be read: {error.strerror}"
        reason = " ".join(str(error).split()) or type(error).__name__
        return f"{at}: {reason}{place.line}"

    def _syntax(self, error: TemplateSyntaxError) -> str:
        message = error.message or "syntax error"
        if message.startswith("No filter named "):
            wrong = message.split("'")[1]
            return f"no filter is called {wrong}{_nearest(wrong, self.environment.filters)}"
        return f"syntax error: {message}"

    def _not_found(self, error: TemplateNotFound) -> str:
        missing = str(error.name)
        if error.message and "leads out" in error.message:
            return error.message
        if ".." in missing.split("/"):
            return f"{missing} leads out of {self._loader.folders[0].name}/"
        near = _nearest(missing, self._loader.list_templates())
        return f"no template {missing} in {self._loader.folders[0].name}/{near}"

    def _at(self, template: str, line: int) -> str:
        path = self._shown_path(template)
        return f"{path}:{line}" if line else path

    def _shown_path(self, template: str) -> str:
        """Below the set's own folder, or below the folder of a set that it extends."""
        level = self._loader.level_of(template)
        shown_from = self._loader.folders[level].parent
        if level > 0:
            shown_from = shown_from.parent
        return self._loader.file_of(template).relative_to(shown_from).as_posix()

    def _line(self, template: str, line: int) -> str:
        """The template's line, as an addition to a message."""
        try:
            text = self._loader.file_of(template).read_text("utf-8").splitlines()[line - 1].strip()
        except (OSError, UnicodeDecodeError, IndexError):
            return ""
        if len(text) > _LONGEST_LINE:
            text = text[: _LONGEST_LINE - 1] + "…"
        return f"\n    {text}" if line else ""


def _undefined(error: UndefinedNameError, variables: Mapping[str, Any]) -> str:
    name = error.name
    if error.is_variable and name in variables:
        return f"`{name}` is not known to an imported template; import it `with context`"
    if error.is_variable:
        return f"`{name}` is not defined{_nearest(str(name), variables)}"
    owner = _name_of(error.owner, variables)
    if isinstance(error.owner, Mapping):
        return f"{owner} has no `{name}`{_nearest(str(name), map(str, error.owner))}"
    return f"{owner} ({type(error.owner).__name__}) has no `{name}`"


def _name_of(value: Any, variables: Mapping[str, Any], prefix: str = "") -> str:
    """How a template calls this very object, if it is a variable or inside one."""
    for key, item in variables.items():
        if item is value:
            return f"`{prefix}{key}`"
        if isinstance(item, Mapping):
            found = _name_of(value, item, f"{prefix}{key}.")
            if found.startswith("`"):
                return found
    return "this value"


def _unquoted(error: UnquotedError, destination: str) -> str:
    (value,) = error.args
    kind = file_kind(destination)
    fitting = kind if kind in QUOTING else "python"
    hint = f"{{{{ … | {fitting} }}}}"
    return (
        f"{type(value).__name__} {shown(value)} is printed unquoted; end the expression with a"
        f" quoting filter, such as {hint} (~, + and other filters after it undo the quoting)"
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known, lambda near: f"`{near}`")
