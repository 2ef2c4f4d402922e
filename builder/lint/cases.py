"""The services that a set's own variables files stand for: each variant with each file."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.chosen_model import Inspect
from builder.errors import InfergenError, ModelError
from builder.lint.cache import cache_folder, digest, made_by
from builder.opened_set import OpenedSet
from builder.prepare import Prepared, Request, prepare
from builder.template_set import TemplateSet
from builder.write.single import write_file
from builder.yamlfile import Document

if TYPE_CHECKING:
    from builder.model.facts import ModelFacts
    from builder.model.request import Request as ModelRequest


@dataclass(frozen=True, slots=True)
class Case:
    """One service: a variant (None in a plain set) and a variables file."""

    variant: str | None
    sample: Path
    prepared: Prepared

    @property
    def title(self) -> str:
        """How messages call it."""
        return self.sample.name if self.variant is None else f"{self.variant}, {self.sample.name}"

    def variables_digest(self) -> str:
        return digest(json.dumps(self.prepared.seen, sort_keys=True, default=str))


@dataclass(frozen=True, slots=True)
class Refused:
    """A variables file from which no service of this variant can be made, and why."""

    variant: str | None
    sample: Path
    error: InfergenError


def make_cases(
    opened: OpenedSet, samples: Sequence[Document], inspect: Inspect
) -> Iterator[Case | Refused]:
    """Every variant with every variables file, but for files that name another variant."""
    for document in samples:
        for variant in wanted(opened.template_set, document):
            yield make_case(opened, document, Path(document.source), variant, inspect)


def wanted(template_set: TemplateSet, document: Document) -> list[str | None]:
    """The variants that a variables file is for: the one that it names, or all."""
    if template_set.plain:
        return [None]
    stated = document.value.get("variant")
    return [each for each in template_set.variants if stated in (None, each)] or [str(stated)]


def make_case(
    opened: OpenedSet,
    document: Document,
    sample: Path,
    variant: str | None,
    inspect: Inspect,
) -> Case | Refused:
    """One service, as far as it can be made without rendering it."""
    request = Request(
        name=_name(document, sample),
        templates=opened.template_set.root,
        variables_file=sample,
        variant=None if "variant" in document.value else variant,
    )
    try:
        return Case(variant, sample, prepare(request, opened, inspect))
    except InfergenError as error:
        return Refused(variant, sample, error)


def _name(document: Document, sample: Path) -> str:
    name = document.value.get("name")
    if isinstance(name, str) and name:
        return name
    return re.sub(r"[^a-z0-9_-]+", "-", sample.stem.lower()).lstrip("-_0123456789") or "sample"


def remembered_facts(request: ModelRequest) -> ModelFacts:
    """Asks a model for its facts, but only once: they are kept in the user's cache.

    All sets share them, since examples are often of the same models.
    """
    key = digest(question(request), made_by("model"))
    folder = cache_folder()
    path = None if folder is None else folder / "facts" / f"{key}.json"
    facts = None if path is None else read_facts(request, _read_json(path))
    if facts is None:
        from builder.model.facts_json import facts_to_json  # noqa: PLC0415 - most ask no model
        from builder.model.inspect import inspect_model  # noqa: PLC0415

        facts = inspect_model(request)
        if path is not None:
            with contextlib.suppress(OSError):
                write_file(path, json.dumps(facts_to_json(facts)).encode())
    return facts


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def question(request: ModelRequest) -> str:
    """The same for the same model and settings, wherever the model lies."""
    from builder.model.files import digest_and_size  # noqa: PLC0415 - most ask no model

    model, _ = digest_and_size(request.model)
    asked = {**asdict(request), "model": [request.model.name, model]}
    return digest(json.dumps(asked, sort_keys=True))


def read_facts(request: ModelRequest, answer: Any) -> ModelFacts | None:
    """Facts that were kept as JSON, if they are whole and still those of the model."""
    from builder.model.facts_json import facts_from_json  # noqa: PLC0415 - most ask no model
    from builder.model.files import digest_and_size  # noqa: PLC0415

    try:
        facts = facts_from_json(answer)
        found, _ = digest_and_size(request.model, facts.external_data)
    except (TypeError, ValueError, KeyError, AttributeError, ModelError):
        return None
    return facts if found == facts.sha256 else None
