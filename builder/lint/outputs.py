"""What the set generates, for each of its services: rendered, parsed, and shown to other programs.

An output is looked at once for all services that have it alike, and not again until it changes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from builder.errors import RefusedError, RenderError
from builder.lint.analysis import Templates
from builder.lint.cache import Cache, digest
from builder.lint.cases import Case
from builder.lint.findings import Finding, from_error
from builder.lint.tools import CONFIGURATIONS, TOOLS, Remark, ToolError, fingerprint
from builder.output import OutputFile
from builder.plan import Rendering
from builder.render.filekind import file_kind
from builder.template_set import SKELETONS, TEMPLATES, TemplateSet

if TYPE_CHECKING:
    from builder.render.renderer import Renderer


_COPIED = "a skeleton"


@dataclass(frozen=True, slots=True)
class _File:
    """One file of one service, and what it comes from; ``key`` stands for its content."""

    case: Case
    path: str
    source: Rendering | OutputFile
    key: str


@dataclass(slots=True)
class Outputs:
    """What was found, and the programs that were missed."""

    findings: list[Finding] = field(default_factory=list)
    missing: dict[str, None] = field(default_factory=dict)
    files: int = 0
    services: int = 0


def check_outputs(
    template_set: TemplateSet, templates: Templates, cases: Sequence[Case], cache: Cache
) -> Outputs:
    """Render every service and check its files."""
    return _Checker(template_set, templates, cache).check(cases)


class _Checker:
    def __init__(self, template_set: TemplateSet, templates: Templates, cache: Cache) -> None:
        self._set = template_set
        self._templates = templates
        self._cache = cache
        self._found = Outputs()
        self._programs = fingerprint()
        self._rendering: Renderer | None = None

    def check(self, cases: Sequence[Case]) -> Outputs:
        unknown: dict[str, tuple[_File, bytes]] = {}
        standing: dict[str, list[str]] = {}
        made = []
        for case in cases:
            before = len(self._found.findings)
            try:
                looked_at = list(self._look(case))
            except RefusedError:
                del self._found.findings[before:]
                continue
            made.append(case)
            for same, key, file, content in looked_at:
                standing.setdefault(same, []).append(key)
                if self._cache.get("clean", same) is None:
                    unknown.setdefault(same, (file, content))
        guilty = self._ask_programs(unknown)
        for same, keys in standing.items():
            if same not in guilty:
                for key in (same, *keys):
                    self._cache.put("clean", key, 1)
        self._found.services = len(made)
        self._note_missing(made)
        return self._found

    def _look(self, case: Case) -> Iterator[tuple[str, str, _File, bytes]]:
        """Each file that is not known to be clean, with its content, and a key that stands for the
        content and one for where it comes from. Raises RefusedError."""
        if self._cache.get("refused", self._refusal_key(case)) is not None:
            raise RefusedError(case.title)
        files = list(self._files(case))
        around = self._surroundings(files)
        try:
            for file in files:
                key = digest(file.key, file.path, around, self._programs)
                if self._cache.get("clean", key) is not None:
                    continue
                content = self._content(file)
                if content is None:
                    continue
                if not content.strip() and not self._set.plain:
                    # No file of the service at all.
                    self._cache.put("clean", key, 1)
                    continue
                # The same text is the same, whatever template and variables it came from.
                yield digest(content, file.path, around, self._programs), key, file, content
        except RefusedError:
            self._cache.put("refused", self._refusal_key(case), 1)
            raise
        self._found.files += len(files)

    def _refusal_key(self, case: Case) -> str:
        templates = (
            self._templates.digest(each.template)
            for each in case.prepared.plan.renderings
            if each.template in self._templates.texts
        )
        return digest(case.variables_digest(), *templates)

    def _files(self, case: Case) -> Iterator[_File]:
        variables = case.variables_digest()
        plan = case.prepared.plan
        for copy in plan.copies:
            # What is copied from where it lies is too large to be a text that somebody wrote.
            if isinstance(copy, OutputFile) and isinstance(copy.content, bytes):
                yield _File(case, copy.path, copy, digest("copy", copy.content))
        for rendering in plan.renderings:
            if rendering.template in self._templates.texts:
                key = digest("rendered", self._templates.digest(rendering.template), variables)
                yield _File(case, rendering.path, rendering, key)

    def _surroundings(self, files: Sequence[_File]) -> str:
        """What decides besides a file's content what programs say: settings, and the modules that
        there are."""
        return digest(
            *(f"{file.path} {file.key}" for file in files if _is_configuration(file.path)),
            *sorted(file.path for file in files if file.path.endswith(".py")),
        )

    def _content(self, file: _File) -> bytes | None:
        """The file's bytes; None if they cannot be rendered or do not parse."""
        if isinstance(file.source, OutputFile):
            return self._copied(file, file.source.content)
        content = self._render(file, file.source)
        if content is None:
            return None
        from builder.render.verify import verify  # noqa: PLC0415

        shown = f"{TEMPLATES}/{file.source.template}"
        try:
            verify(file.path, content, template=shown)
        except RenderError as error:
            self._found.findings.append(self._unparsable(file, file.source, error))
            return None
        return content

    def _copied(self, file: _File, content: bytes | Path) -> bytes | None:
        """A skeleton's bytes; None if they do not parse."""
        if isinstance(content, Path):
            return None
        from builder.render.verify import verify  # noqa: PLC0415

        if file_kind(file.path) is None or b"\0" in content:
            return content
        try:
            verify(file.path, content, template=_COPIED)
        except RenderError as error:
            # Helm's charts and others are templates of their own, and no YAML yet.
            if file_kind(file.path) != "yaml" or b"{{" not in content:
                place, _, said = str(error).partition(": ")
                line = place.rpartition(":")[2]
                said = said.replace(f" (rendered from {_COPIED})", "")
                number = int(line) if line.isdecimal() else 0
                where = self._skeleton(file)
                self._found.findings.append(Finding(where, number, "output", said))
            return None
        return content

    @property
    def _renderer(self) -> Renderer:
        if self._rendering is None:
            from builder.render.renderer import Renderer  # noqa: PLC0415 - brings jinja2

            self._rendering = Renderer(self._templates.sources.environment)  # type: ignore[arg-type]
        return self._rendering

    def _render(self, file: _File, rendering: Rendering) -> bytes | None:
        variables = file.case.prepared.seen
        try:
            return self._renderer.render(rendering.template, variables, destination=file.path)
        except RefusedError:
            raise
        except RenderError as error:
            # Of a set that this one extends, messages begin with the name of its folder.
            near, *bases = self._set.roots
            places = (near, *(root.parent for root in bases))
            self._found.findings += from_error(error, "render", *places)
            return None

    def _unparsable(self, file: _File, rendering: Rendering, error: RenderError) -> Finding:
        message = str(error)
        place, _, said = message.partition(": ")
        line = place.rpartition(":")[2]
        number = int(line) if line.isdecimal() else 0
        at = self._origin(file, rendering, number)
        said = said.replace(f" (rendered from {TEMPLATES}/{rendering.template})", "")
        return Finding(at[0], at[1], "output", said, self._in(file, number))

    def _origin(self, file: _File, rendering: Rendering, line: int) -> tuple[str, int]:
        """The template and line that wrote a line of an output."""
        from builder.lint.places import places_of  # noqa: PLC0415

        environment: Any = self._templates.sources.environment
        places = places_of(environment, rendering.template, file.case.prepared.seen)
        template, at = places[line - 1] if 0 < line <= len(places) else (rendering.template, 0)
        return str(self._templates.texts[template].file), at

    @staticmethod
    def _in(file: _File, line: int) -> str:
        output = f"{file.path}:{line}" if line else file.path
        return f"In {output} of the service of {file.case.title}."

    def _ask_programs(self, unknown: dict[str, tuple[_File, bytes]]) -> set[str]:
        """Have files judged by the programs that there are; returns those that were objected to."""
        tools = [tool for tool in TOOLS if tool.found() is not None]
        keys: dict[Path, str] = {}
        if not any(tool.takes(file.path) for tool in tools for file, _ in unknown.values()):
            return set()
        with tempfile.TemporaryDirectory(prefix="infergen-lint-") as name:
            folder = Path(name).resolve()
            configurations: dict[Path, Path] = {}
            places: dict[int, Path] = {}
            failed: set[str] = set()
            unset: set[Path] = set()
            for key, (file, content) in unknown.items():
                if not any(tool.takes(file.path) for tool in tools):
                    continue
                service = places.get(id(file.case))
                if service is None:
                    service = places[id(file.case)] = folder / str(len(places))
                    if not self._lay_out(file.case, service):
                        unset.add(service)
                if service in unset:
                    failed.add(key)
                    continue
                path = service / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                keys[path] = key
                for configuration in _settings_of(path, service):
                    configurations[path] = configuration
            remarks: list[Remark] = []
            for tool in tools:
                files = [path for path, key in keys.items() if tool.takes(unknown[key][0].path)]
                try:
                    remarks += tool.ask(folder, files, configurations) if files else ()
                except ToolError as error:
                    self._note_failure(tool.name, error)
                    failed.update(keys[path] for path in files)
        told = [remark for remark in remarks if remark.path in keys]
        for remark in told:
            self._note(remark, unknown[keys[remark.path]][0])
        return failed | {keys[remark.path] for remark in told}

    def _note_failure(self, program: str, error: ToolError) -> None:
        hint = "Look at the settings that services give it, such as in pyproject.toml."
        message = f"{program} cannot check: {error}"
        self._found.findings.append(Finding(str(self._set.root), 0, "program", message, hint))

    def _lay_out(self, case: Case, service: Path) -> bool:
        """The settings of a service, and empty modules in the place of its own, by which ruff tells
        them from libraries. False if the settings cannot be rendered: then nobody can judge."""
        for file in self._files(case):
            path = service / file.path
            if _is_configuration(file.path):
                content = self._content(file)
                if content is None:
                    return False
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            elif file.path.endswith(".py"):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return True

    def _note(self, remark: Remark, file: _File) -> None:
        if isinstance(file.source, Rendering):
            where, line = self._origin(file, file.source, remark.line)
        else:
            where, line = self._skeleton(file), remark.line
        hint = self._in(file, remark.line)
        self._found.findings.append(Finding(where, line, remark.code, remark.message, hint))

    def _skeleton(self, file: _File) -> str:
        layers = [""]
        if file.case.variant is not None:
            layers = list(self._set.layers(file.case.variant))
        roots = self._set.roots
        places = [root / SKELETONS / layer / file.path for root in roots for layer in layers]
        return str(next((path for path in places if path.exists()), places[0]))

    def _note_missing(self, cases: Sequence[Case]) -> None:
        paths = {file.path for case in cases for file in self._files(case)}
        for tool in TOOLS:
            if tool.found() is None and any(map(tool.takes, paths)):
                self._found.missing[tool.name] = None


def _is_configuration(path: str) -> bool:
    return PurePosixPath(path).name in CONFIGURATIONS


def _settings_of(path: Path, service: Path) -> Iterator[Path]:
    """The settings of the service that a program is to be told of, since it looks elsewhere."""
    prefix = ".yamllint" if path.suffix in (".yml", ".yaml") else ".hadolint"
    for name in sorted(CONFIGURATIONS):
        if name.startswith(prefix) and (service / name).is_file():
            yield service / name
