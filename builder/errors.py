"""Every error that a user can meet, each with its exit code.

Messages are written for the person at the terminal: what is wrong, where, and what to do. Nothing
below ``builder.cli`` prints or exits; it raises one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class InfergenError(Exception):
    """An error with a message for the user and the exit code of DESIGN.md section 6."""

    exit_code: ClassVar[int] = 1


class UsageError(InfergenError):
    """The command line itself is wrong."""

    exit_code = 2


class UnsafePathError(InfergenError):
    """A path leads, or could lead, outside the folder that it belongs to."""


class YamlError(InfergenError):
    """A YAML file cannot be read, or holds what infergen does not take."""


class TemplateSetError(InfergenError):
    """A template set is incomplete or contradicts itself."""


class SourceError(InfergenError):
    """A template set cannot be fetched from where ``--templates`` says."""


class VariablesError(InfergenError):
    """One or more variables are wrong; all mistakes are in the one message."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class ModelError(InfergenError):
    """A model or labels file cannot be read, run or served."""


class RenderError(InfergenError):
    """A template cannot be rendered, or what it renders does not parse."""


class RefusedError(RenderError):
    """A template refuses its variables on purpose: there is no such service."""


class HookError(InfergenError):
    """A hook of a template set failed; nothing was written."""


class WriteError(InfergenError):
    """The service could not be written; the destination is as it was."""


class ConversionError(InfergenError):
    """The new project's model could not be converted; the project itself stands."""


class EditedFilesError(InfergenError):
    """Somebody edited generated files, so they are not replaced."""

    exit_code = 3

    def __init__(self, destination: str, edited: Sequence[str]) -> None:
        listed = "\n".join(f"  {path}" for path in edited)
        super().__init__(
            f"{destination}: nothing was replaced; these files are not as infergen wrote them:\n"
            f"{listed}\nMove your edits elsewhere or delete the files, then run again."
        )
        self.destination = destination
        self.edited = tuple(edited)


class ConflictsError(InfergenError):
    """Conflicts of a former update are not settled yet, so no other is begun."""

    exit_code = 3

    def __init__(self, destination: str, files: Sequence[str]) -> None:
        listed = "\n".join(f"  {path}" for path in files)
        super().__init__(
            f"{destination}: nothing was updated; conflicts of a former update are left in\n"
            f"{listed}\nSettle the marked lines (or delete the .infergen-new beside the file, once"
            " you took what you need), or restore a file by --heal FILE; then run again."
        )
        self.destination = destination
        self.files = tuple(files)


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM; nothing half-written is left.

    A KeyboardInterrupt, so that no ``except Exception`` on the way swallows it.
    """

    exit_code: ClassVar[int] = 130
