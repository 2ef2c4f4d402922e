"""What ``update`` and ``check`` share: several services, each with its own outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.errors import InfergenError, UsageError
from builder.generate import Request
from builder.record import read_record
from builder.sources import Fetched, fetch
from builder.template_set import (
    TemplateSet,
    default_root,
    is_cookiecutter_template,
    open_template_set,
)
from builder.update.plan import recorded

if TYPE_CHECKING:
    from builder.hooks import HookPolicy

DEFAULT_SET = "infergen"

Outcome = tuple[int, dict[str, Any]]
"""Exit code and JSON document of one service."""


@dataclass(frozen=True, slots=True)
class SetOfService:
    """A template set that is open, and how it came here."""

    template_set: TemplateSet
    fetched: Fetched

    def request(self, request: Request, hooks: HookPolicy) -> Request:
        """The same request, of this set."""
        fetched = self.fetched
        return replace(request, source=fetched.source, confined_to=fetched.confined_to, hooks=hooks)


class Sets:
    """Template sets by service: the one that was named, else the one that the service's record says
    where to fetch, else the one that ships with infergen.

    Each is fetched and opened once.
    """

    def __init__(self, named: str | None) -> None:
        self._named = named
        self._opened: dict[str, SetOfService] = {}

    def of(self, service: Path) -> SetOfService:
        """The set that a service is to be generated from. Raises InfergenError."""
        said = self._named or self._said_by(service)
        if said not in self._opened:
            fetched = fetch_set(said)
            opened = open_template_set(fetched.folder, confined_to=fetched.confined_to)
            self._opened[said] = SetOfService(opened, fetched)
        return self._opened[said]

    def _said_by(self, service: Path) -> str:
        """Empty for the set that ships with infergen."""
        record = recorded(read_record(service), service)
        if record.source is not None:
            return record.source.said
        if record.set_name != DEFAULT_SET:
            raise InfergenError(
                f"{service}: made from the template set {record.set_name}; name it by --templates"
            )
        return ""


def fetch_set(said: str | None) -> Fetched:
    """The set that a user or a record names, or the one that ships with infergen.

    Raises InfergenError; UsageError for a cookiecutter template, which is for `infergen new` alone.
    """
    fetched = fetch(said) if said else Fetched(default_root())
    if is_cookiecutter_template(fetched.folder):
        raise UsageError(
            f"{said}: a cookiecutter template, which does not say what changed between versions;"
            " its services are made, and made again, by `infergen new --force`"
        )
    return fetched


def check_folder(service: Path) -> None:
    """Raises UsageError if there is no such folder."""
    if not service.is_dir():
        raise UsageError(f"{service}: no such folder; name a service's folder")


def for_each(paths: Sequence[Path], do: Callable[[Path], Outcome], *, as_json: bool) -> int:
    """Do it for every service, whatever comes of the others; the exit code for all of them.

    Errors are told where they happen; an error's code goes before a conflict's, and that before a
    change's.
    """
    codes: list[int] = []
    documents: list[dict[str, Any]] = []
    try:
        for path in dict.fromkeys(paths):
            try:
                code, document = do(path)
            except InfergenError as error:
                code, document = error.exit_code, _told(path, str(error))
            except BrokenPipeError:
                raise
            except OSError as error:
                reason = f"{error.filename or path}: {error.strerror or error}"
                code, document = 1, _told(path, reason)
            codes.append(code)
            documents.append(document)
    finally:
        if as_json:
            click.echo(json.dumps({"services": documents}, indent=2))
    return next((code for code in (1, 3, 2) if code in codes), 0)


def _told(path: Path, message: str) -> dict[str, Any]:
    click.echo(f"infergen: error: {message}", err=True)
    return {"path": str(path), "error": message}
