"""What an update does to each file of a service, from the three states that it has."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from builder.errors import WriteError
from builder.generate import Generated
from builder.given_file import GIVEN_PATH
from builder.given_map import MAP_PATH
from builder.model.files import FOLDER
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder
from builder.record import RECORD_PATHS, Entry, entry_of
from builder.update.files import BESIDE, Action, FileUpdate
from builder.update.standing import Standing
from builder.update.threeway import join, new_text
from builder.write.comparison import Change, in_the_way, merged_executable, same_content
from builder.write.tree import files_below


class Planner:
    """Finds ``files`` and ``changes``, which ``plan`` fills.

    ``origins`` says where renamed files lay, by where they lie now.
    """

    def __init__(
        self,
        standing: Standing,
        generated: Generated,
        origins: dict[str, str],
        healed: frozenset[str],
        own_inputs: bool,
    ) -> None:
        self.files: list[FileUpdate] = []
        self.changes: list[Change] = []
        self._standing = standing
        self._bases = standing.record.files
        self._new = generated.record.files
        self._outputs = sorted(generated.outputs, key=lambda output: output.path)
        self._essential = generated.template_set.essential
        self._healed = healed
        labels = f"{FOLDER}/{generated.variables.get('label_file_name')}"
        self._read_from_here = {GIVEN_PATH: "your variables", labels: "your labels"}
        if not own_inputs:
            self._read_from_here = {}
        self._origins = {
            new: old
            for new, old in origins.items()
            if new in self._new and old in self._bases
            if new not in self._bases and old not in self._new
        }
        self._moved: set[str] = set()
        self._leaving: set[str] = set()

    def plan(self) -> None:
        self._moved = {old for new, old in self._origins.items() if self._moves(new, old)}
        for path in sorted(self._bases.keys() - self._new.keys() - self._moved):
            self._plan_dropped(path)
        self._leaving |= self._moved
        for output in self._outputs:
            if output.path in RECORD_PATHS or output.path == MAP_PATH:
                # The map is what stands there already, or what the user gave in its place.
                self._plan_as_new(output)
            elif isinstance(output, OutputFolder):
                self._plan_folder(output)
            elif output.path in self._healed:
                self._plan_healed(output)
            else:
                self._plan_file(output)

    def _moves(self, new: str, old: str) -> bool:
        """Whether what stands at a renamed file's old place goes to its new one."""
        standing = self._standing.observe(old)
        gone_or_file = standing is None or standing.kind == "file"
        return gone_or_file and self._standing.observe(new) is None

    def _plan_dropped(self, path: str) -> None:
        yours, base = self._standing.observe(path), self._bases[path]
        if yours is None:
            return
        if base.kind == "folder" or yours.kind == "folder":
            if base.kind == yours.kind:
                self.changes.append(Change(path, yours, None))
        elif same_content(yours, base):
            self._leaving.add(path)
            self._note(path, "remove", "the set has it no more")
            self.changes.append(Change(path, yours, None))
        else:
            self._note(path, "kept", "the set has it no more, but you edited it: it is yours now")

    def _plan_as_new(self, output: Output) -> None:
        yours = self._standing.observe(output.path)
        if yours is None:
            self._put("create", output, None)
        elif yours != entry_of(output):
            self._put("replace", output, yours)

    def _plan_folder(self, output: OutputFolder) -> None:
        yours = self._standing.observe(output.path)
        base = self._bases.get(output.path)
        if yours is None:
            self._change(output, None)
        elif base is not None and base.kind == "folder" != yours.kind:
            self._note(output.path, "edited", "your edit is kept")
        elif yours.kind != "folder":
            if not same_content(yours, base):
                raise self._obstructed(output.path, f"the folder {output.path}")
            self._change(output, yours)

    def _plan_healed(self, output: Output) -> None:
        path, yours = output.path, self._standing.observe(output.path)
        if yours == self._new[path]:
            self._note(path, "unchanged")
        else:
            self._put("heal", output, yours, "as generated again")
        origin = self._origins.get(path)
        before = self._standing.observe(origin) if origin in self._moved and origin else None
        if origin is not None and before is not None:
            self.changes.append(Change(origin, before, None))
        beside = self._standing.observe(path + BESIDE)
        if beside is not None:
            self.changes.append(Change(path + BESIDE, beside, None))

    def _plan_file(self, output: Output) -> None:
        path = output.path
        origin = self._origins.get(path, path)
        yours, before = self._standing.observe(path), self._standing.observe(origin)
        # Where the old place is still taken, what stands at the new one is the user's own.
        base = None if origin != path and yours and before else self._bases.get(origin)
        if origin in self._moved and before is not None:
            self.changes.append(Change(origin, before, None))
            self._plan_three(output, base, before, origin)
        elif yours is None:
            self._plan_missing(output, base)
        elif yours.kind == "folder":
            self._put("replace", output, yours, "a file in the set now")
        else:
            self._plan_three(output, base, yours, path)

    def _plan_missing(self, output: Output, base: Entry | None) -> None:
        path = output.path
        if base is None or base.kind == "folder":
            self._put("create", output, None, "new in the set")
        elif path == GIVEN_PATH or any(fnmatchcase(path, glob) for glob in self._essential):
            why = "you deleted it, but the service cannot run without it"
            self._put("restore", output, None, why)
        else:
            self._note(path, "deleted", "you deleted it")

    def _plan_three(self, output: Output, base: Entry | None, yours: Entry, at: str) -> None:
        """A file that stands ``at`` its path, or at the one that the set had it at before."""
        path, new = output.path, self._new[output.path]
        if isinstance(output, OutputFile):
            executable = merged_executable(yours, base, new)
            output = replace(output, mode=EXECUTABLE_MODE if executable else FILE_MODE)
            new = replace(new, executable=executable)
        moved: Action | None = None if at == path else "rename"
        if same_content(yours, new) or same_content(yours, base):
            if yours == new and moved is None:
                self._note(path, "unchanged")
            else:
                self._place(moved or "replace", output, yours, at)
        elif same_content(new, base):
            self._keep_edited(output, yours, at)
        else:
            self._plan_both(output, base, yours, at)

    def _plan_both(self, output: Output, base: Entry | None, yours: Entry, at: str) -> None:
        """The user changed it, and so did the set."""
        new = new_text(output) if isinstance(output, OutputFile) else None
        mine = self._standing.text(at) if yours.kind == "file" and new is not None else None
        if base is None or new is None or mine is None or not isinstance(output, OutputFile):
            self._keep_beside(output, yours, at)
            return
        path = output.path
        before = self._standing.base_text(self._origins.get(path, path))
        joined = join(path, before, mine, new, self._read_from_here.get(path))
        if joined is None:
            self._keep_beside(output, yours, at)
        elif joined.text == mine:
            self._keep_edited(output, yours, at)
        else:
            merged = replace(output, content=joined.text.encode())
            self._place("merge", merged, yours, at, joined.why, conflict=joined.conflict)

    def _keep_edited(self, output: Output, yours: Entry, at: str) -> None:
        path, why = output.path, "your edit is kept"
        is_file = isinstance(output, OutputFile) and yours.kind == "file"
        mode = output.mode if isinstance(output, OutputFile) else yours.mode
        if is_file and (at != path or yours.mode != mode):
            action: Action = "replace" if at == path else "rename"
            self._place(action, OutputFile(path, mode, self._standing.content(at)), yours, at, why)
        else:
            self._note(path, "edited", why)

    def _keep_beside(self, output: Output, yours: Entry, at: str) -> None:
        path, beside = output.path, output.path + BESIDE
        if at != path:
            self._change(OutputFile(path, yours.mode, self._standing.content(at)), None)
        self._change(replace(output, path=beside), None)
        origin = None if at == path else at
        why = f"yours is kept, and what is generated now lies beside it in {beside}"
        self.files.append(FileUpdate(path, "beside", why, conflict=True, origin=origin))

    def _place(
        self,
        action: Action,
        output: Output,
        yours: Entry,
        at: str,
        why: str = "",
        *,
        conflict: bool = False,
    ) -> None:
        """Put a file at its path, where ``yours`` stands if that is ``at`` the same."""
        old = yours if at == output.path else None
        self._put(action, output, old, why, conflict=conflict, origin=None if old else at)

    def _put(
        self,
        action: Action,
        output: Output,
        old: Entry | None,
        why: str = "",
        *,
        conflict: bool = False,
        origin: str | None = None,
    ) -> None:
        self.files.append(FileUpdate(output.path, action, why, conflict, origin))
        self._change(output, old)

    def _change(self, output: Output, old: Entry | None) -> None:
        path = output.path
        if old is None:
            self._check_way(path)
        elif old.kind == "folder" and not isinstance(output, OutputFolder):
            inside = files_below(*self._standing.tree.folder_of(path))
            if any(f"{path}/{name}" not in self._leaving for name in inside):
                raise self._obstructed(path, f"the file {path}")
        self.changes.append(Change(path, old, output))

    def _check_way(self, path: str) -> None:
        for ancestor in in_the_way(self._standing.tree, path):
            if ancestor not in self._leaving:
                raise self._obstructed(ancestor, path)

    def _obstructed(self, path: str, wanted: str) -> WriteError:
        place = self._standing.tree.label / path
        return WriteError(
            f"{place} is in the way of {wanted}, which the set has now; move it elsewhere, then"
            " run again"
        )

    def _note(self, path: str, action: Action, why: str = "") -> None:
        self.files.append(FileUpdate(path, action, why))
