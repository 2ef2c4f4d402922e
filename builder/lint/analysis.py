"""Static analysis of a set: what its templates do whatever the variables are.

Each mapped template is followed with all that it includes. What was found of one is kept until it,
or anything that it includes, or the schema changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.lint.cache import Cache, digest
from builder.lint.findings import Finding
from builder.lint.texts import Text, full_name
from builder.render.filekind import file_kind
from builder.schema import Schema
from builder.template_set import TEMPLATES, MapEntry, TemplateSet

if TYPE_CHECKING:
    from builder.lint.sources import Sources
    from builder.lint.walk import Walk

_FITTING: Mapping[str, frozenset[str]] = {
    "python": frozenset({"python", "comment", "docstring"}),
    "yaml": frozenset({"yaml", "json", "comment", "shell"}),
    "json": frozenset({"json"}),
    "toml": frozenset({"toml", "comment"}),
    "shell": frozenset({"shell", "comment"}),
    "make": frozenset({"make", "shell", "comment"}),
    "dockerfile": frozenset({"dockerfile", "shell", "json", "comment"}),
    "html": frozenset({"html", "json"}),
}
"""Filters that quote for something that such a file holds: JSON is YAML, RUN is shell, and so on.
A file of another kind may hold anything."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Findings, the variables that templates use (with dots), the templates that are reached."""

    findings: list[Finding] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    sure: bool = True
    """False if a template cannot be parsed, or names another by a variable, so that it may be any:
    then more may be used and reached."""


class Templates:
    """The texts of a set's templates, and which of them each one leads to."""

    def __init__(self, template_set: TemplateSet, texts: Mapping[str, Text], cache: Cache) -> None:
        self._set = template_set
        self._cache = cache
        self._digests = {name: digest(each.text) for name, each in texts.items()}
        self._sources: Sources | None = None
        self._references: dict[str, tuple[list[str], bool]] = {}
        self.texts = texts

    @property
    def sources(self) -> Sources:
        """The syntax trees, for what must be looked at."""
        if self._sources is None:
            from builder.lint.sources import Sources  # noqa: PLC0415 - brings jinja2
            from builder.render.sandbox import layered_environment, plain_environment  # noqa: PLC0415

            make = plain_environment if self._set.plain else layered_environment
            self._sources = Sources(make(*self._set.template_folders), self.texts)
        return self._sources

    def broken(self) -> list[Finding]:
        """Those that cannot be parsed, of what was looked at so far."""
        return [] if self._sources is None else list(self._sources.found.values())

    def references(self, name: str) -> tuple[list[str], bool]:
        """The templates that one names, and whether it may mean others too."""
        if name not in self._references:
            key = self._digests[name]
            known = self._cache.get("references", key)
            if not isinstance(known, list) or len(known) != 2:
                known = self._look(name)
                if name not in self.sources.found:
                    self._cache.put("references", key, known)
            level = self.texts[name].level
            self._references[name] = ([full_name(each, level) for each in known[0]], known[1])
        return self._references[name]

    def _look(self, name: str) -> list[Any]:
        from builder.lint.sources import references  # noqa: PLC0415 - brings jinja2

        tree = self.sources.tree(name)
        return [[], False] if tree is None else list(references(tree))

    def closure(self, name: str) -> tuple[frozenset[str], bool]:
        """A template with all that it may lead to, and whether these are certainly all."""
        found, waiting, sure = set(), [name], True
        while waiting:
            each = waiting.pop()
            if each in found or each not in self.texts:
                continue
            found.add(each)
            names, others = self.references(each)
            waiting += names
            sure = sure and not others
        return (frozenset(found), True) if sure else (frozenset(self.texts), False)

    def digest(self, name: str) -> str:
        """Changes with a template and all that it leads to, and with where those are."""
        names, _ = self.closure(name)
        # A name that is missing today may be there tomorrow.
        named = {each for one in names for each in self.references(one)[0]}
        return digest(name, *map(self._part, sorted(names | named)))

    def _part(self, name: str) -> str:
        text = self.texts.get(name)
        return name if text is None else f"{name} {text.file} {self._digests[name]}"


def analyse(
    template_set: TemplateSet, templates: Templates, schema: Schema, cache: Cache
) -> Analysis:
    """Follow every template of the path map."""
    analysis = Analysis()
    schema_digest = digest(json.dumps(schema.root), str(template_set.plain), str(template_set.root))
    sure = True
    for entry in template_set.entries:
        if entry.template not in templates.texts:
            continue
        reached, certain = templates.closure(entry.template)
        sure = sure and certain
        analysis.reached.update(reached)
        key = digest(templates.digest(entry.template), schema_digest, entry.destination)
        kept = _kept(cache.get("analysis", key))
        if kept is None:
            kept = _follow(template_set, templates, schema, entry)
            cache.put("analysis", key, [[astuple(one) for one in kept[0]], kept[1]])
        analysis.findings.extend(kept[0])
        analysis.used.update(kept[1])
    for name in templates.texts:
        # What nothing leads to is to be parsed at least.
        if name not in analysis.reached:
            templates.references(name)
    broken = templates.broken()
    analysis.findings.extend(broken)
    return Analysis(analysis.findings, analysis.used, analysis.reached, sure and not broken)


def _kept(answer: Any) -> tuple[list[Finding], list[str]] | None:
    """What an earlier run found, if the cache still holds it whole."""
    try:
        found, used = answer
        return [Finding(*one) for one in found], [str(name) for name in used]
    except (TypeError, ValueError):
        return None


def _follow(
    template_set: TemplateSet, templates: Templates, schema: Schema, entry: MapEntry
) -> tuple[list[Finding], list[str]]:
    from builder.lint.expressions import Known  # noqa: PLC0415 - brings jinja2
    from builder.lint.walk import Walk  # noqa: PLC0415

    kind = file_kind(entry.destination)
    folder = str(template_set.root / TEMPLATES)
    known = Known(schema, not template_set.plain, folder, templates.texts)
    walk = Walk(templates.sources, known, kind)
    walk.follow(entry.template)
    _check_languages(walk, kind, entry, templates.texts)
    return list(walk.found), sorted(walk.used)


def _check_languages(
    walk: Walk, kind: str | None, entry: MapEntry, texts: Mapping[str, Text]
) -> None:
    fitting = _FITTING.get(kind or "")
    if fitting is None:
        return
    for mark in walk.printed:
        if mark.language not in fitting:
            finding = Finding(
                str(texts[mark.template].file),
                mark.line,
                "wrong-quoting",
                f"quoted for {mark.language}, but {Path(entry.destination).name} is {kind}",
                f"Quote with {{{{ … | {kind} }}}}.",
            )
            walk.found[finding] = None
