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
from builder.lint.texts import own_files, read_templates
from builder.opened_set import with_schema
from builder.schema import Schema, read_schemas
from builder.template_set import PARTIAL_PREFIX, Examined, TemplateSet, examine_template_set
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
    """Check the set in this folder. Raises TemplateSetError only if there is none to check.

    What would be found in a set that it extends, were that checked alone, is left out.
    """
    if not root.is_dir():
        raise TemplateSetError(f"{root}: no such folder; name a template set's folder")
    examined = examine_template_set(root)
    report = _check(root, examined, cache)
    found_in = examined.template_set
    base = None if found_in is None else found_in.base
    if found_in is None or base is None or all(_is_own(one, found_in) for one in report.findings):
        return report
    inherited = {_place(one) for one in _check(base.root, Examined(base, ()), cache).findings}
    left = tuple(one for one in report.findings if _place(one) not in inherited)
    return replace(report, findings=left)


def _is_own(finding: Finding, template_set: TemplateSet) -> bool:
    """Whether it lies in the set's own folder; one set's may lie inside another's."""
    file = Path(finding.file).resolve()
    folders = [root.resolve() for root in template_set.roots]
    holding = [folder for folder in folders if file.is_relative_to(folder)]
    return not holding or max(holding, key=lambda folder: len(folder.parts)) == folders[0]


def _place(finding: Finding) -> tuple[str, int, str, str]:
    return finding.file, finding.line, finding.code, finding.message


def _check(root: Path, examined: Examined, cache: Cache) -> Report:
    findings = list(structure.of_errors(root, examined.errors))
    template_set = examined.template_set
    if template_set is None:
        return _report(root, findings, {})
    texts, unreadable = read_templates(template_set)
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
            findings += _unreached(templates, analysis)
            findings += vocabulary.unused_variables(template_set, schema, analysis.used, documents)
        made = list(make_cases(with_schema(template_set), documents, remembered_facts))
        ready = [case for case in made if isinstance(case, Case)]
        findings += _refusals((case for case in made if isinstance(case, Refused)), findings, root)
        outputs = check_outputs(template_set, templates, ready, cache)
        cases = outputs.services
        findings += _new(outputs.findings, findings)
    report = _report(root, findings, {str(each.file): each.text for each in texts.values()})
    return replace(
        report,
        templates=len(own_files(texts)),
        services=cases,
        files=outputs.files,
        unchecked=tuple(outputs.missing),
    )


def _report(root: Path, findings: Iterable[Finding], sources: dict[str, str]) -> Report:
    unique: dict[tuple[str, int, str, str], Finding] = {}
    for one in findings:
        unique.setdefault(_place(one), one)
    return Report(root, tuple(sorted(without_allowed(unique.values(), sources))))


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
    try:
        schema = read_schemas(template_set.schema_files)
    except InfergenError as error:
        return None, from_error(error, "schema", template_set.root)
    if schema is None:
        return vocabulary.from_files(documents), []
    problem = vocabulary.definition_problem(schema)
    if problem is not None:
        return None, [Finding(schema.source, 0, "schema", f"not a valid JSON Schema: {problem}")]
    return schema, []


def _unreached(templates: Templates, analysis: Analysis) -> Iterable[Finding]:
    reached = {templates.texts[name].file for name in analysis.reached}
    for name, own in own_files(templates.texts).items():
        if name.rpartition("/")[2].startswith(PARTIAL_PREFIX) and own.file not in reached:
            yield Finding(
                str(own.file),
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
