"""What writing a service over an existing one would do to it; nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder
from builder.record import RECORD_PATHS, Entry, Record, entry_of
from builder.write.tree import Tree, files_below


@dataclass(frozen=True, slots=True)
class Change:
    """What one path becomes.

    ``old`` is what its author saw there (None: nothing) and is checked again when it is applied;
    ``new`` is None if the path goes away. A folder that a removal leaves empty goes with it, unless
    a change with an OutputFolder keeps it.
    """

    path: str
    old: Entry | None
    new: Output | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """New outputs against what stands in the destination: paths, and the changes that do it.

    ``edited`` paths are as neither infergen nor the new outputs have them, yet would change; with
    any of them the changes must not be applied.
    """

    created: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


def compare_tree(
    tree: Tree, outputs: Sequence[Output], record: Record | None, entries: Mapping[str, Entry]
) -> Comparison:
    """Compare outputs with a service whose record says what infergen wrote there.

    ``entries`` spares hashing outputs that it knows. Raises UnsafePathError if a link that is none
    of infergen's stands where a folder is needed, and WriteError.
    """
    recorded: Mapping[str, Entry] = record.files if record else {}
    found = _Findings()
    _compare_obsolete(tree, recorded, {output.path for output in outputs}, found)
    obsolete = frozenset(found.removed)
    for output in sorted(outputs, key=lambda output: output.path):
        new = entries.get(output.path) or entry_of(output)
        if obsolete.isdisjoint(ancestors(output.path)):
            _compare_output(tree, output, new, recorded.get(output.path), obsolete, found)
        else:
            found.add(found.created, output, None)
    return Comparison(
        created=tuple(found.created),
        replaced=tuple(found.replaced),
        removed=tuple(sorted(found.removed)),
        unchanged=tuple(found.unchanged),
        edited=tuple(sorted(found.edited)),
        changes=tuple(found.changes),
    )


class _Findings:
    """A Comparison while it is made."""

    def __init__(self) -> None:
        self.created: list[str] = []
        self.replaced: list[str] = []
        self.removed: list[str] = []
        self.unchanged: list[str] = []
        self.edited: set[str] = set()
        self.changes: list[Change] = []

    def add(self, to: list[str], output: Output, old: Entry | None) -> None:
        if not isinstance(output, OutputFolder):
            to.append(output.path)
        self.changes.append(Change(output.path, old, output))


def _compare_obsolete(
    tree: Tree, recorded: Mapping[str, Entry], wanted: set[str], found: _Findings
) -> None:
    """What infergen wrote and the outputs no longer have."""
    for path in sorted(set(recorded) - wanted):
        old = tree.observe(path)
        if old is None:
            continue
        if old.kind == "folder":
            if recorded[path].kind == "folder":
                found.changes.append(Change(path, old, None))
            continue
        found.removed.append(path)
        found.changes.append(Change(path, old, None))
        if not same_content(old, recorded[path]):
            found.edited.add(path)


def _compare_output(
    tree: Tree,
    output: Output,
    new: Entry,
    base: Entry | None,
    obsolete: frozenset[str],
    found: _Findings,
) -> None:
    path = output.path
    old = tree.observe(path)
    if old is None:
        found.edited.update(in_the_way(tree, path))
        found.add(found.created, output, None)
    elif isinstance(output, OutputFolder):
        if old.kind != "folder":
            found.removed.append(path)
            if not same_content(old, base):
                found.edited.add(path)
        found.add([], output, old)
    elif old.kind == "folder":
        below = [f"{path}/{name}" for name in files_below(*tree.folder_of(path))]
        found.edited.update(name for name in below if name not in obsolete)
        found.add(found.replaced, output, old)
    else:
        if isinstance(output, OutputFile):
            executable = merged_executable(old, base, new)
            output = replace(output, mode=EXECUTABLE_MODE if executable else FILE_MODE)
            new = replace(new, executable=executable)
        if old == new:
            found.unchanged.append(path)
            return
        found.add(found.replaced, output, old)
        if path not in RECORD_PATHS and not same_content(old, new, base):
            found.edited.add(path)


def merged_executable(old: Entry, base: Entry | None, new: Entry) -> bool:
    """Whoever changed the bit, user or template set, has it their way; both can only agree.

    So a file system that knows no exec bits makes no file an edited one.
    """
    if old.kind != "file":
        return new.executable
    if base is None or base.executable != old.executable:
        return old.executable
    return new.executable


def same_content(old: Entry, *others: Entry | None) -> bool:
    """Whether one of the others has the same content, whatever its exec bit."""
    return any(
        other is not None and (old.kind, old.value) == (other.kind, other.value) for other in others
    )


def in_the_way(tree: Tree, path: str) -> list[str]:
    """The file, if any, where ``path`` needs a folder."""
    for ancestor in ancestors(path):
        entry = tree.observe(ancestor)
        if entry is None:
            return []
        if entry.kind != "folder":
            return [ancestor]
    return []


def ancestors(path: str) -> list[str]:
    """The folders that a path lies in, outermost first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
