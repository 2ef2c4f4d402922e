"""Everything that is wrong with a template set, as one report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from builder.errors import InfergenError, TemplateSetError, UnsafePathError
from builder.lint import structure, vocabulary
from builder.lint.analysis import Analysis, Templates, analyse
from builder.lint.cache import Cache, digest
from builder.lint.cases import Case, Refused, make_cases, remembered_facts
from builder.lint.findings import Finding, from_error, without_allowed
from builder.lint.outputs import Outputs, check_outputs
from builder.lint.secrets import secrets_in
from builder.schema import Schema, read_schema
from builder.template_set import (
    PARTIAL_PREFIX,
    TEMPLATES,
    TemplateSet,
    examine_template_set,
    walk_files,
)
from builder.yamlfile import Document

_LARGE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """All findings in order of their places, and what they were looked for in.

    ``unchecked`` are the programs that would have checked more, had they been installed.
    """

    root: Path
    findings: tuple[Finding, ...]
    templates: int = 0
    services: int = 0
    files: int = 0
    unchecked: tuple[str, ...] = ()


def lint(root: Path, cache: Cache) -> Report:
    """Check the set in this folder. Raises TemplateSetError only if there is none to check."""
    if not root.is_dir():
        raise TemplateSetError(f"{root}: no such folder; name a template set's folder")
    examined = examine_template_set(root)
    findings = list(structure.of_errors(root, examined.errors))
    template_set = examined.template_set
    if template_set is None:
        return _report(root, findings, {})
    texts, unreadable = _read_templates(template_set)
    findings += unreadable
    findings += structure.of_layers(template_set)
    findings += structure.of_destinations(template_set)
    findings += _secrets(template_set, cache)
    samples = vocabulary.sample_files(template_set)
    documents = vocabulary.readable_documents(samples)
    read = {Path(document.source) for document in documents}
    unreadable_samples = [path for path in samples if path not in read]
    for path in unreadable_samples:
        findings += _why_unreadable(path, root)
    schema, problems = _schema(template_set, documents)
    findings += problems
    templates = Templates(template_set, texts, cache)
    outputs, cases = Outputs(), 0
    if schema is not None:
        known = schema if template_set.plain else vocabulary.with_given(schema)
        analysis = analyse(template_set, templates, known, cache)
        findings += analysis.findings
        # Of a set that is not whole, nobody knows what the missing part would use.
        if analysis.sure and not examined.errors and not unreadable_samples:
            findings += _unreached(template_set, templates, analysis)
            findings += vocabulary.unused_variables(template_set, schema, analysis.used, documents)
        made = list(make_cases(template_set, documents, remembered_facts))
        ready = [case for case in made if isinstance(case, Case)]
        findings += _refusals((case for case in made if isinstance(case, Refused)), findings, root)
        outputs = check_outputs(template_set, templates, ready, cache)
        cases = outputs.services
        findings += _new(outputs.findings, findings)
    report = _report(root, findings, {str(template_set.templates / n): t for n, t in texts.items()})
    return replace(
        report,
        templates=len(texts),
        services=cases,
        files=outputs.files,
        unchecked=tuple(outputs.missing),
    )


def _report(root: Path, findings: Iterable[Finding], sources: dict[str, str]) -> Report:
    unique: dict[tuple[str, int, str, str], Finding] = {}
    for one in findings:
        unique.setdefault((one.file, one.line, one.code, one.message), one)
    return Report(root, tuple(sorted(without_allowed(unique.values(), sources))))


def _read_templates(template_set: TemplateSet) -> tuple[dict[str, str], list[Finding]]:
    texts: dict[str, str] = {}
    findings = []
    for name in walk_files(template_set.templates):
        path = template_set.templates / name
        if not name.endswith(".j2"):
            continue
        try:
            texts[name] = path.read_bytes().decode()
        except UnicodeDecodeError as error:
            line = path.read_bytes().count(b"\n", 0, error.start) + 1
            hint = "Save the template as UTF-8."
            findings.append(Finding(str(path), line, "syntax", "not UTF-8", hint))
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            findings.append(Finding(str(path), 0, "syntax", message))
    return texts, findings


def _secrets(template_set: TemplateSet, cache: Cache) -> list[Finding]:
    findings: list[Finding] = []
    for path in structure.text_files(template_set):
        if path.stat().st_size > _LARGE:
            continue
        content = path.read_bytes()
        key = digest(content)
        if cache.get("harmless", key) is not None:
            continue
        found = [] if b"\0" in content else list(secrets_in(str(path), content))
        findings += found
        if not found:
            cache.put("harmless", key, 1)
    return findings


def _why_unreadable(path: Path, root: Path) -> list[Finding]:
    from builder import yamlfile  # noqa: PLC0415

    try:
        yamlfile.read_mapping(path)
    except InfergenError as error:
        return from_error(error, "variables", root)
    return []


def _schema(
    template_set: TemplateSet, documents: Sequence[Document]
) -> tuple[Schema | None, list[Finding]]:
    file = template_set.schema_file
    if file is None:
        return vocabulary.from_files(documents), []
    try:
        schema = read_schema(file)
    except InfergenError as error:
        return None, from_error(error, "schema", template_set.root)
    problem = vocabulary.definition_problem(schema)
    if problem is not None:
        return None, [Finding(str(file), 0, "schema", f"not a valid JSON Schema: {problem}")]
    return schema, []


def _unreached(
    template_set: TemplateSet, templates: Templates, analysis: Analysis
) -> Iterable[Finding]:
    for name in templates.texts:
        if name.rpartition("/")[2].startswith(PARTIAL_PREFIX) and name not in analysis.reached:
            yield Finding(
                str(template_set.root / TEMPLATES / name),
                0,
                "unused-template",
                "no template that is mapped includes or imports this one",
                "Include it, map it under a name without _, or delete it.",
            )


def _refusals(
    refused: Iterable[Refused], known: Sequence[Finding], root: Path
) -> Iterable[Finding]:
    clashes = any(one.code in ("duplicate-destination", "path-map") for one in known)
    for case in refused:
        if clashes and isinstance(case.error, UnsafePathError):
            continue
        for one in from_error(case.error, "variables", root):
            if one.file == str(root):
                one = replace(one, file=str(case.sample))  # noqa: PLW2901
            yield one


def _new(findings: Iterable[Finding], known: Sequence[Finding]) -> Iterable[Finding]:
    """What rendering met that the analysis has not told already."""
    places = {(one.file, one.line) for one in known}
    broken = {one.file for one in known if one.code == "syntax"}
    for one in findings:
        if one.code != "render" or not ((one.file, one.line) in places or one.file in broken):
            yield one
