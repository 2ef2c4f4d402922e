"""What ``update`` and ``check`` share: several services, each with its own outcome."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from builder.errors import InfergenError, UsageError
from builder.record import read_record
from builder.template_set import TemplateSet, default_root, open_template_set
from builder.update.plan import recorded

DEFAULT_SET = "infergen"

Outcome = tuple[int, dict[str, Any]]
"""Exit code and JSON document of one service."""


class Sets:
    """Template sets by service: the one that was named, or else the one that ships with infergen.

    Each is opened once.
    """

    def __init__(self, named: Path | None) -> None:
        self._named = named
        self._opened: dict[Path, TemplateSet] = {}

    def of(self, service: Path) -> TemplateSet:
        """The set that a service is to be generated from. Raises InfergenError."""
        root = self._named
        if root is None:
            made_from = recorded(read_record(service), service).set_name
            if made_from != DEFAULT_SET:
                raise InfergenError(
                    f"{service}: made from the template set {made_from}; name its folder by"
                    " --templates"
                )
            root = default_root()
        if root not in self._opened:
            self._opened[root] = open_template_set(root)
        return self._opened[root]


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
