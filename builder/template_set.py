"""Where templates come from: a folder with ``template/``, ``template_files/`` and a path map.

A set with an ``infergen.yaml`` has layers and variants; one without is *plain*, the classic form of
the pattern, and is used as it stands. A set may extend another (``extends`` in ``infergen.yaml``):
then it holds only what it adds or changes, and whatever is looked for is looked for in it first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from builder import yamlfile
from builder.errors import InfergenError, TemplateSetError
from builder.extends import Extends, check_base, find_base
from builder.migration import Migration, read_migrations
from builder.nearest import did_you_mean
from builder.paths import check_relative, resolve_inside
from builder.set_files import digest_of, files_below, walk_files
from builder.set_settings import Report, read_essential, read_settings, read_variants

PATH_MAP = "correspond_file_path.yaml"
SETTINGS = "infergen.yaml"
SKELETONS = "template"
TEMPLATES = "template_files"
HOOKS = "hooks"
SCHEMA = "vars/schema.json"
DEFAULT_VARIABLES = "vars/sample.yaml"
SHIPPED = "default_set"
"""The folder inside the wheel that the default set lies in."""
PARTIAL_PREFIX = "_"
"""Templates whose file name begins so are there to be included, and need no map entry."""


@dataclass(frozen=True, slots=True)
class MapEntry:
    """One line of the path map: a template, and where in the service its output goes.

    ``file`` is the template's own, of the nearest set that has it. ``level`` is 0 for a line of the
    set itself, 1 for one of the set that it extends, and so on.
    """

    template: str
    destination: str
    where: str
    file: Path
    level: int = 0


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """A template set that was found to be complete.

    ``variants`` maps a variant's name to its layers; it is empty for a plain set. ``digest`` is the
    sha256 over everything that decides what the set generates. ``essential`` are patterns of files
    that an update brings back when the user deleted them, since no service runs without them.
    ``entries``, ``variants`` and ``essential`` include those of ``base``, the set that it extends;
    what is its own is found by ``root``. ``migrations`` are between its own versions alone.
    ``given_map`` is the path map that was given in place of its own, if one was.
    """

    root: Path
    name: str
    plain: bool
    version: int
    supports: int
    variants: Mapping[str, tuple[str, ...]]
    entries: tuple[MapEntry, ...]
    digest: str
    base: TemplateSet | None = None
    essential: tuple[str, ...] = ()
    migrations: tuple[Migration, ...] = ()
    given_map: Path | None = None

    @property
    def lineage(self) -> tuple[TemplateSet, ...]:
        """The set, the one that it extends, and so on: the nearest first."""
        return (self, *(() if self.base is None else self.base.lineage))

    @property
    def roots(self) -> tuple[Path, ...]:
        """The folders of the set, of the one that it extends, and so on: the nearest first."""
        return tuple(each.root for each in self.lineage)

    @property
    def template_folders(self) -> tuple[Path, ...]:
        """Where templates are looked for, the nearest first."""
        return tuple(root / TEMPLATES for root in self.roots)

    @property
    def schema_files(self) -> tuple[Path, ...]:
        """What describes the variables, the nearest first; each is laid over those after it."""
        return tuple(root / SCHEMA for root in self.roots if (root / SCHEMA).is_file())

    @property
    def default_variables(self) -> Path | None:
        """The variables file that is used when the caller names neither one nor a model."""
        names = ("vars.yaml", DEFAULT_VARIABLES) if self.plain else (DEFAULT_VARIABLES, "vars.yaml")
        paths = (root / name for root in self.roots for name in names)
        return next((path for path in paths if path.is_file()), None)

    @property
    def usual_variant(self) -> str:
        """The variant that is listed first, for sets whose variables name none."""
        return next(iter(self.variants))

    def layers(self, variant: str) -> tuple[str, ...]:
        """The layers of a variant, in order. Raises TemplateSetError for an unknown one."""
        if variant not in self.variants:
            hint = did_you_mean(variant, self.variants)
            known = ", ".join(self.variants)
            raise TemplateSetError(f"no variant {variant!r} in {self.name} (it has: {known}){hint}")
        return self.variants[variant]


@dataclass(frozen=True, slots=True)
class Examined:
    """A set without what is wrong with it, None if nothing is left; and the errors with codes."""

    template_set: TemplateSet | None
    errors: tuple[tuple[str, InfergenError], ...]


def default_root() -> Path:
    """The set that ships with infergen: inside the wheel, or the root of a source checkout."""
    package = Path(__file__).resolve().parent
    shipped = package / SHIPPED
    return shipped if shipped.is_dir() else package.parent


def is_template_set(folder: Path) -> bool:
    """Whether a folder looks like a template set; the classic call asks it of the current one."""
    return (folder / TEMPLATES).is_dir() and (folder / PATH_MAP).is_file()


def is_cookiecutter_template(folder: Path) -> bool:
    """Whether a folder is a template of cookiecutter's form, which is no set of ours."""
    return (folder / "cookiecutter.json").is_file() and not (folder / TEMPLATES).is_dir()


def open_template_set(
    root: Path,
    path_map: Path | None = None,
    *,
    confined_to: Path | None = None,
    extended_by: tuple[Path, ...] = (),
) -> TemplateSet:
    """Read a set and check that it is complete. Raises TemplateSetError or YamlError.

    ``path_map`` is used instead of the set's own ``correspond_file_path.yaml``. A set from outside
    is ``confined_to`` the folder that it was fetched into: it extends nothing else on this machine.
    ``extended_by`` are the sets on whose behalf this one is opened.
    """
    return _open(root, path_map, _raise, confined_to, extended_by)


def examine_template_set(root: Path) -> Examined:
    """Read a set, but go on after what is wrong with it, so that all of it is told at once."""
    errors: list[tuple[str, InfergenError]] = []
    try:
        found = _open(root, None, lambda code, error: errors.append((code, error)), None, ())
    except InfergenError as error:
        return Examined(None, (*errors, ("set", error)))
    return Examined(found, tuple(errors))


def _open(
    root: Path,
    path_map: Path | None,
    report: Report,
    confined_to: Path | None,
    extended_by: tuple[Path, ...],
) -> TemplateSet:
    if not root.is_dir():
        raise TemplateSetError(f"{root}: no such folder; --templates names a template set's folder")
    settings = read_settings(root / SETTINGS, report) if (root / SETTINGS).is_file() else None
    base = None
    if settings is not None and settings.extends is not None:
        base = _open_base(settings.extends, (*extended_by, root.resolve()), confined_to)
    if base is None and not (root / TEMPLATES).is_dir():
        raise TemplateSetError(f"{root}: no folder {TEMPLATES}/, so this is no template set")
    own_map = root / PATH_MAP
    if path_map is not None and path_map.resolve() == own_map.resolve():
        path_map = None
    map_file: Path | None = path_map or own_map
    if base is not None and path_map is None and not own_map.is_file():
        map_file = None
    template_set = TemplateSet(
        root=root,
        name="infergen" if root.resolve() == default_root() else root.resolve().name,
        plain=settings is None,
        version=0 if settings is None else settings.version,
        supports=0 if settings is None else settings.supports,
        variants={},
        entries=(),
        digest=_digest(root, map_file, base),
        base=base,
        essential=() if base is None else base.essential,
        given_map=path_map,
    )
    if settings is not None:
        inherited = None if base is None else base.variants
        places = {
            kind: [root / kind for root in template_set.roots] for kind in (SKELETONS, TEMPLATES)
        }
        variants = read_variants(settings, inherited, places, report)
        template_set = replace(template_set, variants=variants)
        try:
            template_set = replace(
                template_set,
                essential=(*read_essential(settings), *template_set.essential),
                migrations=read_migrations(settings.document, settings.version),
            )
        except TemplateSetError as error:
            report("set", error)
    return replace(template_set, entries=_read_path_map(map_file, template_set, report))


def _raise(_code: str, error: InfergenError) -> NoReturn:
    raise error


def _open_base(extends: Extends, above: tuple[Path, ...], confined_to: Path | None) -> TemplateSet:
    found = find_base(extends, above, shipped=default_root(), confined_to=confined_to)
    base = open_template_set(found.folder, confined_to=found.confined_to, extended_by=above)
    check_base(extends, plain=base.plain, version=base.version)
    return base


def _read_path_map(
    map_file: Path | None, template_set: TemplateSet, report: Report
) -> tuple[MapEntry, ...]:
    """The set's own lines and those of the set that it extends, but for what it replaces."""
    own = template_set.template_folders[0]
    inherited = {entry.template: entry for entry in _inherited(template_set.base, own)}
    entries = dict(inherited)
    named: set[str] = set(inherited)
    if map_file is not None:
        document = yamlfile.read_mapping(map_file)
        named |= document.value.keys()
        for template, destination in document.value.items():
            if destination is None and template in inherited:
                del entries[template]
                continue
            try:
                entries[template] = _read_entry(document, template_set, template, destination)
            except _DanglingEntryError as error:
                report("dangling-entry", error)
            except InfergenError as error:
                report("path-map", error)
    unmapped = [name for name in _template_names(own) if name not in named]
    if unmapped:
        listed = "\n".join(f"  {TEMPLATES}/{name}" for name in unmapped)
        report(
            "unmapped-template",
            TemplateSetError(
                f"{map_file or template_set.root / PATH_MAP}: no entry for\n{listed}\nMap each,"
                f" delete it, or begin its file name with {PARTIAL_PREFIX!r} if it is only included"
                " by others."
            ),
        )
    return tuple(entries.values())


class _DanglingEntryError(TemplateSetError):
    """An entry of the path map has no template."""


def _read_entry(
    document: yamlfile.Document, template_set: TemplateSet, template: str, destination: Any
) -> MapEntry:
    where = document.where((template,))
    check_relative(template, what=where)
    if not isinstance(destination, str):
        raise TemplateSetError(
            f'{where}: {template}: expected where its output goes, such as "{{}}/Dockerfile"'
        )
    rest = destination.removeprefix("{}/")
    if rest == destination or "{" in rest or "}" in rest:
        raise TemplateSetError(
            f"{where}: {template}: {destination!r} is to begin with {{}}/, which stands for the"
            " service's folder, and to have no other braces"
        )
    check_relative(rest, what=where)
    folders = template_set.template_folders
    files = (resolve_inside(folder, template) for folder in folders)
    file = next((path for path in files if path.is_file()), None)
    if file is None:
        hint = did_you_mean(template, [name for f in folders for name in _template_names(f)])
        raise _DanglingEntryError(f"{where}: no template {TEMPLATES}/{template}{hint}")
    if not template_set.plain and "/" not in template:
        raise TemplateSetError(f"{where}: {template} lies in no layer; expected layer/{template}")
    return MapEntry(template, rest, where, file)


def _inherited(base: TemplateSet | None, own: Path) -> Iterator[MapEntry]:
    for entry in () if base is None else base.entries:
        replaced = resolve_inside(own, entry.template) if own.is_dir() else own
        file = replaced if replaced.is_file() else entry.file
        yield replace(entry, file=file, level=entry.level + 1)


def _template_names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [
        path
        for path in walk_files(folder)
        if path.endswith(".j2") and not PurePosixPath(path).name.startswith(PARTIAL_PREFIX)
    ]


def _digest(root: Path, map_file: Path | None, base: TemplateSet | None) -> str:
    files = [] if map_file is None else [(PATH_MAP, map_file)]
    files += [(name, root / name) for name in (SETTINGS, SCHEMA) if (root / name).is_file()]
    hooks = [HOOKS] if (root / SETTINGS).is_file() else []
    for folder in (SKELETONS, TEMPLATES, *hooks):
        files += files_below(root, folder)
    return digest_of(files, b"" if base is None else f"extends {base.digest}\n".encode())
