"""Renders every service of a set, and compares with the golden records."""

from __future__ import annotations

import bz2
import contextlib
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from builder.authoring import golden
from builder.authoring.golden import Golden, GoldenFacts
from builder.errors import InfergenError, RefusedError, TemplateSetError, WriteError
from builder.lint.cache import cache_folder, digest
from builder.lint.cases import Case, Refused, make_case, remembered_facts, wanted
from builder.lint.vocabulary import sample_files
from builder.opened_set import OpenedSet, with_schema
from builder.output import Output
from builder.template_set import TemplateSet
from builder.write.single import write_file
from builder.yamlfile import Document, read_mapping

_LARGEST = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is not as the record says; ``diff`` is empty where the former text is unknown."""

    path: str
    action: str
    diff: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tested:
    """One service. ``error`` is why it cannot be made, ``refused`` why its templates do not want it
    to be; ``known`` is whether it has a record."""

    title: str
    record: Path
    outputs: tuple[Output, ...] = ()
    changes: tuple[Change, ...] = ()
    known: bool = True
    error: str = ""
    refused: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    case: Case | None = None

    @property
    def passed(self) -> bool:
        return self.known and not self.changes and not self.error


def render_services(template_set: TemplateSet) -> Iterator[Tested]:
    """Every variant with every variables file. Raises TemplateSetError if there is none."""
    samples = sample_files(template_set)
    if not samples:
        raise TemplateSetError(
            f"{template_set.root}: no variables file in vars/, so there is no service to test"
        )
    opened = with_schema(template_set)
    for sample in samples:
        document = read_mapping(sample)
        for variant in wanted(template_set, document):
            yield _test(opened, document, sample, variant)


def _test(
    opened: OpenedSet,
    document: Document,
    sample: Path,
    variant: str | None,
) -> Tested:
    record = golden.record_path(opened.template_set.root, variant, sample)
    known = golden.read_golden(record)
    facts = GoldenFacts({} if known is None else known.model, remembered_facts)
    case = make_case(opened, document, sample, variant, facts)
    title = sample.name if variant is None else f"{variant}, {sample.name}"
    if isinstance(case, Refused):
        return Tested(title, record, known=known is not None, error=str(case.error))
    try:
        plan = case.prepared.plan
        outputs = (*plan.copies, *opened.render(plan.renderings, case.prepared.seen))
    except RefusedError as error:
        return Tested(title, record, refused=str(error).partition("\n")[0])
    except InfergenError as error:
        return Tested(title, record, known=known is not None, error=str(error))
    return Tested(
        title,
        record,
        outputs,
        () if known is None else tuple(_changes(record, known, outputs)),
        known is not None,
        facts=facts.used,
        case=case,
    )


def _changes(record: Path, known: Golden, outputs: Sequence[Output]) -> Iterator[Change]:
    now = golden.describe(outputs)
    changed = [path for path in {**known.files, **now} if known.files.get(path) != now.get(path)]
    if not changed:
        return
    before, after = _former_texts(record, known), golden.texts_of(outputs)
    for path in sorted(changed):
        if path not in known.files:
            yield Change(path, "new")
        elif path not in now:
            yield Change(path, "gone")
        elif path in before and path in after:
            lines = difflib.unified_diff(
                before[path].splitlines(), after[path].splitlines(),
                f"a/{path}", f"b/{path}", lineterm="",
            )  # fmt: skip
            yield Change(path, "changed", tuple(lines))
        else:
            yield Change(path, "changed")


def _former_texts(record: Path, known: Golden) -> dict[str, str]:
    """Texts that are as the record says, from beside it or from the user's cache."""
    found: dict[str, str] = {}
    for place in (_remembered(record), golden.text_path(record)):
        with contextlib.suppress(OSError, ValueError, EOFError):
            if place is not None and place.stat().st_size < _LARGEST:
                raw = place.read_bytes()
                found |= golden.parse_texts(bz2.decompress(raw) if place.suffix == ".bz2" else raw)
    return {
        path: text
        for path, text in found.items()
        if known.files.get(path, "").partition(" ")[0] == golden.digest_of(text)
    }


def accept(tested: Tested, *, texts: bool) -> bool:
    """Make this the record; whether anything was written. Raises WriteError."""
    record = Golden(golden.describe(tested.outputs), tested.facts)
    wrote = golden.write_whole(tested.record, golden.format_golden(record))
    beside = golden.text_path(tested.record)
    if texts or beside.is_file():
        text = golden.format_texts(golden.texts_of(tested.outputs))
        wrote = golden.write_whole(beside, text) or wrote
    remember(tested)
    return wrote


def remember(tested: Tested) -> None:
    """Keep the texts in the user's cache, for the diff when they change."""
    place = _remembered(tested.record)
    if place is None:
        return
    with contextlib.suppress(OSError):
        raw = bz2.compress(golden.format_texts(golden.texts_of(tested.outputs)).encode())
        if not place.is_file() or place.read_bytes() != raw:
            write_file(place, raw)


def _remembered(record: Path) -> Path | None:
    folder = cache_folder()
    name = digest(str(record.resolve()))
    return None if folder is None else folder / "golden" / f"{name}.bz2"


def stale_records(template_set: TemplateSet, tested: Sequence[Tested]) -> list[Path]:
    """Records of services that the set no longer has."""
    folder = template_set.root / golden.FOLDER
    known = {one.record for one in tested if not one.refused}
    return [path for path in sorted(folder.rglob("*.json")) if path not in known]


def remove(records: Sequence[Path]) -> None:
    """Remove records and the texts beside them. Raises WriteError."""
    for path in records:
        try:
            path.unlink(missing_ok=True)
            golden.text_path(path).unlink(missing_ok=True)
        except OSError as error:
            raise WriteError(f"{path}: cannot be removed: {error.strerror}") from None
