"""Runs a model once for all services that ask the same of it, and not again until it changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from builder.errors import ModelError
from builder.fleet.memory import Memory, digest_of
from builder.fleet.programs import programs
from builder.model.facts import ModelFacts
from builder.model.facts_json import facts_from_json, facts_to_json
from builder.model.files import digest_and_size
from builder.model.inspect import inspect_model
from builder.model.request import Request

_MOST_KEPT = 64


class Inspection:
    """Asks models, and remembers what they said."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._kept: dict[str, ModelFacts] = {}

    def __call__(self, request: Request) -> ModelFacts:
        """What ``inspect_model`` says, or said of the same model. Raises ModelError."""
        key = _key(request)
        known = self._kept.get(key) or self._recall(key)
        if known is None or not _is_still(request, known):
            known = inspect_model(request)
            self._memory.keep_facts(key, facts_to_json(known))
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = known
        return known

    def _recall(self, key: str) -> ModelFacts | None:
        document = self._memory.recall_facts(key)
        try:
            return None if document is None else facts_from_json(document)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


def _key(request: Request) -> str:
    """All that decides the answer, but for weights in other files, whose names the answer tells."""
    asked = asdict(request)
    asked["model"] = [request.model.name, digest_of(request.model)]
    text = json.dumps([programs(), asked], sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:40]


def _is_still(request: Request, known: ModelFacts) -> bool:
    try:
        found, _ = digest_and_size(request.model, known.external_data)
    except ModelError:
        return False
    return found == known.sha256
