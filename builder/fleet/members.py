"""Which services a folder of variables files describes, before any of them is made."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from builder import yamlfile
from builder.defaults import read_defaults
from builder.errors import InfergenError, UsageError, VariablesError, YamlError
from builder.fleet.memory import Memory
from builder.model.files import beside
from builder.paths import RECORD_FOLDER, check_name, folded

DEFAULTS = "_defaults.yaml"
"""What the services of a folder, and of all folders in it, share."""
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Member:
    """A service of the fleet: its variables file, as a path relative to the fleet's folder.

    ``defaults`` are the files that it shares with others, the outermost first; ``wrong`` says why
    no service can be made of it.
    """

    file: str
    name: str
    defaults: tuple[str, ...]
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Fleet:
    """A folder of variables files. ``models`` is a further folder to look for models in."""

    folder: Path
    models: Path | None
    members: tuple[Member, ...]

    def variables_file(self, member: Member) -> Path:
        return self.folder / member.file

    def defaults(self, member: Member) -> tuple[Path, ...]:
        return tuple(self.folder / file for file in member.defaults)

    def places(self, member: Member) -> tuple[Path, ...]:
        """Where the files that a member names are looked for besides its own folder."""
        folders = (self.folder / parent for parent in PurePosixPath(member.file).parents)
        found = [place for folder in folders for place in beside(folder)][2:]
        return tuple(found) if self.models is None else (*found, self.models)


def find_members(folder: Path, output: Path, models: Path | None, memory: Memory) -> Fleet:
    """Every service that the folder describes, in the order of their files.

    Folders that hold a service, ``output`` and hidden ones are not searched. What is wrong with a
    single file is told in its member. Raises UsageError if there is nothing to make services of.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; a fleet is a folder of variables files")
    if models is not None and not models.is_dir():
        raise UsageError(f"--models {models}: no such folder")
    left_out = {output.resolve(), *((models.resolve(),) if models else ())}
    found = list(_walk(folder, "", (), left_out))
    shared = {file: _wrong_defaults(folder / file) for _, files in found for file in files}
    members = [_read_member(folder, file, defaults, shared, memory) for file, defaults in found]
    if not members:
        raise UsageError(
            f"{folder}: no variables files; a fleet has a file such as sample.yaml for each service"
        )
    return Fleet(folder, models, tuple(_told_apart(folder, members)))


def select(members: Sequence[Member], patterns: Sequence[str]) -> tuple[Member, ...]:
    """Those whose name or file matches one of the patterns; all, if there are none.

    Raises UsageError for a pattern that matches nothing: it is a slip, and not to pass unseen.
    """
    for pattern in patterns:
        if not any(_matches(member, pattern) for member in members):
            raise UsageError(
                f"--only {pattern}: no service's name or variables file matches; patterns are"
                " such as 'fraud-*' or 'team/*.yaml'"
            )
    if not patterns:
        return tuple(members)
    return tuple(m for m in members if any(_matches(m, pattern) for pattern in patterns))


def _matches(member: Member, pattern: str) -> bool:
    return fnmatchcase(member.name, pattern) or fnmatchcase(member.file, pattern)


def _walk(
    folder: Path, below: str, defaults: tuple[str, ...], left_out: set[Path]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Variables files, and the defaults that each has."""
    try:
        items = sorted(os.scandir(folder / below), key=lambda item: item.name)
    except OSError as error:
        raise YamlError(f"{folder / below}: cannot be read: {error.strerror}") from None
    if any(item.name == DEFAULTS for item in items):
        defaults = (*defaults, below + DEFAULTS)
    for item in items:
        if item.name.startswith(".") or item.name == DEFAULTS:
            continue
        if item.is_dir(follow_symlinks=False):
            path = Path(item.path)
            if path.resolve() not in left_out and not (path / RECORD_FOLDER).is_dir():
                yield from _walk(folder, f"{below}{item.name}/", defaults, left_out)
        elif item.name.endswith(_SUFFIXES):
            yield below + item.name, defaults


def _read_member(
    folder: Path,
    file: str,
    defaults: tuple[str, ...],
    shared: Mapping[str, str | None],
    memory: Memory,
) -> Member:
    """``shared`` tells what is wrong with the files of defaults."""
    path = folder / file
    name = PurePosixPath(file).stem
    try:
        if name.startswith("_"):
            raise VariablesError(
                [
                    f"{path}: a file that begins with _ is no service; what services share stands"
                    f" in {DEFAULTS}"
                ]
            )
        name = memory.name_in(file, path) or _name_in(path) or name
        _check_name(path, name)
    except InfergenError as error:
        return Member(file, name, defaults, str(error))
    return Member(file, name, defaults, next(filter(None, map(shared.get, defaults)), None))


def _name_in(path: Path) -> str | None:
    """The name that a variables file gives; None if it leaves it to the file's own."""
    document = yamlfile.read_mapping(path)
    name = document.value.get("name")
    if name is not None and not isinstance(name, str):
        spelled = document.spelling(("name",)) or "a list or mapping"
        raise VariablesError(
            [f'{document.where(("name",))}: name: expected text, got {spelled}; quote it: "…"']
        )
    return name


def _check_name(path: Path, name: str) -> None:
    try:
        check_name(name)
    except InfergenError as error:
        raise VariablesError([f"{path}: {error}"]) from None


def _wrong_defaults(path: Path) -> str | None:
    """Why no service can be made with these defaults."""
    try:
        document = read_defaults(path)
    except InfergenError as error:
        return str(error)
    if "name" not in document.value:
        return None
    return (
        f"{document.where(('name',))}: name cannot be shared; each service is called after its own"
        " variables file, or as that says"
    )


def _told_apart(folder: Path, members: Sequence[Member]) -> Iterator[Member]:
    """Two members for one folder are wrong, both of them: neither is more right than the other."""
    same = defaultdict(list)
    for member in members:
        if member.wrong is None:
            same[folded(member.name)].append(member)
    for member in members:
        others = same[folded(member.name)]
        if member.wrong is None and len(others) > 1:
            files = " and ".join(f"{folder / other.file} ({other.name})" for other in others)
            wrong = f"{files} are to be one and the same service; give each its own `name`"
            member = Member(member.file, member.name, member.defaults, wrong)  # noqa: PLW2901
        yield member
